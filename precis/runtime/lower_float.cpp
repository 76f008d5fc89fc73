// Float pools, softmax and LRN on oneDNN.
#include <algorithm>

#include "precis/runtime/geometry.h"
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/lower_float.h"
#include "precis/runtime/onednn/primitives.h"
#include "precis/runtime/reference_geometry.h"

namespace precis::runtime {
namespace {

using onednn::KernelPtr;
using onednn::PoolSpec;

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
  const Geometry g = geometry_of(pool_window(main, spec.source), spec.source.rank() - 2);
  if (g.dilated()) return false;
  // oneDNN goes through every position of a window; the reference through those inside the input.
  for (size_t i = 0; i < g.kernel.size(); ++i)
    if (g.kernel[i] / 2 > spec.source[static_cast<int>(i) + 2]) return false;
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
  emit_unary(b, op, source, kernel, spec.layout, keeps_rank ? spec.layout : Layout::kPlain, false);
  return true;
}

namespace {

constexpr int64_t kManyPairs = 64;         // rows from which the form for pairs is worth its second step
constexpr int64_t kPairsPerChunk = 16384;  // work per parallel chunk

// (a, b) -> (a - b, b - a)
void pair_differences(const float* from, float* to, int64_t pairs) {
  for (int64_t i = 0; i < pairs; ++i) {
    const float difference = from[2 * i] - from[2 * i + 1];
    to[2 * i] = difference;
    to[2 * i + 1] = -difference;
  }
}

// Softmax of many pairs, as detectors have them: the logistic function of their differences. oneDNN goes
// through such short rows one by one.
bool lower_pair_softmax(PlanBuilder& b, const FusedOp& op) {
  const ValueId source = b.node(op).inputs[0];
  const Shape shape = b.shape(source);
  onednn::FunctionSpec spec;
  spec.shape = Shape{shape.numel()};
  spec.function = onednn::Function::kSigmoid;
  const KernelPtr kernel = onednn::make_function(spec);
  if (!kernel) return false;
  const BufferId in = b.read(source, Layout::kPlain), out = b.write(op.outputs[0], Layout::kPlain);
  b.may_share(in, out);
  const int64_t pairs = shape.numel() / 2;
  const auto subtract = [=](std::span<std::byte* const> buffers) {
    const auto* from = reinterpret_cast<const float*>(buffers[static_cast<size_t>(in)]);
    auto* to = reinterpret_cast<float*>(buffers[static_cast<size_t>(out)]);
    run_chunks(pairs, kPairsPerChunk, [&](int64_t begin, int64_t end) {
      pair_differences(from + 2 * begin, to + 2 * begin, end - begin);
    });
  };
  const auto describe = [&](std::string kernel_name, ValueId from) {
    return b.describe(op, std::move(kernel_name), {from}, Layout::kPlain, Layout::kPlain);
  };
  b.emit(std::make_unique<CallStep>(subtract), describe("pair differences", source), {in, out});
  b.emit_kernel(kernel, describe("onednn:" + kernel->implementation(), op.outputs[0]), {out, out});
  return true;
}

}  // namespace

bool lower_float_softmax(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId source = main.inputs[0];
  if (!is_float(b, source) || !is_float(b, op.outputs[0]) || b.shape(source).rank() == 0) return false;
  onednn::SoftmaxSpec spec;
  spec.shape = b.shape(source);
  spec.axis = normalize_axis(main.get_int("axis", -1), spec.shape.rank(), main.op.c_str());
  spec.logarithm = main.is("LogSoftmax");
  const bool pairs = spec.axis == spec.shape.rank() - 1 && spec.shape[spec.axis] == 2;
  if (pairs && !spec.logarithm && spec.shape.numel() >= 2 * kManyPairs && lower_pair_softmax(b, op))
    return true;
  const KernelPtr kernel = onednn::make_softmax(spec);
  if (!kernel) return false;
  emit_unary(b, op, source, kernel, Layout::kPlain, Layout::kPlain, true);
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
  emit_unary(b, op, source, kernel, spec.layout, spec.layout, false);
  return true;
}

}  // namespace precis::runtime
