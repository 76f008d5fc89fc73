// Tensor: typed, dense, row-major values that own their memory or view somebody else's.
// Copying a Tensor shares its memory (values are treated as immutable once shared); clone() makes a deep
// copy. Own memory is 64-byte aligned and zero-filled, so no uninitialised byte can reach a file. Values of
// ONNX that are no tensors travel in the same class: a sequence is a "tensor" of dtype kSequence and shape
// [n] whose elements are Tensors, an optional one of dtype kOptional and shape [0] or [1]. They have no
// bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "precis/core/dtype.h"
#include "precis/core/narrow_float.h"
#include "precis/core/shape.h"

namespace precis {

class Tensor {
 public:
  Tensor() = default;  // undefined: dtype() == kUndefined, no data
  Tensor(DType dtype,
         Shape shape);  // owns zero-filled memory; Error(kLimit) when the size overflows or memory is short
  // A view of `data` (shape.numel() elements); `owner` keeps the memory alive, or is null when the caller
  // does.
  static Tensor view(DType dtype, Shape shape, void* data, std::shared_ptr<const void> owner = nullptr);
  template <typename T>
  static Tensor from(Shape shape, std::span<const T> values);  // copies; sizes must match
  template <typename T>
  static Tensor from(Shape shape, std::initializer_list<T> values) {
    return from<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
  }
  template <typename T>
  static Tensor scalar(T value) {
    return from<T>(Shape{}, std::span<const T>(&value, 1));
  }

  static Tensor sequence(std::vector<Tensor> items);
  static Tensor optional(std::vector<Tensor> none_or_one);  // Error(kInternal) for more than one
  // The elements of a sequence or an optional; Error(kInternal) for other types.
  const std::vector<Tensor>& items() const;

  bool defined() const { return dtype_ != DType::kUndefined; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t numel() const { return numel_; }
  int64_t nbytes() const { return nbytes_; }  // types of less than a byte are packed: i4/u4 ceil(numel / 2)

  std::byte* bytes() { return data_; }
  const std::byte* bytes() const { return data_; }
  // Typed access; Error(kInternal) when T does not match dtype(). f16/bf16 are read as uint16_t via bits().
  template <typename T>
  std::span<T> data();
  template <typename T>
  std::span<const T> data() const;
  std::span<uint16_t> bits16();  // f16 / bf16 raw bits
  std::span<const uint16_t> bits16() const;

  Tensor clone() const;
  Tensor reshaped(Shape shape) const;  // shares memory; numel must match
  // Value conversion as ONNX Cast: floats saturate into integers (NaN -> 0; 4-bit and 2-bit types keep the
  // low bits), `rules` say how values become narrow floats.
  Tensor cast(DType dtype, const NarrowRules& rules = {}) const;
  // Element `i` as double / int64 whatever the type (slow; for attributes, shapes and tests).
  double at_double(int64_t i) const;
  int64_t at_int(int64_t i) const;
  // Stores the low bits of `v` in element `i` of an integer or bool tensor (slow, as at_int).
  void set_int(int64_t i, int64_t v);

 private:
  static Tensor container(DType dtype, std::vector<Tensor> items);
  void require(DType dtype) const;
  void require_count(int64_t values) const;  // Error(kUsage) unless numel() == values
  DType dtype_ = DType::kUndefined;
  Shape shape_;
  int64_t numel_ = 0;
  int64_t nbytes_ = 0;
  std::byte* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

// Bytes that `numel` elements of `dtype` take in dense form (4-bit types two per byte, 2-bit types four).
int64_t dense_bytes(DType dtype, int64_t numel);
// Integer contents of an i32/i64 tensor (shape inputs, axes ...); Error(kMalformed) naming `what` for other
// types.
std::vector<int64_t> to_int64s(const Tensor& t, const char* what);

template <typename T>
std::span<T> Tensor::data() {
  require(dtype_of<T>);
  return {reinterpret_cast<T*>(data_), static_cast<size_t>(numel_)};
}
template <typename T>
std::span<const T> Tensor::data() const {
  require(dtype_of<T>);
  return {reinterpret_cast<const T*>(data_), static_cast<size_t>(numel_)};
}
template <typename T>
Tensor Tensor::from(Shape shape, std::span<const T> values) {
  Tensor t(dtype_of<T>, std::move(shape));
  t.require_count(static_cast<int64_t>(values.size()));
  auto out = t.data<T>();
  for (size_t i = 0; i < values.size(); ++i) out[i] = values[i];
  return t;
}

}  // namespace precis
