// Operators that move whole regions: Concat, Split, Slice, Pad, Tile, Expand, Transpose, DepthToSpace,
// SpaceToDepth, Trilu.
#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "precis/kernels/reference/move.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

// y = x seen as `dims` (same elements, row-major), its dimensions reordered by `perm`, as a tensor of
// `shape`.
Tensor permuted(const Node& node, const Tensor& x, const Shape& dims, std::span<const int> perm,
                const Shape& shape) {
  const auto strides = dims.strides();
  std::vector<int64_t> to_dims, from_strides;
  for (int a : perm) {
    to_dims.push_back(dims[a]);
    from_strides.push_back(strides[static_cast<size_t>(a)]);
  }
  Tensor y(x.dtype(), shape);
  const auto walk = ref::make_walk<2>(to_dims, {from_strides, Shape(to_dims).strides()});
  ref::copy_strided(walk, element_size(node, x.dtype()), x.bytes(), y.bytes());
  return y;
}

Tensors transpose(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int rank = x.shape().rank();
  std::vector<int64_t> reversed(static_cast<size_t>(rank));
  std::iota(reversed.rbegin(), reversed.rend(), int64_t{0});
  const auto perm = node.get_ints("perm", reversed);
  require(node, static_cast<int>(perm.size()) == rank,
          "attribute 'perm' has {} entries for an input of shape {}", perm.size(), x.shape().str());
  std::vector<int> axes;
  std::vector<int64_t> dims;
  for (int64_t a : perm) {
    axes.push_back(axis_of(node, a, rank));
    dims.push_back(x.shape()[axes.back()]);
  }
  axes_of(node, perm, rank);  // each axis once
  return one(permuted(node, x, x.shape(), axes, Shape(dims)));
}

Tensors concat(const Node& node, Inputs inputs) {
  const Tensor& first = required(node, inputs, 0);
  const int rank = first.shape().rank();
  require(node, rank >= 1, "a scalar cannot be concatenated");
  const int axis = axis_of(node, node.get_int("axis", 0), rank);
  Shape shape = first.shape();
  shape[axis] = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& x = required(node, inputs, i, first.dtype());
    require(node, x.shape().rank() == rank, "inputs of shapes {} and {} have different ranks",
            first.shape().str(), x.shape().str());
    for (int a = 0; a < rank; ++a)
      require(node, a == axis || x.shape()[a] == shape[a], "inputs of shapes {} and {} differ on axis {}",
              first.shape().str(), x.shape().str(), a);
    shape[axis] = checked_add(shape[axis], x.shape()[axis]);
  }
  Tensor y(first.dtype(), shape);
  const size_t size = element_size(node, y.dtype());
  const auto strides = shape.strides();
  int64_t offset = 0;
  for (const Tensor& x : inputs) {
    const auto walk = ref::make_walk<2>(x.shape().dims(), {x.shape().strides(), strides});
    ref::copy_strided(walk, size, x.bytes(),
                      y.bytes() + static_cast<size_t>(offset * strides[static_cast<size_t>(axis)]) * size);
    offset += x.shape()[axis];
  }
  return one(std::move(y));
}

// The box [start, start + steps * length) of x.
Tensor box(const Node& node, const Tensor& x, const std::vector<int64_t>& start,
           const std::vector<int64_t>& step, const Shape& shape) {
  Tensor y(x.dtype(), shape);
  auto strides = x.shape().strides();
  int64_t offset = 0;
  for (size_t a = 0; a < strides.size(); ++a) {
    if (shape[static_cast<int>(a)] > 0) offset += start[a] * strides[a];
    strides[a] = shape[static_cast<int>(a)] > 1 ? strides[a] * step[a] : 0;
  }
  const size_t size = element_size(node, x.dtype());
  if (y.numel() > 0)
    ref::copy_strided(ref::make_walk<2>(shape.dims(), {strides, shape.strides()}), size,
                      x.bytes() + static_cast<size_t>(offset) * size, y.bytes());
  return y;
}

