// Packing of weights in quads of K, and the split of pairs that could saturate.
#include <algorithm>
#include <cstdlib>

#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

constexpr int64_t kPairLimit = 128;         // 255 * 128 still fits 16 bits, in both signs
constexpr int64_t kMaxRestShare = 5;        // measured: lists longer than K / 5 cost more than they save
constexpr int64_t kRowTile = 4;             // of the kernels
constexpr int64_t kBlockBytes = 96 << 10;   // gathered rows of one block: well inside a 256 KiB L2

int64_t round_to(int64_t value, int64_t step) { return (value + step - 1) / step * step; }
int64_t blocks_of(int64_t channels) { return (channels + kChannelBlock - 1) / kChannelBlock; }

// What must be taken from one of two neighbours so that 255 * (a + b) fits 16 bits in both signs: it is taken from the
// larger one.
int64_t excess(int64_t a, int64_t b) {
  if ((a > 0) != (b > 0)) return 0;
  return std::max<int64_t>(std::llabs(a) + std::llabs(b) - kPairLimit, 0);
}

// One block of 16 channels, unpacked: [K][16].
struct Block {
  std::vector<int64_t> weights, rest;
  std::vector<int32_t> rest_k;  // positions with any rest, ascending
};

void split_pairs(Block& b, int64_t depth) {
  b.rest.assign(b.weights.size(), 0);
  for (int64_t k = 0; k < depth; k += 2)
    for (int64_t c = 0; c < kChannelBlock; ++c) {
      int64_t& first = b.weights[static_cast<size_t>(k * kChannelBlock + c)];
      int64_t& second = b.weights[static_cast<size_t>((k + 1) * kChannelBlock + c)];
      const int64_t over = excess(first, second);
      if (over == 0) continue;
      const bool from_first = std::llabs(first) >= std::llabs(second);
      int64_t& larger = from_first ? first : second;
      const int64_t taken = larger > 0 ? over : -over;
      larger -= taken;
      b.rest[static_cast<size_t>((k + (from_first ? 0 : 1)) * kChannelBlock + c)] = taken;
    }
  for (int64_t k = 0; k < depth; ++k) {
    const auto row = b.rest.begin() + k * kChannelBlock;
    if (std::any_of(row, row + kChannelBlock, [](int64_t r) { return r != 0; })) b.rest_k.push_back(static_cast<int32_t>(k));
  }
}

void append(const Block& b, int64_t depth, QuadWeights& out) {
  for (int64_t k = 0; k < depth; k += 4)
    for (int64_t c = 0; c < kChannelBlock; ++c)
      for (int64_t i = 0; i < 4; ++i)
        out.quads.push_back(static_cast<int8_t>(b.weights[static_cast<size_t>((k + i) * kChannelBlock + c)]));
  for (size_t i = 0; i < b.rest_k.size(); i += 2) {
    const bool whole = i + 1 < b.rest_k.size();
    const int64_t k0 = b.rest_k[i], k1 = whole ? b.rest_k[i + 1] : k0;
    out.rest_k.insert(out.rest_k.end(), {static_cast<int32_t>(k0), static_cast<int32_t>(k1)});
    for (int64_t c = 0; c < kChannelBlock; ++c) {
      out.rest_weights.push_back(static_cast<int16_t>(b.rest[static_cast<size_t>(k0 * kChannelBlock + c)]));
      out.rest_weights.push_back(whole ? static_cast<int16_t>(b.rest[static_cast<size_t>(k1 * kChannelBlock + c)]) : int16_t{0});
    }
  }
  out.rest_begin.push_back(static_cast<int32_t>(out.rest_k.size() / 2));
}

}  // namespace

int64_t QuadWeights::bytes() const {
  return static_cast<int64_t>(quads.size() + 4 * (sums.size() + rest_begin.size() + rest_k.size()) + 2 * rest_weights.size());
}

std::optional<QuadWeights> pack_quad_weights(const ConvShape& s, const int16_t* centred) {
  const int64_t group_in = s.in_channels / s.groups, group_out = s.out_channels / s.groups;
  const int64_t taps = s.kernel[0] * s.kernel[1] * s.kernel[2], depth = round_to(s.depth(), 4);
  for (int64_t i = 0; i < s.out_channels * group_in * taps; ++i)
    if (centred[i] < -128 || centred[i] > 127) return std::nullopt;
  QuadWeights out;
  out.rest_begin.push_back(0);
  int64_t listed = 0;
  for (int64_t g = 0; g < s.groups; ++g)
    for (int64_t first = 0; first < group_out; first += kChannelBlock) {
      Block b;
      b.weights.assign(static_cast<size_t>(depth * kChannelBlock), 0);
      const int64_t valid = std::min(kChannelBlock, group_out - first);
      for (int64_t c = 0; c < kChannelBlock; ++c) {
        int64_t sum = 0;
        const int16_t* w = centred + (g * group_out + first + c) * group_in * taps;
        for (int64_t t = 0; c < valid && t < taps; ++t)
          for (int64_t i = 0; i < group_in; ++i) {
            b.weights[static_cast<size_t>((t * group_in + i) * kChannelBlock + c)] = w[i * taps + t];
            sum += w[i * taps + t];
          }
        out.sums.push_back(static_cast<int32_t>(sum));
      }
      split_pairs(b, depth);
      listed += static_cast<int64_t>(b.rest_k.size());
      append(b, depth, out);
    }
  if (listed * kMaxRestShare > depth * s.groups * blocks_of(group_out)) return std::nullopt;
  return out;
}

std::vector<int32_t> quad_offsets(const QuadWeights& weights, CodeType x_type, int32_t x_zero_point) {
  const auto zero_point = static_cast<uint32_t>(x_type == CodeType::kU8 ? x_zero_point : x_zero_point + 128);
  std::vector<int32_t> offsets;
  for (int32_t sum : weights.sums) offsets.push_back(static_cast<int32_t>(0u - zero_point * static_cast<uint32_t>(sum)));
  return offsets;
}

int64_t quad_rows_per_block(const ConvShape& s) {
  const int64_t fit = kBlockBytes / round_to(s.depth(), 4);
  return std::clamp<int64_t>(fit / kRowTile * kRowTile, kRowTile, 192);
}

int64_t quad_scratch_bytes(const ConvShape& s) { return quad_rows_per_block(s) * round_to(s.depth(), 4); }

QuadKernel quad_kernel_for(Isa isa) {
#if defined(__x86_64__)
  return isa == Isa::kScalar ? nullptr : &conv_quads_avx2;
#else
  (void)isa;
  return nullptr;
#endif
}

}  // namespace precis::kernels::simd
