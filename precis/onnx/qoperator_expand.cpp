// One table of operand positions and the expansion that it drives.
#include "precis/onnx/qoperator_expand.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>
#include <vector>

#include "precis/core/check.h"
#include "precis/onnx/qdq_names.h"

namespace precis::onnx_io {
namespace {

// Where a quantized operator keeps what: operand i at operands[i] (followed by its scale and zero point), the
// output's scale and zero point at `result`.
struct QForm {
  const char* domain;
  const char* name;
  const char* op;
  std::vector<size_t> operands;
  size_t result;
  std::optional<size_t> bias;   // int32, scaled by the product of the operands' scales
  std::optional<size_t> plain;  // an input that is passed on as it is, first
};

const std::vector<QForm>& forms() {
  static const std::vector<QForm> kForms = {
      {"", "QLinearConv", "Conv", {0, 3}, 6, 8, {}},
      {"", "QLinearMatMul", "MatMul", {0, 3}, 6, {}, {}},
      {"com.microsoft", "QGemm", "Gemm", {0, 3}, 7, 6, {}},
      {"com.microsoft", "QLinearAdd", "Add", {0, 3}, 6, {}, {}},
      {"com.microsoft", "QLinearMul", "Mul", {0, 3}, 6, {}, {}},
      {"com.microsoft", "QLinearWhere", "Where", {1, 4}, 7, {}, 0},
      {"com.microsoft", "QLinearAveragePool", "AveragePool", {0}, 3, {}, {}},
      {"com.microsoft", "QLinearGlobalAveragePool", "GlobalAveragePool", {0}, 3, {}, {}},
      {"com.microsoft", "QLinearLeakyRelu", "LeakyRelu", {0}, 3, {}, {}},
      {"com.microsoft", "QLinearReduceMean", "ReduceMean", {0}, 3, {}, {}},
      {"com.microsoft", "QLinearSigmoid", "Sigmoid", {0}, 3, {}, {}},
      {"com.microsoft", "QLinearSoftmax", "Softmax", {0}, 3, {}, {}},
  };
  return kForms;
}

// QLinearConcat has any number of operands after the output's parameters.
std::optional<QForm> form_of(const Node& n) {
  if (n.domain == "com.microsoft" && n.op == "QLinearConcat") {
    QForm f{"com.microsoft", "QLinearConcat", "Concat", {}, 0, {}, {}};
    for (size_t i = 2; i + 1 < n.inputs.size(); i += 3) f.operands.push_back(i);
    return f;
  }
  for (const QForm& f : forms())
    if (n.domain == f.domain && n.op == f.name) return f;
  return std::nullopt;
}

class Expander {
 public:
  explicit Expander(Graph& graph) : g_(graph) {
    for (NodeId id : g_.order())
      for (std::string& name : captured_names(g_.node(id))) captured_.insert(std::move(name));
  }

  void run() {
    const std::vector<NodeId> order(g_.order().begin(), g_.order().end());
    for (NodeId id : order) {
      const std::optional<QForm> form = form_of(g_.node(id));
      if (form && able(g_.node(id), *form)) expand(id, *form);
    }
  }

 private:
  // What is no complete node stays as it is, and so does a bias in units that are computed.
  bool able(const Node& n, const QForm& f) const {
    for (size_t slot : f.operands) {
      if (!n.input(slot) || !n.input(slot + 1)) return false;
      if (f.bias && n.input(*f.bias) && !g_.constant(n.input(slot + 1))) return false;
    }
    return !f.operands.empty() && n.outputs.size() == 1;
  }

  // Dimension along which scales of more than one element vary.
  int64_t scale_axis(const Node& n, size_t operand) const {
    if (n.op == "QLinearConv") return 0;
    if (n.op == "QGemm") return n.get_int("transB", 0) != 0 ? 0 : 1;
    return operand == 0 ? -2 : -1;  // MatMul: rows of the first, columns of the second matrix
  }

  ValueId dequantize(NodeId before, ValueId codes, ValueId scale, ValueId zero, std::optional<int64_t> axis) {
    const std::string base = g_.value(codes).name;
    const ValueId real = g_.add_value(g_.unique_value_name(base + "/dequantized"));
    Node n;
    n.op = "DequantizeLinear";
    n.name = g_.unique_node_name(base + "/DQ");
    n.inputs = {codes, scale};
    if (zero) n.inputs.push_back(zero);
    n.outputs = {real};
    if (axis) n.attributes["axis"] = *axis;
    g_.insert_node_before(before, std::move(n));
    return real;
  }

