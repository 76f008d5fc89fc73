// Float convolutions and matrix products on oneDNN, with what was fused to them.
#include <fmt/format.h>

#include "precis/runtime/geometry.h"
#include "precis/runtime/lowering.h"
#include "precis/runtime/onednn/primitives.h"
#include "precis/runtime/reference_geometry.h"

namespace precis::runtime {
namespace {

using onednn::PostOp;

bool all_float(const PlanBuilder& b, const FusedOp& op) {
  const auto plain = [&](ValueId v) {
    return !v || (b.type(v).dtype == DType::kF32 && !b.type(v).encoded());
  };
  for (ValueId v : b.node(op).inputs)
    if (!plain(v)) return false;
  for (ValueId v : op.outputs)
    if (!plain(v)) return false;
  return plain(op.residual);
}

// How a kernel takes the residual: as an operand, or out of the memory where it then leaves the result.
using ResidualKind = PostOp::Kind;

std::vector<PostOp> post_ops_of(const PlanBuilder& b, const FusedOp& op,
                                ResidualKind residual = ResidualKind::kAdd) {
  std::vector<PostOp> result;
  if (op.residual) {
    PostOp p;
    p.kind = residual;
    p.operand = b.shape(op.residual);
    result.push_back(std::move(p));
  }
  for (const FunctionStep& f : op.activation) {
    PostOp p;
    p.function = f.function;
    p.alpha = f.alpha;
    p.beta = f.beta;
    result.push_back(std::move(p));
  }
  return result;
}

// The weights and bias of an op, with the factors and summands that follow it multiplied in (in double).
struct Constants {
  Tensor weights, bias;  // bias: undefined when there is none
};

// The output channel of every weight: Conv keeps channels in dimension 0, ConvTranspose in dimension 1 group
// by group of dimension 0, products in the dimension that is not summed over.
int64_t channel_of(const Node& node, const Shape& s, int64_t i) {
  if (node.is("ConvTranspose")) {
    const int64_t group_rows = s[0] / node.get_int("group", 1);
    return i / s.inner(1) / group_rows * s[1] + i / s.inner(2) % s[1];
  }
  const bool first = node.is("Conv") || (node.is("Gemm") && node.get_int("transB", 0) != 0);
  return first ? i / s.inner(1) : i % s[s.rank() - 1];
}

// How many weights of one output channel lie side by side.
int64_t weights_per_channel_run(const Node& node, const Shape& s) {
  if (node.is("ConvTranspose")) return s.inner(2);
  return node.is("Conv") || (node.is("Gemm") && node.get_int("transB", 0) != 0) ? s.inner(1) : 1;
}

Constants fold_affine(const PlanBuilder& b, const FusedOp& op, const Tensor& weights, const Tensor& bias) {
  if (op.affine.empty()) return {weights, bias};
  const Node& main = b.node(op);
  const bool product = main.is("MatMul") || main.is("Gemm");
  const Shape result = b.shape(main.outputs[0]);
  const int axis = product ? result.rank() - 1 : 1;
  std::optional<ChannelAffine> all;
  ValueId value = main.outputs[0];
  for (NodeId id : op.affine) {
    const auto next = channel_affine(b.graph(), b.graph().node(id), value, result[axis], axis);
    all = all ? compose(*all, *next) : *next;
    value = b.graph().node(id).outputs[0];
  }
  Constants folded{weights, Tensor(DType::kF32, Shape{result[axis]})};
  for (size_t c = 0; c < all->scale.size(); ++c) {
    const double own = bias.defined() ? static_cast<double>(bias.data<float>()[c]) : 0;
    folded.bias.data<float>()[c] = static_cast<float>(own * all->scale[c] + all->shift[c]);
  }
  if (!all->scales) return folded;
  folded.weights = weights.clone();
  auto w = folded.weights.data<float>();
  const auto run = static_cast<size_t>(weights_per_channel_run(main, weights.shape()));
  for (size_t begin = 0; begin < w.size(); begin += run) {
    const int64_t channel = channel_of(main, weights.shape(), static_cast<int64_t>(begin));
    const double scale = all->scale[static_cast<size_t>(channel)];
    for (float& x : w.subspan(begin, run)) x = static_cast<float>(x * scale);
  }
  return folded;
}

// The operands of a kernel whose post-ops may read a residual, in the order emit_kernel() wants. `over`: the
// buffer of the residual when the kernel adds to what lies in its destination.
void emit_weighted(PlanBuilder& b, const FusedOp& op, const onednn::KernelPtr& kernel, const Tensor& weights,
                   const Tensor& bias, BufferId over = -1) {
  const Constants constants = fold_affine(b, op, weights, bias);
  using Role = onednn::Argument::Role;
  const ValueId source = b.node(op).inputs[0];
  const Layout from = kernel->argument(Role::kSource).layout,
               to = kernel->argument(Role::kDestination).layout;
  std::vector<BufferId> operands{b.read(source, from)};
  std::vector<ValueId> named{source, b.node(op).inputs[1]};
  if (op.residual) {
    if (over < 0) operands.push_back(b.read(op.residual, to));
    named.push_back(op.residual);
  }
  if (over >= 0) b.write_over(op.outputs[0], to, over);
  operands.push_back(over >= 0 ? over : b.write(op.outputs[0], to));
  const std::string key = b.weights_key(op, "weights", {{constants.weights}}) + kernel->weights_key();
  const Tensor packed = b.packed(key, [&] { return kernel->pack_weights(constants.weights); });
  b.emit_kernel(kernel, b.describe(op, "onednn:" + kernel->implementation(), named, from, to), operands,
                packed, constants.bias);
}

}  // namespace

bool lower_float_convolution(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const Tensor* constant_weights = b.constant(main.inputs[1]);
  if (!all_float(b, op) || constant_weights == nullptr) return false;
  if (main.input(2) && b.constant(main.inputs[2]) == nullptr) return false;
  onednn::ConvolutionSpec spec;
  spec.transposed = main.is("ConvTranspose");
  spec.source = b.shape(main.inputs[0]);
  spec.weights = constant_weights->shape();
  spec.destination = b.shape(op.outputs[0]);
  spec.groups = main.get_int("group", 1);
  const auto params =
      (spec.transposed ? conv_transpose_params : conv_params)(main, spec.source, spec.weights);
  const Geometry g = geometry_of(params.window, spec.source.rank() - 2);
  spec.strides = g.strides;
  spec.dilations = g.dilations;
  spec.pads = g.pads;
  const Tensor bias = main.input(2) ? *b.constant(main.inputs[2]) : Tensor();
  if (bias.defined() || !op.affine.empty()) spec.bias_dtype = DType::kF32;
  onednn::KernelPtr kernel;
  BufferId over = -1;
  if (op.residual) {
    // oneDNN's fastest implementations add to the destination, but take no operand.
    spec.post_ops = post_ops_of(b, op, ResidualKind::kSum);
    kernel = onednn::make_convolution(spec);
    if (kernel)
      over = b.overwritable(op, op.residual, kernel->argument(onednn::Argument::Role::kDestination).layout);
  }
  if (over < 0) {
    spec.post_ops = post_ops_of(b, op);
    kernel = onednn::make_convolution(spec);
  }
  if (!kernel) return false;
  emit_weighted(b, op, kernel, *constant_weights, bias, over);
  return true;
}

namespace {

// A bias that is one row of the result, as oneDNN wants it; null when it has another form.
std::optional<Tensor> row_bias(const PlanBuilder& b, const Node& node, int64_t columns, float factor) {
  const Tensor* t = b.constant(node.inputs[2]);
  if (t == nullptr || t->dtype() != DType::kF32) return std::nullopt;
  const bool row = t->numel() == columns && (t->shape().rank() == 1 || t->shape()[0] == 1);
  if (!row && t->numel() != 1) return std::nullopt;
  Tensor bias(DType::kF32, Shape{columns});
  for (int64_t i = 0; i < columns; ++i)
    bias.data<float>()[static_cast<size_t>(i)] =
        factor * t->data<float>()[t->numel() == 1 ? 0 : static_cast<size_t>(i)];
  return bias;
}

Shape transposed_last(Shape s) {
  std::swap(s[s.rank() - 1], s[s.rank() - 2]);
  return s;
}

}  // namespace

bool lower_float_matmul(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  if (!all_float(b, op)) return false;
  onednn::MatMulSpec spec;
  spec.source = b.shape(main.inputs[0]);
  spec.weights = b.shape(main.inputs[1]);
  spec.destination = b.shape(op.outputs[0]);
  if (spec.source.rank() < 2 || spec.weights.rank() < 2) return false;
  const Tensor* constant_weights = b.constant(main.inputs[1]);
  spec.constant_weights = constant_weights != nullptr;
  Tensor bias;
  if (main.is("Gemm")) {
    spec.transposed_source = main.get_int("transA", 0) != 0;
    spec.transposed_weights = main.get_int("transB", 0) != 0;
    if (spec.transposed_source) spec.source = transposed_last(spec.source);
    if (spec.transposed_weights) spec.weights = transposed_last(spec.weights);
    const float alpha = main.get_float("alpha", 1);
    if (alpha != 1) spec.scales = {alpha};
    if (alpha != 1 && main.input(2)) return false;
    if (main.input(2)) {
      const auto row = row_bias(b, main, spec.destination[1], main.get_float("beta", 1));
      if (!row) return false;
      bias = *row;
      spec.bias_dtype = DType::kF32;
    }
  }
  if (!op.affine.empty()) spec.bias_dtype = DType::kF32;
  // Constant weights without batch dimensions: all rows of the source are one matrix.
  const bool flat =
      main.is("MatMul") && spec.constant_weights && spec.weights.rank() == 2 && spec.source.rank() > 2;
  if (flat) {
    const int last = spec.source.rank() - 1;
    const Shape rows{spec.source.outer(last), spec.source[last]};
    spec.destination = Shape{rows[0], spec.weights[1]};
    spec.source = rows;
  }
  if (spec.source.rank() != spec.weights.rank() || spec.source.rank() != spec.destination.rank())
    return false;
  spec.post_ops = post_ops_of(b, op);
  for (PostOp& p : spec.post_ops)
    if (p.kind == PostOp::Kind::kAdd) p.operand = spec.destination;
  const onednn::KernelPtr kernel = onednn::make_matmul(spec);
  if (!kernel) return false;
  if (spec.constant_weights) {
    emit_weighted(b, op, kernel, *constant_weights, bias);
    return true;
  }
  std::vector<ValueId> named{main.inputs[0], main.inputs[1]};
  std::vector<BufferId> operands{b.read(named[0], Layout::kPlain), b.read(named[1], Layout::kPlain)};
  if (op.residual) {
    operands.push_back(b.read(op.residual, Layout::kPlain));
    named.push_back(op.residual);
  }
  operands.push_back(b.write(op.outputs[0], Layout::kPlain));
  b.emit_kernel(kernel,
                b.describe(op, "onednn:" + kernel->implementation(), named, Layout::kPlain, Layout::kPlain),
                operands, {}, bias);
  return true;
}

}  // namespace precis::runtime
