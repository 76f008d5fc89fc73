// Sequences and optionals: SequenceEmpty, SequenceConstruct, SequenceAt, SequenceInsert, SequenceErase,
// SequenceLength, SplitToSequence, ConcatFromSequence, Optional, OptionalHasElement, OptionalGetElement. A
// tensor that goes into a container is copied: the memory of inputs belongs to others.
#include <cstring>

#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

const Tensors& items_of(const Node& node, Inputs inputs, size_t i) {
  const Tensor& t = required(node, inputs, i);
  require(node, t.dtype() == DType::kSequence, "input {} is {}, expected a sequence", i,
          dtype_name(t.dtype()));
  return t.items();
}

// Index into [0, count) from input i, which may count from the end.
size_t position_of(const Node& node, Inputs inputs, size_t i, int64_t count) {
  const auto given = int_list(node, inputs, i, "the position");
  require(node, given.size() == 1, "the position has {} elements, expected one", given.size());
  require(node, given[0] >= -count && given[0] < count, "position {} is outside [{}, {}]", given[0], -count,
          count - 1);
  return static_cast<size_t>(given[0] < 0 ? given[0] + count : given[0]);
}

Tensors sequence_empty(const Node&, Inputs) { return one(Tensor::sequence({})); }

void require_tensor(const Node& node, const Tensor& t, size_t input) {
  require(node, t.defined() && !is_container(t.dtype()), "input {} is {}, expected a tensor", input,
          dtype_name(t.dtype()));
}

Tensors sequence_construct(const Node& node, Inputs inputs) {
  Tensors items;
  for (size_t i = 0; i < inputs.size(); ++i) {
    require_tensor(node, inputs[i], i);
    require(node, inputs[i].dtype() == inputs[0].dtype(), "inputs 0 and {} are {} and {}, expected one type",
            i, dtype_name(inputs[0].dtype()), dtype_name(inputs[i].dtype()));
    items.push_back(inputs[i].clone());
  }
  return one(Tensor::sequence(std::move(items)));
}

Tensors sequence_at(const Node& node, Inputs inputs) {
  const Tensors& items = items_of(node, inputs, 0);
  return one(items[position_of(node, inputs, 1, static_cast<int64_t>(items.size()))]);
}

Tensors sequence_insert(const Node& node, Inputs inputs) {
  Tensors items = items_of(node, inputs, 0);
  const Tensor& added = required(node, inputs, 1);
  require_tensor(node, added, 1);
  require(node, items.empty() || items[0].dtype() == added.dtype(), "input 1 is {}, the sequence holds {}",
          dtype_name(added.dtype()), items.empty() ? "" : dtype_name(items[0].dtype()));
  size_t at = items.size();
  if (optional(inputs, 2) != nullptr) {
    const auto given = int_list(node, inputs, 2, "the position");
    const auto count = static_cast<int64_t>(items.size());
    require(node, given.size() == 1 && given[0] >= -count && given[0] <= count,
            "the position is outside [{}, {}]", -count, count);
    at = static_cast<size_t>(given[0] < 0 ? given[0] + count : given[0]);
  }
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(at), added.clone());
  return one(Tensor::sequence(std::move(items)));
}

Tensors sequence_erase(const Node& node, Inputs inputs) {
  Tensors items = items_of(node, inputs, 0);
  require(node, !items.empty(), "the sequence is empty");
  const auto count = static_cast<int64_t>(items.size());
  const size_t at =
      optional(inputs, 1) != nullptr ? position_of(node, inputs, 1, count) : static_cast<size_t>(count - 1);
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(at));
  return one(Tensor::sequence(std::move(items)));
}

Tensors sequence_length(const Node& node, Inputs inputs) {
  return one(Tensor::scalar(static_cast<int64_t>(items_of(node, inputs, 0).size())));
}

// --- splitting and joining

// Elements [begin, end) along `axis`.
Tensor part_of(const Node& node, const Tensor& t, int axis, int64_t begin, int64_t end, bool keep_axis) {
  std::vector<int64_t> dims = t.shape().dims();
  dims[static_cast<size_t>(axis)] = end - begin;
  if (!keep_axis) dims.erase(dims.begin() + axis);
  Tensor out(t.dtype(), Shape(std::move(dims)));
  const auto row = static_cast<int64_t>(element_size(node, t.dtype())) * t.shape().inner(axis + 1);
  const int64_t part = (end - begin) * row, whole = t.shape()[axis] * row;
  if (part == 0) return out;
  for (int64_t o = 0; o < t.shape().outer(axis); ++o)
    std::memcpy(out.bytes() + o * part, t.bytes() + o * whole + begin * row, static_cast<size_t>(part));
  return out;
}