std::vector<int64_t> split_sizes(const Node& node, Inputs inputs, int64_t length) {
  if (optional(inputs, 1)) return int_list(node, inputs, 1, "the split lengths");
  const int64_t parts = node.get_int("num_outputs", static_cast<int64_t>(node.outputs.size()));
  require(node, parts >= 1 && parts == static_cast<int64_t>(node.outputs.size()),
          "num_outputs is {} for {} outputs", parts, node.outputs.size());
  const int64_t chunk = ceil_div(length, parts);
  std::vector<int64_t> sizes(static_cast<size_t>(parts), chunk);
  sizes.back() = length - chunk * (parts - 1);
  return sizes;
}

Tensors split(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int axis = axis_of(node, node.get_int("axis", 0), x.shape().rank());
  const auto sizes = split_sizes(node, inputs, x.shape()[axis]);
  require(node, sizes.size() == node.outputs.size(), "{} split lengths for {} outputs", sizes.size(),
          node.outputs.size());
  std::vector<int64_t> start(static_cast<size_t>(x.shape().rank()), 0), step(start.size(), 1);
  Tensors outputs;
  int64_t total = 0;
  for (int64_t length : sizes) {
    require(node, length >= 0 && length <= x.shape()[axis] - total,
            "the split lengths do not add up to {}, the length of axis {}", x.shape()[axis], axis);
    Shape shape = x.shape();
    shape[axis] = length;
    start[static_cast<size_t>(axis)] = total;
    outputs.push_back(box(node, x, start, step, shape));
    total += length;
  }
  require(node, total == x.shape()[axis], "the split lengths add up to {}, expected {}", total,
          x.shape()[axis]);
  return outputs;
}

struct SliceRange {
  int64_t start = 0, step = 1, length = 0;
};

SliceRange slice_range(int64_t start, int64_t end, int64_t step, int64_t n) {
  step = std::max(step, -std::numeric_limits<int64_t>::max());
  const auto wrapped = [n](int64_t v) { return v < 0 ? v + n : v; };
  SliceRange r{0, step, 0};
  if (step > 0) {
    r.start = std::clamp<int64_t>(wrapped(start), 0, n);
    const int64_t span = std::clamp<int64_t>(wrapped(end), 0, n) - r.start;
    r.length = span > 0 ? (span - 1) / step + 1 : 0;
  } else if (n > 0) {
    r.start = std::clamp<int64_t>(wrapped(start), -1, n - 1);
    const int64_t span = r.start - std::clamp<int64_t>(wrapped(end), -1, n - 1);
    r.length = span > 0 ? (span - 1) / -step + 1 : 0;
  }
  return r;
}

Tensors slice(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int rank = x.shape().rank();
  const auto starts = int_list(node, inputs, 1, "the starts"), ends = int_list(node, inputs, 2, "the ends");
  std::vector<int64_t> axes(starts.size());
  std::iota(axes.begin(), axes.end(), int64_t{0});
  if (optional(inputs, 3)) axes = int_list(node, inputs, 3, "the axes");
  std::vector<int64_t> steps(starts.size(), 1);
  if (optional(inputs, 4)) steps = int_list(node, inputs, 4, "the steps");
  require(node, starts.size() == ends.size() && starts.size() == axes.size() && starts.size() == steps.size(),
          "{} starts, {} ends, {} axes and {} steps: expected as many of each", starts.size(), ends.size(),
          axes.size(), steps.size());
  axes_of(node, axes, rank);
  Shape shape = x.shape();
  std::vector<int64_t> start(static_cast<size_t>(rank), 0), step(static_cast<size_t>(rank), 1);
  for (size_t i = 0; i < axes.size(); ++i) {
    require(node, steps[i] != 0, "a step is 0");
    const int a = axis_of(node, axes[i], rank);
    const SliceRange r = slice_range(starts[i], ends[i], steps[i], x.shape()[a]);
    start[static_cast<size_t>(a)] = r.start;
    step[static_cast<size_t>(a)] = r.step;
    shape[a] = r.length;
  }
  return one(box(node, x, start, step, shape));
}

