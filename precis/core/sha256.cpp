// SHA-256 as FIPS 180-4 writes it down, and the same by the CPU's own rounds where it has them: models are
// hundreds of megabytes.
#include <algorithm>
#include <bit>
#include <cstring>

#include "precis/core/hash.h"
#include "precis/core/isa.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace precis {
namespace {

constexpr std::array<uint32_t, 64> kRound = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

uint32_t load_big_endian(const uint8_t* p) {
  return (static_cast<uint32_t>(p[0]) << 24) | (static_cast<uint32_t>(p[1]) << 16) |
         (static_cast<uint32_t>(p[2]) << 8) | p[3];
}

uint32_t small_sigma0(uint32_t x) { return std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3); }
uint32_t small_sigma1(uint32_t x) { return std::rotr(x, 17) ^ std::rotr(x, 19) ^ (x >> 10); }
uint32_t big_sigma0(uint32_t x) { return std::rotr(x, 2) ^ std::rotr(x, 13) ^ std::rotr(x, 22); }
uint32_t big_sigma1(uint32_t x) { return std::rotr(x, 6) ^ std::rotr(x, 11) ^ std::rotr(x, 25); }

#if defined(__x86_64__)

bool use_sha_instructions() {
  if (current_isa() == Isa::kScalar) return false;  // forced: the plain form can be tested anywhere
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __builtin_cpu_supports("sse4.1") != 0 && __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 &&
         (b & (1u << 29)) != 0;
}

// The instructions keep the state as two vectors, (f, e, b, a) and (h, g, d, c) from the lowest lane, and do
// two rounds at a time: the result takes the place of the older half.
__attribute__((target("sha,sse4.1"))) void block_by_instructions(std::array<uint32_t, 8>& state,
                                                                 const uint8_t* p) {
  auto* halves = reinterpret_cast<__m128i*>(state.data());
  const __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(halves), 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(halves + 1), 0x1b);
  const __m128i feba = _mm_alignr_epi8(badc, hgfe, 8), hgdc = _mm_blend_epi16(hgfe, badc, 0xf0);
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i x = feba, y = hgdc;
  __m128i w[4];  // the last sixteen words of the schedule
  for (size_t i = 0; i < 16; ++i) {
    __m128i& next = w[i % 4];
    if (i < 4) {
      next = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p) + i), big_endian);
    } else {
      const __m128i previous = w[(i + 3) % 4];
      const __m128i seven_back = _mm_alignr_epi8(previous, w[(i + 2) % 4], 4);
      next = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(next, w[(i + 1) % 4]), seven_back),
                                  previous);
    }
    const __m128i constants = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kRound.data()) + i);
    const __m128i sum = _mm_add_epi32(next, constants);
    y = _mm_sha256rnds2_epu32(y, x, sum);
    x = _mm_sha256rnds2_epu32(x, y, _mm_shuffle_epi32(sum, 0x0e));
  }
  x = _mm_shuffle_epi32(_mm_add_epi32(x, feba), 0x1b);  // (a, b, e, f)
  y = _mm_shuffle_epi32(_mm_add_epi32(y, hgdc), 0xb1);  // (g, h, c, d)
  _mm_storeu_si128(halves, _mm_blend_epi16(x, y, 0xf0));
  _mm_storeu_si128(halves + 1, _mm_alignr_epi8(y, x, 8));
}

#endif

}  // namespace

Sha256::Sha256()
    : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {
}

void Sha256::block(const uint8_t* p) {
#if defined(__x86_64__)
  static const bool by_instructions = use_sha_instructions();
  if (by_instructions) return block_by_instructions(state_, p);
#endif
  std::array<uint32_t, 64> w;
  for (size_t i = 0; i < 16; ++i) w[i] = load_big_endian(p + 4 * i);
  for (size_t i = 16; i < 64; ++i)
    w[i] = small_sigma1(w[i - 2]) + w[i - 7] + small_sigma0(w[i - 15]) + w[i - 16];
  auto [a, b, c, d, e, f, g, h] = state_;
  for (size_t i = 0; i < 64; ++i) {
    const uint32_t t1 = h + big_sigma1(e) + ((e & f) ^ (~e & g)) + kRound[i] + w[i];
    const uint32_t t2 = big_sigma0(a) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1;
    d = c, c = b, b = a, a = t1 + t2;
  }
  const std::array<uint32_t, 8> sum = {a, b, c, d, e, f, g, h};
  for (size_t i = 0; i < 8; ++i) state_[i] += sum[i];
}

void Sha256::update(std::span<const std::byte> data) {
  const auto* p = reinterpret_cast<const uint8_t*>(data.data());
  size_t left = data.size();
  while (left > 0) {
    const size_t filled = static_cast<size_t>(length_ % 64);
    if (filled == 0 && left >= 64) {
      block(p);
      p += 64, left -= 64, length_ += 64;
      continue;
    }
    const size_t take = std::min(left, 64 - filled);
    std::memcpy(buffer_.data() + filled, p, take);
    p += take, left -= take, length_ += take;
    if (filled + take == 64) block(buffer_.data());
  }
}

void Sha256::update(std::string_view text) { update(std::as_bytes(std::span(text.data(), text.size()))); }

std::string Sha256::hex() {
  const uint64_t bits = length_ * 8;
  const size_t filled = static_cast<size_t>(length_ % 64);
  std::array<uint8_t, 72> padding{0x80};
  const size_t zeros_end = filled < 56 ? 56 - filled : 120 - filled;
  for (size_t i = 0; i < 8; ++i) padding[zeros_end + i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
  update(std::as_bytes(std::span(padding.data(), zeros_end + 8)));
  std::string text;
  for (uint32_t word : state_)
    for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[(word >> shift) & 0xfu];
  return text;
}

std::string sha256_hex(std::span<const std::byte> data) {
  Sha256 hash;
  hash.update(data);
  return hash.hex();
}

std::string sha256_hex(std::string_view text) {
  return sha256_hex(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace precis
