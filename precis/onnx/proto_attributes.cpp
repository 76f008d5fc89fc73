// AttributeProto -> Attribute.
#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/onnx/proto_import.h"
#include "precis/onnx/proto_types.h"

namespace precis::onnx_io {
namespace {

using Type = onnx::AttributeProto;

struct Content {
  onnx::AttributeProto::AttributeType type;
  bool set;
  const char* name;
};

std::vector<Content> contents(const onnx::AttributeProto& a) {
  return {{Type::FLOAT, a.has_f(), "float"},
          {Type::INT, a.has_i(), "int"},
          {Type::STRING, a.has_s(), "string"},
          {Type::TENSOR, a.has_t(), "tensor"},
          {Type::GRAPH, a.has_g(), "graph"},
          {Type::SPARSE_TENSOR, a.has_sparse_tensor(), "sparse tensor"},
          {Type::TYPE_PROTO, a.has_tp(), "type"},
          {Type::FLOATS, a.floats_size() > 0, "floats"},
          {Type::INTS, a.ints_size() > 0, "ints"},
          {Type::STRINGS, a.strings_size() > 0, "strings"},
          {Type::TENSORS, a.tensors_size() > 0, "tensors"},
          {Type::GRAPHS, a.graphs_size() > 0, "graphs"},
          {Type::SPARSE_TENSORS, a.sparse_tensors_size() > 0, "sparse tensors"},
          {Type::TYPE_PROTOS, a.type_protos_size() > 0, "types"}};
}

const char* type_name(const onnx::AttributeProto& a, onnx::AttributeProto::AttributeType type) {
  for (const Content& c : contents(a))
    if (c.type == type) return c.name;
  return "undefined";
}

}  // namespace

const char* kind_of(onnx::AttributeProto::AttributeType type) {
  if (type == Type::UNDEFINED) return "";
  if (type == Type::SPARSE_TENSOR) return "tensor";  // made dense
  return type_name(onnx::AttributeProto::default_instance(), type);
}

onnx::AttributeProto::AttributeType attribute_type(const onnx::AttributeProto& a, const std::string& where) {
  const Content* found = nullptr;
  const std::vector<Content> all = contents(a);
  for (const Content& c : all) {
    if (!c.set) continue;
    check(found == nullptr, ErrorCode::kMalformed, "{}: both a {} and a {} are set, expected one value",
          where, found ? found->name : "", c.name);
    found = &c;
  }
  if (a.type() == Type::UNDEFINED) {
    check(found != nullptr, ErrorCode::kMalformed, "{}: it has neither a type nor a value", where);
    return found->type;
  }
  check(found == nullptr || found->type == a.type(), ErrorCode::kMalformed,
        "{}: declared as {} but holds a {}", where, type_name(a, a.type()), found ? found->name : "");
  return a.type();
}

Attribute import_attribute(onnx::AttributeProto& a, const std::string& where, ImportContext& context) {
  check(a.ref_attr_name().empty(), ErrorCode::kMalformed,
        "{}: it refers to the function attribute '{}', but the node is in no function", where,
        printable(a.ref_attr_name()));
  const auto type = attribute_type(a, where);
  switch (type) {
    case Type::FLOAT:
      return a.f();
    case Type::INT:
      return int64_t{a.i()};
    case Type::STRING:
      return a.s();
    case Type::TENSOR: {
      Tensor t = import_tensor(a.t(), where, context.tensors);
      onnx::TensorProto().Swap(a.mutable_t());  // frees the bytes now
      return t;
    }
    case Type::SPARSE_TENSOR:
      return import_sparse_tensor(a.sparse_tensor(), where, context.tensors);
    case Type::FLOATS:
      return std::vector<float>(a.floats().begin(), a.floats().end());
    case Type::INTS:
      return std::vector<int64_t>(a.ints().begin(), a.ints().end());
    case Type::STRINGS:
      return std::vector<std::string>(a.strings().begin(), a.strings().end());
    case Type::TENSORS: {
      std::vector<Tensor> tensors;
      for (const auto& t : a.tensors()) tensors.push_back(import_tensor(t, where, context.tensors));
      return tensors;
    }
    case Type::TYPE_PROTO: {
      std::string unsupported;
      ValueType t = import_type(a.tp(), &unsupported, where);
      check(unsupported.empty(), ErrorCode::kUnsupported, "{}: a {} is not supported", where, unsupported);
      return t;
    }
    default:
      break;
  }
  fail(ErrorCode::kUnsupported, "{}: attributes that hold {} are not supported", where, type_name(a, type));
}

}  // namespace precis::onnx_io
