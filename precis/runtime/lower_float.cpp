// Float pools, element-wise functions, softmax and normalizations on oneDNN.
#include <algorithm>

#include "precis/runtime/geometry.h"
#include "precis/runtime/lowering.h"
#include "precis/runtime/onednn/primitives.h"
#include "precis/runtime/reference_geometry.h"

namespace precis::runtime {
namespace {

using onednn::KernelPtr;
using onednn::PoolSpec;
using onednn::PostOp;

bool is_float(const PlanBuilder& b, ValueId v) {
  return v && b.type(v).dtype == DType::kF32 && !b.type(v).encoded();
}

// One source, one destination, both in `layout`.
void emit_unary(PlanBuilder& b, const FusedOp& op, const KernelPtr& kernel, Layout layout, Layout out_layout,
                bool in_place) {
  const ValueId source = b.node(op).inputs[0];
  const BufferId in = b.read(source, layout);
  const BufferId out = b.write(op.outputs[0], out_layout);
  if (in_place) b.may_share(in, out);
  b.emit_kernel(kernel, b.describe(op, "onednn:" + kernel->implementation(), {source}, layout, out_layout),
                {in, out});
}

// Asks for the kernel in the layout the input already has, then in the others.
template <typename Spec>
KernelPtr first_fitting(const PlanBuilder& b, ValueId source, Spec& spec, KernelPtr (*make)(const Spec&)) {
  const Shape shape = b.shape(source);
  for (Layout layout : {b.native_layout(source), Layout::kChannelsLast, Layout::kBlocked8, Layout::kPlain}) {
    if (!layout_allowed(shape, layout)) continue;
    spec.layout = layout;
    if (KernelPtr kernel = make(spec)) return kernel;
  }
  return nullptr;
}

// A pool over all of the input's spatial dimensions; false for nodes that are no such thing.
bool describe_global_pool(const PlanBuilder& b, const FusedOp& op, PoolSpec& spec) {
  const Node& main = b.node(op);
  spec.destination = spec.source;
  for (int i = 2; i < spec.source.rank(); ++i) {
    spec.kernel.push_back(spec.source[i]);
    spec.destination[i] = 1;
  }
  spec.strides.assign(spec.kernel.size(), 1);
  spec.pads.assign(2 * spec.kernel.size(), 0);
  if (main.is("GlobalMaxPool")) return true;
  spec.kind = PoolSpec::Kind::kAverage;
  if (main.is("GlobalAveragePool")) return true;
  return main.is("ReduceMean") && reduces_spatial_axes(b, main);
}

bool describe_window_pool(const PlanBuilder& b, const FusedOp& op, PoolSpec& spec) {
  const Node& main = b.node(op);
  spec.destination = b.shape(op.outputs[0]);
  const OutputRounding rounding =
      main.get_int("ceil_mode", 0) != 0 ? OutputRounding::kCeil : OutputRounding::kFloor;
  const auto window = window_of(main, spec.source, main.get_ints("kernel_shape"), rounding);
  const Geometry g = geometry_of(window, spec.source.rank() - 2);
  if (g.dilated()) return false;
  spec.kernel = g.kernel;
  spec.strides = g.strides;
  spec.pads = g.pads;
  if (main.is("MaxPool")) return main.get_int("storage_order", 0) == 0;
  const bool include = main.get_int("count_include_pad", 0) != 0;
  spec.kind = include ? PoolSpec::Kind::kAverageWithPads : PoolSpec::Kind::kAverage;
  if (!include) return true;
  // With ceil_mode the last windows may hang over the padding; what hangs over is not to be counted.
  for (size_t i = 0; i < g.kernel.size(); ++i) {
    const int axis = static_cast<int>(i) + 2;
    const int64_t reach = (spec.destination[axis] - 1) * g.strides[i] + g.kernel[i];
    if (reach > spec.source[axis] + g.pads[i] + g.pads[g.kernel.size() + i]) return false;
  }
  return true;
}

}  // namespace

bool reduces_spatial_axes(const PlanBuilder& b, const Node& node) {
  const Tensor* given = node.input(1) ? b.constant(node.inputs[1]) : nullptr;
  if (given == nullptr) return false;
  const int rank = b.shape(node.inputs[0]).rank();
  std::vector<int64_t> axes = to_int64s(*given, "axes");
  for (int64_t& a : axes) a = a < 0 ? a + rank : a;
  std::sort(axes.begin(), axes.end());
  if (static_cast<int>(axes.size()) != rank - 2) return false;
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] != static_cast<int64_t>(i) + 2) return false;
  return true;
}

