// Regions as strided copies in every layout.
#include "precis/runtime/moves.h"

#include <algorithm>

#include "precis/core/rounding.h"

namespace precis::runtime {

int64_t element_bytes(const PlanBuilder& b, ValueId v) {
  const int bits = dtype_bits(b.type(v).storage_dtype());
  return bits % 8 == 0 ? bits / 8 : 0;  // 0: packed 4-bit values, not ours
}

bool same_elements(const PlanBuilder& b, ValueId x, ValueId y) {
  return b.type(x).dtype == b.type(y).dtype && b.type(x).encoding == b.type(y).encoding &&
         element_bytes(b, x) != 0;
}

int64_t block_of(Layout layout) {
  return layout == Layout::kBlocked8 ? 8 : layout == Layout::kBlocked16 ? 16 : 1;
}

std::vector<int64_t> strides_in(const Shape& shape, Layout layout) {
  std::vector<int> order;
  for (int i = 0; i < shape.rank(); ++i)
    if (layout != Layout::kChannelsLast || i != 1) order.push_back(i);
  if (layout == Layout::kChannelsLast) order.push_back(1);
  const int64_t block = block_of(layout);
  std::vector<int64_t> strides(static_cast<size_t>(shape.rank()));
  int64_t stride = block;
  for (size_t i = order.size(); i-- > 0;) {
    strides[static_cast<size_t>(order[i])] = stride;
    stride *= order[i] == 1 ? ceil_div(shape[1], block) : shape[order[i]];
  }
  return strides;
}

namespace {

// nullopt when a blocked layout's channels are not moved block by block.
std::optional<StridedCopy> region_copy(int64_t element, const Shape& source, const Shape& destination,
                                       Layout layout, Region r) {
  const int64_t block = block_of(layout);
  StridedCopy c;
  c.element_bytes = element;
  c.source_strides = strides_in(source, layout);
  c.destination_strides = strides_in(destination, layout);
  if (block > 1) {
    const bool whole =
        r.from[1] == 0 && r.to[1] == 0 && r.extents[1] == source[1] && source[1] == destination[1];
    const bool aligned = r.extents[1] % block == 0 && r.from[1] % block == 0 && r.to[1] % block == 0;
    if (r.step[1] != 1 || (!whole && !aligned)) return std::nullopt;
    r.extents[1] = ceil_div(r.extents[1], block);
    r.from[1] /= block;
    r.to[1] /= block;
  }
  for (size_t i = 0; i < r.extents.size(); ++i) {
    c.source_offset += r.from[i] * c.source_strides[i];
    c.destination_offset += r.to[i] * c.destination_strides[i];
    c.source_strides[i] *= r.step[i];
  }
  c.extents = std::move(r.extents);
  if (block > 1) {
    c.extents.push_back(block);
    c.source_strides.push_back(1);
    c.destination_strides.push_back(1);
  }
  c.simplify();
  return c;
}

}  // namespace

Region whole_region(const Shape& shape) {
  const size_t n = static_cast<size_t>(shape.rank());
  return {shape.dims(), std::vector<int64_t>(n, 0), std::vector<int64_t>(n, 1), std::vector<int64_t>(n, 0)};
}

void emit_moves(PlanBuilder& b, const FusedOp& op, ValueId destination, const std::vector<Move>& moves,
                Layout layout, const std::vector<std::byte>& fill) {
  const Shape shape = b.shape(destination);
  std::vector<StridedCopy> copies;
  for (const Move& m : moves) {
    auto copy = region_copy(element_bytes(b, destination), b.shape(m.source), shape, layout, m.region);
    if (!copy) return emit_moves(b, op, destination, moves, Layout::kPlain, fill);
    copies.push_back(std::move(*copy));
  }
  // Channel padding must stay zero, so a filled destination may have none.
  if (!fill.empty() && block_of(layout) > 1 && shape[1] % block_of(layout) != 0)
    return emit_moves(b, op, destination, moves, Layout::kPlain, fill);
  std::vector<CopyStep::Part> parts;
  std::vector<BufferId> touched;
  std::vector<ValueId> named;
  for (size_t i = 0; i < moves.size(); ++i) {
    parts.push_back({b.read(moves[i].source, layout), std::move(copies[i])});
    touched.push_back(parts.back().source);
    named.push_back(moves[i].source);
  }
  const BufferId collected = b.collected(destination);  // a Concat whose other inputs lie in place
  const BufferId out = collected >= 0 ? collected : b.write(destination, layout);
  touched.push_back(out);
  auto step = std::make_unique<CopyStep>(out, std::move(parts));
  if (!fill.empty()) step->fill_first(fill, shape.numel());
  FusedOp view = op;
  view.outputs = {destination};
  b.emit(std::move(step), b.describe(view, "copy", named, layout, layout), touched);
}

void emit_copy(PlanBuilder& b, const FusedOp& op, Layout layout, StridedCopy copy) {
  const ValueId in = b.node(op).inputs[0];
  copy.element_bytes = element_bytes(b, in);
  copy.simplify();
  const BufferId from = b.read(in, layout), to = b.write(op.outputs[0], layout);
  std::vector<CopyStep::Part> parts;
  parts.push_back({from, std::move(copy)});
  b.emit(std::make_unique<CopyStep>(to, std::move(parts)), b.describe(op, "copy", {in}, layout, layout),
         {from, to});
}

}  // namespace precis::runtime
