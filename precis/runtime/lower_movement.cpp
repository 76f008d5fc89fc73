// Operators that only move data, for any element type and for codes: renamed buffers where the bytes stay as
// they are, strided copies elsewhere. Concat: lower_concat.cpp.
#include <algorithm>
#include <numeric>

#include "precis/core/rounding.h"
#include "precis/runtime/declared_shape.h"
#include "precis/runtime/moves.h"

namespace precis::runtime {
namespace {

std::optional<std::vector<int64_t>> constant_ints(const PlanBuilder& b, ValueId v) {
  const Tensor* t = v ? b.constant(v) : nullptr;
  if (t == nullptr || (t->dtype() != DType::kI64 && t->dtype() != DType::kI32)) return std::nullopt;
  return to_int64s(*t, "a shape input");
}

}  // namespace

namespace {

// Batch and channels stay, and so does the row-major order of all other elements: the layouts of images stay
// too.
bool keeps_pixels(const Shape& a, const Shape& b) {
  if (a == b) return true;
  const bool images = layout_allowed(a, Layout::kChannelsLast) && layout_allowed(b, Layout::kChannelsLast);
  return images && a[0] == b[0] && a[1] == b[1];
}

// Whether every element of the transposed value `out` in layout `to` lies where it lay in the source in
// layout `from`.
bool transposes_in_place(const Shape& in, Layout from, const Shape& out, Layout to,
                         const std::vector<int64_t>& perm) {
  if (!layout_allowed(in, from) || !layout_allowed(out, to)) return false;
  const std::vector<int64_t> before = strides_in(in, from), after = strides_in(out, to);
  for (size_t i = 0; i < perm.size(); ++i)
    if (out.dims()[i] != 1 && after[i] != before[static_cast<size_t>(perm[i])]) return false;
  return true;
}

}  // namespace

bool lower_alias(PlanBuilder& b, const FusedOp& op) {
  const ValueId in = b.node(op).inputs[0], out = op.outputs[0];
  if (!op.absorbed.empty() || follows_contents(b.graph(), b.node(op))) return false;
  for (size_t i = 1; i < op.outputs.size(); ++i)  // a Dropout's mask
    if (op.outputs[i] && b.is_seen(op.outputs[i])) return false;
  if (!same_elements(b, in, out) || b.shape(in).numel() != b.shape(out).numel()) return false;
  if (b.node(op).is("Dropout") && b.node(op).input(2)) {
    const Tensor* training = b.constant(b.node(op).inputs[2]);
    if (training == nullptr || training->at_int(0) != 0) return false;
  }
  const Layout layout = keeps_pixels(b.shape(in), b.shape(out)) ? b.native_layout(in) : Layout::kPlain;
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
  // NCHW -> NHWC as an operator is the channels-last form of its input, and the other way round; some
  // transposes are both, and then the form that the input already has is taken.
  const bool plain_first = b.native_layout(in) == Layout::kPlain;
  for (const bool plain : {plain_first, !plain_first}) {
    const Layout from = plain ? Layout::kPlain : Layout::kChannelsLast;
    const Layout to = plain ? Layout::kChannelsLast : Layout::kPlain;
    if (!transposes_in_place(source, from, destination, to, perm)) continue;
    b.alias(out, to, in, from);
    return true;
  }
  StridedCopy copy;
  copy.extents = destination.dims();
  copy.destination_strides = destination.strides();
  const std::vector<int64_t> strides = source.strides();
  for (int64_t p : perm) copy.source_strides.push_back(strides[static_cast<size_t>(p)]);
  emit_copy(b, op, Layout::kPlain, std::move(copy));
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
  if (source == destination &&
      std::all_of(r.step.begin(), r.step.end(), [](int64_t step) { return step == 1; }))
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

// Blocks of pixels against channels, in the layout the input is in: axes n, c, h, i, w, j of the picture with
// the finer grid (its pixel is h * block + i, w * block + j), where c is its channel.
bool lower_depth_to_space(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId in = main.inputs[0], out = op.outputs[0];
  if (!same_elements(b, in, out) || b.shape(in).rank() != 4) return false;
  const bool to_space = main.is("DepthToSpace");
  const Shape fine = b.shape(to_space ? out : in), coarse = b.shape(to_space ? in : out);
  const int64_t block = main.get_int("blocksize", 0), channels = fine[1];
  const Layout layout = b.native_layout(in) == Layout::kChannelsLast ? Layout::kChannelsLast : Layout::kPlain;
  const std::vector<int64_t> f = strides_in(fine, layout), d = strides_in(coarse, layout);
  const bool channels_outside = to_space && main.get_string("mode", "DCR") == "CRD";
  const int64_t of_c = channels_outside ? block * block : 1, of_j = channels_outside ? 1 : channels;
  const std::vector<int64_t> fine_strides = {f[0], f[1], f[2] * block, f[2], f[3] * block, f[3]};
  const std::vector<int64_t> coarse_strides = {d[0], d[1] * of_c, d[2], d[1] * of_j * block,
                                               d[3], d[1] * of_j};
  StridedCopy copy;
  copy.extents = {coarse[0], channels, coarse[2], block, coarse[3], block};
  copy.source_strides = to_space ? coarse_strides : fine_strides;
  copy.destination_strides = to_space ? fine_strides : coarse_strides;
  emit_copy(b, op, layout, std::move(copy));
  return true;
}

bool lower_expand(PlanBuilder& b, const FusedOp& op) {
  const ValueId in = b.node(op).inputs[0], out = op.outputs[0];
  if (!same_elements(b, in, out) || follows_contents(b.graph(), b.node(op))) return false;
  const Shape source = b.shape(in), destination = b.shape(out);
  const std::vector<int64_t> strides = source.strides();
  StridedCopy copy;
  copy.extents = destination.dims();
  copy.destination_strides = destination.strides();
  const int lead = destination.rank() - source.rank();
  for (int i = 0; i < destination.rank(); ++i)
    copy.source_strides.push_back(i < lead || source[i - lead] == 1 ? 0
                                                                    : strides[static_cast<size_t>(i - lead)]);
  emit_copy(b, op, Layout::kPlain, std::move(copy));
  return true;
}

}  // namespace precis::runtime
