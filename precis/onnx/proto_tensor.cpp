// Reading of TensorProto's storage forms; see proto_tensor.h.
#include "precis/onnx/proto_tensor.h"

#include <bit>
#include <cstring>

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/graph/onnx_dtype.h"

namespace precis::onnx_io {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian and copied as it is");

// The typed field in which ONNX stores a type's values.
enum class Field { kNone, kFloat, kInt32, kInt64, kUint64, kDouble, kString };

constexpr const char* kFieldNames[] = {"none",        "float_data",  "int32_data", "int64_data",
                                       "uint64_data", "double_data", "string_data"};
const char* field_name(Field f) { return kFieldNames[static_cast<size_t>(f)]; }

Field field_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return Field::kFloat;
    case DType::kF64:
      return Field::kDouble;
    case DType::kI64:
      return Field::kInt64;
    case DType::kU32:
    case DType::kU64:
      return Field::kUint64;
    default:
      return Field::kInt32;
  }
}

// The one typed field that holds values; kMalformed when there are several.
Field stored_field(const onnx::TensorProto& p, const std::string& where) {
  const std::pair<Field, int> counts[] = {
      {Field::kFloat, p.float_data_size()},   {Field::kInt32, p.int32_data_size()},
      {Field::kInt64, p.int64_data_size()},   {Field::kUint64, p.uint64_data_size()},
      {Field::kDouble, p.double_data_size()}, {Field::kString, p.string_data_size()}};
  Field found = Field::kNone;
  for (const auto& [field, count] : counts) {
    if (count == 0) continue;
    check(found == Field::kNone, ErrorCode::kMalformed, "{}: both {} and {} are set, expected one", where,
          field_name(found), field_name(field));
    found = field;
  }
  return found;
}

DType check_type(const onnx::TensorProto& p, Field stored, const std::string& where) {
  const int32_t type = p.data_type();
  const char* name = onnx_dtype_name(type);
  check(type != 0, ErrorCode::kMalformed, "{}: data_type is missing or 0 (undefined), expected a tensor type",
        where);
  check(name != nullptr, ErrorCode::kMalformed, "{}: data_type {} does not exist in ONNX", where, type);
  const DType dtype = dtype_from_onnx_code(type);
  if (dtype != DType::kUndefined) return dtype;
  check(type != onnx::TensorProto::STRING ||
            (p.raw_data().empty() && (stored == Field::kNone || stored == Field::kString)),
        ErrorCode::kMalformed, "{}: a string tensor must use string_data, found {}", where,
        p.raw_data().empty() ? field_name(stored) : "raw_data");
  fail(ErrorCode::kUnsupported, "{}: tensors of type {} are not supported", where, name);
}

template <typename Dims>
Shape check_shape(const Dims& dims, const std::string& where) {
  check(dims.size() <= kMaxRank, ErrorCode::kMalformed, "{}: rank {}, at most {} is allowed", where,
        dims.size(), kMaxRank);
  const Shape shape(std::vector<int64_t>(dims.begin(), dims.end()));
  for (int64_t d : shape)
    check(d >= 0, ErrorCode::kMalformed, "{}: dimension {} in {}, expected 0 or more", where, d, shape.str());
  int64_t numel = 1;
  for (int64_t d : shape)
    if (d == 0) return shape;
  for (int64_t d : shape)
    check(!__builtin_mul_overflow(numel, d, &numel) && numel <= limits().max_tensor_elements,
          ErrorCode::kMalformed, "{}: dimensions {} ask for more than {} elements", where, shape.str(),
          limits().max_tensor_elements);
  return shape;
}

[[noreturn]] void wrong_count(const std::string& where, const char* field, uint64_t found, uint64_t expected,
                              const char* unit, DType dtype, const Shape& shape) {
  fail(ErrorCode::kMalformed, "{}: {} has {} {}, expected {} for {}{}", where, field, found, unit, expected,
       dtype_name(dtype), shape.str());
}

// Values that a byte of this type can never have, and the unused bits of the last byte of packed elements
// (set to 0, so that equal tensors have equal bytes).
void check_contents(Tensor& t, const std::string& where) {
  if (t.dtype() == DType::kBool) {
    for (int64_t i = 0; i < t.nbytes(); ++i)
      check(std::to_integer<int>(t.bytes()[i]) <= 1, ErrorCode::kMalformed,
            "{}: bool element {} is {}, expected 0 or 1", where, i, std::to_integer<int>(t.bytes()[i]));
  } else if (const int64_t used = t.numel() * dtype_bits(t.dtype()) % 8; used != 0) {
    t.bytes()[t.nbytes() - 1] &= static_cast<std::byte>((1 << used) - 1);
  }
}