Tensors tile(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto repeats = int_list(node, inputs, 1, "the repeats");
  const int rank = x.shape().rank();
  require(node, static_cast<int>(repeats.size()) == rank, "{} repeats for an input of shape {}",
          repeats.size(), x.shape().str());
  const auto strides = x.shape().strides();
  std::vector<int64_t> dims, from, out;
  for (int a = 0; a < rank; ++a) {
    const size_t i = static_cast<size_t>(a);
    require(node, repeats[i] >= 0, "the repeats contain {}", repeats[i]);
    dims.insert(dims.end(), {repeats[i], x.shape()[a]});
    from.insert(from.end(), {0, strides[i]});
    out.push_back(checked_mul(repeats[i], x.shape()[a]));
  }
  Tensor y(x.dtype(), Shape(out));
  if (y.numel() > 0)
    ref::copy_strided(ref::make_walk<2>(dims, {from, Shape(dims).strides()}), element_size(node, x.dtype()),
                      x.bytes(), y.bytes());
  return one(std::move(y));
}

Tensors expand(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Shape wanted(int_list(node, inputs, 1, "the shape"));
  for (int64_t d : wanted) require(node, d >= 0, "the shape contains {}", d);
  Tensor y(x.dtype(), broadcast_shapes(x.shape(), wanted));
  ref::copy_strided(ref::broadcast_walk(x.shape(), y.shape()), element_size(node, x.dtype()), x.bytes(),
                    y.bytes());
  return one(std::move(y));
}

enum class PadMode : uint8_t { kConstant, kReflect, kEdge, kWrap };

PadMode pad_mode(const Node& node) {
  const std::string mode = node.get_string("mode", "constant");
  if (mode == "constant") return PadMode::kConstant;
  if (mode == "reflect") return PadMode::kReflect;
  if (mode == "edge") return PadMode::kEdge;
  require(node, mode == "wrap", "attribute 'mode' is '{}', expected constant, reflect, edge or wrap", mode);
  return PadMode::kWrap;
}

// The input index behind index i (counted from the input's start) of a padded axis of n elements; -1 = the
// pad value.
int64_t pad_source(PadMode mode, int64_t i, int64_t n) {
  if (i >= 0 && i < n) return i;
  switch (mode) {
    case PadMode::kConstant:
      return -1;
    case PadMode::kEdge:
      return i < 0 ? 0 : n - 1;
    case PadMode::kWrap:
      return (i % n + n) % n;
    case PadMode::kReflect:
      break;
  }
  return i < 0 ? -i : 2 * (n - 1) - i;  // pads are shorter than the axis
}

Tensors pad(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int rank = x.shape().rank();
  const auto pads = int_list(node, inputs, 1, "the pads");
  std::vector<int64_t> axes(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), int64_t{0});
  if (optional(inputs, 3)) axes = int_list(node, inputs, 3, "the axes");
  axes_of(node, axes, rank);
  require(node, pads.size() == 2 * axes.size(), "{} pads for {} axes, expected two of each", pads.size(),
          axes.size());
  const PadMode mode = pad_mode(node);
  std::vector<int64_t> begin(static_cast<size_t>(rank), 0);
  Shape shape = x.shape();
  for (size_t i = 0; i < axes.size(); ++i) {
    const int a = axis_of(node, axes[i], rank);
    begin[static_cast<size_t>(a)] = pads[i];
    shape[a] = checked_add(checked_add(shape[a], pads[i]), pads[i + axes.size()]);
    require(node, shape[a] >= 0, "pads {} and {} crop more than axis {} of shape {} has", pads[i],
            pads[i + axes.size()], a, x.shape().str());
    require(node, mode == PadMode::kConstant || x.shape()[a] > 0 || shape[a] == 0,
            "axis {} of shape {} is empty: nothing to repeat", a, x.shape().str());
    const int64_t widest = std::max(pads[i], pads[i + axes.size()]);
    require(node, mode != PadMode::kReflect || widest <= 0 || widest < x.shape()[a],
            "pads reflect {} elements along axis {} of shape {}: expected less than its length", widest, a,
            x.shape().str());
  }
  Tensor value(x.dtype(), {1});
  if (optional(inputs, 2)) value = required(node, inputs, 2, x.dtype(), 1);
  Tensor y(x.dtype(), shape);
  if (y.numel() == 0) return one(std::move(y));
  const auto strides = x.shape().strides();
  std::vector<std::vector<int64_t>> maps(static_cast<size_t>(rank));
  for (int a = 0; a < rank; ++a)
    for (int64_t i = 0; i < shape[a]; ++i) {
      const size_t k = static_cast<size_t>(a);
      const int64_t source = pad_source(mode, i - begin[k], x.shape()[a]);
      maps[k].push_back(source < 0 ? -1 : source * strides[k]);
    }
  ref::map_axes(maps, element_size(node, x.dtype()), x.bytes(), value.bytes(), y.bytes());
  return one(std::move(y));
}

