// See input_shapes.h.
#include "precis/flow/input_shapes.h"

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis::flow {

std::vector<Shape> parse_shapes(const std::vector<std::string>& specs, const Graph& graph) {
  if (specs.empty()) return {};
  std::vector<Shape> shapes(graph.inputs().size());
  std::vector<char> given(shapes.size(), 0);
  for (const std::string& spec : specs) {
    const size_t equals = spec.rfind('=');
    std::vector<int64_t> dims;
    bool ok = equals != std::string::npos || shapes.size() == 1;
    for (const std::string& part :
         split(std::string_view(spec).substr(equals == std::string::npos ? 0 : equals + 1), ',')) {
      int64_t d = 0;
      ok = ok && parse_int(part, d) && d >= 0;
      dims.push_back(d);
    }
    size_t at = shapes.size();
    for (size_t i = 0; i < shapes.size(); ++i)
      if (equals == std::string::npos || graph.value(graph.inputs()[i]).name == spec.substr(0, equals))
        at = i;
    if (!ok || at == shapes.size()) {
      std::vector<std::string> names;
      for (ValueId v : graph.inputs()) names.push_back(printable(graph.value(v).name));
      fail(ErrorCode::kUsage, "--shape '{}': expected NAME=D,D,... with one of the inputs {}",
           printable(spec), fmt::join(names, ", "));
    }
    shapes[at] = Shape(std::move(dims));
    given[at] = 1;
  }
  for (size_t i = 0; i < shapes.size(); ++i)
    if (!given[i]) {
      const ValueType& t = graph.value(graph.inputs()[i]).type;
      std::vector<int64_t> dims;
      if (t.shape)
        for (const Dim& d : *t.shape) dims.push_back(d.known() ? d.value : 1);
      shapes[i] = Shape(std::move(dims));
    }
  return shapes;
}

}  // namespace precis::flow
