// See declared_shape.h.
#include "precis/runtime/declared_shape.h"

#include <algorithm>
#include <array>

#include "precis/core/check.h"

namespace precis::runtime {

bool follows_contents(const Graph& graph, const Node& node) {
  constexpr std::array kOps = {"Reshape", "Expand", "Squeeze", "Unsqueeze"};
  const bool may = std::any_of(kOps.begin(), kOps.end(), [&](const char* op) { return node.is(op); });
  return may && node.input(1) && graph.constant(node.input(1)) == nullptr;
}

void fail_declared(const Node& node, size_t i, const Shape& found, const std::string& declared) {
  fail(ErrorCode::kMalformed,
       "{}: output {} has the shape {}, but the model declares {}; correct the declaration, or give inputs "
       "whose contents fit it",
       describe(node), i, found.str(), declared);
}

void check_declared(const Node& node, size_t i, const Shape& found, const SymbolicShape& declared) {
  if (!declared) return;
  bool fits = static_cast<int>(declared->size()) == found.rank();
  for (size_t d = 0; fits && d < declared->size(); ++d)
    fits = !(*declared)[d].known() || (*declared)[d].value == found.dims()[d];
  if (!fits) fail_declared(node, i, found, shape_str(declared));
}

}  // namespace precis::runtime
