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

// One more axis outside of the last dimension, which the operand walks as if the dimension were longer.
bool BroadcastRows::joins(size_t o, int64_t step) const {
  const size_t last = rank_ - 1;
  return tile_[o] != 0 && last == 0 ? step == 0 : step == step_[o][last] * extent_[last];
}

// One more axis outside of the innermost dimension, along which the operand is read again.
bool BroadcastRows::tiles(size_t o, int64_t step) const {
  return rank_ == 1 && tile_[o] == 0 && step == 0 && step_[o][0] == 1 && extent_[0] <= kMaxTile;
}

void BroadcastRows::add_axis(int64_t extent, std::array<int64_t, 2> step) {
  if (rank_ == 0) {
    for (size_t o = 0; o < 2; ++o) tile_[o] = step[o] == 0 ? 1 : 0;
  } else {
    for (size_t o = 0; o < 2; ++o)
      if (joins(1 - o, step[1 - o]) && tiles(o, step[o])) tile_[o] = extent_[0];
    if (joins(0, step[0]) && joins(1, step[1])) {
      extent_[rank_ - 1] *= extent;
      return;
    }
  }
  extent_[rank_] = extent;
  for (size_t o = 0; o < 2; ++o) step_[o][rank_] = step[o];
  ++rank_;
}

std::optional<BroadcastRows> BroadcastRows::make(const Operand& a, const Operand& b, const Shape& y,
                                                 Layout y_layout) {
  const std::array<std::vector<int64_t>, 2> steps = {steps_of(a, y), steps_of(b, y)};
  BroadcastRows rows;
  rows.elements_ = y.numel();
  for (int axis : memory_order(y.rank(), y_layout)) {
    const auto i = static_cast<size_t>(axis);
    if (y[axis] != 1) rows.add_axis(y[axis], {steps[0][i], steps[1][i]});
  }
  if (rows.rank_ == 0) rows.add_axis(1, {0, 0});  // a single element
  for (size_t o = 0; o < 2; ++o)
    if (rows.step_[o][0] > 1) return std::nullopt;
  return rows;
}

}  // namespace precis::runtime
