// Nodes: typed attribute access, the names that messages use, and subgraphs as values.
#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/graph/graph.h"

namespace precis {
namespace {

template <typename T>
const T* typed(const Node& node, std::string_view key, const char* expected) {
  const Attribute* a = node.find(key);
  if (a == nullptr) return nullptr;
  const T* value = std::get_if<T>(a);
  if (value == nullptr)
    fail(ErrorCode::kMalformed, "{}: attribute '{}' is of kind {}, expected {}", describe(node), key,
         attribute_kind(*a), expected);
  return value;
}

std::string op_label(const Node& node) {
  return printable(node.domain.empty() ? node.op : node.domain + "::" + node.op);
}

}  // namespace

SubgraphPtr::SubgraphPtr() : graph_(std::make_unique<Graph>()) {}
SubgraphPtr::SubgraphPtr(Graph graph) : graph_(std::make_unique<Graph>(std::move(graph))) {}
SubgraphPtr::SubgraphPtr(const SubgraphPtr& other)
    : graph_(other.graph_ ? std::make_unique<Graph>(*other.graph_) : nullptr) {}
SubgraphPtr::SubgraphPtr(SubgraphPtr&&) noexcept = default;
SubgraphPtr& SubgraphPtr::operator=(SubgraphPtr other) noexcept {
  graph_ = std::move(other.graph_);
  return *this;
}
SubgraphPtr::~SubgraphPtr() = default;

const char* attribute_kind(const Attribute& a) {
  static constexpr const char* kNames[] = {"int",  "float",  "string",  "tensor", "graph",
                                           "ints", "floats", "strings", "tensors", "type"};
  return kNames[a.index()];
}

const Attribute* Node::find(std::string_view key) const {
  // Attribute maps hold a handful of entries; a linear scan avoids making a std::string of the key.
  for (const auto& [name_of, value] : attributes)
    if (name_of == key) return &value;
  return nullptr;
}

int64_t Node::get_int(std::string_view key, int64_t fallback) const {
  const auto* v = typed<int64_t>(*this, key, "int");
  return v ? *v : fallback;
}

float Node::get_float(std::string_view key, float fallback) const {
  const auto* v = typed<float>(*this, key, "float");
  return v ? *v : fallback;
}

std::string Node::get_string(std::string_view key, std::string_view fallback) const {
  const auto* v = typed<std::string>(*this, key, "string");
  return v ? *v : std::string(fallback);
}

std::vector<int64_t> Node::get_ints(std::string_view key, std::vector<int64_t> fallback) const {
  const auto* v = typed<std::vector<int64_t>>(*this, key, "ints");
  return v ? *v : std::move(fallback);
}

std::vector<float> Node::get_floats(std::string_view key, std::vector<float> fallback) const {
  const auto* v = typed<std::vector<float>>(*this, key, "floats");
  return v ? *v : std::move(fallback);
}

std::string describe(const Node& node) {
  if (node.name.empty()) return "unnamed node (" + op_label(node) + ")";
  return "node '" + printable(node.name) + "' (" + op_label(node) + ")";
}

std::string describe(const Graph& graph, const Node& node) {
  std::string text = describe(node);
  if (!node.name.empty()) return text;
  for (ValueId out : node.outputs)
    if (out) return text + " that makes '" + printable(graph.value(out).name) + "'";
  return text;
}

std::vector<std::string> captured_names(const Node& node) {
  std::vector<std::string> names;
  std::vector<const Node*> pending{&node};
  while (!pending.empty()) {
    const Node* n = pending.back();
    pending.pop_back();
    for (const auto& [key, attribute] : n->attributes) {
      const auto* body = std::get_if<SubgraphPtr>(&attribute);
      if (body == nullptr) continue;
      const Graph& g = **body;
      for (size_t i = 0; i < g.num_values(); ++i) {
        const Value& v = g.value(ValueId{static_cast<int32_t>(i)});
        if (v.alive && v.captured) names.push_back(v.name);
      }
      for (NodeId id : g.order()) pending.push_back(&g.node(id));
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace precis
