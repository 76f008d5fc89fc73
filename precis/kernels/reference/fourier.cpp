// Twiddle factors come from sin and cos of exactly reduced arguments, none from products of others.
#include "precis/kernels/reference/fourier.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace precis::kernels::reference {
namespace {

using Complex = std::complex<double>;

// Without the checks for infinities that the operator of std::complex makes.
Complex times(const Complex& a, const Complex& b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// e^(-2 pi i k / n)
Complex turn(int64_t k, int64_t n) {
  const double angle = -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
  return {std::cos(angle), std::sin(angle)};
}

}  // namespace

Fourier::Fourier(int64_t n, bool inverse) : n_(n), inverse_(inverse) {
  if (std::has_single_bit(static_cast<uint64_t>(n))) {
    turns_.reserve(static_cast<size_t>(n));
    for (int64_t half = 1; half < n; half *= 2)  // in the order in which the stages read them
      for (int64_t k = 0; k < half; ++k) turns_.push_back(turn(k, 2 * half));
    return;
  }
  const auto length = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(2 * n - 1)));
  padded_ = std::make_unique<Fourier>(length, false);
  filter_.resize(static_cast<size_t>(length));
  for (int64_t k = 0, square = 0; k < n; ++k) {  // square = k^2 mod 2 n
    turns_.push_back(turn(square, 2 * n));
    filter_[static_cast<size_t>(k)] = std::conj(turns_.back());
    if (k > 0) filter_[static_cast<size_t>(length - k)] = filter_[static_cast<size_t>(k)];
    square = (square + 2 * k + 1) % (2 * n);
  }
  padded_->run(filter_);
}

double Fourier::steps(int64_t n) {
  const bool whole = std::has_single_bit(static_cast<uint64_t>(n));
  const uint64_t length = whole ? static_cast<uint64_t>(n) : std::bit_ceil(static_cast<uint64_t>(2 * n - 1));
  return static_cast<double>(length) * std::bit_width(length) * (whole ? 1 : 3);
}

// The inverse is the forward transform between two conjugations.
void Fourier::run(std::span<Complex> x) const {
  if (inverse_)
    for (Complex& v : x) v = std::conj(v);
  if (filter_.empty())
    radix2(x);
  else
    bluestein(x);
  if (inverse_)
    for (Complex& v : x) v = std::conj(v) / static_cast<double>(n_);
}

void Fourier::radix2(std::span<Complex> x) const {
  for (int64_t i = 1, j = 0; i < n_; ++i) {  // j = i with its bits reversed
    int64_t bit = n_ >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[static_cast<size_t>(i)], x[static_cast<size_t>(j)]);
  }
  const Complex* turns = turns_.data();
  for (int64_t half = 1; half < n_; turns += half, half *= 2)
    for (int64_t start = 0; start < n_; start += 2 * half)
      for (int64_t k = 0; k < half; ++k) {
        Complex &a = x[static_cast<size_t>(start + k)], &b = x[static_cast<size_t>(start + k + half)];
        const Complex turned = times(b, turns[k]);
        b = a - turned;
        a += turned;
      }
}

void Fourier::bluestein(std::span<Complex> x) const {
  std::vector<Complex> work(filter_.size());
  for (size_t k = 0; k < x.size(); ++k) work[k] = times(x[k], turns_[k]);
  padded_->run(work);
  for (size_t k = 0; k < work.size(); ++k) work[k] = std::conj(times(work[k], filter_[k]));
  padded_->run(work);  // back, between two conjugations
  const auto length = static_cast<double>(work.size());
  for (size_t k = 0; k < x.size(); ++k) x[k] = times(std::conj(work[k]) / length, turns_[k]);
}

}  // namespace precis::kernels::reference
