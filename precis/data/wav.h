// WAV files: PCM of 8, 16, 24 and 32 bits and 32-bit float, any number of channels (their mean is taken).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace precis::data {

struct Sound {
  int64_t rate = 0;            // samples a second
  std::vector<float> samples;  // one channel; PCM as value / 2^(bits - 1), so within [-1, 1)
};

bool is_wav(std::span<const std::byte> prefix);  // needs 12 bytes
// `where` names the file. Errors: kMalformed for what breaks the form, kUnsupported for other encodings.
Sound decode_wav(std::span<const std::byte> bytes, const std::string& where);

}  // namespace precis::data
