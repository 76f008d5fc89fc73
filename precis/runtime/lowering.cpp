// Which lowerings each operator has.
#include "precis/runtime/lowering.h"

#include <array>
#include <map>
#include <string>
#include <vector>

namespace precis::runtime {
namespace {

using Table = std::map<std::string, std::vector<Lowering>, std::less<>>;

void add(Table& table, Lowering lowering, std::initializer_list<const char*> ops) {
  for (const char* op : ops) table[op].push_back(lowering);
}

Table make_table() {
  Table t;
  add(t, lower_code_linear, {"Conv", "MatMul", "Gemm"});
  add(t, lower_code_binary, {"Add", "Sub", "Mul"});
  add(t, lower_code_affine, {"BatchNormalization"});
  add(t, lower_code_pool, {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean"});
  add(t, lower_code_resize, {"Resize"});
  add(t, lower_code_shuffle, {"Reshape"});
  add(t, lower_code_function,
      {"Relu",     "LeakyRelu", "PRelu",       "Elu",        "Selu",  "Celu", "ThresholdedRelu",
       "Clip",     "Sigmoid",   "HardSigmoid", "HardSwish",  "Tanh",  "Gelu", "Erf",
       "Softplus", "Softsign",  "Mish",        "Swish",      "Abs",   "Neg",  "Exp",
       "Log",      "Sqrt",      "Sign",        "Reciprocal", "Floor", "Ceil", "Round"});
  add(t, lower_code_prelu, {"PRelu"});
  add(t, lower_quantize, {"precis::Quantize", "QuantizeLinear"});
  add(t, lower_dequantize, {"precis::Dequantize", "DequantizeLinear"});
  add(t, lower_requantize, {"precis::Requantize"});
  add(t, lower_dynamic_quantize, {"DynamicQuantizeLinear"});
  add(t, lower_dynamic_linear, {"MatMulInteger", "ConvInteger"});
  add(t, lower_dynamic_recurrent, {"com.microsoft::DynamicQuantizeLSTM"});
  add(t, lower_float_convolution, {"Conv", "ConvTranspose"});
  add(t, lower_float_matmul, {"MatMul", "Gemm"});
  add(t, lower_float_pool, {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean"});
  add(t, lower_float_function,
      {"Relu", "LeakyRelu", "PRelu", "Elu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Gelu",
       "Swish", "Abs", "Sqrt", "Exp", "Neg"});
  add(t, lower_cast, {"Cast"});
  add(t, lower_float_scalar, {"Add", "Sub", "Mul", "Div"});
  add(t, lower_float_binary, {"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum"});
  add(t, lower_float_softmax, {"Softmax", "LogSoftmax"});
  add(t, lower_float_lrn, {"LRN"});
  add(t, lower_float_batch_norm, {"BatchNormalization"});
  add(t, lower_recurrent, {"GRU", "LSTM", "RNN"});
  add(t, lower_row_norm, {"LayerNormalization", "RMSNormalization"});
  add(t, lower_attention, {"Attention"});
  add(t, lower_rotary, {"RotaryEmbedding"});
  add(t, lower_channel_shuffle, {"Reshape"});
  add(t, lower_alias, {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"});
  add(t, lower_transpose, {"Transpose"});
  add(t, lower_slice, {"Slice"});
  add(t, lower_split, {"Split"});
  add(t, lower_pad, {"Pad"});
  add(t, lower_concat, {"Concat"});
  add(t, lower_code_concat, {"Concat"});
  add(t, lower_depth_to_space, {"DepthToSpace", "SpaceToDepth"});
  add(t, lower_expand, {"Expand"});
  return t;
}

}  // namespace

std::span<const Lowering> lowerings_for(const Node& node) {
  static const Table table = make_table();
  const auto it = table.find(node.domain.empty() ? node.op : node.domain + "::" + node.op);
  return it == table.end() ? std::span<const Lowering>{} : std::span<const Lowering>(it->second);
}

}  // namespace precis::runtime
