// The depthwise kernel on AVX-512 VNNI: 64 output codes at a time.
#include "precis/kernels/simd/int8_avx512.h"
#include "precis/kernels/simd/int8_depthwise_tiles.h"

namespace precis::kernels::simd {
namespace {

struct Avx512Vnni {
  static constexpr int64_t kBytes = kDepthwiseBytesAvx512;
  using Vector = __m512i;
  using Reals = __m512;
  using Finish = Finish512;
  static Vector load(const void* p) { return _mm512_loadu_si512(p); }
  // In a register: GCC would rather read memory twice for two uses, and most of these loads cross a cache
  // line.
  static Vector load_input(const void* p) {
    Vector v = load(p);
    __asm__("" : "+v"(v));
    return v;
  }
  static Vector low8(Vector a, Vector b) { return _mm512_unpacklo_epi8(a, b); }
  static Vector high8(Vector a, Vector b) { return _mm512_unpackhi_epi8(a, b); }
  static Vector low16(Vector a, Vector b) { return _mm512_unpacklo_epi16(a, b); }
  static Vector high16(Vector a, Vector b) { return _mm512_unpackhi_epi16(a, b); }
  template <int I>
  static Vector spread(Vector codes) {
    constexpr char k = 4 * I;
    const __m128i pick =
        _mm_setr_epi8(k, -1, -1, -1, k + 1, -1, -1, -1, k + 2, -1, -1, -1, k + 3, -1, -1, -1);
    return _mm512_shuffle_epi8(codes, _mm512_broadcast_i32x4(pick));
  }
  static Vector add_products(Vector sums, Vector x, Vector w) { return _mm512_dpbusd_epi32(sums, x, w); }
  static void store(Vector codes, std::byte* y) { _mm512_storeu_si512(y, codes); }
  // From the order of the sums to that of the codes.
  static void store_reals(const Reals (&t)[4], std::byte* y) {
    const Reals a = _mm512_shuffle_f32x4(t[0], t[1], 0x44), b = _mm512_shuffle_f32x4(t[2], t[3], 0x44);
    const Reals c = _mm512_shuffle_f32x4(t[0], t[1], 0xEE), d = _mm512_shuffle_f32x4(t[2], t[3], 0xEE);
    _mm512_storeu_ps(y, _mm512_shuffle_f32x4(a, b, 0x88));
    _mm512_storeu_ps(y + 64, _mm512_shuffle_f32x4(a, b, 0xDD));
    _mm512_storeu_ps(y + 128, _mm512_shuffle_f32x4(c, d, 0x88));
    _mm512_storeu_ps(y + 192, _mm512_shuffle_f32x4(c, d, 0xDD));
  }
};

}  // namespace

void depthwise_avx512_vnni(const DepthwisePlan& p, const DepthwiseData& d, const Epilogue& e, int64_t first,
                           int64_t last, std::byte* scratch) {
  const Finish512 finish(e);
  switch (finish.steps()) {
    case Steps::kPlain:
      return run_lines<Avx512Vnni, Steps::kPlain>(p, d, finish, first, last, scratch);
    case Steps::kAll:
      return run_lines<Avx512Vnni, Steps::kAll>(p, d, finish, first, last, scratch);
    case Steps::kReal:
      return run_lines<Avx512Vnni, Steps::kReal>(p, d, finish, first, last, scratch);
  }
}

}  // namespace precis::kernels::simd
