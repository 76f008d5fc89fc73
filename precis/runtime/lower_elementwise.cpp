// Float element-wise operators on oneDNN: functions, arithmetic with a number, a tensor or one value per
// channel.
#include <cmath>

#include "precis/runtime/lower_float.h"
#include "precis/runtime/onednn/primitives.h"

namespace precis::runtime {

using onednn::KernelPtr;
using onednn::PostOp;

void emit_unary(PlanBuilder& b, const FusedOp& op, ValueId source, const onednn::KernelPtr& kernel,
                Layout layout, Layout out_layout, bool in_place) {
  const BufferId in = b.read(source, layout);
  const BufferId out = b.write(op.outputs[0], out_layout);
  if (in_place) b.may_share(in, out);
  b.emit_kernel(kernel, b.describe(op, "onednn:" + kernel->implementation(), {source}, layout, out_layout),
                {in, out});
}

namespace {

// The functions one after the other, in the layout the source has.
bool emit_functions(PlanBuilder& b, const FusedOp& op, ValueId source, const Activation& functions) {
  onednn::FunctionSpec spec;
  spec.shape = b.shape(source);
  spec.layout = b.native_layout(source);
  // Plain values of any rank are one long row.
  if (spec.layout == Layout::kPlain) spec.shape = Shape{spec.shape.numel()};
  std::vector<KernelPtr> kernels;
  for (const FunctionStep& f : functions) {
    spec.function = f.function;
    spec.alpha = f.alpha;
    spec.beta = f.beta;
    kernels.push_back(onednn::make_function(spec));
    if (!kernels.back()) return false;
  }
  emit_unary(b, op, source, kernels[0], spec.layout, spec.layout, true);
  const BufferId out = b.read(op.outputs[0], spec.layout);
  for (size_t i = 1; i < kernels.size(); ++i)
    b.emit_kernel(
        kernels[i],
        b.describe(op, "onednn:" + kernels[i]->implementation(), {op.outputs[0]}, spec.layout, spec.layout),
        {out, out});
  return true;
}

}  // namespace

bool lower_float_function(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const auto activation = activation_of(b.graph(), main);
  if (!activation || !is_float(b, main.inputs[0]) || !is_float(b, op.outputs[0])) return false;
  return emit_functions(b, op, main.inputs[0], *activation);
}

namespace {

std::optional<onednn::BinarySpec::Kind> binary_kind(const Node& node) {
  using Kind = onednn::BinarySpec::Kind;
  if (node.inputs.size() != 2) return std::nullopt;
  if (node.is("Add") || node.is("Sum")) return Kind::kAdd;
  if (node.is("Sub")) return Kind::kSub;
  if (node.is("Mul")) return Kind::kMul;
  if (node.is("Div")) return Kind::kDiv;
  if (node.is("Max")) return Kind::kMax;
  if (node.is("Min")) return Kind::kMin;
  return std::nullopt;
}

Shape padded_rank(const Shape& shape, int rank) {
  std::vector<int64_t> dims(static_cast<size_t>(rank - shape.rank()), 1);
  dims.insert(dims.end(), shape.begin(), shape.end());
  return Shape(dims);
}

// x op c as alpha * x + beta, for a constant of one element.
std::optional<FunctionStep> as_linear(onednn::BinarySpec::Kind kind, float c) {
  using Kind = onednn::BinarySpec::Kind;
  const auto linear = [](float alpha, float beta) {
    return FunctionStep{onednn::Function::kLinear, alpha, beta};
  };
  if (!std::isfinite(c)) return std::nullopt;
  if (kind == Kind::kAdd) return linear(1, c);
  if (kind == Kind::kSub) return linear(1, -c);
  if (kind == Kind::kMul) return linear(c, 0);
  if (kind == Kind::kDiv && std::isnormal(c) && std::isnormal(1 / c)) return linear(1 / c, 0);
  return std::nullopt;
}

// The constant's value when `v` is one float.
std::optional<float> scalar_of(const PlanBuilder& b, ValueId v) {
  const Tensor* t = b.constant(v);
  if (t == nullptr || t->numel() != 1 || !is_float(b, v)) return std::nullopt;
  return t->data<float>()[0];
}

}  // namespace

// A sum, difference, product or quotient with one constant number, whatever the layout.
bool lower_float_scalar(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const auto kind = binary_kind(main);
  if (!kind || !is_float(b, op.outputs[0])) return false;
  const bool commutes = *kind == onednn::BinarySpec::Kind::kAdd || *kind == onednn::BinarySpec::Kind::kMul;
  const bool swapped = commutes && scalar_of(b, main.inputs[0]).has_value();
  const ValueId source = main.inputs[swapped ? 1 : 0];
  const auto scalar = scalar_of(b, main.inputs[swapped ? 0 : 1]);
  if (!scalar || !is_float(b, source) || b.shape(source) != b.shape(op.outputs[0])) return false;
  const auto function = as_linear(*kind, *scalar);
  return function && emit_functions(b, op, source, {*function});
}

bool lower_float_binary(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const auto kind = binary_kind(main);
  if (!kind || !is_float(b, main.inputs[0]) || !is_float(b, main.inputs[1])) return false;
  if (!is_float(b, op.outputs[0])) return false;
  onednn::BinarySpec spec;
  spec.kind = *kind;
  spec.destination = b.shape(op.outputs[0]);
  const int rank = spec.destination.rank();
  ValueId x = main.inputs[0], y = main.inputs[1];
  const bool commutes = *kind != onednn::BinarySpec::Kind::kSub && *kind != onednn::BinarySpec::Kind::kDiv;
  if (commutes && b.shape(x) != spec.destination) std::swap(x, y);
  if (rank == 0 || b.shape(x) != spec.destination) return false;
  spec.a = spec.destination;
  spec.b = padded_rank(b.shape(y), rank);
  const bool same = b.shape(y) == spec.destination;
  // An operand of lower rank has no channel dimension to lay out: it is read plain, and so is the other. One
  // value per channel lies the same way in every layout.
  const bool laid_out = same || (b.shape(y).rank() == rank &&
                                 (b.native_layout(y) == b.native_layout(x) ||
                                  same_in_memory(b.shape(y), b.native_layout(x), b.native_layout(y))));
  spec.layout = laid_out ? b.native_layout(x) : Layout::kPlain;
  if (same && spec.layout == Layout::kPlain) spec.layout = b.native_layout(y);
  if (same && spec.layout == Layout::kPlain)
    spec.a = spec.b = spec.destination = Shape{spec.destination.numel()};
  KernelPtr kernel = onednn::make_binary(spec);
  if (!kernel && !same && spec.layout != Layout::kPlain) {
    spec.layout = Layout::kPlain;
    kernel = onednn::make_binary(spec);
  }
  if (!kernel) return false;
  const BufferId first = b.read(x, spec.layout), second = b.read(y, spec.layout);
  const BufferId out = b.write(op.outputs[0], spec.layout);
  b.may_share(first, out);
  b.emit_kernel(kernel,
                b.describe(op, "onednn:" + kernel->implementation(), {x, y}, spec.layout, spec.layout),
                {first, second, out});
  return true;
}

// A batch norm that could not be folded, with the factors, summands and activation behind it: x * s + t.
bool lower_float_batch_norm(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId source = main.inputs[0];
  if (!is_float(b, source) || !is_float(b, op.outputs[0]) || b.shape(source).rank() < 2) return false;
  onednn::BinarySpec spec;
  spec.kind = onednn::BinarySpec::Kind::kMul;
  spec.a = spec.destination = b.shape(source);
  spec.layout = b.native_layout(source);
  auto affine = channel_affine(b.graph(), main, source, spec.a[1], 1);
  if (!affine) return false;
  ValueId value = main.outputs[0];
  for (NodeId id : op.affine) {
    affine = compose(*affine, *channel_affine(b.graph(), b.graph().node(id), value, spec.a[1], 1));
    value = b.graph().node(id).outputs[0];
  }
  std::vector<int64_t> per_channel(static_cast<size_t>(spec.a.rank()), 1);
  per_channel[1] = spec.a[1];
  spec.b = Shape(per_channel);
  PostOp shift;
  shift.kind = PostOp::Kind::kAdd;
  shift.operand = spec.b;
  spec.post_ops = {shift};
  for (const FunctionStep& f : op.activation) {
    PostOp p;
    p.function = f.function;
    p.alpha = f.alpha;
    p.beta = f.beta;
    spec.post_ops.push_back(std::move(p));
  }
  if (!same_in_memory(spec.b, spec.layout, Layout::kPlain)) spec.layout = Layout::kPlain;
  const KernelPtr kernel = onednn::make_binary(spec);
  if (!kernel) return false;
  Tensor scales(DType::kF32, spec.b), shifts(DType::kF32, spec.b);
  for (size_t c = 0; c < affine->scale.size(); ++c) {
    scales.data<float>()[c] = static_cast<float>(affine->scale[c]);
    shifts.data<float>()[c] = static_cast<float>(affine->shift[c]);
  }
  const BufferId in = b.read(source, spec.layout);
  const BufferId s = b.constant_buffer(scales), t = b.constant_buffer(shifts);
  const BufferId out = b.write(op.outputs[0], spec.layout);
  b.may_share(in, out);
  b.emit_kernel(kernel,
                b.describe(op, "onednn:" + kernel->implementation(), {source}, spec.layout, spec.layout),
                {in, s, t, out});
  return true;
}

}  // namespace precis::runtime
