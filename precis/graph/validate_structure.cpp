// The validator's first half: names, origins of values, outputs, order and types as declared.
#include <algorithm>
#include <unordered_set>

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/graph/op.h"
#include "precis/graph/validate_parts.h"

namespace precis {
namespace {

std::string quoted(std::string_view name) { return "'" + printable(name) + "'"; }

// Control characters, broken UTF-8 and characters that reorder text: names with them can neither be typed nor
// shown safely.
bool is_displayable(std::string_view name) {
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7f; };
  while (!name.empty()) {
    // printable() cuts long texts, so it judges pieces, none of which ends inside a UTF-8 sequence.
    size_t n = std::min<size_t>(name.size(), 64);
    while (n < name.size() && n < 68 && (static_cast<unsigned char>(name[n]) & 0xc0) == 0x80) ++n;
    const std::string_view piece = name.substr(0, n);
    if (!std::all_of(piece.begin(), piece.end(), plain) && printable(piece) != piece) return false;
    name.remove_prefix(n);
  }
  return true;
}

class StructureCheck {
 public:
  StructureCheck(const Scope& scope, Problems& problems)
      : graph_(*scope.graph), scope_(scope), problems_(problems) {}

  void run() {
    check_name("graph", graph_.name);
    check_inputs();
    check_outputs();
    collect_captures();
    for (size_t i = 0; i < graph_.num_values(); ++i) {
      const ValueId id{static_cast<int32_t>(i)};
      if (graph_.value(id).alive) check_value(id);
    }
    if (initializers_ > limits().max_initializers)
      error(ErrorCode::kLimit, where(),
            fmt::format("has {} initializers, at most {} are allowed", initializers_,
                        limits().max_initializers));
    if (unused_ > 0)
      problems_.warning(where(), fmt::format("{} initializers are not used, the first is {}", unused_,
                                             quoted(first_unused_)));
    for (NodeId id : graph_.order()) check_node(graph_.node(id));
    check_order();
  }

 private:
  std::string where() const {
    return scope_.parent == nullptr ? "graph " + quoted(graph_.name) : "subgraph " + quoted(graph_.name);
  }
  void error(ErrorCode code, std::string at, std::string message) {
    problems_.error(code, std::move(at), std::move(message));
  }
  void malformed(std::string at, std::string message) {
    error(ErrorCode::kMalformed, std::move(at), std::move(message));
  }

  void check_name(const char* kind, std::string_view name) {
    if (name.size() > limits().max_name_bytes)
      error(
          ErrorCode::kLimit, fmt::format("{} {}", kind, quoted(name)),
          fmt::format("its name has {} bytes, at most {} are allowed", name.size(), limits().max_name_bytes));
    else if (!is_displayable(name))
      malformed(fmt::format("{} {}", kind, quoted(name)),
                "its name holds control characters or invalid UTF-8; rename it");
  }

  void check_inputs() {
    for (ValueId id : graph_.inputs()) {
      const Value& v = graph_.value(id);
      const std::string at = "graph input " + quoted(v.name);
      if (scope_.parent == nullptr && v.type.dtype == DType::kUndefined) malformed(at, "has no element type");
      if (!v.type.shape) continue;
      if (v.type.shape->size() > static_cast<size_t>(kMaxRank))
        malformed(at, fmt::format("has rank {}, at most {} is allowed", v.type.shape->size(), kMaxRank));
      for (const Dim& d : *v.type.shape)
        if (d.value > limits().max_tensor_elements)
          malformed(at, fmt::format("has a dimension of {}, at most {} is allowed", d.value,
                                    limits().max_tensor_elements));
    }
  }

  void check_outputs() {
    if (graph_.outputs().empty()) malformed(where(), "has no outputs");
    std::unordered_set<int32_t> seen;
    for (ValueId id : graph_.outputs()) {
      if (!id)
        malformed(where(), "has an output without a name");
      else if (!seen.insert(id.index).second && scope_.parent == nullptr)
        malformed("graph output " + quoted(graph_.value(id).name), "is listed twice");
    }
  }

  void collect_captures() {
    for (NodeId id : graph_.order())
      for (std::string& name : captured_names(graph_.node(id))) captured_by_bodies_.insert(std::move(name));
  }

