// Before:  [2,3] (constant) -> Transpose -> y -> ...      After:  y = constant -> ...
// Nodes whose inputs are all constant are evaluated once, through graph/evaluate.h; shapes that inference
// knows count as constants too. What is computed on the way costs memory only; what the rest of the graph
// reads is written, and may make the model larger by at most limits().max_fold_growth_bytes in all (Expand,
// Tile, ConstantOfShape would blow it up): the largest results stay computed.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/graph/evaluate.h"
#include "precis/graph/op.h"
#include "precis/passes/pass_list.h"

namespace precis::passes {
namespace {

constexpr uint64_t kMaxResultBytes = 64u << 20;  // of one node, held while the pass runs
constexpr uint64_t kMaxHeldBytes = 512u << 20;   // of all

// Shape and Size of a value whose dimensions are all known need no input data.
std::optional<std::vector<Tensor>> known_shape(const Graph& g, const Node& n) {
  if (!n.is("Shape") && !n.is("Size")) return std::nullopt;
  const SymbolicShape& s = g.value(n.input(0)).type.shape;
  if (!fully_known(s)) return std::nullopt;
  const Shape shape = to_shape(s);
  if (n.is("Size")) return std::vector<Tensor>{Tensor::scalar<int64_t>(shape.numel())};
  const int64_t rank = shape.rank();
  const auto clip = [&](int64_t a) { return std::clamp<int64_t>(a < 0 ? a + rank : a, 0, rank); };
  const int64_t start = clip(n.get_int("start", 0)), end = std::max(start, clip(n.get_int("end", rank)));
  Tensor t(DType::kI64, Shape{end - start});
  for (int64_t i = start; i < end; ++i)
    t.data<int64_t>()[static_cast<size_t>(i - start)] = shape[static_cast<int>(i)];
  return std::vector<Tensor>{t};
}

bool touches_encoding_or_output(const Graph& g, const Node& n) {
  return std::any_of(n.outputs.begin(), n.outputs.end(),
                     [&](ValueId v) { return v && (g.value(v).type.encoded() || g.is_output(v)); });
}

class ConstantFolder {
 public:
  ConstantFolder(Graph& g, int64_t growth) : g_(g), allowed_(growth) {}

  PassResult run() {
    evaluate();
    choose();
    return apply();
  }

 private:
  const Tensor* known(ValueId v) const {
    if (const auto it = results_.find(v); it != results_.end()) return &it->second;
    return g_.value(v).type.encoded() ? nullptr : g_.constant(v);
  }

  std::optional<std::vector<Tensor>> evaluate(const Node& n) const {
    if (auto shape = known_shape(g_, n)) return shape;
    uint64_t bytes = 0;
    std::vector<Tensor> inputs;
    for (ValueId v : n.inputs) {
      const Tensor* t = v ? known(v) : nullptr;
      if (v && t == nullptr) return std::nullopt;
      inputs.push_back(v ? *t : Tensor());
      bytes += v ? static_cast<uint64_t>(t->nbytes()) : 0;
    }
    return evaluate_node(n, inputs, std::max(bytes, kMaxResultBytes));
  }

  void evaluate() {
    uint64_t held = 0;
    for (NodeId id : g_.order()) {
      const Node& n = g_.node(id);
      if (n.domain == "precis" || n.is("QuantizeLinear") || n.is("DequantizeLinear") ||
          draws_random_numbers(g_, n) || touches_encoding_or_output(g_, n) || held > kMaxHeldBytes)
        continue;
      auto outputs = evaluate(n);
      if (!outputs) continue;
      evaluated_.push_back(id);
      gone_.insert(id);
      for (size_t i = 0; i < n.outputs.size(); ++i) {
        if (!n.outputs[i]) continue;
        held += static_cast<uint64_t>((*outputs)[i].nbytes());
        results_[n.outputs[i]] = std::move((*outputs)[i]);
      }
    }
  }

  bool all_readers_go(ValueId v) const {
    const auto& uses = g_.value(v).uses;
    return std::all_of(uses.begin(), uses.end(), [&](const Use& use) { return gone_.count(use.node) != 0; });
  }

  // What a node that goes leaves to be written.
  std::vector<ValueId> written(NodeId id) const {
    std::vector<ValueId> values;
    for (ValueId v : g_.node(id).outputs)
      if (v && !all_readers_go(v)) values.push_back(v);
    return values;
  }

  int64_t written_bytes(NodeId id) const {
    int64_t bytes = 0;
    for (ValueId v : written(id)) bytes += results_.at(v).nbytes();
    return bytes;
  }

  int64_t growth() const {
    int64_t bytes = 0;
    std::set<ValueId> freed;
    for (NodeId id : gone_) {
      bytes += written_bytes(id);
      for (ValueId v : g_.node(id).inputs)
        if (v && g_.constant(v) && !g_.is_output(v) && all_readers_go(v)) freed.insert(v);
    }
    for (ValueId v : freed) bytes -= g_.constant(v)->nbytes();
    return bytes;
  }

  // Lets the nodes with the largest results stay until the model grows by no more than it may. A node that
  // stays reads what others made: that is written then, or stays too in the next round.
  void choose() {
    for (int64_t excess = growth() - allowed_; excess > 0; excess = growth() - allowed_) {
      std::vector<std::pair<int64_t, NodeId>> largest;
      for (NodeId id : gone_)
        if (const int64_t bytes = written_bytes(id); bytes > 0) largest.emplace_back(-bytes, id);
      if (largest.empty()) return;
      std::sort(largest.begin(), largest.end());
      for (const auto& [bytes, id] : largest) {
        if (excess <= 0) break;
        excess += bytes;
        gone_.erase(id);
        notes_.push_back(fmt::format(
            "{}: stays computed: as a constant it would take {} bytes, and the model may grow by {}",
            describe(g_, g_.node(id)), -bytes, allowed_));
      }
    }
  }

  PassResult apply() {
    for (NodeId id : evaluated_) {
      if (gone_.count(id) == 0) continue;
      for (ValueId v : written(id)) {
        const std::string name = g_.unique_value_name(g_.value(v).name + "/folded");
        g_.replace_uses(v, g_.add_constant(name, results_.at(v)));
      }
    }
    const std::vector<NodeId> gone(gone_.begin(), gone_.end());
    g_.remove_nodes(gone);
    PassResult result;
    result.changes = static_cast<int>(gone.size());
    result.notes = std::move(notes_);
    return result;
  }

  Graph& g_;
  const int64_t allowed_;
  std::vector<NodeId> evaluated_;  // in order
  std::set<NodeId> gone_;          // of them, those that are replaced by what they make
  std::map<ValueId, Tensor> results_;
  std::vector<std::string> notes_;
};

}  // namespace

PassResult fold_constants_within(Model& model, int64_t growth) {
  return ConstantFolder(model.graph, growth).run();
}

PassResult fold_constants(Model& model) {
  return fold_constants_within(model, static_cast<int64_t>(limits().max_fold_growth_bytes));
}

}  // namespace precis::passes