// The lengths of the parts.
std::vector<int64_t> split_lengths(const Node& node, Inputs inputs, int64_t total) {
  if (optional(inputs, 1) == nullptr) return std::vector<int64_t>(static_cast<size_t>(total), 1);
  std::vector<int64_t> given = int_list(node, inputs, 1, "the lengths");
  if (inputs[1].shape().rank() > 0) {
    int64_t sum = 0;
    for (int64_t length : given) {
      require(node, length >= 0 && length <= total - sum, "the lengths do not fit in the {} of the axis",
              total);
      sum += length;
    }
    require(node, sum == total, "the lengths sum to {}, the axis has {}", sum, total);
    return given;
  }
  require(node, given[0] > 0, "the length of the parts is {}, expected at least 1", given[0]);
  std::vector<int64_t> lengths(static_cast<size_t>(total / given[0]), given[0]);
  if (total % given[0] != 0) lengths.push_back(total % given[0]);
  return lengths;
}

Tensors split_to_sequence(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int axis = axis_of(node, node.get_int("axis", 0), x.shape().rank());
  const bool keep = optional(inputs, 1) != nullptr || node.get_int("keepdims", 1) != 0;
  Tensors items;
  int64_t begin = 0;
  for (int64_t length : split_lengths(node, inputs, x.shape()[axis])) {
    items.push_back(part_of(node, x, axis, begin, begin + length, keep));
    begin += length;
  }
  return one(Tensor::sequence(std::move(items)));
}

Tensors concat_from_sequence(const Node& node, Inputs inputs) {
  Tensors parts = items_of(node, inputs, 0);
  require(node, !parts.empty(), "the sequence is empty");
  const bool stack = node.get_int("new_axis", 0) != 0;
  const int rank = parts[0].shape().rank() + (stack ? 1 : 0);
  const int axis = axis_of(node, node.get_int("axis", 0), rank);
  if (stack)
    for (Tensor& t : parts) {
      std::vector<int64_t> dims = t.shape().dims();
      require(node, static_cast<int>(dims.size()) + 1 == rank, "its tensors have ranks {} and {}", rank - 1,
              dims.size());
      dims.insert(dims.begin() + axis, 1);
      t = t.reshaped(Shape(std::move(dims)));
    }
  std::vector<int64_t> dims = parts[0].shape().dims();
  dims[static_cast<size_t>(axis)] = 0;
  for (const Tensor& t : parts) {
    bool fits = t.dtype() == parts[0].dtype() && t.shape().rank() == rank;
    for (int d = 0; fits && d < rank; ++d) fits = d == axis || t.shape()[d] == parts[0].shape()[d];
    require(node, fits, "{}{} and {}{} cannot be joined along axis {}", dtype_name(parts[0].dtype()),
            parts[0].shape().str(), dtype_name(t.dtype()), t.shape().str(), axis);
    dims[static_cast<size_t>(axis)] += t.shape()[axis];
  }
  Tensor out(parts[0].dtype(), Shape(std::move(dims)));
  const auto row = static_cast<int64_t>(element_size(node, out.dtype())) * out.shape().inner(axis + 1);
  const int64_t whole = out.shape()[axis] * row;
  int64_t offset = 0;
  for (const Tensor& t : parts) {
    const int64_t part = t.shape()[axis] * row;
    for (int64_t o = 0; part > 0 && o < out.shape().outer(axis); ++o)
      std::memcpy(out.bytes() + o * whole + offset, t.bytes() + o * part, static_cast<size_t>(part));
    offset += part;
  }
  return one(std::move(out));
}

// --- optionals

Tensors make_optional(const Node&, Inputs inputs) {
  const Tensor* element = optional(inputs, 0);
  return one(element == nullptr ? Tensor::optional({}) : Tensor::optional({element->clone()}));
}

Tensors optional_has_element(const Node&, Inputs inputs) {
  const Tensor* t = optional(inputs, 0);
  Tensor out(DType::kBool, Shape{});
  *bool_ptr(out) = t != nullptr && (t->dtype() != DType::kOptional || !t->items().empty()) ? 1 : 0;
  return one(std::move(out));
}

Tensors optional_get_element(const Node& node, Inputs inputs) {
  const Tensor& t = required(node, inputs, 0);
  if (t.dtype() != DType::kOptional) return one(t);
  require(node, !t.items().empty(), "the optional holds nothing");
  return one(t.items()[0]);
}

constexpr ReferenceOp kOps[] = {
    {"", "ConcatFromSequence", concat_from_sequence},
    {"", "Optional", make_optional},
    {"", "OptionalGetElement", optional_get_element},
    {"", "OptionalHasElement", optional_has_element},
    {"", "SequenceAt", sequence_at},
    {"", "SequenceConstruct", sequence_construct},
    {"", "SequenceEmpty", sequence_empty},
    {"", "SequenceErase", sequence_erase},
    {"", "SequenceInsert", sequence_insert},
    {"", "SequenceLength", sequence_length},
    {"", "SplitToSequence", split_to_sequence},
};

}  // namespace

std::span<const ReferenceOp> sequence_ops() { return kOps; }

}  // namespace precis::runtime
