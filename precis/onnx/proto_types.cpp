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

}  // namespace

ValueType import_type(const onnx::TypeProto& type, std::string* unsupported, const std::string& where) {
  switch (type.value_case()) {
    case onnx::TypeProto::kTensorType:
      return import_tensor_type(type.tensor_type(), unsupported, where);
    case onnx::TypeProto::kSequenceType:
      *unsupported = "sequence";
      break;
    case onnx::TypeProto::kMapType:
      *unsupported = "map";
      break;
    case onnx::TypeProto::kOptionalType:
      *unsupported = "optional";
      break;
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

void export_type(const ValueType& type, onnx::TypeProto& out) {
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
