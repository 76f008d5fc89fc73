// RIFF chunks: "fmt " tells the encoding, "data" holds the samples; all others are passed over.
#include "precis/data/wav.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>

#include "precis/core/check.h"
#include "precis/data/byte_order.h"

namespace precis::data {
namespace {

using Bytes = std::span<const std::byte>;
constexpr uint16_t kPcm = 1, kFloat = 3, kExtensible = 0xFFFE;
constexpr uint32_t kOpenEnd = 0xFFFFFFFF;  // written by programs that could not go back to fill in the size
constexpr int kMaxChannels = 64;

struct Format {
  uint16_t encoding = 0, channels = 0, bits = 0;
  uint32_t rate = 0;
  size_t sample_bytes() const { return bits / 8u; }
};

bool starts_with(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

Format parse_format(Bytes chunk, const std::string& where) {
  check(chunk.size() >= 16, ErrorCode::kMalformed, "{}: its format chunk has {} bytes, expected 16 or more",
        where, chunk.size());
  Format f;
  f.encoding = load_le<uint16_t>(chunk);
  f.channels = load_le<uint16_t>(chunk.subspan(2));
  f.rate = load_le<uint32_t>(chunk.subspan(4));
  const auto frame_bytes = load_le<uint16_t>(chunk.subspan(12));
  f.bits = load_le<uint16_t>(chunk.subspan(14));
  if (f.encoding == kExtensible && chunk.size() >= 26) f.encoding = load_le<uint16_t>(chunk.subspan(24));
  const bool pcm = f.encoding == kPcm && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32);
  check(pcm || (f.encoding == kFloat && f.bits == 32), ErrorCode::kUnsupported,
        "{}: encoding {} with {} bits is not read; convert it to 16-bit PCM", where, f.encoding, f.bits);
  check(f.channels >= 1 && f.channels <= kMaxChannels, ErrorCode::kMalformed,
        "{}: it has {} channels, expected 1 to {}", where, f.channels, kMaxChannels);
  check(f.rate > 0, ErrorCode::kMalformed, "{}: its sampling rate is 0", where);
  check(frame_bytes == f.channels * f.sample_bytes(), ErrorCode::kMalformed,
        "{}: it has {} bytes a step, expected {} for {} channels of {} bits", where, frame_bytes,
        f.channels * f.sample_bytes(), f.channels, f.bits);
  return f;
}

float sample_at(const Format& f, Bytes b) {
  if (f.encoding == kFloat) return load_le<float>(b);
  switch (f.bits) {
    case 8:  // unsigned
      return static_cast<float>(std::to_integer<int>(b[0]) - 128) / 128.0f;
    case 16:
      return static_cast<float>(load_le<int16_t>(b)) / 32768.0f;
    case 24: {
      const uint32_t low = load_le<uint16_t>(b);
      const int32_t high = static_cast<int8_t>(std::to_integer<uint8_t>(b[2]));
      return static_cast<float>(high * 65536 + static_cast<int32_t>(low)) / 8388608.0f;
    }
    default:
      return static_cast<float>(static_cast<double>(load_le<int32_t>(b)) / 2147483648.0);
  }
}

Sound decode_samples(const Format& f, Bytes data) {
  Sound sound;
  sound.rate = f.rate;
  const size_t step = f.channels * f.sample_bytes();
  sound.samples.reserve(data.size() / step);
  for (size_t at = 0; at + step <= data.size(); at += step) {
    float sum = 0;
    for (size_t c = 0; c < f.channels; ++c) sum += sample_at(f, data.subspan(at + c * f.sample_bytes()));
    sound.samples.push_back(f.channels == 1 ? sum : sum / static_cast<float>(f.channels));
  }
  return sound;
}

}  // namespace

bool is_wav(Bytes prefix) {
  return prefix.size() >= 12 && starts_with(prefix, "RIFF") && starts_with(prefix.subspan(8), "WAVE");
}

Sound decode_wav(Bytes bytes, const std::string& where) {
  check(is_wav(bytes), ErrorCode::kMalformed, "{}: it is no WAV file", where);
  std::optional<Format> format;
  for (size_t at = 12; at + 8 <= bytes.size();) {
    const Bytes name = bytes.subspan(at, 4);
    const auto size = load_le<uint32_t>(bytes.subspan(at + 4));
    const Bytes rest = bytes.subspan(at + 8);
    const bool is_data = starts_with(name, "data");
    const bool open_end = is_data && size == kOpenEnd;
    check(open_end || size <= rest.size(), ErrorCode::kMalformed,
          "{}: a chunk of {} bytes begins {} bytes before the end; the file is cut off", where, size,
          rest.size());
    const Bytes chunk = open_end ? rest : rest.first(size);
    if (starts_with(name, "fmt ")) format = parse_format(chunk, where);
    if (is_data) {
      check(format.has_value(), ErrorCode::kMalformed, "{}: its samples come before its format", where);
      return decode_samples(*format, chunk);
    }
    at += 8 + static_cast<size_t>(size) + (size & 1u);
  }
  fail(ErrorCode::kMalformed, "{}: it has no samples (no data chunk)", where);
}

}  // namespace precis::data