  void check_value(ValueId id) {
    const Value& v = graph_.value(id);
    check_name("value", v.name);
    if (v.constant) check_constant(id, v);
    if (v.type.encoded())
      if (std::string message = encoding_problem(v.type); !message.empty())
        malformed("value " + quoted(v.name), std::move(message));
    const bool read = !v.uses.empty() || captured_by_bodies_.count(v.name) > 0;
    if (!v.producer && !v.constant && !v.input && !v.captured) {
      if (graph_.is_output(id))
        malformed("graph output " + quoted(v.name),
                  "is made by no node, and is neither an input nor an initializer");
      else if (read)
        malformed("value " + quoted(v.name), "is read" + reader(v) + ", but nothing makes it");
    }
    check_scope(v);
  }

  std::string reader(const Value& v) const {
    return v.uses.empty() ? " by a subgraph" : " by " + describe(graph_, graph_.node(v.uses[0].node));
  }

  // Captured names must exist outside; all others must be new there (ONNX: one definition per name, subgraphs
  // included).
  void check_scope(const Value& v) {
    bool outside = false;
    for (const Scope* s = &scope_; s->parent != nullptr && !s->closed && !outside;) {
      s = s->parent;
      const ValueId found = s->graph->find_value(v.name);
      outside = found && !s->graph->value(found).captured;
    }
    if (v.captured && !outside)
      malformed("value " + quoted(v.name), "is read in " + where() + ", but no enclosing graph has it");
    if (!v.captured && outside)
      malformed("value " + quoted(v.name),
                "of " + where() + " has the name of a value of an enclosing graph");
  }

  void check_constant(ValueId id, const Value& v) {
    ++initializers_;
    const std::string at = "initializer " + quoted(v.name);
    const Tensor& t = *v.constant;
    if (t.dtype() != v.type.storage_dtype())
      malformed(at, fmt::format("holds {}, but its type says {}", dtype_name(t.dtype()),
                                dtype_name(v.type.storage_dtype())));
    if (!v.type.shape || !fully_known(v.type.shape) || to_shape(v.type.shape) != t.shape())
      malformed(at,
                fmt::format("has shape {}, but its type says {}", t.shape().str(), shape_str(v.type.shape)));
    if (v.uses.empty() && !graph_.is_output(id) && captured_by_bodies_.count(v.name) == 0 && unused_++ == 0)
      first_unused_ = v.name;
  }

  void check_node(const Node& n) {
    check_name("node", n.name);
    if (n.op.empty()) malformed(describe(graph_, n), "has no operator");
    if (std::none_of(n.outputs.begin(), n.outputs.end(), [](ValueId v) { return static_cast<bool>(v); }))
      malformed(describe(graph_, n), "has no outputs");
  }

  void check_order() {
    std::vector<bool> done(graph_.num_node_slots(), false);
    for (NodeId id : graph_.order()) {
      const Node& n = graph_.node(id);
      for (ValueId in : n.inputs)
        if (!check_ready(n, in, done)) return;
      for (const std::string& name : captured_names(n))
        if (!check_ready(n, graph_.find_value(name), done)) return;
      done[static_cast<size_t>(id.index)] = true;
    }
  }

  bool check_ready(const Node& n, ValueId in, const std::vector<bool>& done) {
    if (!in) return true;
    const NodeId producer = graph_.value(in).producer;
    if (!producer || done[static_cast<size_t>(producer.index)]) return true;
    if (const NodeId on_cycle = graph_.cycle_node())
      malformed(describe(graph_, graph_.node(on_cycle)),
                "is part of a cycle: its inputs depend on its own outputs; graphs must be acyclic");
    else
      malformed(describe(graph_, n), "reads " + quoted(graph_.value(in).name) + " before " +
                                         describe(graph_, graph_.node(producer)) +
                                         " makes it; nodes must be sorted topologically: export the model "
                                         "again, or sort it with a graph tool");
    return false;
  }

  const Graph& graph_;
  const Scope& scope_;
  Problems& problems_;
  std::unordered_set<std::string> captured_by_bodies_;
  int64_t initializers_ = 0, unused_ = 0;
  std::string first_unused_;
};

}  // namespace

void check_structure(const Scope& scope, Problems& problems) { StructureCheck(scope, problems).run(); }

}  // namespace precis
