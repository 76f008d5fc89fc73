// Reductions (ten kinds), ArgMax, ArgMin, TopK, CumSum, CumProd.
#include <algorithm>
#include <numeric>

#include "precis/kernels/reference/reduce.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;
using ref::ReduceOp;

// The axes to reduce: none for an empty list with noop_with_empty_axes, all for an empty list without.
std::vector<int> reduced_axes(const Node& node, Inputs inputs, int rank) {
  std::vector<int64_t> axes;
  if (optional(inputs, 1)) axes = int_list(node, inputs, 1, "the axes");
  if (axes.empty() && node.get_int("noop_with_empty_axes", 0) == 0) {
    axes.resize(static_cast<size_t>(rank));
    std::iota(axes.begin(), axes.end(), int64_t{0});
  }
  return axes_of(node, axes, rank);
}

// Shape without (or, kept, with length 1 at) the given axes.
Shape reduced_shape(const Shape& x, const std::vector<int>& axes, bool keep) {
  std::vector<int64_t> dims;
  for (int a = 0; a < x.rank(); ++a) {
    const bool reduced = std::binary_search(axes.begin(), axes.end(), a);
    if (!reduced)
      dims.push_back(x[a]);
    else if (keep)
      dims.push_back(1);
  }
  return Shape(std::move(dims));
}

Tensor reduce_axes(ReduceOp op, const Node& node, const Tensor& x, const std::vector<int>& axes) {
  const Shape kept = reduced_shape(x.shape(), axes, true);
  Tensor y(x.dtype(), kept);
  int64_t count = 1;
  for (int a : axes) count *= x.shape()[a];
  const auto walk =
      ref::make_walk<2>(x.shape().dims(), {x.shape().strides(), ref::broadcast_strides(kept, x.shape())});
  Tensor scratch(x.dtype(), kept);
  for_number(node, x.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::reduce(op, walk, y.numel(), count, ptr<T>(x), ptr<T>(y), ptr<T>(scratch));
  });
  return y.reshaped(reduced_shape(x.shape(), axes, node.get_int("keepdims", 1) != 0));
}

Tensors reduce_bool(ReduceOp op, const Node& node, const Tensor& x, const std::vector<int>& axes) {
  require(node, op == ReduceOp::kMax || op == ReduceOp::kMin, "elements of type bool cannot be summed");
  return one(reduce_axes(op, node, x.cast(DType::kU8), axes).cast(DType::kBool));
}

template <ReduceOp op>
Tensors reduce(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const std::vector<int> axes = reduced_axes(node, inputs, x.shape().rank());
  if (x.dtype() == DType::kBool) return reduce_bool(op, node, x, axes);
  return one(reduce_axes(op, node, x, axes));
}

template <ref::Extreme which>
Tensors arg_extreme(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int axis = axis_of(node, node.get_int("axis", 0), x.shape().rank());
  const int64_t n = x.shape()[axis];
  require(node, n > 0, "axis {} of shape {} is empty", axis, x.shape().str());
  const auto ties = node.get_int("select_last_index", 0) != 0 ? ref::Ties::kLast : ref::Ties::kFirst;
  Tensor y(DType::kI64, reduced_shape(x.shape(), {axis}, node.get_int("keepdims", 1) != 0));
  for_number(node, x.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::arg_extreme(which, ties, x.shape().outer(axis), n, x.shape().inner(axis + 1), ptr<T>(x),
                     ptr<int64_t>(y));
  });
  return one(std::move(y));
}

Tensors top_k(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int axis = axis_of(node, node.get_int("axis", -1), x.shape().rank());
  const int64_t k = required(node, inputs, 1, DType::kI64, 1).at_int(0), n = x.shape()[axis];
  require(node, k >= 0 && k <= n, "K is {}, expected 0 to {} (the length of axis {})", k, n, axis);
  const auto which = node.get_int("largest", 1) != 0 ? ref::Extreme::kMax : ref::Extreme::kMin;
  Shape shape = x.shape();
  shape[axis] = k;
  Tensors outputs;
  outputs.emplace_back(x.dtype(), shape);
  outputs.emplace_back(DType::kI64, shape);
  std::vector<int64_t> order(static_cast<size_t>(n));
  for_number(node, x.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::top_k(which, x.shape().outer(axis), n, x.shape().inner(axis + 1), k, ptr<T>(x), ptr<T>(outputs[0]),
               ptr<int64_t>(outputs[1]), order.data());
  });
  return outputs;
}

template <ref::Accumulate op>
Tensors scan(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto axes = int_list(node, inputs, 1, "the axis");
  require(node, axes.size() == 1, "the axis has {} values, expected one", axes.size());
  const int axis = axis_of(node, axes[0], x.shape().rank());
  const auto start =
      node.get_int("exclusive", 0) != 0 ? ref::ScanStart::kExclusive : ref::ScanStart::kInclusive;
  const auto direction =
      node.get_int("reverse", 0) != 0 ? ref::ScanDirection::kReverse : ref::ScanDirection::kForward;
  Tensor y(x.dtype(), x.shape());
  for_number(node, x.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::scan(op, start, direction, x.shape().outer(axis), x.shape()[axis], x.shape().inner(axis + 1),
              ptr<T>(x), ptr<T>(y));
  });
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "ArgMax", widened<arg_extreme<ref::Extreme::kMax>>},
    {"", "ArgMin", widened<arg_extreme<ref::Extreme::kMin>>},
    {"", "CumProd", widened<scan<ref::Accumulate::kProd>>},
    {"", "CumSum", widened<scan<ref::Accumulate::kSum>>},
    {"", "ReduceL1", widened<reduce<ReduceOp::kL1>>},
    {"", "ReduceL2", widened<reduce<ReduceOp::kL2>>},
    {"", "ReduceLogSum", widened<reduce<ReduceOp::kLogSum>>},
    {"", "ReduceLogSumExp", widened<reduce<ReduceOp::kLogSumExp>>},
    {"", "ReduceMax", widened<reduce<ReduceOp::kMax>>},
    {"", "ReduceMean", widened<reduce<ReduceOp::kMean>>},
    {"", "ReduceMin", widened<reduce<ReduceOp::kMin>>},
    {"", "ReduceProd", widened<reduce<ReduceOp::kProd>>},
    {"", "ReduceSum", widened<reduce<ReduceOp::kSum>>},
    {"", "ReduceSumSquare", widened<reduce<ReduceOp::kSumSquare>>},
    {"", "TopK", widened<top_k>},
};

}  // namespace

std::span<const ReferenceOp> reduce_ops() { return kOps; }

}  // namespace precis::runtime
