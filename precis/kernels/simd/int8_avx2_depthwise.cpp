// The depthwise kernel on AVX2 without VNNI: bytes are widened to 16 bits in halves of a quad, so that
// nothing saturates.
#include "precis/kernels/simd/int8_avx2_depthwise.h"

namespace precis::kernels::simd {
namespace {

struct Avx2 : Avx2Vectors {
  static Vector add_products(Vector sums, Vector x, Vector w) {
    const Vector x_even = _mm256_and_si256(x, _mm256_set1_epi16(0xff)), x_odd = _mm256_srli_epi16(x, 8);
    const Vector w_even = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8), w_odd = _mm256_srai_epi16(w, 8);
    return _mm256_add_epi32(
        sums, _mm256_add_epi32(_mm256_madd_epi16(x_even, w_even), _mm256_madd_epi16(x_odd, w_odd)));
  }
};

}  // namespace

void depthwise_avx2(const DepthwisePlan& p, const DepthwiseData& d, const Epilogue& e, int64_t first,
                    int64_t last, std::byte* scratch) {
  run_depthwise<Avx2>(p, d, e, first, last, scratch);
}

}  // namespace precis::kernels::simd
