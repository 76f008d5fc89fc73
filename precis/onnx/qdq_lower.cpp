// Lowering, one encoded value at a time. Positions are taken from the order before the first edit, so that a
// large graph costs no repeated renumbering.
#include "precis/onnx/qdq_lower.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "precis/core/check.h"
#include "precis/core/rounding.h"
#include "precis/core/text.h"
#include "precis/onnx/qdq_params.h"
#include "precis/onnx/qoperator_lower.h"

namespace precis::onnx_io {
namespace {

// A float tensor of what the codes of a bias stand for.
Tensor dequantized(const Tensor& codes, const Encoding& e) {
  Tensor real(DType::kF32, codes.shape());
  auto out = real.data<float>();
  for (size_t i = 0; i < out.size(); ++i) {
    const size_t block = e.scales.size() == 1 ? 0 : i;
    out[i] = dequantize_value(static_cast<int32_t>(codes.at_int(static_cast<int64_t>(i))), e.scales[block],
                              e.zero_point(block));
  }
  return real;
}

class Lowerer {
 public:
  Lowerer(Graph& graph, QuantFormat format, WriteOptions::BiasForm bias) : g_(graph), bias_(bias) {
    position_.assign(g_.num_node_slots(), 0);
    on_codes_.assign(g_.num_node_slots(), false);
    const auto order = g_.order();
    for (size_t p = 0; p < order.size(); ++p) {
      position_[static_cast<size_t>(order[p].index)] = p;
      for (std::string& name : captured_names(g_.node(order[p]))) captured_.insert(std::move(name));
      on_codes_[static_cast<size_t>(order[p].index)] =
          format == QuantFormat::kQOperator && has_qoperator_form(g_, g_.node(order[p]));
    }
    if (!order.empty()) first_ = order.front();
  }

  void run() {
    const size_t count = g_.num_values();
    for (size_t i = 0; i < count; ++i) {
      const ValueId id{static_cast<int32_t>(i)};
      const Value& v = g_.value(id);
      if (!v.alive || !v.type.encoded()) continue;
      if (v.constant)
        lower_constant(id);
      else if (v.captured)
        g_.value(id).type.encoding = {};  // the enclosing graph offers the real value under this name
      else
        lower_computed(id);
    }
    for (size_t i = 0; i < on_codes_.size(); ++i)
      if (on_codes_[i]) make_qoperator(g_, NodeId{static_cast<int32_t>(i)}, params_);
    for (const auto& [codes, p] : params_)
      for (ValueId v : {p.scale, p.zero_point})  // integer operators derive the scale of a bias
        if (v) g_.remove_if_dead(v);
  }

 private:
  // What the nodes around one encoded value share.
  struct Pair {
    std::string base;  // the tensor's name
    ValueType real;    // type of the dequantized side
    QdqParams params;
    ValueId codes, scale, zero_point;
  };

  bool pinned(ValueId v) const { return g_.is_output(v) || captured_.count(g_.value(v).name) > 0; }

  ValueId constant(const std::string& name, Tensor t) {
    return g_.add_constant(g_.unique_value_name(name), std::move(t));
  }

  Pair make_pair(ValueId id, std::string base) {
    const Value& v = g_.value(id);
    Pair p;
    p.base = std::move(base);
    p.real = v.type;
    p.real.encoding = {};
    p.params = params_of(v.type, v.name);
    if (p.real.dtype == DType::kUndefined) p.real.dtype = p.params.expressed;
    p.scale = constant(p.base + "/scale", scale_tensor(p.params));
    const bool bias = p.params.code == DType::kI32 && p.params.zero_points.empty();
    if (!bias) p.zero_point = constant(p.base + "/zp", zero_point_tensor(p.params));
    return p;
  }

  ValueType code_type(const Pair& p) const {
    ValueType type;
    type.dtype = p.params.code;
    type.shape = p.real.shape;
    return type;
  }

  Node linear(const char* op, const Pair& p, ValueId from, ValueId to, std::string name) const {
    Node n;
    n.op = op;
    n.name = std::move(name);
    n.inputs = {from, p.scale};
    if (p.zero_point) n.inputs.push_back(p.zero_point);
    n.outputs = {to};
    if (!p.params.per_tensor()) n.attributes["axis"] = p.params.axis;
    if (p.params.block_size > 0) n.attributes["block_size"] = p.params.block_size;
    return n;
  }
  Node quantizer(const Pair& p, ValueId real) const {
    return linear("QuantizeLinear", p, real, p.codes, g_.unique_node_name(p.base + "/Q"));
  }
  Node dequantizer(const Pair& p, ValueId to) const {
    return linear("DequantizeLinear", p, p.codes, to, g_.unique_node_name(p.base + "/DQ"));
  }

