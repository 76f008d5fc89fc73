// The peak kernels (peak.h), written once over FloatLanes and a CodeLanes of the same form: set(byte) and
// multiply_add(sums, u8, s8). Included only by files compiled for one instruction set; internal to each.
#pragma once

#include "precis/kernels/simd/int8_unroll.h"
#include "precis/kernels/simd/peak_tables.h"

namespace precis::kernels::simd {
namespace {

// More chains than the latency of an instruction times those that start in a cycle.
constexpr int kPeakChains = 10;

// Keeps a value alive that nobody reads, and the compiler from knowing it.
template <typename T>
[[gnu::always_inline]] inline void touch(T& value) {
  asm volatile("" : "+x"(value));
}

double float_operations(int64_t rounds) {
  using V = FloatLanes;
  V::Vector a = V::set(1.0f), b = V::set(0.5f), sums[kPeakChains];
  touch(a);
  touch(b);
  for (auto& sum : sums) sum = V::set(0.0f);
  for (int64_t i = 0; i < rounds; ++i) unroll<kPeakChains>([&](auto k) { sums[k] = V::fma(a, b, sums[k]); });
  for (auto& sum : sums) touch(sum);
  return 2.0 * static_cast<double>(V::kCount * kPeakChains * rounds);
}

double code_operations(int64_t rounds) {
  using V = CodeLanes;
  V::Vector a = V::set(1), b = V::set(2), sums[kPeakChains];
  touch(a);
  touch(b);
  for (auto& sum : sums) sum = V::set(0);
  for (int64_t i = 0; i < rounds; ++i)
    unroll<kPeakChains>([&](auto k) { sums[k] = V::multiply_add(sums[k], a, b); });
  for (auto& sum : sums) touch(sum);
  return 2.0 * static_cast<double>(V::kCount * kPeakChains * rounds);
}

constexpr PeakKernels kPeakKernels{float_operations, code_operations};

}  // namespace
}  // namespace precis::kernels::simd
