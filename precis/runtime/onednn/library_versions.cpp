// The version of oneDNN.
#include <oneapi/dnnl/dnnl.hpp>

#include "precis/core/check.h"
#include "precis/runtime/session.h"

namespace precis::runtime {

std::vector<std::pair<std::string, std::string>> library_versions() {
  const dnnl_version_t* v = dnnl_version();
  return {{"oneDNN", fmt::format("{}.{}.{}", v->major, v->minor, v->patch)}};
}

}  // namespace precis::runtime
