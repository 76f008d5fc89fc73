// See model_files.h.
#include "precis/flow/model_files.h"

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/limits.h"
#include "precis/graph/op.h"
#include "precis/graph/validate.h"

namespace precis::flow {

onnx_io::ReadResult read_checked(const std::string& path, const onnx_io::ReadOptions& options) {
  onnx_io::ReadResult r = onnx_io::read_model(path, options);
  validate(r.model);
  infer_types(r.model.graph);
  return r;
}

onnx_io::ReadResult read_back(const std::string& path) {
  try {
    return read_checked(path);
  } catch (const Error& e) {
    fail(ErrorCode::kVerify, "the written model could not be read back ({}); the output was not kept",
         e.what());
  }
}

std::string sha256_of_file(const std::string& path) {
  return sha256_hex(read_file(path, limits().max_onnx_bytes));
}

}  // namespace precis::flow
