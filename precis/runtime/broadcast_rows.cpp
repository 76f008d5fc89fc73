// Strides of broadcast operands in physical order.
#include "precis/runtime/broadcast_rows.h"

namespace precis::runtime {
namespace {

// The axes of a shape from the innermost in memory to the outermost.
std::vector<int> memory_order(int rank, Layout layout) {
  std::vector<int> order;
  if (layout == Layout::kChannelsLast) order.push_back(1);
  for (int i = rank - 1; i >= 0; --i)
    if (layout != Layout::kChannelsLast || i != 1) order.push_back(i);
  return order;
}

// Per axis of the result: what one step along it adds to the operand's offset.
std::vector<int64_t> steps_of(const BroadcastRows::Operand& o, const Shape& y) {
  std::vector<int64_t> steps(static_cast<size_t>(y.rank()), 0);
  const int lead = y.rank() - o.shape.rank();
  int64_t stride = 1;
  for (int axis : memory_order(o.shape.rank(), o.layout)) {
    if (o.shape[axis] != 1) steps[static_cast<size_t>(axis + lead)] = stride;
    stride *= o.shape[axis];
  }
  return steps;
}

}  // namespace

std::optional<BroadcastRows> BroadcastRows::make(const Operand& a, const Operand& b, const Shape& y,
                                                 Layout y_layout) {
  const std::array<std::vector<int64_t>, 2> steps = {steps_of(a, y), steps_of(b, y)};
  BroadcastRows rows;
  rows.elements_ = y.numel();
  for (int axis : memory_order(y.rank(), y_layout)) {
    if (y[axis] == 1) continue;
    const auto step = [&](size_t o) { return steps[o][static_cast<size_t>(axis)]; };
    const size_t last = rows.rank_ - 1;
    const auto follows = [&](size_t o) { return step(o) == rows.step_[o][last] * rows.extent_[last]; };
    if (rows.rank_ > 0 && follows(0) && follows(1)) {
      rows.extent_[last] *= y[axis];
      continue;
    }
    rows.extent_[rows.rank_] = y[axis];
    for (size_t o = 0; o < 2; ++o) rows.step_[o][rows.rank_] = step(o);
    ++rows.rank_;
  }
  if (rows.rank_ == 0) rows.extent_[rows.rank_++] = 1;  // a single element
  for (size_t o = 0; o < 2; ++o)
    if (rows.step_[o][0] > 1) return std::nullopt;
  return rows;
}

}  // namespace precis::runtime
