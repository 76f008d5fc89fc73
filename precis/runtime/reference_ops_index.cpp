// Operators that find elements by index: Gather, GatherElements, GatherND, ScatterElements, ScatterND,
// OneHot, NonZero, Compress, ReverseSequence, TensorScatter. Every index is checked against its axis:
// Error(kMalformed) with the node and the index.
#include <algorithm>
#include <cstring>

#include "precis/kernels/reference/move.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

int64_t checked_index(const Node& node, int64_t index, int64_t length) {
  require(node, index >= -length && index < length, "index {} is outside [{}, {}]", index, -length,
          length - 1);
  return index < 0 ? index + length : index;
}

Tensors gather(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  auto indices = int_list(node, inputs, 1, "the indices");
  const int axis = axis_of(node, node.get_int("axis", 0), x.shape().rank());
  const int64_t n = x.shape()[axis];
  for (int64_t& i : indices) i = checked_index(node, i, n);
  std::vector<int64_t> dims(x.shape().dims().begin(), x.shape().dims().begin() + axis);
  dims.insert(dims.end(), inputs[1].shape().begin(), inputs[1].shape().end());
  dims.insert(dims.end(), x.shape().dims().begin() + axis + 1, x.shape().dims().end());
  Tensor y(x.dtype(), Shape(std::move(dims)));
  ref::gather(x.shape().outer(axis), n, x.shape().inner(axis + 1), indices, element_size(node, x.dtype()),
              x.bytes(), y.bytes());
  return one(std::move(y));
}

// The flat position in a tensor of shape `data` for each element of `indices`, whose value replaces the
// coordinate on `axis`.
std::vector<int64_t> element_offsets(const Node& node, const Shape& data, const Tensor& indices, int axis) {
  const Shape& shape = indices.shape();
  require(node, shape.rank() == data.rank(), "indices of shape {} do not fit data of shape {}", shape.str(),
          data.str());
  for (int a = 0; a < data.rank(); ++a)
    require(node, a == axis || shape[a] <= data[a], "indices of shape {} do not fit data of shape {}",
            shape.str(), data.str());
  const auto strides = data.strides();
  std::vector<int64_t> values = to_int64s(indices, "the indices"),
                       position(static_cast<size_t>(data.rank()), 0);
  for (int64_t& v : values) {
    int64_t offset = 0;
    for (int a = 0; a < data.rank(); ++a) {
      const size_t i = static_cast<size_t>(a);
      offset += strides[i] * (a == axis ? checked_index(node, v, data[a]) : position[i]);
    }
    v = offset;
    for (int a = data.rank() - 1; a >= 0 && ++position[static_cast<size_t>(a)] == shape[a]; --a)
      position[static_cast<size_t>(a)] = 0;
  }
  return values;
}

Tensors gather_elements(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Tensor& indices = required(node, inputs, 1);
  const int axis = axis_of(node, node.get_int("axis", 0), x.shape().rank());
  const auto offsets = element_offsets(node, x.shape(), indices, axis);
  Tensor y(x.dtype(), indices.shape());
  ref::gather(1, x.numel(), 1, offsets, element_size(node, x.dtype()), x.bytes(), y.bytes());
  return one(std::move(y));
}

// Positions, in blocks, that rows of the last dimension of `indices` name in data whose first `batch`
// dimensions are shared.
std::vector<int64_t> row_offsets(const Node& node, const Shape& data, const Tensor& indices, int batch) {
  const int rank = indices.shape().rank();
  const int64_t depth = indices.shape()[rank - 1];
  require(node, depth >= 1 && batch + depth <= data.rank(),
          "indices of shape {} name {} coordinates of data of shape {}", indices.shape().str(), depth,
          data.str());
  const std::vector<int64_t> values = to_int64s(indices, "the indices");
  const int64_t rows = indices.shape().outer(rank - 1),
                per_batch = checked_product(
                    std::span(indices.shape().dims())
                        .subspan(static_cast<size_t>(batch), static_cast<size_t>(rank - 1 - batch)));
  std::vector<int64_t> offsets;
  for (int64_t r = 0; r < rows; ++r) {
    int64_t offset = r / per_batch;  // the batch position
    for (int64_t d = 0; d < depth; ++d) {
      const int64_t n = data[batch + static_cast<int>(d)];
      offset = offset * n + checked_index(node, values[static_cast<size_t>(r * depth + d)], n);
    }
    offsets.push_back(offset);
  }
  return offsets;
}