  // Turns a node of ours into its ONNX form in place.
  void become(NodeId id, Node form) {
    g_.set_inputs(id, form.inputs);
    Node& n = g_.node(id);
    n.domain.clear();
    n.op = form.op;
    n.attributes = std::move(form.attributes);
    if (n.name.empty()) g_.rename_node(id, form.name);
  }

  // precis::Dequantize readers of `encoded`: those that make graph outputs get a DQ of their own, the others
  // are done by the shared one, whose output (`shared`) their readers take.
  void lower_dequantizers(ValueId encoded, const Pair& p, ValueId shared) {
    const std::vector<Use> uses = g_.value(encoded).uses;
    for (const Use& use : uses) {
      if (!g_.node(use.node).is_precis("Dequantize")) continue;
      const ValueId out = g_.node(use.node).output(0);
      if (pinned(out)) {
        become(use.node, dequantizer(p, out));
      } else {
        g_.remove_node(use.node);
        g_.replace_uses_in_nodes(out, shared);
        g_.remove_if_dead(out);
      }
    }
  }

  bool on_codes(NodeId id) const {
    const auto i = static_cast<size_t>(id.index);
    return i < on_codes_.size() && on_codes_[i];
  }

  // Some reader other than `q` takes the real value, or has it made by a Dequantize that the shared one
  // replaces.
  bool needs_shared(ValueId encoded, NodeId q = {}) const {
    const auto& uses = g_.value(encoded).uses;
    return std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
      const Node& n = g_.node(use.node);
      return use.node != q && !on_codes(use.node) && (!n.is_precis("Dequantize") || !pinned(n.output(0)));
    });
  }

  // Integer readers of the encoded value take the codes.
  void give_codes(ValueId encoded, const Pair& p) {
    params_[p.codes] = {p.scale, p.zero_point};
    const std::vector<Use> uses = g_.value(encoded).uses;
    for (const Use& use : uses)
      if (on_codes(use.node)) g_.set_input(use.node, static_cast<size_t>(use.slot), p.codes);
  }

  void lower_constant(ValueId id) {
    Value& v = g_.value(id);
    const bool integer_reader =
        std::any_of(v.uses.begin(), v.uses.end(), [&](const Use& use) { return on_codes(use.node); });
    if (v.type.encoding.code == DType::kI32 && bias_ == WriteOptions::BiasForm::kFloat && !integer_reader) {
      v.constant = dequantized(*v.constant, v.type.encoding);
      v.type.encoding = {};
      v.type.dtype = DType::kF32;
      return lower_dequantizers_of_plain(id);
    }
    if (v.uses.empty() && !pinned(id)) {  // nobody asks what the codes mean
      v.type.dtype = v.type.encoding.code;
      v.type.encoding = {};
      return;
    }
    Pair p = make_pair(id, v.name);
    const Tensor codes = *g_.value(id).constant;
    p.codes = constant(p.base + "/quantized", codes);
    g_.value(id).constant.reset();
    g_.value(id).type = p.real;
    give_codes(id, p);
    lower_dequantizers(id, p, id);
    if (g_.value(id).uses.empty() && !pinned(id)) return g_.remove_if_dead(id);
    insert_before_readers(id, dequantizer(p, id));
  }

  void lower_dequantizers_of_plain(ValueId id) {
    const std::vector<Use> uses = g_.value(id).uses;
    for (const Use& use : uses)
      if (g_.node(use.node).is_precis("Dequantize")) {
        g_.node(use.node).domain.clear();
        g_.node(use.node).op = "Identity";
      }
  }

  void insert_before_readers(ValueId id, Node n) {
    const auto& uses = g_.value(id).uses;
    const auto earliest =
        std::min_element(uses.begin(), uses.end(), [&](const Use& a, const Use& b) { return at(a) < at(b); });
    const NodeId position = pinned(id) || earliest == uses.end() ? first_ : earliest->node;
    if (position)
      g_.insert_node_before(position, std::move(n));
    else
      g_.add_node(std::move(n));
  }
  size_t at(const Use& use) const {
    const auto i = static_cast<size_t>(use.node.index);
    return i < position_.size() ? position_[i] : SIZE_MAX;
  }

  void lower_computed(ValueId id) {
    const NodeId producer = g_.value(id).producer;
    check(bool(producer), ErrorCode::kUnsupported,
          "graph input '{}' is encoded; ONNX needs a real input and a precis::Quantize",
          printable(g_.value(id).name));
    const Node& n = g_.node(producer);
    if (n.is_precis("Quantize") || n.is_precis("Requantize"))
      lower_quantize(id, producer);
    else
      lower_result(id, producer);
  }

