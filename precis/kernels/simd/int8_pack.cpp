// Weight packing and the other parts of the fast int8 kernels that no instruction set changes.
#include <algorithm>

#include "precis/kernels/simd/int8.h"

namespace precis::kernels::simd {
namespace {

int64_t blocks_of(int64_t channels) { return (channels + kChannelBlock - 1) / kChannelBlock; }

// Rows of output that share one pass over a block of weights: the gathered rows stay in half of a 256 KiB L2.
constexpr int64_t kRowTile = 4;
constexpr int64_t kGatherBytes = 128 << 10;

template <typename T>
std::vector<T> padded(const ConvShape& s, const T* values) {
  const int64_t group_out = s.out_channels / s.groups, group_slots = blocks_of(group_out) * kChannelBlock;
  std::vector<T> padded(static_cast<size_t>(s.groups * group_slots), T{0});
  for (int64_t o = 0; o < s.out_channels; ++o)
    padded[static_cast<size_t>(o / group_out * group_slots + o % group_out)] = values[o];
  return padded;
}

}  // namespace

int64_t conv_rows_per_block(const ConvShape& s) {
  const int64_t fit = kGatherBytes / (2 * s.padded_depth());
  return std::clamp<int64_t>(fit / kRowTile * kRowTile, kRowTile, 96);
}

int64_t conv_scratch_elements(const ConvShape& s) { return (conv_rows_per_block(s) + 1) * s.padded_depth(); }

std::vector<int16_t> pack_conv_weights(const ConvShape& s, const int16_t* centred) {
  const int64_t group_in = s.in_channels / s.groups, group_out = s.out_channels / s.groups;
  const int64_t taps = s.kernel[0] * s.kernel[1] * s.kernel[2], depth = s.padded_depth();
  std::vector<int16_t> packed(static_cast<size_t>(s.groups * blocks_of(group_out) * depth * kChannelBlock), 0);
  for (int64_t g = 0; g < s.groups; ++g)
    for (int64_t o = 0; o < group_out; ++o) {
      int16_t* block = packed.data() + (g * blocks_of(group_out) + o / kChannelBlock) * depth * kChannelBlock;
      const int16_t* w = centred + (g * group_out + o) * group_in * taps;
      for (int64_t t = 0; t < taps; ++t)
        for (int64_t c = 0; c < group_in; ++c) {
          const int64_t k = t * group_in + c;
          block[k / 2 * 2 * kChannelBlock + o % kChannelBlock * 2 + k % 2] = w[c * taps + t];
        }
    }
  return packed;
}

std::vector<float> pack_channels(const ConvShape& s, const float* values) { return padded(s, values); }
std::vector<int32_t> pack_channels(const ConvShape& s, const int32_t* values) { return padded(s, values); }

bool is_depthwise(const ConvShape& s) {
  return s.groups > 1 && s.groups == s.in_channels && s.groups == s.out_channels;
}

}  // namespace precis::kernels::simd
