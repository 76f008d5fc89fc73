// Tensor memory, and the slow generic element access and casts that are not worth a kernel.
#include "precis/core/tensor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "precis/core/check.h"
#include "precis/core/limits.h"

namespace precis {
namespace {

constexpr size_t kAlignment = 64;

// What cannot fit is refused before the system is asked: it would promise the memory and end the process at
// first use.
std::shared_ptr<std::byte> allocate_zeroed(int64_t bytes) {
  const uint64_t most = limits().max_memory != 0 ? limits().max_memory : physical_memory();
  if (static_cast<uint64_t>(bytes) > most)
    fail(ErrorCode::kLimit, "out of memory: a tensor needs {} bytes, the limit is {}", bytes, most);
  const size_t padded = static_cast<size_t>(round_up(std::max<int64_t>(bytes, 1), kAlignment));
  void* p = std::aligned_alloc(kAlignment, padded);
  check(p != nullptr, ErrorCode::kLimit, "out of memory: a tensor needs {} bytes", bytes);
  std::memset(p, 0, padded);
  return {static_cast<std::byte*>(p), [](std::byte* q) { std::free(q); }};
}

// Elements of 4 or 2 bits lie packed in bytes, the first in the low bits.
int packed_bits(const std::byte* data, int bits, int64_t i) {
  const int64_t per_byte = 8 / bits;
  const int shift = static_cast<int>(i % per_byte) * bits;
  return (std::to_integer<int>(data[i / per_byte]) >> shift) & ((1 << bits) - 1);
}

void set_packed_bits(std::byte* data, int bits, int64_t i, int64_t code) {
  const int64_t per_byte = 8 / bits;
  const int shift = static_cast<int>(i % per_byte) * bits, mask = (1 << bits) - 1;
  const int old = std::to_integer<int>(data[i / per_byte]) & ~(mask << shift);
  data[i / per_byte] = static_cast<std::byte>(old | ((static_cast<int>(code) & mask) << shift));
}

template <typename T>
T load(const std::byte* data, int64_t i) {
  T v;
  std::memcpy(&v, data + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return v;
}

template <typename T>
void store(std::byte* data, int64_t i, T v) {
  std::memcpy(data + i * static_cast<int64_t>(sizeof(T)), &v, sizeof(T));
}

// Truncates toward zero (as C++ and ONNX Cast do), saturating; NaN gives 0.
template <typename T>
T saturating_trunc(double v) {
  if (std::isnan(v)) return 0;
  if (v <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (v >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(v);
}

// The float that carries enough of `v` to be rounded again to a narrower type: truncated, its last bit set
// when anything was lost ("round to odd"), so that the second rounding is the only one that counts.
float round_to_odd(double v) {
  const float nearest = static_cast<float>(v);
  if (!std::isfinite(nearest) || static_cast<double>(nearest) == v) return nearest;
  const bool grew = std::fabs(static_cast<double>(nearest)) > std::fabs(v);
  const float truncated = grew ? std::nextafterf(nearest, 0.0f) : nearest;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(truncated) | 1u);
}

void store_double(std::byte* p, DType dtype, int64_t i, double v, const NarrowRules& rules) {
  switch (dtype) {
    case DType::kF32:
      return store(p, i, static_cast<float>(v));
    case DType::kF64:
      return store(p, i, v);
    case DType::kF16:
      return store(p, i, f32_to_f16(round_to_odd(v)));
    case DType::kBF16:
      return store(p, i, f32_to_bf16(round_to_odd(v)));
    case DType::kI8:
      return store(p, i, saturating_trunc<int8_t>(v));
    case DType::kU8:
      return store(p, i, saturating_trunc<uint8_t>(v));
    case DType::kI16:
      return store(p, i, saturating_trunc<int16_t>(v));
    case DType::kU16:
      return store(p, i, saturating_trunc<uint16_t>(v));
    case DType::kI32:
      return store(p, i, saturating_trunc<int32_t>(v));
    case DType::kU32:
      return store(p, i, saturating_trunc<uint32_t>(v));
    case DType::kI64:
      return store(p, i, saturating_trunc<int64_t>(v));
    case DType::kU64:
      return store(p, i, saturating_trunc<uint64_t>(v));
    case DType::kBool:
      return store(p, i, static_cast<uint8_t>(v != 0));
    case DType::kI4:
    case DType::kU4:
    case DType::kI2:
    case DType::kU2:  // casts to these keep the low bits, as ONNX says
      return set_packed_bits(p, dtype_bits(dtype), i, saturating_trunc<int32_t>(v));
    case DType::kF8E4M3FN:
    case DType::kF8E4M3FNUZ:
    case DType::kF8E5M2:
    case DType::kF8E5M2FNUZ:
    case DType::kF8E8M0:
      return store(p, i, double_to_narrow(dtype, v, rules));
    case DType::kF4E2M1:
      return set_packed_bits(p, 4, i, double_to_narrow(dtype, v, rules));
    default:
      break;
  }
  fail(ErrorCode::kInternal, "store into a tensor of type {}", dtype_name(dtype));
}

// Integer to integer casts wrap, as C++ conversions (and the reference ONNX implementations) do.
void store_int(std::byte* p, DType dtype, int64_t i, int64_t v, const NarrowRules& rules) {
  switch (dtype) {
    case DType::kI8:
    case DType::kU8:
      return store(p, i, static_cast<uint8_t>(v));
    case DType::kI16:
    case DType::kU16:
      return store(p, i, static_cast<uint16_t>(v));
    case DType::kI32:
    case DType::kU32:
      return store(p, i, static_cast<uint32_t>(v));
    case DType::kI64:
    case DType::kU64:
      return store(p, i, v);
    case DType::kBool:
      return store(p, i, static_cast<uint8_t>(v != 0));
    case DType::kI4:
    case DType::kU4:
    case DType::kI2:
    case DType::kU2:
      return set_packed_bits(p, dtype_bits(dtype), i, v);
    default:
      return store_double(p, dtype, i, static_cast<double>(v), rules);
  }
}

}  // namespace

int64_t dense_bytes(DType dtype, int64_t numel) {
  return checked_add(checked_mul(numel, dtype_bits(dtype)), 7) / 8;
}

Tensor::Tensor(DType dtype, Shape shape)
    : dtype_(dtype), shape_(std::move(shape)), numel_(shape_.numel()), nbytes_(dense_bytes(dtype, numel_)) {
  auto memory = allocate_zeroed(nbytes_);
  data_ = memory.get();
  owner_ = std::move(memory);
}

Tensor Tensor::view(DType dtype, Shape shape, void* data, std::shared_ptr<const void> owner) {
  Tensor t;
  t.dtype_ = dtype;
  t.shape_ = std::move(shape);
  t.numel_ = t.shape_.numel();
  t.nbytes_ = dense_bytes(dtype, t.numel_);
  t.data_ = static_cast<std::byte*>(data);
  t.owner_ = std::move(owner);
  return t;
}

Tensor Tensor::container(DType dtype, std::vector<Tensor> items) {
  Tensor t;
  t.dtype_ = dtype;
  t.shape_ = Shape{static_cast<int64_t>(items.size())};
  t.numel_ = t.shape_.numel();
  t.owner_ = std::make_shared<const std::vector<Tensor>>(std::move(items));
  return t;
}

Tensor Tensor::sequence(std::vector<Tensor> items) { return container(DType::kSequence, std::move(items)); }

Tensor Tensor::optional(std::vector<Tensor> none_or_one) {
  check(none_or_one.size() <= 1, ErrorCode::kInternal, "an optional of {} tensors", none_or_one.size());
  return container(DType::kOptional, std::move(none_or_one));
}

const std::vector<Tensor>& Tensor::items() const {
  check(is_container(dtype_), ErrorCode::kInternal, "a tensor of type {} has no items", dtype_name(dtype_));
  return *static_cast<const std::vector<Tensor>*>(owner_.get());
}

void Tensor::require(DType dtype) const {
  check(dtype == dtype_, ErrorCode::kInternal, "tensor of type {} read as {}", dtype_name(dtype_),
        dtype_name(dtype));
}

void Tensor::require_count(int64_t values) const {
  check(numel_ == values, ErrorCode::kUsage, "tensor of shape {} needs {} values, got {}", shape_.str(),
        numel_, values);
}

std::span<uint16_t> Tensor::bits16() {
  check(dtype_ == DType::kF16 || dtype_ == DType::kBF16, ErrorCode::kInternal,
        "tensor of type {} read as 16-bit float", dtype_name(dtype_));
  return {reinterpret_cast<uint16_t*>(data_), static_cast<size_t>(numel_)};
}

std::span<const uint16_t> Tensor::bits16() const {
  auto s = const_cast<Tensor*>(this)->bits16();
  return {s.data(), s.size()};
}

Tensor Tensor::clone() const {
  if (!defined() || is_container(dtype_)) return *this;  // items are immutable
  Tensor t(dtype_, shape_);
  if (nbytes_ > 0) std::memcpy(t.data_, data_, static_cast<size_t>(nbytes_));
  return t;
}

Tensor Tensor::reshaped(Shape shape) const {
  check(shape.numel() == numel_, ErrorCode::kMalformed, "cannot view {} as {}: {} and {} elements",
        shape_.str(), shape.str(), numel_, shape.numel());
  Tensor t = *this;
  t.shape_ = std::move(shape);
  return t;
}

double Tensor::at_double(int64_t i) const {
  switch (dtype_) {
    case DType::kF32:
      return load<float>(data_, i);
    case DType::kF64:
      return load<double>(data_, i);
    case DType::kF16:
      return f16_to_f32(load<uint16_t>(data_, i));
    case DType::kBF16:
      return bf16_to_f32(load<uint16_t>(data_, i));
    case DType::kU64:
      return static_cast<double>(load<uint64_t>(data_, i));
    case DType::kF8E4M3FN:
    case DType::kF8E4M3FNUZ:
    case DType::kF8E5M2:
    case DType::kF8E5M2FNUZ:
    case DType::kF8E8M0:
      return narrow_to_double(dtype_, load<uint8_t>(data_, i));
    case DType::kF4E2M1:
      return narrow_to_double(dtype_, static_cast<uint8_t>(packed_bits(data_, 4, i)));
    default:
      return static_cast<double>(at_int(i));
  }
}

int64_t Tensor::at_int(int64_t i) const {
  switch (dtype_) {
    case DType::kI8:
      return load<int8_t>(data_, i);
    case DType::kU8:
      return load<uint8_t>(data_, i);
    case DType::kI16:
      return load<int16_t>(data_, i);
    case DType::kU16:
      return load<uint16_t>(data_, i);
    case DType::kI32:
      return load<int32_t>(data_, i);
    case DType::kU32:
      return load<uint32_t>(data_, i);
    case DType::kI64:
      return load<int64_t>(data_, i);
    case DType::kU64:
      return static_cast<int64_t>(load<uint64_t>(data_, i));
    case DType::kBool:
      return load<uint8_t>(data_, i) != 0;
    case DType::kI4:
    case DType::kI2: {
      const int bits = dtype_bits(dtype_), code = packed_bits(data_, bits, i);
      return code >= 1 << (bits - 1) ? code - (1 << bits) : code;
    }
    case DType::kU4:
    case DType::kU2:
      return packed_bits(data_, dtype_bits(dtype_), i);
    case DType::kUndefined:
    case DType::kSequence:
    case DType::kOptional:
      fail(ErrorCode::kInternal, "element read from a value of type {}", dtype_name(dtype_));
    default:
      return saturating_trunc<int64_t>(at_double(i));
  }
}

void Tensor::set_int(int64_t i, int64_t v) {
  check(is_integer(dtype_) || dtype_ == DType::kBool, ErrorCode::kInternal,
        "an integer stored into a tensor of type {}", dtype_name(dtype_));
  store_int(data_, dtype_, i, v, {});
}

Tensor Tensor::cast(DType dtype, const NarrowRules& rules) const {
  if (dtype == dtype_) return clone();
  Tensor out(dtype, shape_);
  const bool from_float = is_float(dtype_);
  for (int64_t i = 0; i < numel_; ++i) {
    if (from_float)
      store_double(out.data_, dtype, i, at_double(i), rules);
    else if (dtype_ == DType::kU64 && is_float(dtype))
      store_double(out.data_, dtype, i, at_double(i), rules);
    else
      store_int(out.data_, dtype, i, at_int(i), rules);
  }
  return out;
}

std::vector<int64_t> to_int64s(const Tensor& t, const char* what) {
  check(t.dtype() == DType::kI64 || t.dtype() == DType::kI32, ErrorCode::kMalformed,
        "{} must be an i64 or i32 tensor, found {}", what, dtype_name(t.dtype()));
  std::vector<int64_t> v(static_cast<size_t>(t.numel()));
  for (int64_t i = 0; i < t.numel(); ++i) v[static_cast<size_t>(i)] = t.at_int(i);
  return v;
}

}  // namespace precis