Tensors gather_nd(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Tensor& indices = required(node, inputs, 1, DType::kI64);
  const int64_t batch = node.get_int("batch_dims", 0);
  const int rank = indices.shape().rank();
  require(node, rank >= 1 && batch >= 0 && batch < rank && batch < x.shape().rank(),
          "batch_dims {} does not fit shapes {} and {}", batch, x.shape().str(), indices.shape().str());
  const int b = static_cast<int>(batch);
  require(node, std::equal(x.shape().begin(), x.shape().begin() + b, indices.shape().begin()),
          "shapes {} and {} differ in their first {} dimensions", x.shape().str(), indices.shape().str(), b);
  const auto offsets = row_offsets(node, x.shape(), indices, b);
  const int used = b + static_cast<int>(indices.shape()[rank - 1]);
  std::vector<int64_t> dims(indices.shape().begin(), indices.shape().end() - 1);
  dims.insert(dims.end(), x.shape().begin() + used, x.shape().end());
  Tensor y(x.dtype(), Shape(std::move(dims)));
  ref::gather(1, x.shape().outer(used), x.shape().inner(used), offsets, element_size(node, x.dtype()),
              x.bytes(), y.bytes());
  return one(std::move(y));
}

ref::Reduction reduction_of(const Node& node) {
  const std::string r = node.get_string("reduction", "none");
  if (r == "none") return ref::Reduction::kNone;
  if (r == "add") return ref::Reduction::kAdd;
  if (r == "mul") return ref::Reduction::kMul;
  if (r == "min") return ref::Reduction::kMin;
  require(node, r == "max", "attribute 'reduction' is '{}', expected none, add, mul, min or max", r);
  return ref::Reduction::kMax;
}

Tensor scattered(const Node& node, const Tensor& x, const Tensor& updates, std::span<const int64_t> offsets,
                 int64_t block) {
  require(node, updates.dtype() == x.dtype(), "updates have type {}, the data {}",
          dtype_name(updates.dtype()), dtype_name(x.dtype()));
  const ref::Reduction reduction = reduction_of(node);
  const Tensor source =
      x.dtype() == DType::kBool ? Tensor::view(DType::kU8, x.shape(), const_cast<std::byte*>(x.bytes())) : x;
  Tensor y = source.clone();
  for_number(node, y.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::scatter(reduction, offsets, block, reinterpret_cast<const T*>(updates.bytes()), ptr<T>(y));
  });
  return x.dtype() == DType::kBool ? y.cast(DType::kBool) : y;
}

Tensors scatter_elements(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Tensor& indices = required(node, inputs, 1);
  const Tensor& updates = required(node, inputs, 2);
  require(node, updates.shape() == indices.shape(), "updates of shape {} for indices of shape {}",
          updates.shape().str(), indices.shape().str());
  const int axis = axis_of(node, node.get_int("axis", 0), x.shape().rank());
  return one(scattered(node, x, updates, element_offsets(node, x.shape(), indices, axis), 1));
}