Tensors depth_to_space(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int64_t b = node.get_int("blocksize", 0);
  require(node, x.shape().rank() == 4 && b >= 1 && b < (1 << 20) && x.shape()[1] % (b * b) == 0,
          "blocksize {} does not fit an input of shape {}", b, x.shape().str());
  const int64_t n = x.shape()[0], c = x.shape()[1] / (b * b), h = x.shape()[2], w = x.shape()[3];
  const std::string mode = node.get_string("mode", "DCR");
  require(node, mode == "DCR" || mode == "CRD", "attribute 'mode' is '{}', expected DCR or CRD", mode);
  const Shape to{n, c, h * b, w * b};
  if (mode == "CRD")
    return one(permuted(node, x, {n, c, b, b, h, w}, std::vector<int>{0, 1, 4, 2, 5, 3}, to));
  return one(permuted(node, x, {n, b, b, c, h, w}, std::vector<int>{0, 3, 4, 1, 5, 2}, to));
}

Tensors space_to_depth(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int64_t b = node.get_int("blocksize", 0);
  require(node,
          x.shape().rank() == 4 && b >= 1 && b < (1 << 20) && x.shape()[2] % b == 0 && x.shape()[3] % b == 0,
          "blocksize {} does not fit an input of shape {}", b, x.shape().str());
  const int64_t n = x.shape()[0], c = x.shape()[1], h = x.shape()[2] / b, w = x.shape()[3] / b;
  return one(permuted(node, x, {n, c, h, b, w, b}, std::vector<int>{0, 3, 5, 1, 2, 4}, {n, c * b * b, h, w}));
}

Tensors trilu(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  require(node, x.shape().rank() >= 2, "input of shape {} holds no matrix", x.shape().str());
  const int64_t k = optional(inputs, 1) ? required(node, inputs, 1, DType::kI64, 1).at_int(0) : 0;
  const bool upper = node.get_int("upper", 1) != 0;
  const int64_t rows = x.shape()[x.shape().rank() - 2], columns = x.shape()[x.shape().rank() - 1];
  const int64_t size = static_cast<int64_t>(element_size(node, x.dtype()));
  Tensor y(x.dtype(), x.shape());
  const int64_t all_rows = columns == 0 ? 0 : x.numel() / columns;
  for (int64_t r = 0; r < all_rows; ++r) {
    // Upper keeps columns >= row + k, lower columns <= row + k.
    const int64_t edge = r % rows + std::clamp(k, -rows, columns) + (upper ? 0 : 1);
    const int64_t from = upper ? std::clamp<int64_t>(edge, 0, columns) : 0,
                  to = upper ? columns : std::clamp<int64_t>(edge, 0, columns);
    const int64_t at = (r * columns + from) * size;
    std::memcpy(y.bytes() + at, x.bytes() + at, static_cast<size_t>((to - from) * size));
  }
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "Concat", unpacked<concat>},       {"", "DepthToSpace", unpacked<depth_to_space>},
    {"", "Expand", unpacked<expand>},       {"", "Pad", unpacked<pad>},
    {"", "Slice", unpacked<slice>},         {"", "SpaceToDepth", unpacked<space_to_depth>},
    {"", "Split", unpacked<split>},         {"", "Tile", unpacked<tile>},
    {"", "Transpose", unpacked<transpose>}, {"", "Trilu", unpacked<trilu>},
};

}  // namespace

std::span<const ReferenceOp> move_ops() { return kOps; }

}  // namespace precis::runtime
