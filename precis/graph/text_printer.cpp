// Graph -> text form: inputs, outputs, constants in id order, nodes in order; see docs/graph_text.md.
#include "precis/graph/text.h"
#include "precis/graph/text_values.h"

namespace precis {
namespace {

std::string name_of(const Graph& graph, ValueId id) {
  return id ? text::quote_name(graph.value(id).name) : std::string("_");
}

std::string typed(const Graph& graph, ValueId id) {
  std::string out = name_of(graph, id);
  if (!id) return out;
  const ValueType& type = graph.value(id).type;
  if (type.dtype != DType::kUndefined || type.shape) out += ": " + text::print_type(type);
  return out;
}

template <typename Print>
std::string list(const Graph& graph, std::span<const ValueId> ids, const Print& print) {
  std::string out;
  for (ValueId id : ids) out += (out.empty() ? "" : ", ") + print(graph, id);
  return out;
}

struct Printer {
  int64_t max_elements;
  std::string out;

  void print(const Graph& g, const std::string& indent) {
    out += "graph " + (g.name.empty() ? "" : text::quote_name(g.name));
    out += "(" + list(g, g.inputs(), typed) + ") -> (" + list(g, g.outputs(), name_of) + ") {\n";
    for (ValueId id : g.initializers())
      out +=
          indent + "  " + typed(g, id) + " = " + text::print_contents(*g.constant(id), max_elements) + "\n";
    for (NodeId id : g.order()) print_node(g, g.node(id), indent + "  ");
    out += indent + "}";
  }

  void print_node(const Graph& g, const Node& n, const std::string& indent) {
    out += indent + list(g, n.outputs, typed) + " = ";
    if (!n.domain.empty()) out += text::quote_name(n.domain) + "::";
    out += text::quote_name(n.op) + "(" + list(g, n.inputs, name_of) + ")";
    const char* separator = " {";
    for (const auto& [key, attribute] : n.attributes) {
      out += separator + text::quote_name(key) + "=";
      separator = ", ";
      if (const auto* body = std::get_if<SubgraphPtr>(&attribute))
        print(**body, indent);
      else
        out += text::print_attribute(key, attribute);
    }
    if (!n.attributes.empty()) out += "}";
    const bool default_name = !n.outputs.empty() && n.outputs[0] && g.value(n.outputs[0]).name == n.name;
    if (!default_name) out += " as " + (n.name.empty() ? "\"\"" : text::quote_name(n.name));
    out += "\n";
  }
};

}  // namespace

std::string print_graph(const Graph& graph, int64_t max_elements) {
  Printer printer{max_elements, ""};
  printer.print(graph, "");
  return printer.out + "\n";
}

}  // namespace precis