Tensor from_raw(const std::string& raw, DType dtype, const Shape& shape, const std::string& where) {
  const auto needed = static_cast<uint64_t>(dense_bytes(dtype, shape.numel()));
  if (raw.size() != needed) wrong_count(where, "raw_data", raw.size(), needed, "bytes", dtype, shape);
  Tensor t(dtype, shape);
  if (needed > 0) std::memcpy(t.bytes(), raw.data(), raw.size());
  check_contents(t, where);
  return t;
}

// Copies numbers as wide as the elements.
template <typename T, typename Values>
Tensor from_values(const Values& values, DType dtype, const Shape& shape, const char* field,
                   const std::string& where) {
  const auto needed = static_cast<uint64_t>(shape.numel());
  if (static_cast<uint64_t>(values.size()) != needed)
    wrong_count(where, field, static_cast<uint64_t>(values.size()), needed, "values", dtype, shape);
  Tensor t(dtype, shape);
  if (needed > 0) std::memcpy(t.bytes(), values.data(), static_cast<size_t>(needed) * sizeof(T));
  return t;
}

// Narrow types kept in wider integers, each value range-checked. Types of less than a byte: one byte of
// packed elements per value.
template <typename Values>
Tensor from_wide(const Values& values, DType dtype, const Shape& shape, const char* field,
                 const std::string& where) {
  const bool packed = dtype_bits(dtype) < 8, bits = is_float(dtype);
  const int64_t expected = packed ? dense_bytes(dtype, shape.numel()) : shape.numel();
  if (values.size() != expected)
    wrong_count(where, field, static_cast<uint64_t>(values.size()), static_cast<uint64_t>(expected), "values",
                dtype, shape);
  Tensor t(dtype, shape);
  const size_t width = packed ? 1 : static_cast<size_t>(dtype_bits(dtype)) / 8;
  const int64_t lo = packed || bits ? 0 : dtype_min(dtype);
  const int64_t hi = packed ? 255 : bits ? (1 << dtype_bits(dtype)) - 1 : dtype_max(dtype);
  for (int i = 0; i < values.size(); ++i) {
    const auto v = static_cast<int64_t>(values.Get(i));
    check(v >= lo && v <= hi, ErrorCode::kMalformed, "{}: {} element {} is {}, expected {} to {} for {}",
          where, field, i, v, lo, hi, dtype_name(dtype));
    std::memcpy(t.bytes() + static_cast<size_t>(i) * width, &v, width);  // little-endian: the low bytes
  }
  check_contents(t, where);
  return t;
}

Tensor from_typed(const onnx::TensorProto& p, DType dtype, const Shape& shape, const std::string& where) {
  switch (dtype) {
    case DType::kF32:
      return from_values<float>(p.float_data(), dtype, shape, "float_data", where);
    case DType::kF64:
      return from_values<double>(p.double_data(), dtype, shape, "double_data", where);
    case DType::kI64:
      return from_values<int64_t>(p.int64_data(), dtype, shape, "int64_data", where);
    case DType::kI32:
      return from_values<int32_t>(p.int32_data(), dtype, shape, "int32_data", where);
    case DType::kU64:
      return from_values<uint64_t>(p.uint64_data(), dtype, shape, "uint64_data", where);
    case DType::kU32:
      return from_wide(p.uint64_data(), dtype, shape, "uint64_data", where);
    default:
      return from_wide(p.int32_data(), dtype, shape, "int32_data", where);
  }
}

Tensor from_external(const onnx::TensorProto& p, DType dtype, const Shape& shape, const std::string& where,
                     TensorSource& source) {
  check(source.external != nullptr, ErrorCode::kMalformed,
        "{}: its data lies in another file, which a model given as bytes cannot have; read it from its file",
        where);
  std::vector<ExternalEntry> entries;
  for (const auto& e : p.external_data()) entries.push_back({e.key(), e.value()});
  Tensor t = source.external->read(entries, dtype, shape, where);
  check_contents(t, where);
  return t;
}

}  // namespace

