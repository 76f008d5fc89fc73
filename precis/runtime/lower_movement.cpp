// Operators that only move data, for any element type and for codes: renamed buffers where the bytes stay as
// they are, strided copies elsewhere.
#include <algorithm>
#include <numeric>

#include "precis/core/rounding.h"
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/lowering.h"

namespace precis::runtime {
namespace {

int64_t element_bytes(const PlanBuilder& b, ValueId v) {
  const int bits = dtype_bits(b.type(v).storage_dtype());
  return bits % 8 == 0 ? bits / 8 : 0;  // 0: packed 4-bit values, not ours
}

// Same storage type and same meaning of the codes on both sides.
bool same_elements(const PlanBuilder& b, ValueId x, ValueId y) {
  return b.type(x).dtype == b.type(y).dtype && b.type(x).encoding == b.type(y).encoding &&
         element_bytes(b, x) != 0;
}

std::optional<std::vector<int64_t>> constant_ints(const PlanBuilder& b, ValueId v) {
  const Tensor* t = v ? b.constant(v) : nullptr;
  if (t == nullptr || (t->dtype() != DType::kI64 && t->dtype() != DType::kI32)) return std::nullopt;
  return to_int64s(*t, "a shape input");
}

// A block of elements that moves from one value to another, in logical axes.
struct Region {
  std::vector<int64_t> extents;
  std::vector<int64_t> from, step, to;  // source index = from + i * step, destination index = to + i
};

int64_t block_of(Layout layout) {
  return layout == Layout::kBlocked8 ? 8 : layout == Layout::kBlocked16 ? 16 : 1;
}

// Element strides per logical axis; for blocked layouts the channel stride is that of a whole block.
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

Region whole_region(const Shape& shape) {
  const size_t n = static_cast<size_t>(shape.rank());
  return {shape.dims(), std::vector<int64_t>(n, 0), std::vector<int64_t>(n, 1), std::vector<int64_t>(n, 0)};
}

struct Move {
  ValueId source;
  Region region;
};

// One destination made of regions, in `layout` when it can be, else plain. `fill`: the element under the
// regions.
void emit_moves(PlanBuilder& b, const FusedOp& op, ValueId destination, const std::vector<Move>& moves,
                Layout layout, const std::vector<std::byte>& fill = {}) {
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

}  // namespace

bool lower_alias(PlanBuilder& b, const FusedOp& op) {
  const ValueId in = b.node(op).inputs[0], out = op.outputs[0];
  if (!op.absorbed.empty()) return false;
  for (size_t i = 1; i < op.outputs.size(); ++i)  // a Dropout's mask
    if (op.outputs[i] && b.is_seen(op.outputs[i])) return false;
  if (!same_elements(b, in, out) || b.shape(in).numel() != b.shape(out).numel()) return false;
  if (b.node(op).is("Dropout") && b.node(op).input(2)) {
    const Tensor* training = b.constant(b.node(op).inputs[2]);
    if (training == nullptr || training->at_int(0) != 0) return false;
  }
  const Layout layout = b.shape(in) == b.shape(out) ? b.native_layout(in) : Layout::kPlain;
  b.alias(out, layout, in, layout);
  return true;
}

bool lower_transpose(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId in = main.inputs[0], out = op.outputs[0];
  if (!same_elements(b, in, out)) return false;
  const Shape source = b.shape(in), destination = b.shape(out);
  const int rank = source.rank();
  std::vector<int64_t> reversed(static_cast<size_t>(rank));
  for (int i = 0; i < rank; ++i) reversed[static_cast<size_t>(i)] = rank - 1 - i;
  const std::vector<int64_t> perm = main.get_ints("perm", reversed);
  std::vector<int64_t> to_last(static_cast<size_t>(rank)), to_first(static_cast<size_t>(rank));
  for (int i = 0; i < rank; ++i) {
    to_last[static_cast<size_t>(i)] = i == 0 ? 0 : i + 1 < rank ? i + 1 : 1;
    to_first[static_cast<size_t>(i)] = i == 0 ? 0 : i == 1 ? rank - 1 : i - 1;
  }
  // NCHW -> NHWC as an operator is the channels-last form of its input, and the other way round.
  if (perm == to_last && layout_allowed(source, Layout::kChannelsLast)) {
    b.alias(out, Layout::kPlain, in, Layout::kChannelsLast);
    return true;
  }
  if (perm == to_first && layout_allowed(destination, Layout::kChannelsLast)) {
    b.alias(out, Layout::kChannelsLast, in, Layout::kPlain);
    return true;
  }
  StridedCopy copy;
  copy.element_bytes = element_bytes(b, in);
  copy.extents = destination.dims();
  copy.destination_strides = destination.strides();
  const std::vector<int64_t> strides = source.strides();
  for (int64_t p : perm) copy.source_strides.push_back(strides[static_cast<size_t>(p)]);
  copy.simplify();
  const BufferId from = b.read(in, Layout::kPlain), to = b.write(out, Layout::kPlain);
  std::vector<CopyStep::Part> parts;
  parts.push_back({from, std::move(copy)});
  b.emit(std::make_unique<CopyStep>(to, std::move(parts)),
         b.describe(op, "copy", {in}, Layout::kPlain, Layout::kPlain), {from, to});
  return true;
}

bool lower_slice(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId in = main.inputs[0], out = op.outputs[0];
  if (!same_elements(b, in, out)) return false;
  const Shape source = b.shape(in), destination = b.shape(out);
  const auto starts = constant_ints(b, main.input(1)), ends = constant_ints(b, main.input(2));
  if (!starts || !ends) return false;
  std::vector<int64_t> axes(starts->size()), steps(starts->size(), 1);
  std::iota(axes.begin(), axes.end(), int64_t{0});
  if (main.input(3)) {
    const auto given = constant_ints(b, main.inputs[3]);
    if (!given) return false;
    axes = *given;
  }
  if (main.input(4)) {
    const auto given = constant_ints(b, main.inputs[4]);
    if (!given) return false;
    steps = *given;
  }
  Region r = whole_region(destination);
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(axes[i] < 0 ? axes[i] + source.rank() : axes[i]);
    const int64_t length = source.dims()[axis];
    int64_t start = (*starts)[i] < 0 ? (*starts)[i] + length : (*starts)[i];
    start = std::clamp<int64_t>(start, 0, steps[i] < 0 ? length - 1 : length);
    r.from[axis] = start;
    r.step[axis] = steps[i];
  }
  if (source == destination && std::all_of(r.step.begin(), r.step.end(), [](int64_t step) { return step == 1; }))
    return lower_alias(b, op);
  emit_moves(b, op, out, {{in, std::move(r)}}, b.native_layout(in));
  return true;
}

bool lower_split(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId in = main.inputs[0];
  const Shape source = b.shape(in);
  const auto axis =
      static_cast<size_t>(normalize_axis(main.get_int("axis", 0), source.rank(), main.op.c_str()));
  for (ValueId out : op.outputs)
    if (!out || !same_elements(b, in, out)) return false;
  int64_t from = 0;
  for (ValueId out : op.outputs) {
    Region r = whole_region(b.shape(out));
    r.from[axis] = from;
    from += b.shape(out).dims()[axis];
    emit_moves(b, op, out, {{in, std::move(r)}}, b.native_layout(in));
  }
  return true;
}

namespace {

// One element of `dtype` holding the pad value; empty when the type or value is not handled here.
std::vector<std::byte> pad_element(const PlanBuilder& b, const Node& node, ValueId out) {
  const ValueType& t = b.type(out);
  std::vector<std::byte> zero(static_cast<size_t>(element_bytes(b, out)), std::byte{0});
  float value = 0;
  if (node.input(2)) {
    const Tensor* given = b.constant(node.inputs[2]);
    if (given == nullptr || given->numel() != 1 || b.type(node.inputs[2]).encoded()) return {};
    if (given->dtype() == t.dtype && !t.encoded())
      return {given->bytes(), given->bytes() + static_cast<size_t>(element_bytes(b, out))};
    value = static_cast<float>(given->at_double(0));
  }
  if (!t.encoded()) return value == 0 ? zero : std::vector<std::byte>{};
  const Encoding& e = t.encoding;
  if (e.dynamic || e.grid != Encoding::Grid::kUniform || !e.per_tensor() || zero.size() != 1) return {};
  const int32_t code = quantize_value(value, e.scale(), e.zero_point(), e.code_min, e.code_max);
  return {static_cast<std::byte>(code)};
}

}  // namespace

bool lower_pad(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId in = main.inputs[0], out = op.outputs[0];
  if (!same_elements(b, in, out) || main.get_string("mode", "constant") != "constant") return false;
  const auto pads = constant_ints(b, main.input(1));
  const Shape source = b.shape(in), destination = b.shape(out);
  const size_t rank = static_cast<size_t>(source.rank());
  if (!pads) return false;
  std::vector<int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), int64_t{0});
  if (main.input(3)) {
    const auto given = constant_ints(b, main.inputs[3]);
    if (!given) return false;
    axes = *given;
  }
  if (std::all_of(pads->begin(), pads->end(), [](int64_t p) { return p == 0; })) return lower_alias(b, op);
  const std::vector<std::byte> fill = pad_element(b, main, out);
  if (fill.empty()) return false;
  Region r = whole_region(source);
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(axes[i] < 0 ? axes[i] + source.rank() : axes[i]);
    const int64_t begin = (*pads)[i];
    r.from[axis] = std::max<int64_t>(-begin, 0);
    r.to[axis] = std::max<int64_t>(begin, 0);
    r.extents[axis] = std::min(source.dims()[axis] - r.from[axis], destination.dims()[axis] - r.to[axis]);
    if (r.extents[axis] <= 0) return false;
  }
  emit_moves(b, op, out, {{in, std::move(r)}}, b.native_layout(in), fill);
  return true;
}

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

bool lower_expand(PlanBuilder& b, const FusedOp& op) {
  const ValueId in = b.node(op).inputs[0], out = op.outputs[0];
  if (!same_elements(b, in, out)) return false;
  const Shape source = b.shape(in), destination = b.shape(out);
  const std::vector<int64_t> strides = source.strides();
  StridedCopy copy;
  copy.element_bytes = element_bytes(b, in);
  copy.extents = destination.dims();
  copy.destination_strides = destination.strides();
  const int lead = destination.rank() - source.rank();
  for (int i = 0; i < destination.rank(); ++i)
    copy.source_strides.push_back(i < lead || source[i - lead] == 1 ? 0
                                                                    : strides[static_cast<size_t>(i - lead)]);
  copy.simplify();
  const BufferId from = b.read(in, Layout::kPlain), to = b.write(out, Layout::kPlain);
  std::vector<CopyStep::Part> parts;
  parts.push_back({from, std::move(copy)});
  b.emit(std::make_unique<CopyStep>(to, std::move(parts)),
         b.describe(op, "copy", {in}, Layout::kPlain, Layout::kPlain), {from, to});
  return true;
}

}  // namespace precis::runtime