Tensors scatter_nd(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Tensor& indices = required(node, inputs, 1, DType::kI64);
  const Tensor& updates = required(node, inputs, 2);
  require(node, indices.shape().rank() >= 1, "the indices are a scalar");
  const auto offsets = row_offsets(node, x.shape(), indices, 0);
  const int64_t block = x.shape().inner(static_cast<int>(indices.shape()[indices.shape().rank() - 1]));
  require(node, updates.numel() == checked_mul(static_cast<int64_t>(offsets.size()), block),
          "updates of shape {} for indices of shape {} and data of shape {}", updates.shape().str(),
          indices.shape().str(), x.shape().str());
  std::vector<int64_t> starts;
  for (int64_t o : offsets) starts.push_back(o * block);
  return one(scattered(node, x, updates, starts, block));
}

Tensors one_hot(const Node& node, Inputs inputs) {
  const Tensor& indices = required(node, inputs, 0);
  const Tensor& depth_input = required(node, inputs, 1);
  const Tensor& values = required(node, inputs, 2);
  require(node, depth_input.numel() == 1 && values.numel() == 2,
          "depth has {} and values {} elements, expected 1 and 2", depth_input.numel(), values.numel());
  const int64_t depth = depth_input.at_int(0);
  require(node, depth >= 1, "depth is {}, expected 1 or more", depth);
  const int rank = indices.shape().rank();
  const int axis = axis_of(node, node.get_int("axis", -1), rank + 1);
  std::vector<int64_t> dims = indices.shape().dims();
  dims.insert(dims.begin() + axis, depth);
  Tensor y(values.dtype(), Shape(std::move(dims)));
  const size_t size = element_size(node, values.dtype());
  ref::fill(size, y.numel(), values.bytes(), y.bytes());
  const int64_t inner = indices.shape().inner(axis);
  for (int64_t i = 0; i < indices.numel(); ++i) {
    int64_t hot = indices.at_int(i);
    if (hot < -depth || hot >= depth) continue;  // no element is hot
    if (hot < 0) hot += depth;
    const int64_t at = (i / inner * depth + hot) * inner + i % inner;
    std::memcpy(y.bytes() + static_cast<size_t>(at) * size, values.bytes() + size, size);
  }
  return one(std::move(y));
}

Tensors non_zero(const Node& node, Inputs inputs) {
  const Tensor& input = required(node, inputs, 0);
  const Tensor x = input.shape().rank() == 0 ? input.reshaped({1}) : input;  // a scalar counts as a vector
  std::vector<int64_t> found;
  for (int64_t i = 0; i < x.numel(); ++i)
    if (x.at_double(i) != 0) found.push_back(i);
  const int64_t count = static_cast<int64_t>(found.size());
  Tensor y(DType::kI64, {x.shape().rank(), count});
  const auto strides = x.shape().strides();
  for (int a = 0; a < x.shape().rank(); ++a)
    for (int64_t j = 0; j < count; ++j)
      ptr<int64_t>(y)[a * count + j] =
          found[static_cast<size_t>(j)] / strides[static_cast<size_t>(a)] % x.shape()[a];
  return one(std::move(y));
}

Tensors compress(const Node& node, Inputs inputs) {
  const Tensor& input = required(node, inputs, 0);
  const Tensor& condition = required(node, inputs, 1, DType::kBool);
  const bool flat = !node.has("axis");
  const Tensor x = flat ? input.reshaped({input.numel()}) : input;
  const int axis = flat ? 0 : axis_of(node, node.get_int("axis", 0), x.shape().rank());
  require(node, condition.numel() <= x.shape()[axis], "a condition of {} elements for {} of them",
          condition.numel(), x.shape()[axis]);
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < condition.numel(); ++i)
    if (bool_ptr(condition)[i] != 0) kept.push_back(i);
  Shape shape = x.shape();
  shape[axis] = static_cast<int64_t>(kept.size());
  Tensor y(x.dtype(), shape);
  ref::gather(x.shape().outer(axis), x.shape()[axis], x.shape().inner(axis + 1), kept,
              element_size(node, x.dtype()), x.bytes(), y.bytes());
  return one(std::move(y));
}

