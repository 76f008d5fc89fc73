// Blocks of elements that move from values to values: what the lowerings of Slice, Split, Pad, Concat and
// their like share.
#pragma once

#include <optional>
#include <vector>

#include "precis/runtime/kernel_step.h"
#include "precis/runtime/lowering.h"

namespace precis::runtime {

int64_t element_bytes(const PlanBuilder& builder, ValueId value);  // 0: packed 4-bit values, not ours
// Same storage type and same meaning of the codes on both sides.
bool same_elements(const PlanBuilder& builder, ValueId x, ValueId y);
int64_t block_of(Layout layout);  // channels that lie side by side: 1, 8 or 16
// Element strides per logical axis; for blocked layouts the channel stride is that of a whole block.
std::vector<int64_t> strides_in(const Shape& shape, Layout layout);

// A block of elements that moves from one value to another, in logical axes.
struct Region {
  std::vector<int64_t> extents;
  std::vector<int64_t> from, step, to;  // source index = from + i * step, destination index = to + i
};
Region whole_region(const Shape& shape);

struct Move {
  ValueId source;
  Region region;
};
// One destination made of regions, in `layout` when it can be, else plain. `fill`: the element under the
// regions.
void emit_moves(PlanBuilder& builder, const FusedOp& op, ValueId destination, const std::vector<Move>& moves,
                Layout layout, const std::vector<std::byte>& fill = {});
// One strided copy that makes op's only output, in one layout on both sides.
void emit_copy(PlanBuilder& builder, const FusedOp& op, Layout layout, StridedCopy copy);

}  // namespace precis::runtime
