// Checked input access and the wrappers for narrow types.
#include "precis/runtime/reference_support.h"

#include <algorithm>

#include "precis/core/limits.h"

namespace precis::runtime {
namespace {

bool is_half_float(DType d) { return d == DType::kF16 || d == DType::kBF16; }
bool is_packed(DType d) { return dtype_bits(d) > 0 && dtype_bits(d) < 8; }
// A type of whole bytes that holds every value of a packed one.
DType unpacked_type(DType d) {
  if (is_float(d)) return DType::kF32;
  return is_signed(d) ? DType::kI8 : DType::kU8;
}

// Casts the inputs for which `narrow` holds to wide(dtype), runs, and casts outputs of wide(result) back to
// `result`.
Tensors run_cast(RunFunction f, const Node& node, Inputs inputs, DType result, bool (*narrow)(DType),
                 DType (*wide)(DType)) {
  Tensors cast(inputs.begin(), inputs.end());
  for (Tensor& t : cast)
    if (narrow(t.dtype())) t = t.cast(wide(t.dtype()));
  Tensors outputs = f(node, cast);
  if (!narrow(result)) return outputs;
  for (Tensor& t : outputs)
    if (t.dtype() == wide(result)) t = t.cast(result);
  return outputs;
}

}  // namespace

void require_steps(const Node& node, double steps) {
  const int64_t most = limits().max_operator_steps;
  if (steps > static_cast<double>(most))
    fail_node(node, ErrorCode::kLimit, "it would take {:.3g} steps, at most {} are allowed for one operator",
              steps, most);
}

const Tensor& required(const Node& node, Inputs inputs, size_t i) {
  require(node, i < inputs.size() && inputs[i].defined(), "input {} is missing", i);
  return inputs[i];
}

const Tensor* optional(Inputs inputs, size_t i) {
  return i < inputs.size() && inputs[i].defined() ? &inputs[i] : nullptr;
}

const Tensor& required(const Node& node, Inputs inputs, size_t i, DType dtype, int64_t numel) {
  const Tensor& t = required(node, inputs, i);
  require(node, t.dtype() == dtype, "input {} has type {}, expected {}", i, dtype_name(t.dtype()),
          dtype_name(dtype));
  require(node, numel < 0 || t.numel() == numel, "input {} has shape {}, expected {} elements", i,
          t.shape().str(), numel);
  return t;
}

std::vector<int64_t> int_list(const Node& node, Inputs inputs, size_t i, const char* what) {
  const Tensor& t = required(node, inputs, i);
  require(node, t.dtype() == DType::kI64 || t.dtype() == DType::kI32, "{} have type {}, expected i64 or i32",
          what, dtype_name(t.dtype()));
  return to_int64s(t, what);
}

bool wants_output(const Node& node, size_t i) { return static_cast<bool>(node.output(i)); }

Tensors one(Tensor t) {
  Tensors v;
  v.push_back(std::move(t));
  return v;
}

int axis_of(const Node& node, int64_t axis, int rank) {
  require(node, axis >= -rank && axis < rank, "axis {} is outside [{}, {}]", axis, -rank, rank - 1);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<int> axes_of(const Node& node, const std::vector<int64_t>& axes, int rank) {
  std::vector<int> r;
  for (int64_t a : axes) r.push_back(axis_of(node, a, rank));
  std::sort(r.begin(), r.end());
  require(node, std::adjacent_find(r.begin(), r.end()) == r.end(), "an axis is given twice");
  return r;
}

size_t element_size(const Node& node, DType dtype) {
  if (dtype_bits(dtype) < 8) fail_dtype(node, dtype);
  return static_cast<size_t>(dtype_bits(dtype)) / 8;
}

void fail_dtype(const Node& node, DType dtype) {
  fail_node(node, ErrorCode::kUnsupported, "elements of type {} are not supported by this operator",
            dtype_name(dtype));
}

Tensors run_widened(RunFunction f, const Node& node, Inputs inputs) {
  const auto any =
      std::any_of(inputs.begin(), inputs.end(), [](const Tensor& t) { return is_half_float(t.dtype()); });
  if (!any) return f(node, inputs);
  return run_cast(f, node, inputs, inputs[0].dtype(), is_half_float, [](DType) { return DType::kF32; });
}

Tensors run_unpacked(RunFunction f, const Node& node, Inputs inputs) {
  const auto first =
      std::find_if(inputs.begin(), inputs.end(), [](const Tensor& t) { return is_packed(t.dtype()); });
  if (first == inputs.end()) return f(node, inputs);
  return run_cast(f, node, inputs, first->dtype(), is_packed, unpacked_type);
}

}  // namespace precis::runtime
