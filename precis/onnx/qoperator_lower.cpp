// Conditions and forms, from one table of operators.
#include "precis/onnx/qoperator_lower.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "precis/core/check.h"
#include "precis/graph/op.h"

namespace precis::onnx_io {
namespace {

// How the inputs of a form follow each other; every operand is (codes, scale, zero point).
enum class Layout { kWeighted, kBinary, kUnary, kConcat };

struct QOperator {
  const char* op;
  const char* domain;
  const char* name;
  Layout layout;
};

constexpr std::array kForms = {
    QOperator{"Conv", "", "QLinearConv", Layout::kWeighted},
    QOperator{"MatMul", "", "QLinearMatMul", Layout::kBinary},
    QOperator{"Gemm", "com.microsoft", "QGemm", Layout::kWeighted},
    QOperator{"Add", "com.microsoft", "QLinearAdd", Layout::kBinary},
    QOperator{"Mul", "com.microsoft", "QLinearMul", Layout::kBinary},
    QOperator{"Concat", "com.microsoft", "QLinearConcat", Layout::kConcat},
    QOperator{"AveragePool", "com.microsoft", "QLinearAveragePool", Layout::kUnary},
    QOperator{"GlobalAveragePool", "com.microsoft", "QLinearGlobalAveragePool", Layout::kUnary},
    QOperator{"Sigmoid", "com.microsoft", "QLinearSigmoid", Layout::kUnary},
    QOperator{"LeakyRelu", "com.microsoft", "QLinearLeakyRelu", Layout::kUnary},
};

const QOperator* form_of(const Node& n) {
  for (const QOperator& f : kForms)
    if (n.is(f.op)) return &f;
  return nullptr;
}

const Encoding* encoding(const Graph& g, ValueId v) {
  return v && g.value(v).type.encoded() ? &g.value(v).type.encoding : nullptr;
}

bool is_byte(const Encoding* e) {
  return e && e->grid == Encoding::Grid::kUniform && !e->dynamic &&
         (e->code == DType::kU8 || e->code == DType::kI8);
}

bool per_tensor_bytes(const Encoding* e, DType code) {
  return is_byte(e) && e->scales.size() == 1 && e->code == code;
}

// Scales of constant weights: one, or one per output channel.
bool fits_weights(const Graph& g, const Node& n, ValueId w) {
  const Encoding* e = encoding(g, w);
  const Tensor* codes = g.constant(w);
  if (!is_byte(e)) return false;
  if (e->scales.size() == 1) return true;
  if (!codes) return false;
  const int axis = encoding_axis(*e, codes->shape());
  if (n.is("Conv")) return axis == 0;
  if (n.is("Gemm")) return axis == (n.get_int("transB", 0) != 0 ? 0 : 1);
  return codes->shape().rank() == 2 && axis == 1;
}

// An int32 bias must count in units of the product of the operands' scales.
bool fits_bias(const Graph& g, const Node& n) {
  if (!n.input(2)) return true;
  const Encoding* b = encoding(g, n.input(2));
  if (!b || b->code != DType::kI32 || !b->zero_points.empty() || !g.constant(n.input(2))) return false;
  const float sx = encoding(g, n.input(0))->scale();
  const std::vector<float>& sw = encoding(g, n.input(1))->scales;
  if (b->scales.size() != sw.size() && b->scales.size() != 1 && sw.size() != 1) return false;
  for (size_t i = 0; i < std::max(sw.size(), b->scales.size()); ++i) {
    const float wanted = sx * sw[sw.size() == 1 ? 0 : i], found = b->scales[b->scales.size() == 1 ? 0 : i];
    if (std::abs(found - wanted) > 1e-6f * wanted) return false;
  }
  return true;
}

bool fits_weighted(const Graph& g, const Node& n, DType code) {
  const bool signs =
      code == DType::kU8 || encoding(g, n.input(1))->code == DType::kI8;  // s8 with u8 weights: no kernel
  if (!signs || !fits_weights(g, n, n.input(1)) || !fits_bias(g, n)) return false;
  if (!n.is("Gemm")) return true;
  return n.get_float("alpha", 1) == 1 && n.get_float("beta", 1) == 1 && n.get_int("transA", 0) == 0;
}

bool moves_codes(const Graph& g, const Node& n) {
  if (!n.domain.empty() || !moves_data_only(g, n)) return false;
  const Encoding* in = encoding(g, n.input(0));
  if (!per_tensor_bytes(in, in ? in->code : DType::kUndefined)) return false;
  for (ValueId out : n.outputs)
    if (out && (!encoding(g, out) || *encoding(g, out) != *in)) return false;
  for (size_t i = 1; i < n.inputs.size(); ++i)
    if (encoding(g, n.inputs[i])) return false;
  if (n.op == "Resize") return n.get_string("mode", "nearest") == "nearest";
  if (n.op == "Pad") return !n.input(2) || g.constant(n.input(2)) != nullptr;
  return n.op != "MaxPool" || n.outputs.size() == 1;
}

bool fits_form(const Graph& g, const Node& n, const QOperator& form) {
  const Encoding* out = n.outputs.size() == 1 ? encoding(g, n.output(0)) : nullptr;
  if (!is_byte(out) || !per_tensor_bytes(out, out->code)) return false;
  const DType code = out->code;
  switch (form.layout) {
    case Layout::kWeighted:
      return per_tensor_bytes(encoding(g, n.input(0)), code) && is_byte(encoding(g, n.input(1))) &&
             fits_weighted(g, n, code);
    case Layout::kBinary:
      if (!per_tensor_bytes(encoding(g, n.input(0)), code)) return false;
      return n.is("MatMul") ? is_byte(encoding(g, n.input(1))) && fits_weighted(g, n, code)
                            : per_tensor_bytes(encoding(g, n.input(1)), code);
    case Layout::kUnary:
      return per_tensor_bytes(encoding(g, n.input(0)), code) && !n.has("dilations");
    case Layout::kConcat:
      return std::all_of(n.inputs.begin(), n.inputs.end(),
                         [&](ValueId in) { return per_tensor_bytes(encoding(g, in), code); });
  }
  return false;
}

const CodeParams& params_of(const std::map<ValueId, CodeParams>& params, ValueId codes) {
  const auto it = params.find(codes);
  check(it != params.end(), ErrorCode::kInternal, "no scale is known for an integer value");
  return it->second;
}

// The fill value of a Pad on codes is a code, and always given: its default would be code 0, not zero.
void pad_with_code(Graph& g, NodeId id, const CodeParams& p) {
  const Tensor* fill = g.constant(g.node(id).input(2));
  const Tensor& zero = *g.constant(p.zero_point);
  const double units = (fill ? fill->at_double(0) : 0.0) / g.constant(p.scale)->at_double(0);
  const Tensor code =
      Tensor::scalar(static_cast<float>(std::nearbyint(units) + zero.at_double(0))).cast(zero.dtype());
  const std::string name = g.value(g.node(id).output(0)).name + "/value";
  g.set_input(id, 2, g.add_constant(g.unique_value_name(name), code));
}

}  // namespace

bool has_qoperator_form(const Graph& graph, const Node& n) {
  const QOperator* form = form_of(n);
  return form ? fits_form(graph, n, *form) : moves_codes(graph, n);
}

void make_qoperator(Graph& g, NodeId id, const std::map<ValueId, CodeParams>& params) {
  const QOperator* form = form_of(g.node(id));
  if (!form) {
    const bool constant_pad = g.node(id).is("Pad") && g.node(id).get_string("mode", "constant") == "constant";
    if (constant_pad) pad_with_code(g, id, params_of(params, g.node(id).input(0)));
    return;
  }
  const Node n = g.node(id);
  std::vector<ValueId> inputs;
  const auto add = [&](ValueId codes) {
    const CodeParams& p = params_of(params, codes);
    inputs.insert(inputs.end(), {codes, p.scale, p.zero_point});
  };
  const CodeParams& out = params_of(params, n.output(0));
  if (form->layout == Layout::kConcat) {
    inputs = {out.scale, out.zero_point};
    for (ValueId in : n.inputs) add(in);
  } else {
    add(n.input(0));
    if (form->layout != Layout::kUnary) add(n.input(1));
    if (n.is("Gemm")) inputs.push_back(n.input(2));
    inputs.insert(inputs.end(), {out.scale, out.zero_point});
    if (n.is("Conv") && n.input(2)) inputs.push_back(n.input(2));
  }
  g.set_inputs(id, std::move(inputs));
  Node& form_node = g.node(id);
  form_node.domain = form->domain;
  form_node.op = form->name;
  form_node.attributes.erase("beta");
}

}  // namespace precis::onnx_io
