// TensorProto -> Tensor. Field and type numbers are those of onnx.proto3.
#include "precis/data/tensor_proto.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/data/proto_wire.h"

namespace precis::data {
namespace {

constexpr uint64_t kMaxFile = (uint64_t{1} << 31) - 1;  // protobuf's own limit

enum Field : uint32_t {
  kDims = 1,
  kDataType = 2,
  kSegment = 3,
  kFloatData = 4,
  kInt32Data = 5,
  kStringData = 6,
  kInt64Data = 7,
  kName = 8,
  kRawData = 9,
  kDoubleData = 10,
  kUint64Data = 11,
  kExternalData = 13,
  kDataLocation = 14
};

struct ProtoType {
  const char* name;
  DType dtype;          // kUndefined: known to ONNX, not read here
  uint32_t data_field;  // the typed field that may hold it
};

// Index = TensorProto.DataType.
constexpr std::array<ProtoType, 27> kTypes = {{
    {"undefined", DType::kUndefined, 0},
    {"float", DType::kF32, kFloatData},
    {"uint8", DType::kU8, kInt32Data},
    {"int8", DType::kI8, kInt32Data},
    {"uint16", DType::kU16, kInt32Data},
    {"int16", DType::kI16, kInt32Data},
    {"int32", DType::kI32, kInt32Data},
    {"int64", DType::kI64, kInt64Data},
    {"string", DType::kUndefined, kStringData},
    {"bool", DType::kBool, kInt32Data},
    {"float16", DType::kF16, kInt32Data},
    {"double", DType::kF64, kDoubleData},
    {"uint32", DType::kU32, kUint64Data},
    {"uint64", DType::kU64, kUint64Data},
    {"complex64", DType::kUndefined, 0},
    {"complex128", DType::kUndefined, 0},
    {"bfloat16", DType::kBF16, kInt32Data},
    {"float8e4m3fn", DType::kF8E4M3FN, kInt32Data},
    {"float8e4m3fnuz", DType::kF8E4M3FNUZ, kInt32Data},
    {"float8e5m2", DType::kF8E5M2, kInt32Data},
    {"float8e5m2fnuz", DType::kF8E5M2FNUZ, kInt32Data},
    {"uint4", DType::kU4, kInt32Data},
    {"int4", DType::kI4, kInt32Data},
    {"float4e2m1", DType::kF4E2M1, kInt32Data},
    {"float8e8m0", DType::kF8E8M0, kInt32Data},
    {"uint2", DType::kU2, kInt32Data},
    {"int2", DType::kI2, kInt32Data},
}};

// Elements of less than a byte: each typed value is a byte of them.
int64_t elements_per_value(DType dtype) { return dtype_bits(dtype) < 8 ? 8 / dtype_bits(dtype) : 1; }

class TensorParser {
 public:
  explicit TensorParser(const std::string& where) : where_(where) {}

  NamedTensor parse(std::span<const std::byte> bytes) {
    WireReader reader(bytes, where_);
    while (!reader.done()) field(reader.next());
    const ProtoType& type = checked_type();
    NamedTensor result;
    result.name = name_;
    result.tensor = Tensor(type.dtype, checked_shape(type));
    if (raw_)
      fill_raw(result.tensor);
    else
      fill_typed(result.tensor, type);
    clear_unused_bits(result.tensor);
    return result;
  }

 private:
  [[noreturn]] void damaged(const std::string& what) const {
    fail(ErrorCode::kMalformed, "'{}': tensor '{}' {}", where_, printable(name_), what);
  }

  void field(const WireField& f) {
    switch (f.number) {
      case kDims:
        append(f, WireType::kVarint, dims_);
        break;
      case kDataType:
        data_type_ = scalar(f);
        break;
      case kName:
        name_.assign(reinterpret_cast<const char*>(text(f).data()), f.bytes.size());
        break;
      case kRawData:
        raw_ = text(f);
        break;
      case kFloatData:
        values(f, WireType::kFixed32);
        break;
      case kDoubleData:
        values(f, WireType::kFixed64);
        break;
      case kInt32Data:
      case kInt64Data:
      case kUint64Data:
        values(f, WireType::kVarint);
        break;
      case kStringData:
        data_field_ = f.number;
        break;
      case kDataLocation:
        external_ = external_ || scalar(f) != 0;
        break;
      case kExternalData:
        external_ = true;
        break;
      case kSegment:
        fail(ErrorCode::kUnsupported, "'{}' holds a segment of a tensor; write it in one piece", where_);
      default:
        break;  // doc_string, metadata and what later versions add
    }
  }

  uint64_t scalar(const WireField& f) const {
    if (f.type != WireType::kVarint) damaged(fmt::format("has field {} in a wrong wire type", f.number));
    return f.value;
  }
  std::span<const std::byte> text(const WireField& f) const {
    if (f.type != WireType::kBytes) damaged(fmt::format("has field {} in a wrong wire type", f.number));
    return f.bytes;
  }

  // One value, or a packed run of them.
  void append(const WireField& f, WireType element, std::vector<uint64_t>& out) const {
    if (f.type == element) {
      out.push_back(f.value);
      return;
    }
    WireReader run(text(f), where_);
    const size_t width = element == WireType::kFixed32 ? 4 : 8;
    while (!run.done()) out.push_back(element == WireType::kVarint ? run.varint() : run.fixed(width));
  }

