// SHA-1 as in FIPS 180-4, section 6.1.
#include "precis/onnx/sha1.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace precis::onnx_io {

void Sha1::block(const uint8_t* p) {
  std::array<uint32_t, 80> w{};
  for (size_t t = 0; t < 16; ++t)
    w[t] =
        uint32_t{p[4 * t]} << 24 | uint32_t{p[4 * t + 1]} << 16 | uint32_t{p[4 * t + 2]} << 8 | p[4 * t + 3];
  for (size_t t = 16; t < 80; ++t) w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  auto [a, b, c, d, e] = state_;
  for (size_t t = 0; t < 80; ++t) {
    uint32_t f = b ^ c ^ d, k = 0x6ed9eba1u;
    if (t < 20)
      f = (b & c) | (~b & d), k = 0x5a827999u;
    else if (t >= 40 && t < 60)
      f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdcu;
    else if (t >= 60)
      k = 0xca62c1d6u;
    const uint32_t next = std::rotl(a, 5) + f + e + k + w[t];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state_ = {state_[0] + a, state_[1] + b, state_[2] + c, state_[3] + d, state_[4] + e};
}

void Sha1::update(std::span<const std::byte> data) {
  const auto* p = reinterpret_cast<const uint8_t*>(data.data());
  size_t left = data.size();
  while (left > 0) {
    const size_t used = static_cast<size_t>(length_ % 64);
    const size_t take = std::min(left, 64 - used);
    std::memcpy(buffer_.data() + used, p, take);
    length_ += take;
    p += take;
    left -= take;
    if (used + take == 64) block(buffer_.data());
  }
}

std::string Sha1::hex() {
  const uint64_t bits = length_ * 8;
  const std::byte one{0x80}, zero{0};
  update({&one, 1});
  while (length_ % 64 != 56) update({&zero, 1});
  std::array<std::byte, 8> tail{};
  for (size_t i = 0; i < 8; ++i) tail[i] = static_cast<std::byte>(bits >> (56 - 8 * i));
  update(tail);
  std::string text;
  for (uint32_t word : state_)
    for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[(word >> shift) & 0xf];
  return text;
}

}  // namespace precis::onnx_io
