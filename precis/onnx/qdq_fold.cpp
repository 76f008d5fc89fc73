// Folding in two steps: integer values between Q and DQ become encoded values (every Q a precis::Quantize);
// then each precis::Quantize that a producing node can take over goes away.
#include "precis/onnx/qdq_fold.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>
#include <vector>

#include "precis/core/text.h"
#include "precis/graph/op.h"
#include "precis/onnx/qdq_names.h"
#include "precis/onnx/qdq_params.h"

namespace precis::onnx_io {
namespace {

bool is_q(const Node& n) { return n.is("QuantizeLinear"); }
bool is_dq(const Node& n) { return n.is("DequantizeLinear"); }

class Folder {
 public:
  explicit Folder(Graph& graph) : g_(graph) {
    for (NodeId id : g_.order())
      for (std::string& name : captured_names(g_.node(id))) captured_.insert(std::move(name));
  }

  FoldResult run() {
    const std::vector<NodeId> order(g_.order().begin(), g_.order().end());
    for (NodeId id : order) read_params(id);
    for (NodeId id : order)
      if (is_dq(g_.node(id))) fold_constant(id);
    for (NodeId id : order)
      if (g_.node(id).alive && is_q(g_.node(id))) fold_codes(id);
    for (NodeId id : quantizes_)
      if (g_.node(id).alive) absorb(id);
    for (ValueId v : leftovers_)
      if (v && captured_.count(g_.value(v).name) == 0) g_.remove_if_dead(v);
    for (ValueId v : shorten_)
      if (g_.value(v).alive) take_original_name(v);
    FoldResult result{folded_, 0};
    for (NodeId id : g_.order()) result.kept += is_q(g_.node(id)) || is_dq(g_.node(id)) ? 1 : 0;
    return result;
  }

 private:
  bool pinned(ValueId v) const { return g_.is_output(v) || captured_.count(g_.value(v).name) > 0; }

  void read_params(NodeId id) {
    const Node& n = g_.node(id);
    if (!is_q(n) && !is_dq(n)) return;
    auto params = read_qdq_params(g_, n);
    if (!params || !n.output(0)) return;
    if (is_q(n)) {
      const DType real = g_.value(n.input(0)).type.dtype;
      if (real != DType::kUndefined && real != params->expressed) return;  // ONNX also quantizes int32 sums
      ValueType& codes = g_.value(n.output(0)).type;
      if (codes.dtype == DType::kUndefined) codes.dtype = params->code;
      if (!codes.shape) codes.shape = g_.value(n.input(0)).type.shape;
    }
    params_.emplace(id, std::move(*params));
  }

  const QdqParams* params(NodeId id) const {
    const auto it = params_.find(id);
    return it == params_.end() ? nullptr : &it->second;
  }

  ValueType encoded_type(ValueId codes, const QdqParams& p, Encoding e) const {
    ValueType type = g_.value(codes).type;
    type.dtype = p.expressed;
    type.encoding = std::move(e);
    return type;
  }

  // A folded node goes, and with it whatever only it needed.
  void remove(NodeId id) {
    const Node& n = g_.node(id);
    leftovers_.insert(leftovers_.end(), n.inputs.begin(), n.inputs.end());
    leftovers_.insert(leftovers_.end(), n.outputs.begin(), n.outputs.end());
    g_.remove_node(id);
    ++folded_;
  }

  // Scale and zero point are part of the encoding now.
  void keep_only_input(NodeId id) {
    const std::vector<ValueId> inputs = g_.node(id).inputs;
    g_.set_inputs(id, {inputs[0]});
    leftovers_.insert(leftovers_.end(), inputs.begin() + 1, inputs.end());
  }

  // Strips what quantizers appended to the tensor's name, as long as the shorter name is free.
  void take_original_name(ValueId v) {
    while (!pinned(v)) {
      const std::string name(original_tensor_name(g_.value(v).name));
      if (g_.find_value(name)) return;
      g_.rename_value(v, name);
    }
  }

