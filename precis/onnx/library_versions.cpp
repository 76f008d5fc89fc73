// Versions of the libraries that only this room sees.
#include <google/protobuf/stubs/common.h>

#include "precis/onnx/onnx_io.h"

namespace precis::onnx_io {

std::vector<std::pair<std::string, std::string>> library_versions() {
  return {{"protobuf", google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION)}};
}

}  // namespace precis::onnx_io
