// Max and average pooling of codes, channels last, written once over the vectors (`Lanes`, `Bytes`) that the
// including file has chosen. Included behind int8_lanes_avx2.h or int8_lanes_avx512.h only.
#pragma once

#include "precis/kernels/simd/int8_code_io_body.h"

namespace precis::kernels::simd {
namespace {

// The part of one output pixel's window that lies inside the input, walked in order without dividing for each
// pixel.
class PoolWindow {
 public:
  PoolWindow(const PoolShape& s, int64_t row) : s_(s) {
    for (int i = 2; i >= 0; --i) {
      at_[i] = row % s.out[i];
      row /= s.out[i];
      place(i);
    }
    n_ = row;
  }
  void next() {
    for (int i = 2; i >= 0; --i) {
      if (++at_[i] == s_.out[i]) at_[i] = 0;
      if (s_.out[i] > 1) place(i);
      if (at_[i] != 0) return;
    }
    ++n_;
  }
  int64_t taps() const {
    int64_t n = 1;
    for (int i = 0; i < 3; ++i) n *= std::max<int64_t>(0, last_[i] - first_[i]);
    return n;
  }
  // How many elements count when the padding does.
  int64_t padded_taps(const AveragePool& p) const {
    int64_t count = 1;
    for (int i = 0; i < 3; ++i)
      count *= std::min(s_.kernel[i], steps(p.padded_end[i] - begin_[i], s_.dilation[i]));
    return count;
  }
  // Calls body(first pixel of the input's line) for the lines inside the input.
  template <typename Body>
  void for_each_line(const std::byte* x, Body&& body) const {
    for (int64_t a = first_[0]; a < last_[0]; ++a)
      for (int64_t b = first_[1]; b < last_[1]; ++b) {
        const int64_t plane = n_ * s_.in[0] + begin_[0] + a * s_.dilation[0];
        body(x + (plane * s_.in[1] + begin_[1] + b * s_.dilation[1]) * s_.in[2] * s_.channels);
      }
  }
  template <typename Body>
  void for_each_tap(const std::byte* x, Body&& body) const {
    const int64_t step = s_.dilation[2] * s_.channels, count = last_[2] - first_[2];
    for_each_line(x, [&](const std::byte* line) {
      const std::byte* tap = line + column() * s_.channels;
      for (int64_t c = 0; c < count; ++c, tap += step) body(tap);
    });
  }
  // Taps along a line, and where the first of them is.
  int64_t columns() const { return std::max<int64_t>(0, last_[2] - first_[2]); }
  int64_t column() const { return begin_[2] + first_[2] * s_.dilation[2]; }

 private:
  static int64_t steps(int64_t room, int64_t dilation) {
    return dilation == 1 ? room : (room + dilation - 1) / dilation;
  }
  void place(int i) {
    begin_[i] = at_[i] * s_.stride[i] - s_.pad[i];
    first_[i] = begin_[i] < 0 ? steps(-begin_[i], s_.dilation[i]) : 0;
    last_[i] = std::min(s_.kernel[i], begin_[i] < s_.in[i] ? steps(s_.in[i] - begin_[i], s_.dilation[i]) : 0);
  }