  // DQ of an initializer: its output becomes an encoded initializer. Equal DQs of one initializer become one.
  void fold_constant(NodeId id) {
    const Node n = g_.node(id);
    const Tensor* codes = g_.constant(n.input(0));
    const QdqParams* p = params(id);
    if (!codes || !p || codes->dtype() != p->code || pinned(n.output(0))) return;
    auto encoding = encoding_of(*p, symbolic(codes->shape()));
    if (!encoding) return;
    const ValueId real = n.output(0);
    remove(id);
    for (const auto& [known, constant] : encoded_constants_[n.input(0)])
      if (*known == *p) return g_.replace_uses_in_nodes(real, constant);
    const ValueType type = encoded_type(n.input(0), *p, std::move(*encoding));
    Value& v = g_.value(real);
    v.type = type;
    v.constant = *codes;
    v.type.shape = symbolic(codes->shape());
    encoded_constants_[n.input(0)].emplace_back(p, real);
    shorten_.push_back(real);
  }

  // --- integer values between Q and DQ

  struct Region {
    std::vector<ValueId> values;  // integer values that hold the same kind of codes, the Q's output first
    std::vector<NodeId> pads;     // Pad nodes among the movers: their fill value is a code, too
  };

  // A node that moves codes from its input 0 to its outputs as it would move the real values.
  bool moves_codes(const Node& n, const QdqParams& p) const {
    if (!n.domain.empty() || !p.per_tensor()) return false;
    if (!moves_data_only(g_, n)) return false;
    if (n.op == "Resize") return n.get_string("mode", "nearest") == "nearest";
    if (n.op == "Pad") return !n.input(2) || g_.constant(n.input(2)) != nullptr;
    return n.op != "MaxPool" || n.outputs.size() == 1;
  }

  // All that the codes of this Q reach through movers; nullopt when somebody else sees them.
  std::optional<Region> region_of(NodeId q, const QdqParams& p) const {
    Region r;
    r.values = {g_.node(q).output(0)};
    for (size_t i = 0; i < r.values.size(); ++i) {
      if (pinned(r.values[i])) return std::nullopt;
      for (const Use& use : g_.value(r.values[i]).uses) {
        const Node& n = g_.node(use.node);
        const QdqParams* theirs = params(use.node);
        if (is_dq(n) && theirs && *theirs == p && use.slot == 0) continue;
        if (use.slot != 0 || !moves_codes(n, p)) return std::nullopt;
        if (n.op == "Pad") r.pads.push_back(use.node);
        for (ValueId out : n.outputs)
          if (out) r.values.push_back(out);
      }
    }
    return r;
  }

  void fold_codes(NodeId q) {
    const QdqParams* p = params(q);
    if (!p) return;
    const ValueId codes = g_.node(q).output(0);
    auto encoding = encoding_of(*p, g_.value(codes).type.shape);
    const auto region = region_of(q, *p);
    if (!encoding || !region) return;
    for (NodeId pad : region->pads) pad_with_real(pad, *p);
    for (ValueId v : region->values) encode_value(v, *p, *encoding);
    Node& n = g_.node(q);
    n.domain = "precis";
    n.op = "Quantize";
    n.attributes.clear();
    keep_only_input(q);
    quantizes_.push_back(q);
    ++folded_;
  }

  // The integer value becomes encoded and its DQs go; it takes over the name of the first of them.
  void encode_value(ValueId codes, const QdqParams& p, const Encoding& e) {
    const std::vector<Use> uses = g_.value(codes).uses;
    g_.value(codes).type = encoded_type(codes, p, e);
    std::string name;
    for (const Use& use : uses) {
      if (!is_dq(g_.node(use.node))) continue;
      const ValueId real = g_.node(use.node).output(0);
      if (!g_.value(codes).type.shape) g_.value(codes).type.shape = g_.value(real).type.shape;
      g_.replace_uses_in_nodes(real, codes);
      if (pinned(real)) {
        dequantize_explicitly(use.node);
        continue;
      }
      remove(use.node);
      if (name.empty()) name = g_.value(real).name;
      g_.rename_value(real, g_.unique_value_name(g_.value(real).name + "/gone"));  // dies at the end
    }
    if (!name.empty()) g_.rename_value(codes, name);
    shorten_.push_back(codes);
  }

