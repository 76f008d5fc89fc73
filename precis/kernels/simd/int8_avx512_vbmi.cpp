// Tables over all codes and permutations of channels with the byte permutations of AVX-512 VBMI.
#include <immintrin.h>

#include <algorithm>

#include "precis/kernels/simd/int8_tables.h"
#include "precis/kernels/simd/int8_unroll.h"

namespace precis::kernels::simd {
namespace {

constexpr int64_t kBytes = 64;  // of a register

__mmask64 first(int64_t count) { return count >= kBytes ? ~__mmask64{0} : (__mmask64{1} << count) - 1; }

// Four registers hold a table; 64 codes are looked up at once.
void look_up_codes(const std::byte* table, const std::byte* x, std::byte* y, int64_t n) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  const auto look = [&](__m512i codes) {  // bits 0 to 6 choose inside a half, bit 7 the half
    const __m512i low = _mm512_permutex2var_epi8(t0, codes, t1),
                  high = _mm512_permutex2var_epi8(t2, codes, t3);
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(codes), low, high);
  };
  int64_t i = 0;
  for (; i + kBytes <= n; i += kBytes) _mm512_storeu_si512(y + i, look(_mm512_loadu_si512(x + i)));
  if (i == n) return;
  const __mmask64 rest = first(n - i);
  _mm512_mask_storeu_epi8(y + i, rest, look(_mm512_maskz_loadu_epi8(rest, x + i)));
}

constexpr int kMaxRegisters = 9;  // of a row: up to 576 channels

// What the registers of results take from the pairs of source registers.
template <int kRegisters>
struct Permutation {
  static constexpr int kPairs = (kRegisters + 1) / 2;
  __m512i index[kRegisters][kPairs];
  __mmask64 wanted[kRegisters][kPairs];

  Permutation(const uint16_t* from, int64_t channels) {
    for (int64_t r = 0; r < kRegisters; ++r)
      for (int64_t p = 0; p < kPairs; ++p) {
        alignas(64) uint8_t inside[kBytes] = {};
        __mmask64 mask = 0;
        for (int64_t i = 0; i < std::min(kBytes, channels - r * kBytes); ++i) {
          const int64_t at = from[r * kBytes + i] - p * 2 * kBytes;
          if (at < 0 || at >= 2 * kBytes) continue;
          inside[i] = static_cast<uint8_t>(at);
          mask |= __mmask64{1} << i;
        }
        index[r][p] = _mm512_load_si512(inside);
        wanted[r][p] = mask;
      }
  }

  // One row; load(r) and store(r, v) reach its registers.
  template <typename Load, typename Store>
  void apply(const Load& load, const Store& store) const {
    __m512i source[2 * kPairs];
    unroll<kRegisters>([&](auto r) { source[r] = load(r); });
    if constexpr (kRegisters % 2 != 0) source[kRegisters] = _mm512_setzero_si512();
    unroll<kRegisters>([&](auto r) {
      __m512i v = _mm512_setzero_si512();
      unroll<kPairs>([&](auto p) {
        v = _mm512_or_si512(
            v, _mm512_maskz_permutex2var_epi8(wanted[r][p], source[2 * p], index[r][p], source[2 * p + 1]));
      });
      store(r, v);
    });
  }
};

// Whole registers reach into the next row: what is read there is not wanted, what is written there is
// overwritten by it. The last row keeps to itself.
template <int kRegisters>
void permute_rows(const uint16_t* index, const std::byte* x, std::byte* y, int64_t rows, int64_t channels) {
  const Permutation<kRegisters> permutation(index, channels);
  for (int64_t row = 0; row + 1 < rows; ++row, x += channels, y += channels)
    permutation.apply([&](int r) { return _mm512_loadu_si512(x + r * kBytes); },
                      [&](int r, __m512i v) { _mm512_storeu_si512(y + r * kBytes, v); });
  const auto inside = [&](int r) { return first(channels - r * kBytes); };
  permutation.apply([&](int r) { return _mm512_maskz_loadu_epi8(inside(r), x + r * kBytes); },
                    [&](int r, __m512i v) { _mm512_mask_storeu_epi8(y + r * kBytes, inside(r), v); });
}

void permute_codes(const uint16_t* index, const std::byte* x, std::byte* y, int64_t rows, int64_t channels) {
  // A register may reach into the next row only, not beyond it.
  if (channels < kBytes || channels > kMaxRegisters * kBytes || rows < 1)
    return permute_scalar(index, x, y, rows, channels);
  using Function = decltype(&permute_rows<1>);
  constexpr Function kByRegisters[kMaxRegisters] = {permute_rows<1>, permute_rows<2>, permute_rows<3>,
                                                    permute_rows<4>, permute_rows<5>, permute_rows<6>,
                                                    permute_rows<7>, permute_rows<8>, permute_rows<9>};
  kByRegisters[(channels + kBytes - 1) / kBytes - 1](index, x, y, rows, channels);
}

}  // namespace

void set_vbmi(Kernels& k) {
  k.look_up = look_up_codes;
  k.tables_are_fast = true;
  k.permute = permute_codes;
}

}  // namespace precis::kernels::simd