  void values(const WireField& f, WireType element) {
    if (data_field_ != 0 && data_field_ != f.number) damaged("has values in two typed fields; expected one");
    data_field_ = f.number;
    append(f, element, values_);
  }

  const ProtoType& checked_type() const {
    if (data_type_ == 0) damaged("has no data type: this is no TensorProto file, or a damaged one");
    if (data_type_ >= kTypes.size()) {
      const bool later = data_type_ <= 32;  // types of newer ONNX releases
      fail(later ? ErrorCode::kUnsupported : ErrorCode::kMalformed,
           "'{}': tensor '{}' has data type number {}, which is not known", where_, printable(name_),
           data_type_);
    }
    const ProtoType& type = kTypes[data_type_];
    check(!external_, ErrorCode::kUnsupported,
          "'{}': tensor '{}' keeps its values in another file; data sets must hold them inline", where_,
          printable(name_));
    check(type.dtype != DType::kUndefined, ErrorCode::kUnsupported,
          "'{}': tensor '{}' is of type {}, which is not read; expected floats, integers or bool", where_,
          printable(name_), type.name);
    return type;
  }

  Shape checked_shape(const ProtoType& type) const {
    if (dims_.size() > kMaxRank)
      damaged(fmt::format("has {} dimensions; at most {} are read", dims_.size(), kMaxRank));
    std::vector<int64_t> dims;
    uint64_t count = 1;
    bool empty = false;
    for (uint64_t d : dims_) {
      if (static_cast<int64_t>(d) < 0)
        damaged(fmt::format("has the dimension {}; expected 0 or more", static_cast<int64_t>(d)));
      dims.push_back(static_cast<int64_t>(d));
      empty = empty || d == 0;
    }
    for (uint64_t d : dims_)
      if (!empty && (__builtin_mul_overflow(count, d, &count) ||
                     count > static_cast<uint64_t>(limits().max_tensor_elements)))
        damaged("has a shape whose element count overflows");
    if (empty) count = 0;
    if (raw_ && data_field_ != 0)
      damaged("has values both in raw_data and in a typed field; expected one of them");
    if (raw_) {
      const uint64_t bytes = (count * static_cast<uint64_t>(dtype_bits(type.dtype)) + 7) / 8;
      if (raw_->size() != bytes)
        damaged(fmt::format("of type {} and shape {} needs {} bytes of raw_data, found {}", type.name,
                            Shape(dims).str(), bytes, raw_->size()));
    } else {
      if (data_field_ != 0 && data_field_ != type.data_field)
        damaged(fmt::format("of type {} has its values in the field of another type", type.name));
      const auto packed = static_cast<uint64_t>(elements_per_value(type.dtype));
      const uint64_t entries = (count + packed - 1) / packed;
      if (values_.size() != entries)
        damaged(
            fmt::format("of shape {} needs {} values, found {}", Shape(dims).str(), entries, values_.size()));
    }
    return Shape(std::move(dims));
  }

  void fill_raw(Tensor& tensor) const {
    if (!raw_->empty()) std::memcpy(tensor.bytes(), raw_->data(), raw_->size());
    if (tensor.dtype() == DType::kBool)
      for (std::byte b : *raw_)
        if (b > std::byte{1}) damaged("has a bool that is neither 0 nor 1");
  }

  // int32_data carries small types as sign-extended varints; each must be in the range of its type.
  void check_range(int64_t value, DType dtype) const {
    int64_t low = 0, high = dtype_bits(dtype) > 8 ? 0xffff : 0xff;  // raw bits of floats and packed elements
    if (dtype == DType::kBool) high = 1;
    if (is_integer(dtype) && dtype_bits(dtype) >= 8 && dtype_bits(dtype) <= 32) {
      low = dtype_min(dtype);
      high = dtype_max(dtype);
    }
    if (value < low || value > high)
      damaged(fmt::format("has the value {}, which is out of the range of {}", value, dtype_name(dtype)));
  }

  void fill_typed(Tensor& tensor, const ProtoType& type) const {
    const bool in_32_bits = type.data_field == kInt32Data || type.dtype == DType::kU32;
    const size_t width = std::max<size_t>(static_cast<size_t>(dtype_bits(type.dtype)) / 8, 1);
    for (size_t i = 0; i < values_.size(); ++i) {
      if (in_32_bits) check_range(static_cast<int64_t>(values_[i]), type.dtype);
      std::memcpy(tensor.bytes() + i * width, &values_[i], width);
    }
  }

  // Equal tensors have equal bytes.
  static void clear_unused_bits(Tensor& tensor) {
    const int64_t used = tensor.numel() * dtype_bits(tensor.dtype()) % 8;
    if (used != 0) tensor.bytes()[tensor.nbytes() - 1] &= static_cast<std::byte>((1 << used) - 1);
  }

  const std::string& where_;
  std::vector<uint64_t> dims_, values_;
  uint64_t data_type_ = 0;
  std::string name_;
  std::optional<std::span<const std::byte>> raw_;
  uint32_t data_field_ = 0;
  bool external_ = false;
};

}  // namespace

NamedTensor parse_tensor_proto(std::span<const std::byte> bytes, const std::string& where) {
  return TensorParser(where).parse(bytes);
}

NamedTensor read_tensor_proto(const std::string& path) {
  const std::vector<std::byte> bytes = read_file(path, kMaxFile);
  return parse_tensor_proto(bytes, printable(path));
}

}  // namespace precis::data