  const PoolShape& s_;
  int64_t n_ = 0, at_[3] = {};
  int64_t begin_[3] = {};                 // where the window begins; may lie in the padding
  int64_t first_[3] = {}, last_[3] = {};  // tap indices inside the input
};

template <bool kUnsigned>
struct Largest {
  static Bytes::Type lowest() { return Bytes::set(kUnsigned ? 0 : -128); }
  static Bytes::Type of(Bytes::Type a, Bytes::Type b) {
    return kUnsigned ? Bytes::larger_unsigned(a, b) : Bytes::larger_signed(a, b);
  }
};

template <bool kUnsigned>
void max_pool_rows(const PoolShape& s, const std::byte* x, std::byte* y, int64_t first, int64_t last) {
  PoolWindow w(s, first);
  for (int64_t row = first; row < last; ++row, w.next()) {
    std::byte* out = y + row * s.channels;
    const auto block = [&](int64_t c, auto count) {
      Bytes::Type m = Largest<kUnsigned>::lowest();
      w.for_each_tap(
          x, [&](const std::byte* tap) { m = Largest<kUnsigned>::of(m, Bytes::load(tap + c, count)); });
      Bytes::store(out + c, count, m);
    };
    int64_t c = 0;
    for (; c + Bytes::kCount <= s.channels; c += Bytes::kCount) block(c, Full());
    if (c < s.channels) block(c, s.channels - c);
  }
}

// For windows that overlap: maxima over their lines first, all pixels of a line at once, then along the line.
constexpr int64_t kMaxLines = 16, kLineBytes = 8192;

int64_t columns_of_windows(const PoolShape& s, int64_t windows) {
  return (windows - 1) * s.stride[2] + (s.kernel[2] - 1) * s.dilation[2] + 1;
}

bool pools_by_lines(const PoolShape& s) {
  return s.kernel[2] > s.stride[2] && s.kernel[0] * s.kernel[1] <= kMaxLines &&
         columns_of_windows(s, 1) * s.channels <= kLineBytes;
}

// n bytes; fills the last register of `out`. kLines: 0 for any count.
template <bool kUnsigned, int kLines>
void max_of_lines(const std::byte* const* lines, int64_t count, std::byte* out, int64_t n) {
  const auto block = [&](int64_t i, auto bytes) {
    Bytes::Type m = Largest<kUnsigned>::lowest();
    for (int64_t l = 0; l < (kLines != 0 ? kLines : count); ++l)
      m = Largest<kUnsigned>::of(m, Bytes::load(lines[l] + i, bytes));
    Bytes::store(out + i, Full(), m);
  };
  int64_t i = 0;
  for (; i + Bytes::kCount <= n; i += Bytes::kCount) block(i, Full());
  if (i < n) block(i, n - i);
}

// One result: whole registers are stored where they end before `end`, what they leave behind is written over
// later.
template <bool kUnsigned, int kTaps>
void max_of_taps(const std::byte* first, int64_t step, int64_t taps, std::byte* y, int64_t channels,
                 const std::byte* end) {
  for (int64_t c = 0; c < channels; c += Bytes::kCount) {
    Bytes::Type m = Largest<kUnsigned>::lowest();
    for (int64_t t = 0; t < (kTaps != 0 ? kTaps : taps); ++t)
      m = Largest<kUnsigned>::of(m, Bytes::load(first + t * step + c, Full()));
    if (end - (y + c) >= Bytes::kCount)
      Bytes::store(y + c, Full(), m);
    else
      Bytes::store(y + c, std::min(Bytes::kCount, channels - c), m);
  }
}

template <bool kUnsigned>
void max_pool_by_lines(const PoolShape& s, const std::byte* x, std::byte* y, int64_t first, int64_t last) {
  alignas(64) std::byte line[kLineBytes + Bytes::kCount];
  int64_t windows = 1;  // of a block
  while (columns_of_windows(s, 2 * windows) * s.channels <= kLineBytes) windows *= 2;
  const int64_t step = s.dilation[2] * s.channels;
  for (int64_t row = first; row < last;) {
    PoolWindow w(s, row);
    const int64_t x_out = row % s.out[2], count = std::min({windows, s.out[2] - x_out, last - row});
    const int64_t begin = x_out * s.stride[2] - s.pad[2];
    const int64_t left = std::max<int64_t>(begin, 0),
                  right = std::min(begin + columns_of_windows(s, count), s.in[2]);
    const std::byte* lines[kMaxLines];
    int64_t n = 0;
    w.for_each_line(x, [&](const std::byte* p) { lines[n++] = p + left * s.channels; });
    (n == 3 ? max_of_lines<kUnsigned, 3> : max_of_lines<kUnsigned, 0>)(lines, n, line,
                                                                       (right - left) * s.channels);
    std::byte *out = y + row * s.channels, *end = out + count * s.channels;
    for (int64_t i = 0; i < count; ++i, out += s.channels, w.next())
      (w.columns() == 3 ? max_of_taps<kUnsigned, 3>
                        : max_of_taps<kUnsigned, 0>)(line + (w.column() - left) * s.channels, step,
                                                     w.columns(), out, s.channels, end);
    row += count;
  }
}

void max_pool_codes(const PoolShape& s, CodeType type, const std::byte* x, std::byte* y, int64_t first,
                    int64_t last) {
  const bool lines = pools_by_lines(s);
  if (type == CodeType::kU8)
    return lines ? max_pool_by_lines<true>(s, x, y, first, last) : max_pool_rows<true>(s, x, y, first, last);
  lines ? max_pool_by_lines<false>(s, x, y, first, last) : max_pool_rows<false>(s, x, y, first, last);
}

// Sums of centred codes: for windows of any size, and, twice as many in a register, for those whose sums fit
// 16 bits.
struct Sums {
  static constexpr int64_t kCount = Lanes::kCount;
  Sums(CodeType type, int32_t zero_point) : read(type, zero_point) {}
  template <typename Count>
  Int add(Int sum, const std::byte* p, Count count) const {
    return Lanes::add(sum, read.centred(p, count));
  }
  // Calls body(first lane, 32-bit sums); `taps`: how many codes were added.
  template <typename Body>
  void for_each_part(Int sum, int64_t, const Body& body) const {
    body(0, sum);
  }
  CodeReader read;
};

struct ShortSums {
  static constexpr int64_t kCount = 2 * Lanes::kCount, kMaxTaps = UINT16_MAX / UINT8_MAX;
  ShortSums(CodeType type, int32_t zero_point)
      : flip(Lanes::set(type == CodeType::kU8 ? 0 : 0x800080)),
        zero(type == CodeType::kU8 ? zero_point : zero_point + 128) {}
  template <typename Count>
  Int add(Int sum, const std::byte* p, Count count) const {
    return Lanes::add_pairs(sum, Lanes::exclusive_or(Lanes::widen_pair(p, count), flip));
  }
  template <typename Body>
  void for_each_part(Int sum, int64_t taps, const Body& body) const {
    const Int zeros = Lanes::set(static_cast<int32_t>(taps) * zero);
    body(0, Lanes::subtract(Lanes::first_of_pair(sum), zeros));
    body(Lanes::kCount, Lanes::subtract(Lanes::second_of_pair(sum), zeros));
  }
  Int flip;
  int32_t zero;
};

constexpr int64_t kRegisters = 4;  // summed in one pass over the taps

template <typename S>
void average_rows(const PoolShape& s, const AveragePool& p, const S& sums, const std::byte* x, std::byte* y,
                  int64_t first, int64_t last) {
  const CodeWriter write(p.zero_point, p.code_min, p.code_max);
  PoolWindow w(s, first);
  for (int64_t row = first; row < last; ++row, w.next()) {
    const int64_t taps = w.taps(), at = row * s.channels;
    const Real m = Lanes::set(p.multiplier[p.include_pad ? w.padded_taps(p) : taps]);
    const auto finish = [&](int64_t c, auto count, Int sum) {
      const Real t = Lanes::multiply(Lanes::real(sum), m);
      p.real ? Lanes::store(reinterpret_cast<float*>(y) + at + c, count, t) : write(y + at + c, count, t);
    };
    const auto finish_all = [&](int64_t c, Int sum) {
      sums.for_each_part(sum, taps, [&](int64_t lane, Int part) {
        const int64_t left = s.channels - c - lane;
        if (left >= Lanes::kCount)
          finish(c + lane, Full(), part);
        else if (left > 0)
          finish(c + lane, left, part);
      });
    };
    const auto one = [&](int64_t c, auto count) {
      Int sum = Lanes::set(int32_t{0});
      w.for_each_tap(x, [&](const std::byte* tap) { sum = sums.add(sum, tap + c, count); });
      finish_all(c, sum);
    };
    int64_t c = 0;
    for (; c + kRegisters * S::kCount <= s.channels; c += kRegisters * S::kCount) {
      Int several[kRegisters];
      for (Int& sum : several) sum = Lanes::set(int32_t{0});
      w.for_each_tap(x, [&](const std::byte* tap) {
        for (int64_t i = 0; i < kRegisters; ++i)
          several[i] = sums.add(several[i], tap + c + i * S::kCount, Full());
      });
      for (int64_t i = 0; i < kRegisters; ++i) finish_all(c + i * S::kCount, several[i]);
    }
    for (; c + S::kCount <= s.channels; c += S::kCount) one(c, Full());
    if (c < s.channels) one(c, s.channels - c);
  }
}

void average_pool_codes(const PoolShape& s, const AveragePool& p, CodeType type, CodeType, const std::byte* x,
                        std::byte* y, int64_t first, int64_t last) {
  if (s.kernel[0] * s.kernel[1] * s.kernel[2] <= ShortSums::kMaxTaps)
    average_rows(s, p, ShortSums(type, p.x_zero_point), x, y, first, last);
  else
    average_rows(s, p, Sums(type, p.x_zero_point), x, y, first, last);
}

void fill_pools(Kernels& k) {
  k.max_pool = max_pool_codes;
  k.average_pool = average_pool_codes;
}

}  // namespace
}  // namespace precis::kernels::simd
