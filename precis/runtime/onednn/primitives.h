// Factories of the oneDNN kernels Precis uses. See kernel.h for the rules.
#pragma once

#include <optional>

#include "precis/runtime/onednn/kernel.h"

namespace precis::runtime::onednn {

// Convolution (and transposed convolution) over 1 to 3 spatial dimensions; weights in ONNX order
// (O, I/groups, k... ; transposed: I, O/groups, k...).
struct ConvolutionSpec {
  bool transposed = false;
  Shape source, weights, destination;
  int64_t groups = 1;
  std::vector<int64_t> strides, dilations, pads;  // dilations as ONNX (1 = dense); pads: begins, then ends
  DType source_dtype = DType::kF32, weights_dtype = DType::kF32, destination_dtype = DType::kF32;
  DType bias_dtype = DType::kUndefined;                     // kF32, kI32 or none
  std::optional<Layout> source_layout, destination_layout;  // empty: the kernel chooses
  // Integer convolution: result = (accumulator + bias) * scales[channel], post-ops, rounding, + zero point.
  std::vector<float> scales;
  int32_t source_zero_point = 0, destination_zero_point = 0;
  std::vector<PostOp> post_ops;
};
KernelPtr make_convolution(const ConvolutionSpec& spec);

// destination[..., m, n] = source[..., m, k] x weights[..., k, n] + bias[n]; row-major. With
// `constant_weights` the weights are packed once, else they are a second source.
struct MatMulSpec {
  Shape source, weights, destination;
  bool transposed_source = false, transposed_weights = false;  // the last two dimensions are stored swapped
  bool constant_weights = true;
  DType bias_dtype = DType::kUndefined;
  DType source_dtype = DType::kF32, weights_dtype = DType::kF32, destination_dtype = DType::kF32;
  std::vector<float> scales;
  int32_t source_zero_point = 0, destination_zero_point = 0;
  std::vector<PostOp> post_ops;
};
KernelPtr make_matmul(const MatMulSpec& spec);

struct PoolSpec {
  enum class Kind : uint8_t { kMax, kAverage, kAverageWithPads };
  Kind kind = Kind::kMax;
  DType dtype = DType::kF32;
  Shape source, destination;
  std::vector<int64_t> kernel, strides, pads;  // the end pads follow from the shapes
  Layout layout = Layout::kPlain;              // of both sides
};
KernelPtr make_pool(const PoolSpec& spec);

struct FunctionSpec {
  Shape shape;
  Layout layout = Layout::kPlain;
  Function function = Function::kRelu;
  float alpha = 0, beta = 0;
};
KernelPtr make_function(const FunctionSpec& spec);

// Element-wise, both operands and the destination in one layout; an operand's dimensions may be 1 (broadcast)
// when the layout is plain.
struct BinarySpec {
  enum class Kind : uint8_t { kAdd, kSub, kMul, kDiv, kMax, kMin };
  Kind kind = Kind::kAdd;
  Shape a, b, destination;  // equal ranks
  Layout layout = Layout::kPlain;
  std::vector<PostOp> post_ops;
};
KernelPtr make_binary(const BinarySpec& spec);

struct SoftmaxSpec {
  Shape shape;
  int axis = -1;
  bool logarithm = false;
};
KernelPtr make_softmax(const SoftmaxSpec& spec);  // plain

struct LrnSpec {
  Shape shape;
  Layout layout = Layout::kPlain;
  int64_t size = 5;
  float alpha = 1e-4f, beta = 0.75f, bias = 1;
};
KernelPtr make_lrn(const LrnSpec& spec);

struct ReorderSpec {
  DType dtype = DType::kF32;  // of both sides
  Shape shape;
  Layout from = Layout::kPlain, to = Layout::kPlain;
};
KernelPtr make_reorder(const ReorderSpec& spec);

struct ConcatSpec {
  DType dtype = DType::kF32;
  std::vector<Shape> sources;
  Shape destination;
  int axis = 1;
  Layout layout = Layout::kPlain;
};
KernelPtr make_concat(const ConcatSpec& spec);

}  // namespace precis::runtime::onednn
