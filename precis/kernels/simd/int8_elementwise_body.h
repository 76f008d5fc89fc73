// Element-wise operators on codes, written once over the vector (`Lanes`) that the including file has chosen: sums, products,
// affine maps per channel, rescaling, quantize and dequantize. Included behind int8_lanes_avx2.h or int8_lanes_avx512.h only.
#pragma once

#include "precis/kernels/simd/int8_code_io_body.h"

namespace precis::kernels::simd {
namespace {

// Calls body(first element, count) for whole vectors, then for the rest; count is Full or a number of lanes.
template <typename Body>
inline void in_vectors(int64_t n, Body&& body) {
  int64_t i = 0;
  for (; i + Lanes::kCount <= n; i += Lanes::kCount) body(i, Full());
  if (i < n) body(i, n - i);
}

void add_codes(const Kernels::Sum& p, const std::byte* a, const std::byte* b, std::byte* y, int64_t n) {
  const CodeReader read_a(p.a_type, p.a_zero_point), read_b(p.b_type, p.b_zero_point);
  const CodeWriter write(p.zero_point, p.code_min, p.code_max, p.low, p.high);
  const Real ma = Lanes::set(p.multiplier_a), mb = Lanes::set(p.multiplier_b);
  in_vectors(n, [&](int64_t i, auto count) {
    write(y + i, count, Lanes::fused(read_b(b + i, count), mb, Lanes::multiply(read_a(a + i, count), ma)));
  });
}

void multiply_codes(const Kernels::Product& p, const std::byte* a, const std::byte* b, std::byte* y, int64_t n) {
  const CodeReader read_a(p.a_type, p.a_zero_point), read_b(p.b_type, p.b_zero_point);
  const CodeWriter write(p.zero_point, p.code_min, p.code_max, p.low, p.high);
  const Real m = Lanes::set(p.multiplier);
  in_vectors(n, [&](int64_t i, auto count) {
    const Int product = Lanes::multiply(read_a.centred(a + i, count), read_b.centred(b + i, count));
    write(y + i, count, Lanes::multiply(Lanes::real(product), m));
  });
}

void affine_codes(const Kernels::Affine& p, const std::byte* x, std::byte* y, int64_t rows, int64_t channels) {
  const CodeReader read(p.x_type, p.x_zero_point);
  const CodeWriter write(p.zero_point, p.code_min, p.code_max, p.low, p.high);
  for (int64_t r = 0; r < rows; ++r, x += channels, y += channels)
    in_vectors(channels, [&](int64_t c, auto count) {
      write(y + c, count, Lanes::fused(read(x + c, count), Lanes::load(p.multiplier + c, count), Lanes::load(p.offset + c, count)));
    });
}

void rescale_codes(const Kernels::Rescale& p, const std::byte* x, std::byte* y, int64_t n) {
  const CodeReader read(p.x_type, p.x_zero_point);
  const CodeWriter write(p.zero_point, p.code_min, p.code_max);
  const Real m = Lanes::set(p.multiplier);
  in_vectors(n, [&](int64_t i, auto count) { write(y + i, count, Lanes::multiply(read(x + i, count), m)); });
}

void quantize_codes(const float* x, float scale, float zero_point, float code_min, float code_max, CodeType, std::byte* y, int64_t n) {
  const CodeWriter write(zero_point, code_min, code_max);
  const Real s = Lanes::set(scale);
  in_vectors(n, [&](int64_t i, auto count) {
    // A division, as the contract says; NaN quantizes to the zero point.
    write(y + i, count, Lanes::zero_for_nan(Lanes::divide(Lanes::load(x + i, count), s)));
  });
}

void find_range(const float* x, int64_t n, float* low, float* high) {
  Real least = Lanes::set(0.0f), largest = least;
  in_vectors(n, [&](int64_t i, auto count) {
    const Real v = Lanes::load(x + i, count);  // lanes behind the end hold 0
    least = Lanes::smaller(v, least);
    largest = Lanes::larger(v, largest);
  });
  float lows[Lanes::kCount], highs[Lanes::kCount];
  Lanes::store(lows, Full(), least);
  Lanes::store(highs, Full(), largest);
  *low = *high = 0;
  for (int64_t i = 0; i < Lanes::kCount; ++i) {
    *low = lows[i] < *low ? lows[i] : *low;
    *high = highs[i] > *high ? highs[i] : *high;
  }
}

void dequantize_codes(const std::byte* x, CodeType type, float scale, int32_t zero_point, float* y, int64_t n) {
  const CodeReader read(type, zero_point);
  const Real s = Lanes::set(scale);
  in_vectors(n, [&](int64_t i, auto count) { Lanes::store(y + i, count, Lanes::multiply(read(x + i, count), s)); });
}

// Products and sums are rounded one by one, as the reference does.
template <typename Row>
inline Real blended(const float* weights, int64_t taps, const Row& row) {
  Real sum = Lanes::multiply(Lanes::set(weights[0]), row(0));
  for (int64_t t = 1; t < taps; ++t) sum = Lanes::add(sum, Lanes::multiply(Lanes::set(weights[t]), row(t)));
  return sum;
}

void blend_codes(const std::byte* const* rows, const float* weights, int64_t taps, CodeType type,
                 int32_t zero_point, float* y, int64_t n) {
  const CodeReader read(type, zero_point);
  in_vectors(n, [&](int64_t i, auto count) {
    Lanes::store(y + i, count, blended(weights, taps, [&](int64_t t) { return read(rows[t] + i, count); }));
  });
}

void blend_reals(const float* const* rows, const float* weights, int64_t taps, const Kernels::Grid& grid,
                 std::byte* y, int64_t n) {
  const CodeWriter write(grid.zero_point, grid.code_min, grid.code_max);
  const Real m = Lanes::set(grid.multiplier);
  in_vectors(n, [&](int64_t i, auto count) {
    write(y + i, count,
          Lanes::multiply(blended(weights, taps, [&](int64_t t) { return Lanes::load(rows[t] + i, count); }),
                          m));
  });
}

void fill_elementwise(Kernels& k) {
  k.add = add_codes;
  k.multiply = multiply_codes;
  k.affine = affine_codes;
  k.rescale = rescale_codes;
  k.quantize = quantize_codes;
  k.dequantize = dequantize_codes;
  k.range = find_range;
  k.blend_codes = blend_codes;
  k.blend_reals = blend_reals;
}

}  // namespace
}  // namespace precis::kernels::simd
