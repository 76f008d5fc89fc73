// The panel kernel on AVX-512 VNNI: register tiles of 6 pixels x 64 channels, or more pixels by fewer
// channels.
#include "precis/kernels/simd/int8_avx512.h"
#include "precis/kernels/simd/int8_panel_tiles.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

template <Steps kSteps>
struct Avx512Vnni {
  using Sums = __m512i;
  using Weights = __m512i;
  using Codes = __m512i;
  using Finish = TileFinish512<kSteps>;
  static constexpr int kWidth = kPanelWidthAvx512;
  static constexpr int kRows[kWidth + 1] = {0, 8, 8, 8, 6};
  static Sums load_sums(const int32_t* p) { return _mm512_loadu_si512(p); }
  static Weights load_weights(const std::byte* p) { return _mm512_loadu_si512(p); }
  static Codes repeat(const std::byte* p) { return _mm512_set1_epi32(load_quad(p)); }
  static Sums add_products(Sums s, Codes x, Weights w) { return _mm512_dpbusd_epi32(s, x, w); }
};

template <Steps kSteps>
void run(const PanelPlan& p, const PanelData& d, const Finish512& finish, const PanelRange& range,
         std::byte* scratch) {
  run_panels<Avx512Vnni<kSteps>>(p, d, TileFinish512<kSteps>(finish), range, scratch);
}

}  // namespace

void conv_panels_avx512_vnni(const PanelPlan& p, const PanelData& d, const Epilogue& e,
                             const PanelRange& range, std::byte* scratch) {
  const Finish512 finish(e);
  switch (finish.steps()) {
    case Steps::kPlain:
      return run<Steps::kPlain>(p, d, finish, range, scratch);
    case Steps::kAll:
      return run<Steps::kAll>(p, d, finish, range, scratch);
    case Steps::kReal:
      return run<Steps::kReal>(p, d, finish, range, scratch);
  }
}

}  // namespace precis::kernels::simd
