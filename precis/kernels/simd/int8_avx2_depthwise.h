// The vectors of the depthwise kernel on AVX2, 32 output codes at a time; with or without VNNI they differ in
// add_products alone. Included only by files compiled for AVX2.
#pragma once

#include "precis/kernels/simd/int8_avx2.h"
#include "precis/kernels/simd/int8_depthwise_tiles.h"

namespace precis::kernels::simd {
namespace {

struct Avx2Vectors {
  static constexpr int64_t kBytes = kDepthwiseBytesAvx2;
  using Vector = __m256i;
  using Reals = __m256;
  using Finish = precis::kernels::simd::Finish;
  static Vector load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static Vector load_input(const void* p) { return load(p); }
  static Vector low8(Vector a, Vector b) { return _mm256_unpacklo_epi8(a, b); }
  static Vector high8(Vector a, Vector b) { return _mm256_unpackhi_epi8(a, b); }
  static Vector low16(Vector a, Vector b) { return _mm256_unpacklo_epi16(a, b); }
  static Vector high16(Vector a, Vector b) { return _mm256_unpackhi_epi16(a, b); }
  template <int I>
  static Vector spread(Vector codes) {
    constexpr char k = 4 * I;
    const __m128i pick =
        _mm_setr_epi8(k, -1, -1, -1, k + 1, -1, -1, -1, k + 2, -1, -1, -1, k + 3, -1, -1, -1);
    return _mm256_shuffle_epi8(codes, _mm256_broadcastsi128_si256(pick));
  }
  static void store(Vector codes, std::byte* y) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), codes); }
  // From the order of the sums to that of the codes.
  static void store_reals(const Reals (&t)[4], std::byte* y) {
    const auto put = [&](int i, Reals v) { _mm256_storeu_ps(reinterpret_cast<float*>(y) + 8 * i, v); };
    put(0, _mm256_permute2f128_ps(t[0], t[1], 0x20));
    put(1, _mm256_permute2f128_ps(t[2], t[3], 0x20));
    put(2, _mm256_permute2f128_ps(t[0], t[1], 0x31));
    put(3, _mm256_permute2f128_ps(t[2], t[3], 0x31));
  }
};

template <typename V>
void run_depthwise(const DepthwisePlan& p, const DepthwiseData& d, const Epilogue& e, int64_t first,
                   int64_t last, std::byte* scratch) {
  const Finish finish(e);
  if (finish.real)
    run_lines<V, Steps::kReal>(p, d, finish, first, last, scratch);
  else
    run_lines<V, Steps::kAll>(p, d, finish, first, last, scratch);
}

}  // namespace
}  // namespace precis::kernels::simd
