// Matching by shapes: what the Reshapes were told does not matter. The lowering is for values of any type in the layout they
// have; lower_code_shuffle.cpp is faster for codes.
#include "precis/runtime/channel_shuffle.h"

#include <algorithm>

#include "precis/runtime/kernel_step.h"
#include "precis/runtime/lowering.h"

namespace precis::runtime {
namespace {

std::optional<Shape> known_shape(const Graph& g, ValueId v) {
  const SymbolicShape& s = g.value(v).type.shape;
  return fully_known(s) ? std::optional<Shape>(to_shape(s)) : std::nullopt;
}

NodeId only_reader(const Graph& g, ValueId v) {
  const Value& value = g.value(v);
  return value.uses.size() == 1 && value.uses[0].slot == 0 && !g.is_output(v) ? value.uses[0].node : NodeId{};
}

// [N, C, spatial...] split into [N, g, c, spatial...]; 0 when it is anything else.
int64_t groups_of(const Shape& whole, const Shape& split) {
  if (whole.rank() < 3 || split.rank() != whole.rank() + 1 || whole[0] != split[0]) return 0;
  for (int i = 2; i < whole.rank(); ++i)
    if (whole[i] != split[i + 1]) return 0;
  return split[1] * split[2] == whole[1] ? split[1] : 0;
}

bool swaps_groups(const Node& transpose, int rank) {
  std::vector<int64_t> wanted(static_cast<size_t>(rank));
  for (int i = 0; i < rank; ++i) wanted[static_cast<size_t>(i)] = i == 1 ? 2 : i == 2 ? 1 : i;
  return transpose.get_ints("perm") == wanted;
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

std::optional<ChannelShuffle> match_channel_shuffle(const Graph& g, NodeId first) {
  const Node& split = g.node(first);
  if (!split.is("Reshape")) return std::nullopt;
  const NodeId second = only_reader(g, split.outputs[0]);
  if (!second || !g.node(second).is("Transpose")) return std::nullopt;
  const NodeId third = only_reader(g, g.node(second).outputs[0]);
  if (!third || !g.node(third).is("Reshape")) return std::nullopt;
  const ValueId in = split.inputs[0], out = g.node(third).outputs[0];
  const auto whole = known_shape(g, in), parts = known_shape(g, split.outputs[0]), joined = known_shape(g, out);
  if (!whole || !parts || whole != joined || !swaps_groups(g.node(second), parts->rank())) return std::nullopt;
  const int64_t groups = groups_of(*whole, *parts);
  for (ValueId v : {split.outputs[0], g.node(second).outputs[0], out})
    if (g.value(v).type.encoding != g.value(in).type.encoding || g.value(v).type.dtype != g.value(in).type.dtype)
      return std::nullopt;
  if (groups < 1) return std::nullopt;
  return ChannelShuffle{{second, third}, groups, out};
}

bool lower_channel_shuffle(PlanBuilder& b, const FusedOp& op) {
  const auto shuffle = match_channel_shuffle(b.graph(), op.node);
  const ValueId in = b.node(op).inputs[0], out = op.outputs[0];
  const int bits = dtype_bits(b.type(in).storage_dtype());
  if (!shuffle || out != shuffle->output || bits % 8 != 0) return false;
  const Shape shape = b.shape(in);
  const bool plain = b.native_layout(in) == Layout::kPlain || !layout_allowed(shape, Layout::kChannelsLast);
  const Layout layout = plain ? Layout::kPlain : Layout::kChannelsLast;
  const BufferId from = b.read(in, layout), to = b.write(out, layout);
  std::vector<CopyStep::Part> parts{{from, shuffle_copy(shape, shuffle->groups, layout, bits / 8)}};
  b.emit(std::make_unique<CopyStep>(to, std::move(parts)), b.describe(op, "copy", {in}, layout, layout),
         {from, to});
  return true;
}

}  // namespace precis::runtime
