// Planning and weight packing of int8_depthwise.h.
#include <algorithm>
#include <numeric>

#include "precis/core/checked.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

constexpr int64_t kBandBytes = 64 << 10;
constexpr int64_t kMaxPixels = 1 << 12;
constexpr int64_t kAlignment = 64;

}  // namespace

int64_t DepthwisePlan::channel_of(int64_t i) const {
  const int64_t vector = i / kDepthwiseVector, sums = i / 16 % 4, lane = i % 16;
  return (vector * kDepthwiseVector + lane / 4 * 16 + sums * 4 + lane % 4) % shape.out_channels;
}

DepthwisePlan plan_depthwise(const ConvShape& shape) {
  DepthwisePlan p;
  p.shape = shape;
  p.band = plan_band(shape, shape.stride[2], kBandBytes, kMaxPixels);
  p.patterns = shape.out_channels / std::gcd(shape.out_channels, kDepthwiseVector);
  const int64_t taps = shape.kernel[0] * shape.kernel[1] * shape.kernel[2];
  for (int64_t first = 0; first < taps; first += 4) {
    TapQuad quad{{}, std::min<int64_t>(4, taps - first)};
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t t = i < quad.taps ? first + i : first;
      quad.offset[i] = p.band.tap(shape, t / (shape.kernel[1] * shape.kernel[2]), t / shape.kernel[2] % shape.kernel[1],
                                  t % shape.kernel[2]);
    }
    p.quads.push_back(quad);
  }
  // The last vector of a line may reach past the band.
  p.scratch_bytes = round_up(p.band.bytes + kDepthwiseVector, kAlignment);
  return p;
}

void pack_depthwise_quads(const DepthwisePlan& p, const int16_t* centred, std::byte* packed) {
  const int64_t taps = p.shape.depth();
  for (int64_t v = 0; v < p.patterns; ++v)
    for (const TapQuad& quad : p.quads)
      for (int64_t i = 0; i < kDepthwiseVector; ++i) {
        const int16_t* w = centred + p.channel_of(v * kDepthwiseVector + i) * taps + 4 * (&quad - p.quads.data());
        for (int64_t t = 0; t < 4; ++t) *packed++ = t < quad.taps ? static_cast<std::byte>(w[t]) : std::byte{0};
      }
}

DepthwiseKernel depthwise_quads_kernel_for(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512Vnni) return &depthwise_quads_avx512_vnni;
#endif
  (void)isa;
  return nullptr;
}

}  // namespace precis::kernels::simd