  ValueId dequantize_operand(NodeId id, size_t slot, size_t operand) {
    const Node& n = g_.node(id);
    const Tensor* scale = g_.constant(n.input(slot + 1));
    const bool along_axis = scale && scale->numel() > 1;
    const auto axis = along_axis ? std::optional(scale_axis(n, operand)) : std::nullopt;
    return dequantize(id, n.input(slot), n.input(slot + 1), n.input(slot + 2), axis);
  }

  // Scale of an int32 bias: product of the operands' scales (and alpha), per output channel where the weights
  // are.
  ValueId dequantize_bias(NodeId id, const QForm& f) {
    const Node& n = g_.node(id);
    const Tensor& sx = *g_.constant(n.input(f.operands[0] + 1));
    const Tensor& sw = *g_.constant(n.input(f.operands[1] + 1));
    const float alpha = n.get_float("alpha", 1);
    const bool along_axis = sw.numel() > 1;
    Tensor scale(DType::kF32, along_axis ? Shape{sw.numel()} : Shape{});
    for (int64_t i = 0; i < sw.numel(); ++i)
      scale.data<float>()[static_cast<size_t>(i)] =
          static_cast<float>(sx.at_double(0)) * static_cast<float>(sw.at_double(i)) * alpha;
    const ValueId codes = n.input(*f.bias);
    const ValueId scale_id = g_.add_constant(g_.unique_value_name(g_.value(codes).name + "/scale"), scale);
    return dequantize(id, codes, scale_id, {}, along_axis ? std::optional<int64_t>(-1) : std::nullopt);
  }

  void expand(NodeId id, const QForm& f) {
    std::vector<ValueId> reals;
    if (f.plain) reals.push_back(g_.node(id).input(*f.plain));
    for (size_t i = 0; i < f.operands.size(); ++i) reals.push_back(dequantize_operand(id, f.operands[i], i));
    if (f.bias && g_.node(id).input(*f.bias)) reals.push_back(dequantize_bias(id, f));
    quantize_result(id, f);
    if (f.op == std::string("ReduceMean")) reals.push_back(axes_input(id));
    while (!reals.empty() && !reals.back()) reals.pop_back();
    g_.set_inputs(id, std::move(reals));
    Node& n = g_.node(id);
    n.domain.clear();
    n.op = f.op;
    for (const char* own : {"channels_last", "opset"}) n.attributes.erase(own);
  }

  ValueId axes_input(NodeId id) {
    Node& n = g_.node(id);
    const auto axes = n.get_ints("axes");
    n.attributes.erase("axes");
    if (axes.empty()) return {};
    const std::string name = g_.unique_value_name(g_.value(n.output(0)).name + "/axes");
    return g_.add_constant(name, Tensor::from<int64_t>(Shape{static_cast<int64_t>(axes.size())}, axes));
  }

  // The node's output becomes real and takes the tensor's name; a QuantizeLinear makes the codes.
  void quantize_result(NodeId id, const QForm& f) {
    const ValueId scale = g_.node(id).input(f.result), zero = g_.node(id).input(f.result + 1);
    if (!scale) return;  // QGemm may have a float result
    const ValueId codes = g_.node(id).output(0);
    const bool pinned = g_.is_output(codes) || captured_.count(g_.value(codes).name) > 0;
    const std::string old = g_.value(codes).name, base(original_tensor_name(old));
    if (!pinned && base == old) g_.rename_value(codes, g_.unique_value_name(old + "/quantized"));
    ValueType type;
    type.dtype = DType::kF32;
    type.shape = g_.value(codes).type.shape;
    // When a DequantizeLinear has the tensor's name already, folding it away makes the name free again.
    const std::string name = g_.find_value(base) ? base + "/dequantized" : base;
    const ValueId real = g_.add_value(g_.unique_value_name(name), std::move(type));
    g_.set_output(id, 0, real);
    Node n;
    n.op = "QuantizeLinear";
    n.name = g_.unique_node_name(base + "/Q");
    n.inputs = {real, scale};
    if (zero) n.inputs.push_back(zero);
    n.outputs = {codes};
    g_.insert_node_after(id, std::move(n));
  }

  Graph& g_;
  std::unordered_set<std::string> captured_;
};

}  // namespace

void expand_qoperators(Graph& graph) {
  const std::vector<NodeId> order(graph.order().begin(), graph.order().end());
  for (NodeId id : order)
    for (auto& [key, attribute] : graph.node(id).attributes)
      if (auto* body = std::get_if<SubgraphPtr>(&attribute)) expand_qoperators(**body);
  Expander(graph).run();
}

}  // namespace precis::onnx_io