  // x -> precis::Quantize -> E becomes x -> Q -> codes -> DQ -> E.
  void lower_quantize(ValueId id, NodeId quantize) {
    const Node& n = g_.node(quantize);
    Pair p = make_pair(id, g_.value(n.is_precis("Quantize") ? n.input(0) : id).name);
    const ValueId real = n.input(0);
    if (!needs_shared(id) && !pinned(id)) {  // nobody reads the real side here: the value itself is the codes
      p.codes = id;
      become(quantize, quantizer(p, real));
      g_.value(id).type = code_type(p);
      give_codes(id, p);
      return lower_dequantizers(id, p, id);
    }
    p.codes = g_.add_value(g_.unique_value_name(p.base + "/quantized"), code_type(p));
    become(quantize, quantizer(p, real));
    g_.set_output(quantize, 0, p.codes);
    g_.value(id).type = p.real;
    give_codes(id, p);
    lower_dequantizers(id, p, id);
    g_.insert_node_after(quantize, dequantizer(p, id));
  }

  void lower_result(ValueId id, NodeId producer) {
    Pair p = make_pair(id, g_.value(id).name);
    p.codes = g_.add_value(g_.unique_value_name(p.base + "/quantized"), code_type(p));
    g_.value(id).type = p.real;
    give_codes(id, p);
    if (on_codes(producer))
      dequantize_result(id, producer, p);
    else
      quantize_result(id, producer, p);
  }

  // The node writes codes; T, where somebody reads it, is their real value.
  void dequantize_result(ValueId id, NodeId producer, const Pair& p) {
    const std::vector<ValueId> outputs = g_.node(producer).outputs;
    const auto slot = std::find(outputs.begin(), outputs.end(), id) - outputs.begin();
    g_.set_output(producer, static_cast<size_t>(slot), p.codes);
    const bool shared = needs_shared(id) || pinned(id);
    lower_dequantizers(id, p, id);
    if (shared)
      g_.insert_node_after(producer, dequantizer(p, id));
    else
      g_.remove_if_dead(id);
  }

  // N -> T (encoded) becomes N -> T -> Q -> codes -> DQ -> T/dequantized.
  void quantize_result(ValueId id, NodeId producer, const Pair& p) {
    const bool keeps_name = pinned(id);  // readers outside know the dequantized side by the tensor's name
    if (keeps_name) g_.rename_value(id, g_.unique_value_name(p.base + "/real"));
    const NodeId q = g_.insert_node_after(producer, quantizer(p, id));
    if (!keeps_name && !needs_shared(id, q)) return lower_dequantizers(id, p, id);
    const std::string name = keeps_name ? p.base : g_.unique_value_name(p.base + "/dequantized");
    const ValueId shared = g_.add_value(name, p.real);
    lower_dequantizers(id, p, shared);
    g_.replace_uses(id, shared);
    g_.set_input(q, 0, id);
    g_.insert_node_after(q, dequantizer(p, shared));
  }

  Graph& g_;
  WriteOptions::BiasForm bias_;
  std::vector<size_t> position_;
  std::unordered_set<std::string> captured_;
  std::vector<bool> on_codes_;            // by node index: computes on integers
  std::map<ValueId, CodeParams> params_;  // of the integer values that such nodes read and write
  NodeId first_;
};

template <typename Visit>
void for_each_subgraph(Graph& graph, const Visit& visit) {
  const std::vector<NodeId> order(graph.order().begin(), graph.order().end());
  for (NodeId id : order)
    for (auto& [key, attribute] : graph.node(id).attributes)
      if (auto* body = std::get_if<SubgraphPtr>(&attribute)) visit(**body);
}

}  // namespace

void lower_encodings(Graph& graph, QuantFormat format, WriteOptions::BiasForm bias) {
  for_each_subgraph(graph, [&](Graph& body) { lower_encodings(body, format, bias); });
  Lowerer(graph, format, bias).run();
}

bool has_encodings(const Graph& graph) {
  for (size_t i = 0; i < graph.num_values(); ++i) {
    const Value& v = graph.value(ValueId{static_cast<int32_t>(i)});
    if (v.alive && v.type.encoded()) return true;
  }
  for (NodeId id : graph.order())
    for (const auto& [key, attribute] : graph.node(id).attributes)
      if (const auto* body = std::get_if<SubgraphPtr>(&attribute))
        if (has_encodings(**body)) return true;
  return false;
}

}  // namespace precis::onnx_io
