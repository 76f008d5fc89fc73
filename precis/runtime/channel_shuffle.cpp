// Matching by shapes: what the Reshapes were told does not matter.
#include "precis/runtime/channel_shuffle.h"

#include <algorithm>

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

}  // namespace precis::runtime
