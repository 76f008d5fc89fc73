// Conversions of proto_types.h.
#include "precis/onnx/proto_types.h"

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/graph/onnx_dtype.h"

namespace precis::onnx_io {
namespace {

ValueType import_tensor_type(const onnx::TypeProto_Tensor& t, std::string* unsupported,
                             const std::string& where) {
  ValueType type;
  type.dtype = dtype_from_onnx_code(t.elem_type());
  if (type.dtype == DType::kUndefined && t.elem_type() != 0) {
    const char* name = onnx_dtype_name(t.elem_type());
    *unsupported = name ? fmt::format("tensor of type {}", name)
                        : fmt::format("tensor of the unknown type {}", t.elem_type());
  }
  if (!t.has_shape()) return type;
  check(t.shape().dim_size() <= kMaxRank, ErrorCode::kMalformed, "{} has rank {}, at most {} is allowed",
        where, t.shape().dim_size(), kMaxRank);
  std::vector<Dim> dims;
  for (const auto& d : t.shape().dim()) {
    check(!d.has_dim_value() || d.dim_value() >= -1, ErrorCode::kMalformed,
          "{} has the dimension {}, expected 0 or more", where, d.dim_value());
    if (d.has_dim_value() && d.dim_value() >= 0)
      dims.emplace_back(d.dim_value());
    else
      dims.push_back(Dim::named(d.has_dim_param() ? d.dim_param() : ""));
  }
  type.shape = std::move(dims);
  return type;
}

constexpr int kMaxContainerDepth = 4;  // a sequence in an optional is the deepest that operators know

ValueType import_type(const onnx::TypeProto& type, std::string* unsupported, const std::string& where,
                      int depth);

ValueType import_container(DType container, const onnx::TypeProto& element, std::string* unsupported,
                           const std::string& where, int depth) {
  check(depth < kMaxContainerDepth, ErrorCode::kMalformed, "{}: its type is nested more than {} deep", where,
        kMaxContainerDepth);
  ValueType type;
  type.dtype = container;
  ValueType inner = import_type(element, unsupported, where, depth + 1);
  if (!unsupported->empty()) *unsupported = std::string(dtype_name(container)) + " of " + *unsupported;
  if (inner.dtype != DType::kUndefined) type.element = std::make_shared<const ValueType>(std::move(inner));
  return type;
}

ValueType import_type(const onnx::TypeProto& type, std::string* unsupported, const std::string& where,
                      int depth) {
  switch (type.value_case()) {
    case onnx::TypeProto::kTensorType:
      return import_tensor_type(type.tensor_type(), unsupported, where);
    case onnx::TypeProto::kSequenceType:
      return import_container(DType::kSequence, type.sequence_type().elem_type(), unsupported, where, depth);
    case onnx::TypeProto::kMapType:
      *unsupported = "map";
      break;
    case onnx::TypeProto::kOptionalType:
      return import_container(DType::kOptional, type.optional_type().elem_type(), unsupported, where, depth);
    case onnx::TypeProto::kSparseTensorType:
      *unsupported = "sparse tensor";
      break;
    case onnx::TypeProto::kOpaqueType:
      *unsupported = "opaque value";
      break;
    case onnx::TypeProto::VALUE_NOT_SET:
      break;
  }
  return {};
}

}  // namespace

ValueType import_type(const onnx::TypeProto& type, std::string* unsupported, const std::string& where) {
  return import_type(type, unsupported, where, 0);
}

void export_type(const ValueType& type, onnx::TypeProto& out) {
  if (is_container(type.dtype)) {
    auto* element = type.dtype == DType::kSequence ? out.mutable_sequence_type()->mutable_elem_type()
                                                   : out.mutable_optional_type()->mutable_elem_type();
    if (type.element != nullptr) export_type(*type.element, *element);
    return;
  }
  auto* t = out.mutable_tensor_type();
  t->set_elem_type(static_cast<int32_t>(onnx_code(type.dtype)));
  if (!type.shape) return;
  auto* shape = t->mutable_shape();
  for (const Dim& d : *type.shape) {
    auto* dim = shape->add_dim();
    if (d.known())
      dim->set_dim_value(d.value);
    else if (!d.symbol.empty())
      dim->set_dim_param(d.symbol);
  }
}

}  // namespace precis::onnx_io
