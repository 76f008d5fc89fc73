// Where the integers of docs/quantization.md apply in a graph, and with which constants: shared by the
// reference engine and the plan compiler, so that both round at the same places.
//
//   Conv | ConvTranspose | Gemm | MatMul  [-> Add(r)]  [-> Relu | Clip]  [-> precis::Quantize]  -> encoded y
//   Add | Sub | Mul | BatchNormalization               [-> Relu | Clip]  [-> precis::Quantize]  -> encoded y
//
// The inputs of the first node, r and y are encoded (uniform, per tensor; weights also per output channel);
// every value between is plain f32, read once, and no graph output. Such a chain is one operation that rounds
// once, at its end.
#pragma once

#include <optional>
#include <vector>

#include "precis/graph/graph.h"
#include "precis/kernels/reference/requantize.h"

namespace precis::runtime {

struct IntegerChain {
  NodeId main;
  std::vector<NodeId> absorbed;  // the following nodes, in order
  ValueId residual;   // encoded; {} = none. Applies only where its shape is the result's; else the nodes run
                      // one by one
  NodeId activation;  // Relu or Clip; {} = none
  float lo = 0, hi = 0;  // Clip's limits
  ValueId output;        // of the last node; encoded
  kernels::reference::FusedActivation fused_activation(float output_scale) const;
};
// The longest chain that starts at `main`; nullopt when its end is not encoded or `main` is no such operator
// or its operands are not encoded. A convolution whose own output is encoded is a chain of one node.
std::optional<IntegerChain> match_integer_chain(const Graph& graph, NodeId main);

// Uniform, one scale for the whole tensor, found at compile time.
bool is_per_tensor(const Encoding& e);
kernels::reference::OutputGrid grid_of(const Encoding& e);  // of a per-tensor encoding

// Constants of a convolution or matrix product on codes. `channels` values each: weight_scale,
// weight_zero_point, bias. MatMul: channels = columns; its bias is 0. The operand that is not the weights is
// the data.
struct IntegerLinear {
  int weight_slot = 1;  // input index of the constant operand (MatMul: 1 when neither or both are constant)
  float data_scale = 1;
  int32_t data_zero_point = 0;
  int64_t channels = 1;
  std::vector<float> weight_scale;
  std::vector<int32_t> weight_zero_point;
  std::vector<int32_t> bias;
};
// nullopt where the contract sends the node to dequantize -> float -> quantize: inputs 0 and 1 not both
// encoded per tensor (weights: or per output channel), Gemm with alpha, beta or transA, a bias that is
// computed or not one value per channel, or an accumulator without the proof sum |w - z_w| max |x - z_x| +
// |bias| < 2^31. Shapes are those of inputs 0 and 1.
std::optional<IntegerLinear> integer_linear(const Graph& graph, const Node& node, const Shape& a,
                                            const Shape& b);

// BatchNormalization with constant parameters as x * a[c] + b[c]: a = scale / sqrt(double(variance) + epsilon),
// b = bias - mean * a, in double.
struct IntegerAffine {
  std::vector<double> a, b;
  float multiplier(size_t c, float sx, float sy) const { return kernels::reference::affine_multiplier(a[c], sx, sy); }
  float offset(size_t c, float sy) const { return kernels::reference::affine_offset(b[c], sy); }
};
// nullopt for any other node, in training mode, and where the result has more than one output or the parameters
// are not constant, f32 and one per channel.
std::optional<IntegerAffine> integer_affine(const Graph& graph, const Node& node);

}  // namespace precis::runtime
