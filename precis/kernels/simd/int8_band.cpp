// Planning and filling of bands (int8_band.h).
#include "precis/kernels/simd/int8_band.h"

#include <algorithm>
#include <cstring>

#include "precis/core/checked.h"
#include "precis/kernels/simd/int8_sums.h"

namespace precis::kernels::simd {
namespace {

// Input positions that `outputs` neighbouring outputs read along dimension i.
int64_t reach(const ConvShape& s, int i, int64_t outputs) {
  return (outputs - 1) * s.stride[i] + (s.kernel[i] - 1) * s.dilation[i] + 1;
}

int64_t line_bytes(const ConvShape& s, int64_t phases, int64_t columns) {
  return ceil_div(reach(s, 2, columns), phases) * phases * s.in_channels;
}

// Equal shares: the largest count <= most that cuts n into as few pieces as `most` does.
int64_t even_share(int64_t n, int64_t most) { return ceil_div(n, ceil_div(n, std::max<int64_t>(most, 1))); }

template <typename Word>
void move_word(const std::byte* from, std::byte* to, uint64_t flip) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  word ^= static_cast<Word>(flip);
  std::memcpy(to, &word, sizeof word);
}

// The first and the last kBytes of n codes, kBytes <= n <= 2 * kBytes.
template <size_t kBytes>
void copy_ends(const std::byte* from, int64_t n, std::byte* to) {
  std::memcpy(to, from, kBytes);
  std::memcpy(to + n - kBytes, from + n - kBytes, kBytes);
}

// Copies n codes; `flip` is XORed in. Few codes are not worth a call: overlapping words.
[[gnu::always_inline]] inline void copy_codes(const std::byte* from, int64_t n, uint64_t flip,
                                              std::byte* to) {
  if (flip == 0 && n >= 16) {
    if (n <= 32) return copy_ends<16>(from, n, to);
    if (n <= 64) return copy_ends<32>(from, n, to);
    std::memcpy(to, from, static_cast<size_t>(n));
  } else if (n >= 8) {
    for (int64_t i = 0; i + 8 <= n; i += 8) move_word<uint64_t>(from + i, to + i, flip);
    if (n % 8 != 0) move_word<uint64_t>(from + n - 8, to + n - 8, flip);
  } else if (n >= 4) {
    move_word<uint32_t>(from, to, flip);
    move_word<uint32_t>(from + n - 4, to + n - 4, flip);
  } else {
    for (int64_t i = 0; i < n; ++i) move_word<uint8_t>(from + i, to + i, flip);
  }
}

class Filler {
 public:
  Filler(const ConvShape& s, const BandPlan& plan, const BandSource& source)
      : s_(s),
        plan_(plan),
        padding_(zero_point_as_u8(source.type, source.zero_point)),
        flip_(source.type == CodeType::kU8 ? 0 : 0x8080808080808080u) {}

  // `from`: the input's line, null where the whole line is padding.
  void line(const std::byte* from, int64_t first_x, int64_t columns, std::byte* to) const {
    const int64_t width = reach(s_, 2, columns);
    if (from == nullptr)
      pad(to, plan_.line_stride);
    else if (plan_.phases == 1)
      whole_line(from, first_x, width, to);
    else
      for (int64_t p = 0; p < plan_.phases; ++p)
        phase(from, first_x + p, ceil_div(width - p, plan_.phases), to + p * plan_.phase_stride);
  }

 private:
  void pad(std::byte* to, int64_t n) const { std::memset(to, padding_, static_cast<size_t>(n)); }
  void whole_line(const std::byte* from, int64_t first_x, int64_t width, std::byte* to) const {
    const int64_t begin = std::clamp<int64_t>(-first_x, 0, width),
                  end = std::clamp<int64_t>(s_.in[2] - first_x, begin, width);
    pad(to, begin * s_.in_channels);
    copy_codes(from + (first_x + begin) * s_.in_channels, (end - begin) * s_.in_channels, flip_,
               to + begin * s_.in_channels);
    pad(to + end * s_.in_channels, (width - end) * s_.in_channels);
  }
  // Every phases-th pixel from `x` on.
  void phase(const std::byte* from, int64_t x, int64_t count, std::byte* to) const {
    const int64_t step = plan_.phases, channels = s_.in_channels;
    for (; count > 0 && x < 0; --count, x += step, to += channels) pad(to, channels);
    int64_t inside = std::min(count, x < s_.in[2] ? ceil_div(s_.in[2] - x, step) : 0);
    pad(to + inside * channels, std::max<int64_t>(count - inside, 0) * channels);
    for (from += x * channels; inside > 0; --inside, from += step * channels, to += channels)
      copy_codes(from, channels, flip_, to);
  }

