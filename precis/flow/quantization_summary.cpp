// Counting encodings and what computes on codes.
#include "precis/flow/quantization_summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "precis/graph/macs.h"
#include "precis/graph/op.h"

namespace precis::flow {
namespace {

// The one axis along which scales vary in blocks; -1 when there are several.
int block_axis(const Encoding& e, const Shape& shape) {
  int axis = -1;
  for (int a = 0; a < shape.rank(); ++a) {
    const int64_t length = e.block[static_cast<size_t>(a)];
    if (length <= 1 || length >= shape[a]) continue;
    if (axis >= 0) return -1;
    axis = a;
  }
  return axis;
}

EncodedValue describe_value(const Value& v) {
  const Encoding& e = v.type.encoding;
  EncodedValue out{v.name, dtype_name(e.code), v.is_constant(), "tensor", -1, 0, "symmetric", e.dynamic};
  const bool affine =
      std::any_of(e.zero_points.begin(), e.zero_points.end(), [](int32_t z) { return z != 0; });
  if (affine) out.zero_point = "affine";
  if (e.per_tensor()) return out;
  out.granularity = "channel";
  if (!fully_known(v.type.shape)) return out;
  const Shape shape = to_shape(v.type.shape);
  out.axis = encoding_axis(e, shape);
  if (out.axis != -2) return out;
  out.granularity = "block";
  out.axis = block_axis(e, shape);
  if (out.axis >= 0) out.block = e.block[static_cast<size_t>(out.axis)];
  return out;
}

bool is_linear(const Node& n) {
  return n.is("Conv") || n.is("ConvTranspose") || n.is("Gemm") || n.is("MatMul") || n.is("LSTM") ||
         n.is("GRU") || n.is("RNN");
}
// On codes by their definition.
bool is_integer_op(const Node& n) {
  return n.is("MatMulInteger") || n.is("ConvInteger") || n.is("QLinearConv") || n.is("QLinearMatMul") ||
         n.is_microsoft("DynamicQuantizeLSTM");
}

bool is_byte(DType d) { return d == DType::kU8 || d == DType::kI8; }

// Constants that are codes: encoded ones, and the weights of operators on codes.
bool holds_codes(const Graph& g, ValueId v) {
  const Value& value = g.value(v);
  if (value.type.encoded()) return true;
  if (!is_byte(value.type.dtype)) return false;
  return std::any_of(value.uses.begin(), value.uses.end(),
                     [&](const Use& use) { return is_integer_op(g.node(use.node)); });
}

void count_node(const Graph& g, const Node& n, int64_t macs, QuantizationSummary& s) {
  s.macs += macs;
  s.run_time += n.is("DynamicQuantizeLinear") || n.is_microsoft("DynamicQuantizeLSTM");
  if (!is_linear(n) && !is_integer_op(n)) return;
  const auto encoded = [&](size_t i) { return n.input(i) && g.value(n.inputs[i]).type.encoded(); };
  if (is_integer_op(n) || (encoded(0) && encoded(1))) {
    ++s.integer;
    s.integer_macs += macs;
  } else if (encoded(1) && g.constant(n.inputs[1]) != nullptr) {
    ++s.weight_only;
  } else {
    ++s.real;
  }
}

}  // namespace

std::string EncodedValue::kind() const {
  std::string text = code + " per " + granularity;
  if (granularity == "block")
    text = code + (block > 0 ? fmt::format(" in blocks of {}", block) : " in blocks");
  if (axis >= 0) text += fmt::format(" (axis {})", axis);
  return text + (dynamic ? ", at run time" : ", " + zero_point);
}

std::map<std::string, int64_t> QuantizationSummary::kinds(bool constants) const {
  std::map<std::string, int64_t> counts;
  for (const EncodedValue& v : values)
    if (v.constant == constants) ++counts[v.kind()];
  return counts;
}

QuantizationSummary summarize_quantization(const Graph& g) {
  QuantizationSummary s;
  const auto add = [&](ValueId v) {
    if (v && g.value(v).type.encoded()) s.values.push_back(describe_value(g.value(v)));
  };
  for (ValueId v : g.inputs()) add(v);
  for (ValueId v : g.initializers()) {
    add(v);
    const auto bytes = static_cast<uint64_t>(g.constant(v)->nbytes());
    s.weight_bytes += bytes;
    if (holds_codes(g, v)) s.code_bytes += bytes;
  }
  const MacCount macs = count_macs(g);
  for (NodeId id : g.order()) {
    const Node& n = g.node(id);
    for (ValueId v : n.outputs) add(v);
    count_node(g, n, macs.by_node[static_cast<size_t>(id.index)], s);
  }
  return s;
}

}  // namespace precis::flow
