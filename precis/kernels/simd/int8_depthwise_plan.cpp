// Planning and weight packing of int8_depthwise.h.
#include <algorithm>
#include <numeric>

#include "precis/core/checked.h"
#include "precis/kernels/simd/int8_sums.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

constexpr int64_t kBandBytes = 64 << 10;
constexpr int64_t kMaxPixels = 1 << 12;
constexpr int64_t kAlignment = 64;

}  // namespace

int64_t DepthwisePlan::channel_of(int64_t i) const {
  const int64_t sums = vector / 4;  // in one register
  const int64_t lane = i % sums, part = i / sums % 4;
  return (i / vector * vector + lane / 4 * 16 + part * 4 + lane % 4) % shape.out_channels;
}

DepthwisePlan plan_depthwise(const ConvShape& s, int64_t vector, int passes) {
  DepthwisePlan p;
  p.shape = s;
  p.vector = vector;
  p.band = plan_band(s, s.stride[2], kBandBytes, kMaxPixels);
  p.patterns = s.out_channels / std::gcd(s.out_channels, vector);
  for (int pass = 0; pass < passes; ++pass)
    for (int64_t first = 0; first < s.depth(); first += 4) {
      TapQuad quad{{}, std::min<int64_t>(4, s.depth() - first), first, pass};
      for (int64_t i = 0; i < 4; ++i) {
        const int64_t t = i < quad.taps ? first + i : first;
        quad.offset[i] =
            p.band.tap(s, t / (s.kernel[1] * s.kernel[2]), t / s.kernel[2] % s.kernel[1], t % s.kernel[2]);
      }
      p.quads.push_back(quad);
    }
  // The last vector of a line may reach past the band.
  p.scratch_bytes = round_up(p.band.bytes + vector, kAlignment);
  return p;
}

void pack_depthwise(const DepthwisePlan& p, const int16_t* centred, std::byte* packed) {
  for (int64_t v = 0; v < p.slots(); v += p.vector)
    for (const TapQuad& quad : p.quads)
      for (int64_t i = 0; i < p.vector; ++i) {
        const int16_t* w = centred + p.channel_of(v + i) * p.shape.depth() + quad.first_tap;
        for (int64_t t = 0; t < 4; ++t) *packed++ = t < quad.taps ? s8_part(w[t], quad.pass) : std::byte{0};
      }
}

int64_t depthwise_vector(Isa isa) {
  return isa == Isa::kAvx512Vnni ? kDepthwiseBytesAvx512 : kDepthwiseBytesAvx2;
}

DepthwiseKernel depthwise_kernel_for(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::kScalar:
      return nullptr;
    case Isa::kAvx2:
    case Isa::kAvx512:
      return &depthwise_avx2;
    case Isa::kAvx2Vnni:
      return &depthwise_avx2_vnni;
    case Isa::kAvx512Vnni:
      return &depthwise_avx512_vnni;
  }
#endif
  (void)isa;
  return nullptr;
}

}  // namespace precis::kernels::simd
