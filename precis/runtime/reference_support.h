// What the adapters of the reference operators share: checked access to inputs, messages that name the node,
// dispatch over element types, and the wrapper that runs an operator on f16 and bf16 by way of f32. Internal
// to precis/runtime.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "precis/core/check.h"
#include "precis/graph/graph.h"
#include "precis/kernels/reference/binary.h"
#include "precis/runtime/reference_ops.h"

namespace precis::runtime {

using Tensors = std::vector<Tensor>;
using Inputs = std::span<const Tensor>;
using RunFunction = Tensors (*)(const Node&, Inputs);

// The operators of each family (reference_ops_<family>.cpp), collected by reference_ops.cpp.
std::span<const ReferenceOp> arithmetic_ops();
std::span<const ReferenceOp> activation_ops();
std::span<const ReferenceOp> attention_ops();
std::span<const ReferenceOp> flex_attention_ops();
std::span<const ReferenceOp> linear_ops();
std::span<const ReferenceOp> contract_ops();
std::span<const ReferenceOp> count_ops();
std::span<const ReferenceOp> detection_ops();
std::span<const ReferenceOp> loss_ops();
std::span<const ReferenceOp> ml_ops();
std::span<const ReferenceOp> patch_ops();
std::span<const ReferenceOp> sampling_ops();
std::span<const ReferenceOp> random_ops();
std::span<const ReferenceOp> signal_ops();
std::span<const ReferenceOp> pool_ops();
std::span<const ReferenceOp> normalize_ops();
std::span<const ReferenceOp> recurrent_ops();
std::span<const ReferenceOp> reduce_ops();
std::span<const ReferenceOp> shape_ops();
std::span<const ReferenceOp> move_ops();
std::span<const ReferenceOp> index_ops();
std::span<const ReferenceOp> resize_ops();
std::span<const ReferenceOp> quantize_ops();
std::span<const ReferenceOp> sequence_ops();

template <typename... Args>
[[noreturn]] void fail_node(const Node& node, ErrorCode code, fmt::format_string<Args...> format,
                            Args&&... args) {
  throw Error(code, describe(node) + ": " + fmt::format(format, std::forward<Args>(args)...));
}
// Error(kMalformed) naming the node.
template <typename... Args>
void require(const Node& node, bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) [[unlikely]]
    fail_node(node, ErrorCode::kMalformed, format, std::forward<Args>(args)...);
}

// Error(kLimit) when an operator's work, in elementary steps, is beyond limits().max_operator_steps: for
// operators whose work grows faster than their tensors, before they begin.
void require_steps(const Node& node, double steps);

const Tensor& required(const Node& node, Inputs inputs, size_t i);
const Tensor* optional(Inputs inputs, size_t i);  // null when omitted
// Input i, which must have the dtype (and, where given, the number of elements).
const Tensor& required(const Node& node, Inputs inputs, size_t i, DType dtype, int64_t numel = -1);
std::vector<int64_t> int_list(const Node& node, Inputs inputs, size_t i,
                              const char* what);  // i32 or i64 input
bool wants_output(const Node& node, size_t i);
Tensors one(Tensor t);
int axis_of(const Node& node, int64_t axis, int rank);  // into [0, rank)
// Axes normalized, sorted, without repetition.
std::vector<int> axes_of(const Node& node, const std::vector<int64_t>& axes, int rank);

size_t element_size(const Node& node, DType dtype);  // bytes; Error(kUnsupported) for packed types

template <typename T>
const T* ptr(const Tensor& t) {
  return t.data<T>().data();
}
template <typename T>
T* ptr(Tensor& t) {
  return t.data<T>().data();
}
// Raw bytes of bool tensors: any value but 0 is true.
inline const uint8_t* bool_ptr(const Tensor& t) { return reinterpret_cast<const uint8_t*>(t.bytes()); }
inline uint8_t* bool_ptr(Tensor& t) { return reinterpret_cast<uint8_t*>(t.bytes()); }

// a op b with broadcasting, for tensors of one numeric type (f32, f64, integers).
Tensor broadcast_binary(kernels::reference::BinaryOp op, const Node& node, const Tensor& a, const Tensor& b);

[[noreturn]] void fail_dtype(const Node& node,
                             DType dtype);  // kUnsupported: the operator has no reference for this type

// Calls f(T{}) with T = float or double.
template <typename F>
decltype(auto) for_float(const Node& node, DType dtype, F&& f) {
  switch (dtype) {
    case DType::kF32:
      return f(float{});
    case DType::kF64:
      return f(double{});
    default:
      fail_dtype(node, dtype);
  }
}
// Calls f(T{}) with T = any integer of 8 bits or more.
template <typename F>
decltype(auto) for_integer(const Node& node, DType dtype, F&& f) {
  switch (dtype) {
    case DType::kI8:
      return f(int8_t{});
    case DType::kU8:
      return f(uint8_t{});
    case DType::kI16:
      return f(int16_t{});
    case DType::kU16:
      return f(uint16_t{});
    case DType::kI32:
      return f(int32_t{});
    case DType::kU32:
      return f(uint32_t{});
    case DType::kI64:
      return f(int64_t{});
    case DType::kU64:
      return f(uint64_t{});
    default:
      fail_dtype(node, dtype);
  }
}
template <typename F>
decltype(auto) for_number(const Node& node, DType dtype, F&& f) {
  if (is_float(dtype)) return for_float(node, dtype, std::forward<F>(f));
  return for_integer(node, dtype, std::forward<F>(f));
}

// Runs `f` with f16/bf16 inputs cast to f32; where input 0 was one, f32 outputs are cast back to its type.
Tensors run_widened(RunFunction f, const Node& node, Inputs inputs);
template <RunFunction F>
Tensors widened(const Node& node, Inputs inputs) {
  return run_widened(F, node, inputs);
}
// Runs `f` with inputs of less than a byte cast to types of whole bytes and its outputs of that type cast
// back: for operators that move elements.
Tensors run_unpacked(RunFunction f, const Node& node, Inputs inputs);
template <RunFunction F>
Tensors unpacked(const Node& node, Inputs inputs) {
  return run_unpacked(F, node, inputs);
}

}  // namespace precis::runtime
