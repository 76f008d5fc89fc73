// The panel kernel on AVX2 with VEX-encoded VNNI: register tiles of 6 pixels x 16 channels.
#include "precis/kernels/simd/int8_avx2.h"
#include "precis/kernels/simd/int8_panel_tiles.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

struct Pair {
  __m256i low, high;
};

inline Pair load_pair(const void* p) {
  const auto* v = static_cast<const __m256i*>(p);
  return {_mm256_loadu_si256(v), _mm256_loadu_si256(v + 1)};
}

struct FinishPair : Finish {
  using Finish::Finish;
  template <int R, int B>
  [[gnu::always_inline]] void store_tile(const Pair (&sums)[R][B], int64_t slot, std::byte* y, int64_t at,
                                         int64_t y_stride, int64_t valid) const {
    static_assert(B == 1);
    unroll<R>([&](auto r) { store(sums[r][0].low, sums[r][0].high, slot, y, at + r * y_stride, valid); });
  }
};

struct Avx2Vnni {
  using Sums = Pair;
  using Weights = Pair;
  using Codes = __m256i;
  using Finish = FinishPair;
  static constexpr int kWidth = kPanelWidthAvx2;
  static constexpr int kRows[kWidth + 1] = {0, 6};
  static Sums load_sums(const int32_t* p) { return load_pair(p); }
  static Weights load_weights(const std::byte* p) { return load_pair(p); }
  static Codes repeat(const std::byte* p) { return _mm256_set1_epi32(load_quad(p)); }
  static Sums add_products(Sums s, Codes x, Weights w) {
    return {_mm256_dpbusd_avx_epi32(s.low, x, w.low), _mm256_dpbusd_avx_epi32(s.high, x, w.high)};
  }
};

}  // namespace

void conv_panels_avx2_vnni(const PanelPlan& p, const PanelData& d, const Epilogue& e, const PanelRange& range,
                           std::byte* scratch) {
  run_panels<Avx2Vnni>(p, d, FinishPair(e), range, scratch);
}

}  // namespace precis::kernels::simd
