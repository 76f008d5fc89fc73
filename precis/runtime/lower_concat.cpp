// Concat by copies, and what lets its inputs be written where they belong at once.
#include <algorithm>

#include "precis/runtime/moves.h"

namespace precis::runtime {
namespace {

bool only_copies(const PlanBuilder& b, const Node& concat) {
  return std::all_of(concat.inputs.begin(), concat.inputs.end(), [&](ValueId in) {
    return b.has_shape(in) && b.shape(in).numel() > 0 && same_elements(b, in, concat.outputs[0]);
  });
}

int concat_axis(const PlanBuilder& b, const Node& concat) {
  return normalize_axis(concat.get_int("axis", 0), b.shape(concat.outputs[0]).rank(), concat.op.c_str());
}

}  // namespace

std::optional<int64_t> concat_placement(const PlanBuilder& b, const Use& use, Layout layout) {
  const Node& concat = b.graph().node(use.node);
  if (!concat.is("Concat") || layout == Layout::kChannelsLast || !b.has_shape(concat.outputs[0]))
    return std::nullopt;
  if (!only_copies(b, concat)) return std::nullopt;
  const int axis = concat_axis(b, concat);
  if (b.shape(concat.outputs[0]).outer(axis) != 1) return std::nullopt;
  int64_t offset = 0;
  for (size_t i = 0; i < concat.inputs.size(); ++i) {
    const PhysicalType part = b.physical(concat.inputs[i], layout);
    const bool whole_blocks =
        layout == Layout::kPlain || (axis == 1 && part.shape[1] % block_of(layout) == 0);
    if (!whole_blocks) return std::nullopt;
    if (i < static_cast<size_t>(use.slot)) offset += part.bytes();
  }
  return offset;
}

std::optional<int64_t> concat_row_placement(const PlanBuilder& b, const Use& use) {
  const Node& concat = b.graph().node(use.node);
  if (!concat.is("Concat") || !b.has_shape(concat.outputs[0])) return std::nullopt;
  if (!layout_allowed(b.shape(concat.outputs[0]), Layout::kChannelsLast) || !only_copies(b, concat))
    return std::nullopt;
  if (concat_axis(b, concat) != 1) return std::nullopt;
  int64_t channels = 0;
  for (size_t i = 0; i < static_cast<size_t>(use.slot); ++i) channels += b.shape(concat.inputs[i])[1];
  return channels * element_bytes(b, concat.outputs[0]);
}

bool lower_concat(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId out = op.outputs[0];
  if (!only_copies(b, main)) return false;
  const auto axis = static_cast<size_t>(concat_axis(b, main));
  const BufferId whole = b.collected(out);
  std::vector<Move> moves;
  int64_t to = 0;
  for (size_t i = 0; i < main.inputs.size(); ++i) {
    const ValueId in = main.inputs[i];
    Region r = whole_region(b.shape(in));
    r.to[axis] = to;
    to += b.shape(in).dims()[axis];
    if (whole < 0 || !b.lies_in(whole, in, i)) moves.push_back({in, std::move(r)});
  }
  if (moves.empty()) return true;  // all of them were written where they belong
  emit_moves(b, op, out, moves, whole < 0 ? b.native_layout(main.inputs[0]) : b.native_layout(out));
  return true;
}

}  // namespace precis::runtime
