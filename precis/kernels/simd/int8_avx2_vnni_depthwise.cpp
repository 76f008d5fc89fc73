// The depthwise kernel on AVX2 with VEX-encoded VNNI.
#include "precis/kernels/simd/int8_avx2_depthwise.h"

namespace precis::kernels::simd {
namespace {

struct Avx2Vnni : Avx2Vectors {
  static Vector add_products(Vector sums, Vector x, Vector w) { return _mm256_dpbusd_avx_epi32(sums, x, w); }
};

}  // namespace

void depthwise_avx2_vnni(const DepthwisePlan& p, const DepthwiseData& d, const Epilogue& e, int64_t first,
                         int64_t last, std::byte* scratch) {
  run_depthwise<Avx2Vnni>(p, d, e, first, last, scratch);
}

}  // namespace precis::kernels::simd