Tensor import_tensor(const onnx::TensorProto& p, const std::string& where, TensorSource& source) {
  check(!p.has_segment(), ErrorCode::kUnsupported, "{}: tensors stored in segments are not supported", where);
  const Field stored = stored_field(p, where);
  const DType dtype = check_type(p, stored, where);
  const Shape shape = check_shape(p.dims(), where);
  const bool external = p.data_location() == onnx::TensorProto::EXTERNAL;
  check(p.raw_data().empty() || stored == Field::kNone, ErrorCode::kMalformed,
        "{}: both raw_data and {} are set, expected one of them", where, field_name(stored));
  if (external) {
    check(p.raw_data().empty() && stored == Field::kNone, ErrorCode::kMalformed,
          "{}: marked as external but {} is set too", where,
          p.raw_data().empty() ? field_name(stored) : "raw_data");
    return from_external(p, dtype, shape, where, source);
  }
  if (stored == Field::kNone) {
    const bool missing = p.raw_data().empty() && shape.numel() > 0;
    check(!missing, ErrorCode::kMalformed, "{}: it has no data, expected {} elements for {}{}", where,
          shape.numel(), dtype_name(dtype), shape.str());
    return from_raw(p.raw_data(), dtype, shape, where);
  }
  check(stored == field_of(dtype), ErrorCode::kMalformed, "{}: {} is set, but {} values belong into {}",
        where, field_name(stored), dtype_name(dtype), field_name(field_of(dtype)));
  return from_typed(p, dtype, shape, where);
}

namespace {

// The place in the dense tensor of sparse value i: indices are linear [n] or one coordinate row per value [n,
// rank].
int64_t linear_index(const Tensor& indices, int64_t i, const Shape& shape, const std::string& where) {
  const auto flat = indices.data<int64_t>();
  if (indices.shape().rank() == 1) {
    const int64_t at = flat[static_cast<size_t>(i)];
    check(at >= 0 && at < shape.numel(), ErrorCode::kMalformed,
          "{}: sparse index {} of value {} is outside {}", where, at, i, shape.str());
    return at;
  }
  int64_t at = 0;
  for (int d = 0; d < shape.rank(); ++d) {
    const int64_t c = flat[static_cast<size_t>(i * shape.rank() + d)];
    check(c >= 0 && c < shape[d], ErrorCode::kMalformed,
          "{}: sparse coordinate {} of value {} is outside dimension {} of {}", where, c, i, d, shape.str());
    at = at * shape[d] + c;
  }
  return at;
}

}  // namespace

Tensor import_sparse_tensor(const onnx::SparseTensorProto& p, const std::string& where,
                            TensorSource& source) {
  const Shape shape = check_shape(p.dims(), where);
  const Tensor values = import_tensor(p.values(), where + " (values)", source);
  const Tensor indices = import_tensor(p.indices(), where + " (indices)", source);
  check(values.shape().rank() == 1, ErrorCode::kMalformed,
        "{}: sparse values have shape {}, expected one dimension", where, values.shape().str());
  check(indices.dtype() == DType::kI64, ErrorCode::kMalformed,
        "{}: sparse indices have type {}, expected i64", where, dtype_name(indices.dtype()));
  const Shape linear{values.numel()}, rows{values.numel(), shape.rank()};
  check(indices.shape() == linear || indices.shape() == rows, ErrorCode::kMalformed,
        "{}: sparse indices have shape {}, expected {} or {}", where, indices.shape().str(), linear.str(),
        rows.str());
  check(dtype_bits(values.dtype()) >= 8, ErrorCode::kUnsupported,
        "{}: sparse tensors of type {} are not supported", where, dtype_name(values.dtype()));
  const auto bytes = static_cast<uint64_t>(dense_bytes(values.dtype(), shape.numel()));
  check(bytes <= source.dense_budget, ErrorCode::kLimit,
        "{}: as a dense tensor {} would take {}, more than the memory limit leaves ({})", where, shape.str(),
        format_bytes(bytes), format_bytes(source.dense_budget));
  source.dense_budget -= bytes;
  Tensor dense(values.dtype(), shape);
  const size_t width = static_cast<size_t>(dtype_bits(values.dtype())) / 8;
  int64_t last = -1;
  for (int64_t i = 0; i < values.numel(); ++i) {
    const int64_t at = linear_index(indices, i, shape, where);
    check(at > last, ErrorCode::kMalformed,
          "{}: sparse indices must increase, value {} has index {} after {}", where, i, at, last);
    last = at;
    std::memcpy(dense.bytes() + static_cast<size_t>(at) * width,
                values.bytes() + static_cast<size_t>(i) * width, width);
  }
  return dense;
}

void describe_tensor(const Tensor& tensor, onnx::TensorProto& out) {
  out.set_data_type(static_cast<int32_t>(onnx_code(tensor.dtype())));
  for (int64_t d : tensor.shape()) out.add_dims(d);
}

void export_tensor(const Tensor& tensor, const std::string& name, onnx::TensorProto& out) {
  describe_tensor(tensor, out);
  if (!name.empty()) out.set_name(name);
  out.set_raw_data(tensor.bytes(), static_cast<size_t>(tensor.nbytes()));
}

}  // namespace precis::onnx_io
