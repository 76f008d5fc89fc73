// Matching and lowering of channel shuffles; see the header.
#include "precis/runtime/channel_shuffle.h"

#include "precis/runtime/kernel_step.h"
#include "precis/runtime/lowering.h"

namespace precis::runtime {
namespace {

// The node that alone reads `id`, when it is a `op`.
NodeId only_reader(const Graph& graph, ValueId id, const char* op) {
  const Value& v = graph.value(id);
  if (v.uses.size() != 1 || v.uses[0].slot != 0 || graph.is_output(id)) return {};
  return graph.node(v.uses[0].node).is(op) ? v.uses[0].node : NodeId{};
}

bool same_type(const Graph& graph, ValueId a, ValueId b) {
  const ValueType &x = graph.value(a).type, &y = graph.value(b).type;
  return x.dtype == y.dtype && x.encoding == y.encoding;
}

// (N, C, ...) -> (N, g, C / g, ...)
bool splits_channels(const Shape& whole, const Shape& split) {
  if (whole.rank() < 3 || split.rank() != whole.rank() + 1 || split[0] != whole[0]) return false;
  if (split[1] * split[2] != whole[1]) return false;
  for (int i = 2; i < whole.rank(); ++i)
    if (split[i + 1] != whole[i]) return false;
  return true;
}

bool swaps_groups(const std::vector<int64_t>& perm) {
  for (size_t i = 0; i < perm.size(); ++i) {
    const size_t from = i == 1 ? 2 : i == 2 ? 1 : i;
    if (perm[i] != static_cast<int64_t>(from)) return false;
  }
  return perm.size() > 3;
}

StridedCopy shuffle_copy(const Shape& shape, int64_t groups, Layout layout, int64_t element_bytes) {
  const int64_t n = shape[0], channels = shape[1], k = channels / groups, pixels = shape.inner(2);
  StridedCopy copy;
  copy.element_bytes = element_bytes;
  if (layout == Layout::kChannelsLast) {
    copy.extents = {n, pixels, k, groups};
    copy.source_strides = {channels * pixels, channels, 1, k};
    copy.destination_strides = {channels * pixels, channels, groups, 1};
  } else {
    copy.extents = {n, k, groups, pixels};
    copy.source_strides = {channels * pixels, pixels, k * pixels, 1};
    copy.destination_strides = {channels * pixels, groups * pixels, pixels, 1};
  }
  copy.simplify();
  return copy;
}

}  // namespace

std::vector<NodeId> match_channel_shuffle(const Graph& graph, NodeId first) {
  const Node& split = graph.node(first);
  if (!split.is("Reshape") || split.outputs.size() != 1) return {};
  const NodeId transpose = only_reader(graph, split.outputs[0], "Transpose");
  if (!transpose || !swaps_groups(graph.node(transpose).get_ints("perm"))) return {};
  const NodeId join = only_reader(graph, graph.node(transpose).outputs[0], "Reshape");
  if (!join) return {};
  const ValueId in = split.inputs[0], out = graph.node(join).outputs[0];
  for (ValueId v : {in, split.outputs[0], out})
    if (!fully_known(graph.value(v).type.shape) || !same_type(graph, in, v)) return {};
  const Shape whole = to_shape(graph.value(in).type.shape);
  if (!splits_channels(whole, to_shape(graph.value(split.outputs[0]).type.shape))) return {};
  if (to_shape(graph.value(out).type.shape) != whole) return {};
  return {transpose, join};
}

bool lower_channel_shuffle(PlanBuilder& b, const FusedOp& op) {
  if (op.absorbed.empty()) return false;
  const ValueId in = b.node(op).inputs[0], out = op.outputs[0];
  const int bits = dtype_bits(b.type(in).storage_dtype());
  if (bits % 8 != 0) return false;
  const Shape shape = b.shape(in);
  const bool plain = b.native_layout(in) == Layout::kPlain || !layout_allowed(shape, Layout::kChannelsLast);
  const Layout layout = plain ? Layout::kPlain : Layout::kChannelsLast;
  const int64_t groups = b.shape(b.node(op).outputs[0])[1];
  const BufferId from = b.read(in, layout), to = b.write(out, layout);
  std::vector<CopyStep::Part> parts{{from, shuffle_copy(shape, groups, layout, bits / 8)}};
  b.emit(std::make_unique<CopyStep>(to, std::move(parts)), b.describe(op, "copy", {in}, layout, layout),
         {from, to});
  return true;
}

}  // namespace precis::runtime
