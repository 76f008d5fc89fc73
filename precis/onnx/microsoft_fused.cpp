// Rules for convolutions and products joined with what follows them, and for the family of Gelu.
#include <algorithm>
#include <numeric>

#include "precis/core/text.h"
#include "precis/onnx/microsoft_site.h"

namespace precis::onnx_io {
namespace {

ValueId activated(MicrosoftSite& s, ValueId x, const std::string& activation, std::vector<float> factors) {
  if (activation.empty()) return x;
  factors.resize(2);
  const auto bound = [&](size_t i) { return s.scalar(factors[i], i == 0 ? "min" : "max"); };
  if (activation == "Clip") return s.op("Clip", {x, bound(0), bound(1)});
  GraphBuilder::Attributes attributes;
  const bool takes_alpha = activation == "LeakyRelu" || activation == "HardSigmoid" || activation == "Elu" ||
                           activation == "ThresholdedRelu";
  if (takes_alpha) attributes["alpha"] = factors[0];
  if (activation == "HardSigmoid") attributes["beta"] = factors[1];
  return s.op(activation, {x}, std::move(attributes));
}

std::vector<ValueId> fused_conv(MicrosoftSite& s) {
  std::vector<ValueId> inputs = {s.in(0), s.in(1)};
  if (s.in(2)) inputs.push_back(s.in(2));
  ValueId y = s.op("Conv", std::move(inputs),
                   s.kept({"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"}));
  y = s.add_if(y, s.in(3));
  return {activated(s, y, s.node().get_string("activation", ""), s.node().get_floats("activation_params"))};
}

std::vector<ValueId> fused_gemm(MicrosoftSite& s) {
  std::vector<ValueId> inputs = {s.in(0), s.in(1)};
  if (s.in(2)) inputs.push_back(s.in(2));
  const Node& n = s.node();
  const ValueId y = s.op("Gemm", std::move(inputs), s.kept({"alpha", "beta", "transA", "transB"}));
  return {activated(s, y, n.get_string("activation", ""),
                    {n.get_float("activation_alpha", 0), n.get_float("activation_beta", 0)})};
}

// The operand with its matrices in the last two dimensions, as they are multiplied.
ValueId matrices(MicrosoftSite& s, size_t input, const char* transposed, const char* batch_inside) {
  const bool swap = s.node().get_int(transposed, 0) != 0, rotate = s.node().get_int(batch_inside, 0) != 0;
  if (!swap && !rotate) return s.in(input);
  const int rank = s.rank(input);
  if (rank < 2) return s.in(input);
  std::vector<int64_t> perm(static_cast<size_t>(rank));
  std::iota(perm.begin(), perm.end(), 0);
  if (rotate) std::rotate(perm.begin(), perm.begin() + 1, perm.end() - 1);
  if (swap) std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return s.op("Transpose", {s.in(input)}, {{"perm", perm}});
}

std::vector<ValueId> fused_matmul(MicrosoftSite& s) {
  const ValueId a = matrices(s, 0, "transA", "transBatchA"), b = matrices(s, 1, "transB", "transBatchB");
  const ValueId y = s.op("MatMul", {a, b});
  const float alpha = s.node().get_float("alpha", 1);
  return {alpha == 1 ? y : s.op("Mul", {y, s.scalar(alpha, "alpha")})};
}

std::vector<ValueId> gelu(MicrosoftSite& s) { return {s.op("Gelu", {s.add_if(s.in(0), s.in(1))})}; }
std::vector<ValueId> fast_gelu(MicrosoftSite& s) {
  return {s.op("Gelu", {s.add_if(s.in(0), s.in(1))}, {{"approximate", std::string("tanh")}})};
}
std::vector<ValueId> quick_gelu(MicrosoftSite& s) {
  const float alpha = s.node().get_float("alpha", 1.702f);
  const ValueId scaled = s.op("Mul", {s.in(0), s.scalar(alpha, "alpha")});
  return {s.op("Mul", {s.in(0), s.op("Sigmoid", {scaled})})};
}

std::vector<int64_t> channels_first(int rank) {
  std::vector<int64_t> perm = {0, rank - 1};
  for (int i = 1; i + 1 < rank; ++i) perm.push_back(i);
  return perm;
}
std::vector<int64_t> channels_last(int rank) {
  std::vector<int64_t> perm = {0};
  for (int i = 2; i < rank; ++i) perm.push_back(i);
  perm.push_back(1);
  return perm;
}

std::vector<ValueId> nhwc_max_pool(MicrosoftSite& s) {
  const int rank = s.rank(0);
  const ValueId x = s.op("Transpose", {s.in(0)}, {{"perm", channels_first(rank)}});
  const ValueId y =
      s.op("MaxPool", {x}, s.kept({"auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides"}));
  return {s.op("Transpose", {y}, {{"perm", channels_last(rank)}})};
}

// An operator on codes with its channels last: the same one between two transpositions.
std::vector<ValueId> qlinear_channels_last(MicrosoftSite& s) {
  const bool conv = s.node().op == "QLinearConv";
  if (s.node().get_int("channels_last", 0) == 0 && !conv) return {};
  Node n = s.node();
  const bool last = n.get_int("channels_last", 0) != 0;
  n.attributes.erase("channels_last");
  const int rank = last ? s.rank(0) : 0;
  if (last) n.inputs[0] = s.op("Transpose", {n.inputs[0]}, {{"perm", channels_first(rank)}});
  const std::string op = conv ? n.op : std::string(kMicrosoft) + "::" + n.op;
  const ValueId y = s.op(op, std::move(n.inputs), std::move(n.attributes));
  return {last ? s.op("Transpose", {y}, {{"perm", channels_last(rank)}}) : y};
}

// Before opset 13 a softmax went over everything from the axis on: over rows of a matrix.
std::vector<ValueId> qlinear_softmax(MicrosoftSite& s) {
  Node n = s.node();
  if (n.get_int("opset", 13) >= 13) return {};
  const int rank = s.rank(0);
  const int64_t axis = n.get_int("axis", 1) + (n.get_int("axis", 1) < 0 ? rank : 0);
  n.attributes = {{"axis", int64_t{-1}}, {"opset", int64_t{13}}};
  const bool rows = axis != rank - 1;
  if (rows) n.inputs[0] = s.op("Flatten", {n.inputs[0]}, {{"axis", axis}});
  const ValueId y = s.op("com.microsoft::QLinearSoftmax", std::move(n.inputs), std::move(n.attributes));
  return {rows ? s.op("Reshape", {y, s.op("Shape", {s.in(0)})}) : y};
}

}  // namespace

std::span<const MicrosoftEntry> microsoft_fused_rules() {
  static constexpr MicrosoftEntry kRules[] = {
      {"BiasGelu", gelu},
      {"FastGelu", fast_gelu},
      {"FusedConv", fused_conv},
      {"FusedGemm", fused_gemm},
      {"FusedMatMul", fused_matmul},
      {"Gelu", gelu},
      {"NhwcMaxPool", nhwc_max_pool},
      {"QLinearAveragePool", qlinear_channels_last},
      {"QLinearConv", qlinear_channels_last},
      {"QLinearGlobalAveragePool", qlinear_channels_last},
      {"QLinearSoftmax", qlinear_softmax},
      {"QuickGelu", quick_gelu},
  };
  return kRules;
}

}  // namespace precis::onnx_io