  const ConvShape& s_;
  const BandPlan& plan_;
  int padding_;
  uint64_t flip_;
};

}  // namespace

int64_t BandPlan::tap(const ConvShape& s, int64_t a, int64_t b, int64_t c) const {
  const int64_t column = c * s.dilation[2];
  return a * slab_stride + b * s.dilation[1] * line_stride + column % phases * phase_stride +
         column / phases * s.in_channels;
}

BandPlan plan_band(const ConvShape& s, int64_t phases, int64_t budget, int64_t pixels) {
  BandPlan p;
  p.phases = phases;
  const auto bytes_of = [&](int64_t lines, int64_t columns) {
    return s.kernel[0] * reach(s, 1, lines) * line_bytes(s, phases, columns);
  };
  p.columns = s.out[2];
  while (p.columns > 1 && (p.columns > pixels || bytes_of(1, p.columns) > budget))
    p.columns = (p.columns + 1) / 2;
  if (p.columns == s.out[2]) {
    int64_t lines = std::clamp<int64_t>(pixels / p.columns, 1, s.out[1]);
    while (lines > 1 && bytes_of(lines, p.columns) > budget) --lines;
    p.lines = even_share(s.out[1], lines);
  }
  p.line_stride = line_bytes(s, phases, p.columns);
  p.phase_stride = p.line_stride / phases;
  p.slab_stride = reach(s, 1, p.lines) * p.line_stride;
  p.bytes = s.kernel[0] * p.slab_stride;
  return p;
}

PixelBlock next_block(const ConvShape& s, const BandPlan& plan, int64_t first, int64_t last) {
  PixelBlock b;
  b.x = first % s.out[2];
  b.y = first / s.out[2] % s.out[1];
  b.z = first / (s.out[2] * s.out[1]) % s.out[0];
  b.n = first / (s.out[2] * s.out[1] * s.out[0]);
  const int64_t whole_lines = (last - first) / s.out[2];
  if (b.x == 0 && whole_lines > 0 && plan.columns == s.out[2]) {
    b.lines = std::min({whole_lines, plan.lines, s.out[1] - b.y});
    b.columns = s.out[2];
  } else {
    b.columns = std::min({plan.columns, s.out[2] - b.x, last - first});
  }
  return b;
}

void fill_band(const ConvShape& s, const BandPlan& plan, const BandSource& source, const PixelBlock& block,
               std::byte* band) {
  const Filler filler(s, plan, source);
  const int64_t lines = reach(s, 1, block.lines), first_x = block.x * s.stride[2] - s.pad[2];
  for (int64_t a = 0; a < s.kernel[0]; ++a) {
    const int64_t z = block.z * s.stride[0] - s.pad[0] + a * s.dilation[0];
    for (int64_t i = 0; i < lines; ++i) {
      const int64_t y = block.y * s.stride[1] - s.pad[1] + i;
      const bool inside = z >= 0 && z < s.in[0] && y >= 0 && y < s.in[1];
      const int64_t line = ((block.n * s.in[0] + z) * s.in[1] + y) * s.in[2] * s.in_channels;
      filler.line(inside ? source.x + line : nullptr, first_x, block.columns,
                  band + a * plan.slab_stride + i * plan.line_stride);
    }
  }
}

ConvShape as_one_line(const ConvShape& s) {
  for (int i = 0; i < 3; ++i)
    if (s.kernel[i] != 1 || s.stride[i] != 1 || s.pad[i] != 0 || s.in[i] != s.out[i]) return s;
  ConvShape line = s;
  line.batch = line.in[0] = line.in[1] = line.out[0] = line.out[1] = 1;
  line.in[2] = line.out[2] = s.rows();
  return line;
}

}  // namespace precis::kernels::simd
