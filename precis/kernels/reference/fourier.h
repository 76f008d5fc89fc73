// Discrete Fourier transforms of any length, in double: radix 2 for powers of two, else as a convolution of
// such a length (Bluestein 1970), so that every length takes n log n steps.
#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace precis::kernels::reference {

class Fourier {
 public:
  // y[k] = sum of x[j] e^(-2 pi i j k / n); inverse: e^(+...), divided by n. n >= 1.
  Fourier(int64_t n, bool inverse);
  void run(std::span<std::complex<double>> x) const;  // in place; x has n elements
  // What run() does, in multiplications: those of a transform, of three for lengths that are no power of two.
  static double steps(int64_t n);

 private:
  void radix2(std::span<std::complex<double>> x) const;
  void bluestein(std::span<std::complex<double>> x) const;

  int64_t n_;
  bool inverse_;
  std::vector<std::complex<double>>
      turns_;  // radix 2: e^(-2 pi i k / m) for m = 2, 4 ... n; Bluestein: the chirp
  std::vector<std::complex<double>> filter_;  // Bluestein: the transformed conjugate chirp
  std::unique_ptr<const Fourier> padded_;     // Bluestein: of a power of two >= 2 n - 1
};

}  // namespace precis::kernels::reference
