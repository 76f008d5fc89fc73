// The panel kernel on AVX-512 VNNI: register tiles of 6 pixels x 64 channels, or more pixels by fewer channels.
#include "precis/kernels/simd/int8_avx512.h"
#include "precis/kernels/simd/int8_panel_tiles.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

struct Avx512Vnni {
  using Sums = __m512i;
  using Weights = __m512i;
  using Codes = __m512i;
  using Finish = Finish512;
  static constexpr int kWidth = kPanelWidthAvx512;
  static constexpr int kRows[kWidth + 1] = {0, 8, 8, 8, 6};
  static Sums load_sums(const int32_t* p) { return _mm512_loadu_si512(p); }
  static Weights load_weights(const std::byte* p) { return _mm512_loadu_si512(p); }
  static Codes repeat(const std::byte* p) { return _mm512_set1_epi32(load_quad(p)); }
  static Sums add_products(Sums s, Codes x, Weights w) { return _mm512_dpbusd_epi32(s, x, w); }
};

}  // namespace

void conv_panels_avx512_vnni(const PanelPlan& p, const PanelData& d, const Epilogue& e, const PanelRange& range, std::byte* scratch) {
  run_panels<Avx512Vnni>(p, d, e, range, scratch);
}

}  // namespace precis::kernels::simd