  void dequantize_explicitly(NodeId dq) {
    Node& n = g_.node(dq);
    n.domain = "precis";
    n.op = "Dequantize";
    n.attributes.clear();
    keep_only_input(dq);
    ++folded_;
  }

  // The fill value was a code; as an operator on encoded values, Pad takes the real value.
  void pad_with_real(NodeId pad, const QdqParams& p) {
    const Node& n = g_.node(pad);
    if (n.get_string("mode", "constant") != "constant") return;
    const Tensor* fill = g_.constant(n.input(2));
    const auto code = static_cast<int32_t>(fill ? fill->at_int(0) : 0);
    const int32_t zero = p.zero_points.empty() ? 0 : p.zero_points[0];
    const Tensor real = Tensor::scalar(static_cast<float>(code - zero) * p.scales[0]).cast(p.expressed);
    g_.set_input(pad, 2, g_.add_constant(g_.unique_value_name(g_.value(n.output(0)).name + "/value"), real));
  }

  // --- precis::Quantize nodes

  bool is_quantize_like(NodeId id, const Encoding& e) const {
    const Node& n = g_.node(id);
    return n.is_precis("Quantize") && g_.value(n.output(0)).type.encoding == e;
  }

  // Of several equal Quantize nodes on one value the first one stays.
  void merge_twins(NodeId id) {
    const ValueId real = g_.node(id).input(0), codes = g_.node(id).output(0);
    const std::vector<Use> uses = g_.value(real).uses;
    for (const Use& use : uses) {
      if (use.node == id || !is_quantize_like(use.node, g_.value(codes).type.encoding)) continue;
      const ValueId twin = g_.node(use.node).output(0);
      g_.replace_uses_in_nodes(twin, codes);
      g_.remove_node(use.node);
      leftovers_.push_back(twin);
    }
  }

  // The producer of the quantized value writes codes itself when nobody else reads the real value.
  void absorb(NodeId id) {
    const ValueId real = g_.node(id).input(0), codes = g_.node(id).output(0);
    if (g_.value(real).type.encoded()) {
      g_.node(id).op = "Requantize";
      return;
    }
    merge_twins(id);
    const Node* producer = g_.producer(real);
    const bool able = producer && producer->domain.empty() && !producer->is("If") && !producer->is("Loop") &&
                      !producer->is("Scan") && !is_dq(*producer);
    if (!able || g_.value(real).uses.size() != 1 || pinned(real)) return;
    ValueType type = g_.value(codes).type;
    if (!type.shape) type.shape = g_.value(real).type.shape;
    g_.value(real).type = std::move(type);
    g_.remove_node(id);
    g_.replace_uses_in_nodes(codes, real);
    leftovers_.push_back(codes);
    shorten_.push_back(real);
  }

  Graph& g_;
  std::unordered_set<std::string> captured_;
  std::map<NodeId, QdqParams> params_;
  std::map<ValueId, std::vector<std::pair<const QdqParams*, ValueId>>> encoded_constants_;  // by codes
  std::vector<NodeId> quantizes_;
  std::vector<ValueId> shorten_;    // values whose names may lose what quantizers appended
  std::vector<ValueId> leftovers_;  // values that may have lost their last reader
  int folded_ = 0;
};

}  // namespace

FoldResult fold_qdq(Graph& graph) {
  FoldResult sum;
  const std::vector<NodeId> order(graph.order().begin(), graph.order().end());
  for (NodeId id : order)
    for (auto& [key, attribute] : graph.node(id).attributes)
      if (auto* body = std::get_if<SubgraphPtr>(&attribute)) {
        const FoldResult inner = fold_qdq(**body);
        sum.folded += inner.folded;
        sum.kept += inner.kept;
      }
  const FoldResult own = Folder(graph).run();
  return {sum.folded + own.folded, sum.kept + own.kept};
}

}  // namespace precis::onnx_io
