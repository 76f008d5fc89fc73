// Channel shuffle of 8-bit codes in channels last: every pixel's channels are a matrix that is transposed.
#include <algorithm>

#include "precis/runtime/channel_shuffle.h"
#include "precis/runtime/codes.h"

namespace precis::runtime {

bool lower_channel_shuffle(PlanBuilder& b, const FusedOp& op) {
  const auto shuffle = match_channel_shuffle(b.graph(), op.node);
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  if (!shuffle || out != shuffle->output || !code_grid(b.type(x))) return false;
  const Shape shape = b.shape(x);
  if (!layout_allowed(shape, Layout::kChannelsLast) || b.native_layout(x) != Layout::kChannelsLast) return false;
  const int64_t channels = shape[1], group = channels / shuffle->groups, pixels = shape.numel() / channels;
  StridedCopy copy;
  copy.element_bytes = 1;
  copy.extents = {pixels, group, shuffle->groups};
  copy.source_strides = {channels, 1, group};
  copy.destination_strides = {channels, shuffle->groups, 1};
  copy.simplify();
  const BufferId bx = b.read(x, Layout::kChannelsLast), bo = b.write(out, Layout::kChannelsLast);
  std::vector<CopyStep::Part> parts;
  parts.push_back({bx, std::move(copy)});
  b.emit(std::make_unique<CopyStep>(bo, std::move(parts)),
         b.describe(op, "copy", {x}, Layout::kChannelsLast, Layout::kChannelsLast), {bx, bo});
  return true;
}

}  // namespace precis::runtime
