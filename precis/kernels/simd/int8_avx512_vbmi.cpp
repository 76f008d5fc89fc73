// Tables over all codes and permutations of channels with the byte permutations of AVX-512 VBMI.
#include <immintrin.h>

#include <algorithm>

#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

constexpr int64_t kBytes = 64;  // of a register

__mmask64 first(int64_t count) { return count >= kBytes ? ~__mmask64{0} : (__mmask64{1} << count) - 1; }

// Four registers hold a table; 64 codes are looked up at once.
void look_up_codes(const std::byte* table, const std::byte* x, std::byte* y, int64_t n) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  const auto look = [&](__m512i codes) {  // bits 0 to 6 choose inside a half, bit 7 the half
    const __m512i low = _mm512_permutex2var_epi8(t0, codes, t1), high = _mm512_permutex2var_epi8(t2, codes, t3);
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(codes), low, high);
  };
  int64_t i = 0;
  for (; i + kBytes <= n; i += kBytes) _mm512_storeu_si512(y + i, look(_mm512_loadu_si512(x + i)));
  if (i == n) return;
  const __mmask64 rest = first(n - i);
  _mm512_mask_storeu_epi8(y + i, rest, look(_mm512_maskz_loadu_epi8(rest, x + i)));
}

constexpr int64_t kMaxRegisters = 16;  // of a row: up to 1024 channels

// What one register of results takes from one pair of source registers.
struct Part {
  int64_t pair;
  __m512i index;
  __mmask64 wanted;
};

// The parts of result register `at`; returns how many there are.
int64_t parts_of(const uint16_t* index, int64_t channels, int64_t at, Part* parts) {
  const int64_t count = std::min(kBytes, channels - at * kBytes);
  int64_t n = 0;
  for (int64_t pair = 0; pair * 2 * kBytes < channels; ++pair) {
    alignas(64) uint8_t inside[kBytes] = {};
    __mmask64 wanted = 0;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t from = index[at * kBytes + i] - pair * 2 * kBytes;
      if (from < 0 || from >= 2 * kBytes) continue;
      inside[i] = static_cast<uint8_t>(from);
      wanted |= __mmask64{1} << i;
    }
    if (wanted != 0) parts[n++] = {pair, _mm512_load_si512(inside), wanted};
  }
  return n;
}

void permute_rows(const uint16_t* index, const std::byte* x, std::byte* y, int64_t rows, int64_t channels) {
  if (channels > kMaxRegisters * kBytes) return permute_scalar(index, x, y, rows, channels);
  const int64_t registers = (channels + kBytes - 1) / kBytes;
  Part parts[kMaxRegisters][kMaxRegisters / 2];
  int64_t counts[kMaxRegisters];
  for (int64_t r = 0; r < registers; ++r) counts[r] = parts_of(index, channels, r, parts[r]);
  for (int64_t row = 0; row < rows; ++row, x += channels, y += channels) {
    const auto load = [&](int64_t r) {
      const int64_t left = channels - r * kBytes;
      return left <= 0 ? _mm512_setzero_si512() : _mm512_maskz_loadu_epi8(first(left), x + r * kBytes);
    };
    for (int64_t r = 0; r < registers; ++r) {
      __m512i v = _mm512_setzero_si512();
      for (int64_t p = 0; p < counts[r]; ++p) {
        const Part& part = parts[r][p];
        v = _mm512_or_si512(v, _mm512_maskz_permutex2var_epi8(part.wanted, load(2 * part.pair), part.index, load(2 * part.pair + 1)));
      }
      _mm512_mask_storeu_epi8(y + r * kBytes, first(channels - r * kBytes), v);
    }
  }
}

}  // namespace

void set_vbmi(Kernels& k) {
  k.look_up = look_up_codes;
  k.tables_are_fast = true;
  k.permute = permute_rows;
}

}  // namespace precis::kernels::simd