Tensors reverse_sequence(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int64_t batch_axis = node.get_int("batch_axis", 1), time_axis = node.get_int("time_axis", 0);
  require(node, x.shape().rank() >= 2 && batch_axis + time_axis == 1 && batch_axis * time_axis == 0,
          "batch_axis {} and time_axis {} must be 0 and 1, in any order", batch_axis, time_axis);
  const int b = static_cast<int>(batch_axis), t = static_cast<int>(time_axis);
  const auto lengths = int_list(node, inputs, 1, "the sequence lengths");
  require(node, static_cast<int64_t>(lengths.size()) == x.shape()[b], "{} sequence lengths for {} sequences",
          lengths.size(), x.shape()[b]);
  for (int64_t l : lengths)
    require(node, l >= 0 && l <= x.shape()[t], "sequence length {} is outside [0, {}]", l, x.shape()[t]);
  std::vector<int64_t> source;  // for each [dim 0, dim 1] block
  for (int64_t i = 0; i < x.shape()[0]; ++i)
    for (int64_t j = 0; j < x.shape()[1]; ++j) {
      const int64_t time = t == 0 ? i : j, length = lengths[static_cast<size_t>(t == 0 ? j : i)];
      const int64_t from = time < length ? length - 1 - time : time;
      source.push_back(t == 0 ? from * x.shape()[1] + j : i * x.shape()[1] + from);
    }
  Tensor y(x.dtype(), x.shape());
  ref::gather(1, static_cast<int64_t>(source.size()), x.shape().inner(2), source,
              element_size(node, x.dtype()), x.bytes(), y.bytes());
  return one(std::move(y));
}

// Slices of `update` over those of a copy of `past` from each sample's index on, wrapping round when
// circular.
Tensors tensor_scatter(const Node& node, Inputs inputs) {
  const Tensor& past = required(node, inputs, 0);
  const Tensor& update = required(node, inputs, 1, past.dtype());
  const int axis = axis_of(node, node.get_int("axis", -2), past.shape().rank());
  const bool circular = node.get_string("mode", "linear") == "circular";
  const int64_t most = past.shape()[axis], length = update.shape().rank() > axis ? update.shape()[axis] : 0;
  Shape expected = past.shape();
  expected[axis] = length;
  require(node, axis > 0 && update.shape() == expected && length <= most,
          "an update of shape {} to past of shape {}", update.shape().str(), past.shape().str());
  const int64_t batch = past.shape()[0], rows = past.shape().outer(axis);
  const size_t width = static_cast<size_t>(past.shape().inner(axis + 1)) * element_size(node, past.dtype());
  if (optional(inputs, 2)) required(node, inputs, 2, DType::kI64, batch);
  Tensor y = past.clone();
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t start = optional(inputs, 2) ? inputs[2].at_int(r / (rows / batch)) : 0;
    require(node, start >= 0 && (circular || start <= most - length), "index {} for {} slices of {}", start,
            length, most);
    for (int64_t i = 0; i < length; ++i) {
      const int64_t to = (start % std::max<int64_t>(most, 1) + i) % most;
      std::memcpy(y.bytes() + static_cast<size_t>(r * most + to) * width,
                  update.bytes() + static_cast<size_t>(r * length + i) * width, width);
    }
  }
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "Compress", unpacked<compress>},
    {"", "Gather", unpacked<gather>},
    {"", "GatherElements", unpacked<gather_elements>},
    {"", "GatherND", unpacked<gather_nd>},
    {"", "NonZero", non_zero},
    {"", "OneHot", unpacked<one_hot>},
    {"", "ReverseSequence", unpacked<reverse_sequence>},
    {"", "TensorScatter", unpacked<tensor_scatter>},
    {"", "ScatterElements", widened<scatter_elements>},
    {"", "ScatterND", widened<scatter_nd>},
};

}  // namespace

std::span<const ReferenceOp> index_ops() { return kOps; }

}  // namespace precis::runtime
