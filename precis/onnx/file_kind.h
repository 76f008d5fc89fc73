// Tells what a file that should be an ONNX model really is, from its first bytes, so that the refusal can say
// so.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace precis::onnx_io {

// A sentence part such as "a gzip file; unpack it first (gunzip)"; empty when the bytes may be a protobuf
// model.
std::string foreign_file_kind(std::span<const std::byte> bytes);

}  // namespace precis::onnx_io
