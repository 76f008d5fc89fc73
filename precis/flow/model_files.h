// Models as every command takes them: read, and nothing goes on with one that is not valid.
#pragma once

#include <string>

#include "precis/onnx/onnx_io.h"

namespace precis::flow {

// Validated, its types inferred. Errors as read_model(), validate() and infer_types().
onnx_io::ReadResult read_checked(const std::string& path, const onnx_io::ReadOptions& options = {});
// The same of a file that was just written: Error(kVerify) with the reason where it cannot be.
onnx_io::ReadResult read_back(const std::string& path);
std::string sha256_of_file(const std::string& path);

}  // namespace precis::flow
