// Fourier transforms against the sum that defines them, for lengths of every kind; determinants and windows'
// sums against products worked out by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "precis/core/rng.h"
#include "precis/kernels/reference/contract.h"
#include "precis/kernels/reference/fourier.h"

namespace precis::kernels::reference {
namespace {

using Signal = std::vector<std::complex<double>>;

Signal random_signal(int64_t n) {
  Rng rng(static_cast<uint64_t>(n));
  Signal x(static_cast<size_t>(n));
  for (auto& v : x) v = {rng.normal(), rng.normal()};
  return x;
}

Signal by_definition(const Signal& x, double sign) {
  const size_t n = x.size();
  Signal y(n);
  for (size_t k = 0; k < n; ++k)
    for (size_t j = 0; j < n; ++j)
      y[k] += x[j] * std::polar(1.0, sign * 2 * std::numbers::pi * static_cast<double>(j * k % n) /
                                         static_cast<double>(n));
  return y;
}

TEST(Fourier, EveryLengthFollowsTheDefinition) {
  for (int64_t n : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 30, 31, 64, 97, 100, 128, 243}) {
    const Signal x = random_signal(n);
    Signal y = x;
    Fourier(n, false).run(y);
    const Signal want = by_definition(x, -1);
    for (size_t k = 0; k < y.size(); ++k)
      EXPECT_LT(std::abs(y[k] - want[k]), 1e-11 * static_cast<double>(n)) << n;
    Fourier(n, true).run(y);
    for (size_t k = 0; k < y.size(); ++k)
      EXPECT_LT(std::abs(y[k] - x[k]), 1e-12 * static_cast<double>(n)) << n;
  }
}

TEST(Fourier, LongPrimeLengthsStayExact) {
  // An impulse at 1 gives turns of modulus 1.
  const int64_t n = 100003;
  Signal x(static_cast<size_t>(n));
  x[1] = 1;
  Fourier(n, false).run(x);
  for (size_t k = 0; k < x.size(); k += 997) {
    const double angle = -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
    EXPECT_LT(std::abs(x[k] - std::polar(1.0, angle)), 1e-11) << k;
  }
}

TEST(Determinant, PivotsAndSingularMatrices) {
  double a[] = {0, 1, 0, 1, 0, 0, 0, 0, 2};
  EXPECT_EQ(determinant(3, a), -2);
  float b[] = {1, 2, 2, 4};
  EXPECT_EQ(determinant(2, b), 0);
  double none[] = {7};
  EXPECT_EQ(determinant(0, none), 1);
}

TEST(MultiplyAdd, WrapsIntegers) {
  const int8_t a[] = {100, 2}, b[] = {2, 3};
  int8_t y = 0;
  const std::vector<int64_t> dims = {2}, one = {1}, zero = {0};
  multiply_add(make_walk<3>(dims, {one, one, zero}), a, b, &y);
  EXPECT_EQ(y, static_cast<int8_t>(206));
}

}  // namespace
}  // namespace precis::kernels::reference
