// Random access to gzip files and deflated zip entries in bounded memory: one pass at opening checks the
// whole stream (CRC, size) and keeps copies of the decoder's state, so that a later read decodes from the
// nearest one. Memory: at most 256 states of about 40 KiB and 16 decoded blocks of 1 MiB, whatever the size
// of the stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "precis/data/byte_source.h"

namespace precis::data {

enum class DeflateForm { kGzip, kRaw };

struct InflateOptions {
  DeflateForm form = DeflateForm::kGzip;
  uint64_t max_size = uint64_t{256} << 30;  // decoded; kLimit beyond it
  std::optional<uint64_t> expected_size;    // kMalformed when the stream holds more or less
  std::optional<uint32_t> expected_crc;     // CRC-32 of the decoded bytes (gzip checks its own)
};

// Errors: kMalformed for a truncated or damaged stream, a wrong CRC or size; kLimit.
BytesPtr inflate_bytes(BytesPtr source, const InflateOptions& options);
// The first `size` decoded bytes, or fewer when the stream is shorter: to recognise what is inside.
std::vector<std::byte> inflate_prefix(const BytesPtr& source, DeflateForm form, uint64_t size);

bool is_gzip(std::span<const std::byte> prefix);

}  // namespace precis::data
