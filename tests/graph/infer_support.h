// Short ways to run inference on text graphs in tests.
#pragma once

#include <string>

#include "precis/graph/graph.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"
#include "precis/graph/text_values.h"

namespace precis {

// "f32[1,4,8,8]": the type of value `name` (default y) after inference.
inline std::string inferred(const std::string& text, const std::string& name = "y",
                            const InferOptions& options = {}) {
  Graph g = parse_graph(text);
  infer_types(g, options);
  return text::print_type(g.value(g.find_value(name)).type);
}

// The same for one statement that makes y, with inputs and constants written out.
inline std::string inferred_op(const std::string& inputs, const std::string& statements,
                               const std::string& name = "y") {
  return inferred("graph g(" + inputs + ") -> (" + name + ") { " + statements + " }", name);
}

// The message of the Error that inference throws, or "" when it throws none.
inline std::string infer_error(const std::string& text) {
  try {
    Graph g = parse_graph(text);
    infer_types(g);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

}  // namespace precis
