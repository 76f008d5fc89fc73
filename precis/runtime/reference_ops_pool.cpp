// Pools: MaxPool (with Indices), AveragePool, LpPool, their global forms, MaxUnpool.
#include <algorithm>

#include "precis/kernels/reference/move.h"
#include "precis/kernels/reference/pool.h"
#include "precis/runtime/reference_geometry.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;
using ref::Window;

Shape pooled_shape(const Node& node, const Shape& x, const Window& w) {
  if (node.op.rfind("Global", 0) != 0) return output_shape(x, x[1], w.out);
  std::vector<int64_t> dims(static_cast<size_t>(x.rank()), 1);
  dims[0] = x[0];
  dims[1] = x[1];
  return Shape(std::move(dims));
}

int64_t planes_of(const Shape& x) { return checked_mul(x[0], x[1]); }

Tensors max_over(const Node& node, const Tensor& x, const Window& w, ref::IndexOrder order) {
  Tensors outputs;
  outputs.emplace_back(x.dtype(), pooled_shape(node, x.shape(), w));
  int64_t* indices = nullptr;
  if (wants_output(node, 1)) indices = ptr<int64_t>(outputs.emplace_back(DType::kI64, outputs[0].shape()));
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    ref::max_pool(w, planes_of(x.shape()), ptr<T>(x), ptr<T>(outputs[0]), indices, order);
  };
  switch (x.dtype()) {
    case DType::kI8:
      run(int8_t{});
      break;
    case DType::kU8:
      run(uint8_t{});
      break;
    case DType::kI16:
      run(int16_t{});
      break;
    case DType::kU16:
      run(uint16_t{});
      break;
    default:
      for_float(node, x.dtype(), run);
  }
  return outputs;
}

Tensors max_pool(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto order =
      node.get_int("storage_order", 0) != 0 ? ref::IndexOrder::kColumnMajor : ref::IndexOrder::kRowMajor;
  return max_over(node, x, pool_window(node, x.shape()), order);
}

Tensors global_max_pool(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  return max_over(node, x, whole_plane(node, x.shape()), ref::IndexOrder::kRowMajor);
}

Tensors average_over(const Node& node, const Tensor& x, const Window& w, ref::CountPadding padding) {
  Tensor y(x.dtype(), pooled_shape(node, x.shape(), w));
  std::vector<int64_t> counts(static_cast<size_t>(w.out_size()));
  ref::window_counts(w, padding, counts.data());
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* out = ptr<T>(y);
    ref::sum_pool(w, planes_of(x.shape()), ptr<T>(x), out);
    for (int64_t i = 0; i < y.numel(); ++i)
      out[i] /= static_cast<T>(std::max<int64_t>(1, counts[static_cast<size_t>(i % w.out_size())]));
  });
  return one(std::move(y));
}

Tensors average_pool(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto padding =
      node.get_int("count_include_pad", 0) != 0 ? ref::CountPadding::kInclude : ref::CountPadding::kExclude;
  return average_over(node, x, pool_window(node, x.shape()), padding);
}

Tensors global_average_pool(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  return average_over(node, x, whole_plane(node, x.shape()), ref::CountPadding::kExclude);
}

Tensors lp_over(const Node& node, const Tensor& x, const Window& w) {
  const int64_t p = node.get_int("p", 2);
  require(node, p >= 1, "attribute 'p' is {}, expected 1 or more", p);
  Tensor y(x.dtype(), pooled_shape(node, x.shape(), w));
  for_float(node, x.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::lp_pool(w, planes_of(x.shape()), p, ptr<T>(x), ptr<T>(y));
  });
  return one(std::move(y));
}

Tensors lp_pool(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  return lp_over(node, x, pool_window(node, x.shape()));
}

Tensors global_lp_pool(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  return lp_over(node, x, whole_plane(node, x.shape()));
}

// The inverse of MaxPool: values go back to the flat positions that Indices names; everything else is 0.
Tensors max_unpool(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Tensor& indices = required(node, inputs, 1, DType::kI64, x.numel());
  const int spatial = x.shape().rank() - 2;
  require(node, spatial >= 1, "input of shape {} has no spatial dimension", x.shape().str());
  const size_t rank = static_cast<size_t>(spatial);
  const auto kernel = node.get_ints("kernel_shape");
  const auto strides = node.get_ints("strides", std::vector<int64_t>(rank, 1));
  const auto pads = node.get_ints("pads", std::vector<int64_t>(2 * rank, 0));
  require(node, kernel.size() == rank && strides.size() == rank && pads.size() == 2 * rank,
          "kernel_shape, strides or pads do not fit {} spatial dimensions", rank);
  std::vector<int64_t> dims{x.shape()[0], x.shape()[1]};
  for (size_t i = 0; i < rank; ++i) {
    const int64_t steps = checked_mul(x.shape()[static_cast<int>(i) + 2] - 1, strides[i]);
    dims.push_back(checked_sub(checked_sub(checked_add(steps, kernel[i]), pads[i]), pads[i + rank]));
    require(node, dims.back() >= 0, "the unpooled length {} is negative", dims.back());
  }
  const Shape natural(dims);
  Shape shape = natural;
  if (optional(inputs, 2)) shape = Shape(int_list(node, inputs, 2, "the output shape"));
  require(node, shape.rank() == natural.rank(), "the output shape has rank {}, expected {}", shape.rank(),
          natural.rank());
  for (int64_t d : shape) require(node, d >= 0, "the output shape contains {}", d);
  // Indices count positions in the natural shape; a larger output keeps their coordinates.
  const auto from = natural.strides(), to = shape.strides();
  std::vector<int64_t> offsets;
  for (int64_t index : indices.data<int64_t>()) {
    require(node, index >= 0 && index < natural.numel(), "index {} is outside [0, {})", index,
            natural.numel());
    int64_t offset = 0;
    for (int a = 0; a < natural.rank(); ++a) {
      const int64_t at = index / from[static_cast<size_t>(a)] % natural[a];
      require(node, at < shape[a], "index {} lies outside the output shape {}", index, shape.str());
      offset += at * to[static_cast<size_t>(a)];
    }
    offsets.push_back(offset);
  }
  Tensor y(x.dtype(), shape);
  for_float(node, x.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::scatter(ref::Reduction::kNone, offsets, 1, ptr<T>(x), ptr<T>(y));
  });
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "AveragePool", widened<average_pool>},
    {"", "GlobalAveragePool", widened<global_average_pool>},
    {"", "GlobalLpPool", widened<global_lp_pool>},
    {"", "GlobalMaxPool", widened<global_max_pool>},
    {"", "LpPool", widened<lp_pool>},
    {"", "MaxPool", widened<max_pool>},
    {"", "MaxUnpool", widened<max_unpool>},
};

}  // namespace

std::span<const ReferenceOp> pool_ops() { return kOps; }

}  // namespace precis::runtime
