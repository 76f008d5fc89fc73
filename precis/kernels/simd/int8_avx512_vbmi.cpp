// Tables over all codes and permutations of channels with the byte permutations of AVX-512 VBMI.
#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

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

constexpr int64_t kMaxRegisters = 9;  // of a row: up to 576 channels

// Every register of results takes some bytes of each pair of source registers: which (`index`), and the
// others' places
// (`wanted`) stay empty.
struct Selection {
  alignas(kBytes) uint8_t index[kBytes];
  __mmask64 wanted;
};
constexpr int64_t pairs_of(int64_t registers) { return (registers + 1) / 2; }

Selection select(const std::vector<uint16_t>& from, int64_t result, int64_t pair) {
  Selection s{};
  const int64_t channels = static_cast<int64_t>(from.size());
  for (int64_t i = 0; i < std::min(kBytes, channels - result * kBytes); ++i) {
    const int64_t at = from[static_cast<size_t>(result * kBytes + i)] - pair * 2 * kBytes;
    if (at < 0 || at >= 2 * kBytes) continue;
    s.index[i] = static_cast<uint8_t>(at);
    s.wanted |= __mmask64{1} << i;
  }
  return s;
}

// A register may reach into the next row only, not beyond it.
bool fits_registers(int64_t channels) { return channels >= kBytes && channels <= kMaxRegisters * kBytes; }

std::vector<std::byte> permutation_tables(const std::vector<uint16_t>& index) {
  const int64_t channels = static_cast<int64_t>(index.size()), registers = (channels + kBytes - 1) / kBytes;
  if (!fits_registers(channels)) return {};
  std::vector<std::byte> tables;
  for (int64_t r = 0; r < registers; ++r)
    for (int64_t p = 0; p < pairs_of(registers); ++p) {
      const Selection s = select(index, r, p);
      const auto* bytes = reinterpret_cast<const std::byte*>(&s);
      tables.insert(tables.end(), bytes, bytes + sizeof s);
    }
  return tables;
}

// The tables as values, which no store can change.
template <int kRegisters>
struct Selections {
  static constexpr int kPairs = pairs_of(kRegisters);
  __m512i index[kRegisters][kPairs];
  __mmask64 wanted[kRegisters][kPairs];

  explicit Selections(const std::byte* tables) {
    unroll<kRegisters>([&](auto r) {
      unroll<kPairs>([&](auto p) {
        const std::byte* s = tables + (r * kPairs + p) * sizeof(Selection);
        index[r][p] = _mm512_loadu_si512(s);
        std::memcpy(&wanted[r][p], s + offsetof(Selection, wanted), sizeof(__mmask64));
      });
    });
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
void permute_rows(const Permutation& p, const std::byte* x, std::byte* y, int64_t rows) {
  const Selections<kRegisters> selections(p.tables.data());
  const int64_t channels = static_cast<int64_t>(p.index.size());
  for (int64_t row = 0; row + 1 < rows; ++row, x += channels, y += channels)
    selections.apply([&](int r) { return _mm512_loadu_si512(x + r * kBytes); },
                     [&](int r, __m512i v) { _mm512_storeu_si512(y + r * kBytes, v); });
  const auto inside = [&](int r) { return first(channels - r * kBytes); };
  selections.apply([&](int r) { return _mm512_maskz_loadu_epi8(inside(r), x + r * kBytes); },
                   [&](int r, __m512i v) { _mm512_mask_storeu_epi8(y + r * kBytes, inside(r), v); });
}

void permute_codes(const Permutation& p, const std::byte* x, std::byte* y, int64_t rows) {
  const int64_t channels = static_cast<int64_t>(p.index.size());
  if (!fits_registers(channels) || rows < 1) return permute_scalar(p, x, y, rows);
  using Function = decltype(&permute_rows<1>);
  constexpr Function kByRegisters[kMaxRegisters] = {permute_rows<1>, permute_rows<2>, permute_rows<3>,
                                                    permute_rows<4>, permute_rows<5>, permute_rows<6>,
                                                    permute_rows<7>, permute_rows<8>, permute_rows<9>};
  kByRegisters[(channels + kBytes - 1) / kBytes - 1](p, x, y, rows);
}

}  // namespace

void set_vbmi(Kernels& k) {
  k.look_up = look_up_codes;
  k.tables_are_fast = true;
  k.permute = permute_codes;
  k.permutation_tables = permutation_tables;
}

}  // namespace precis::kernels::simd