bool lower_float_pool(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId source = main.inputs[0];
  if (!is_float(b, source) || !is_float(b, op.outputs[0])) return false;
  for (size_t i = 1; i < op.outputs.size(); ++i)
    if (op.outputs[i]) return false;
  PoolSpec spec;
  spec.source = b.shape(source);
  if (spec.source.rank() < 3 || spec.source.rank() > 5) return false;
  const bool windows = main.is("MaxPool") || main.is("AveragePool");
  if (!(windows ? describe_window_pool(b, op, spec) : describe_global_pool(b, op, spec))) return false;
  const KernelPtr kernel = first_fitting(b, source, spec, onednn::make_pool);
  if (!kernel) return false;
  const bool keeps_rank = b.shape(op.outputs[0]).rank() == spec.source.rank();
  if (!keeps_rank && !same_in_memory(spec.destination, spec.layout, Layout::kPlain)) return false;
  emit_unary(b, op, kernel, spec.layout, keeps_rank ? spec.layout : Layout::kPlain, false);
  return true;
}

bool lower_float_function(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId source = main.inputs[0];
  const auto activation = activation_of(b.graph(), main);
  if (!activation || !is_float(b, source) || !is_float(b, op.outputs[0])) return false;
  onednn::FunctionSpec spec;
  spec.shape = b.shape(source);
  spec.layout = b.native_layout(source);
  // Plain values of any rank are one long row.
  if (spec.layout == Layout::kPlain) spec.shape = Shape{spec.shape.numel()};
  std::vector<KernelPtr> kernels;
  for (const FunctionStep& f : *activation) {
    spec.function = f.function;
    spec.alpha = f.alpha;
    spec.beta = f.beta;
    kernels.push_back(onednn::make_function(spec));
    if (!kernels.back()) return false;
  }
  emit_unary(b, op, kernels[0], spec.layout, spec.layout, true);
  const BufferId out = b.read(op.outputs[0], spec.layout);
  for (size_t i = 1; i < kernels.size(); ++i)
    b.emit_kernel(
        kernels[i],
        b.describe(op, "onednn:" + kernels[i]->implementation(), {op.outputs[0]}, spec.layout, spec.layout),
        {out, out});
  return true;
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

}  // namespace

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
  // An operand of lower rank has no channel dimension to lay out: it is read plain, and so is the other.
  const bool laid_out = same || (b.shape(y).rank() == rank && b.native_layout(y) == b.native_layout(x));
  spec.layout = laid_out ? b.native_layout(x) : Layout::kPlain;
  if (same && spec.layout == Layout::kPlain) spec.layout = b.native_layout(y);
  if (same && spec.layout == Layout::kPlain)
    spec.a = spec.b = spec.destination = Shape{spec.destination.numel()};
  const KernelPtr kernel = onednn::make_binary(spec);
  if (!kernel) return false;
  const BufferId first = b.read(x, spec.layout), second = b.read(y, spec.layout);
  const BufferId out = b.write(op.outputs[0], spec.layout);
  b.may_share(first, out);
  b.emit_kernel(kernel,
                b.describe(op, "onednn:" + kernel->implementation(), {x, y}, spec.layout, spec.layout),
                {first, second, out});
  return true;
}

bool lower_float_softmax(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId source = main.inputs[0];
  if (!is_float(b, source) || !is_float(b, op.outputs[0]) || b.shape(source).rank() == 0) return false;
  onednn::SoftmaxSpec spec;
  spec.shape = b.shape(source);
  spec.axis = normalize_axis(main.get_int("axis", -1), spec.shape.rank(), main.op.c_str());
  spec.logarithm = main.is("LogSoftmax");
  const KernelPtr kernel = onednn::make_softmax(spec);
  if (!kernel) return false;
  emit_unary(b, op, kernel, Layout::kPlain, Layout::kPlain, true);
  return true;
}

bool lower_float_lrn(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId source = main.inputs[0];
  if (!is_float(b, source) || !is_float(b, op.outputs[0])) return false;
  onednn::LrnSpec spec;
  spec.shape = b.shape(source);
  spec.size = main.get_int("size", 5);
  spec.alpha = main.get_float("alpha", 1e-4f);
  spec.beta = main.get_float("beta", 0.75f);
  spec.bias = main.get_float("bias", 1.0f);
  if (spec.shape.rank() != 4 || spec.size % 2 == 0) return false;
  const KernelPtr kernel = first_fitting(b, source, spec, onednn::make_lrn);
  if (!kernel) return false;
  emit_unary(b, op, kernel, spec.layout, spec.layout, false);
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
  b.emit_kernel(kernel, b.describe(op, "onednn:" + kernel->implementation(), {source}, spec.layout, spec.layout),
                {in, s, t, out});
  return true;
}

}  // namespace precis::runtime
