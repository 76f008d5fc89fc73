// The tables of wire_schema.h, one per message type of onnx.proto.
#include "precis/onnx/wire_schema.h"

#include <array>

namespace precis::onnx_io {
namespace {

using Kind = MessageKind;

constexpr WireField number(uint8_t n, const char* name) { return {n, name, FieldForm::kVarint}; }
constexpr WireField bytes(uint8_t n, const char* name) { return {n, name, FieldForm::kBytes}; }
constexpr WireField fixed32(uint8_t n, const char* name) { return {n, name, FieldForm::kFixed32}; }
constexpr WireField message(uint8_t n, const char* name, Kind kind) {
  return {n, name, FieldForm::kMessage, Repeat::kNo, kind};
}
constexpr WireField many(WireField f, uint8_t element_bytes = 8) {
  f.repeat = Repeat::kYes;
  f.element_bytes = element_bytes;
  return f;
}

constexpr WireField newer(WireField f) {
  f.newer = true;
  return f;
}

constexpr std::array kModelFields = {
    number(1, "ir_version"),
    bytes(2, "producer_name"),
    bytes(3, "producer_version"),
    bytes(4, "domain"),
    number(5, "model_version"),
    bytes(6, "doc_string"),
    message(7, "graph", Kind::kGraph),
    many(message(8, "opset_import", Kind::kOpsetImport)),
    many(message(14, "metadata_props", Kind::kStringEntry)),
    many(message(20, "training_info", Kind::kTrainingInfo)),
    many(message(25, "functions", Kind::kFunction)),
};
constexpr std::array kGraphFields = {
    many(message(1, "node", Kind::kNode)),
    bytes(2, "name"),
    many(message(5, "initializer", Kind::kTensor)),
    bytes(10, "doc_string"),
    many(message(11, "input", Kind::kValueInfo)),
    many(message(12, "output", Kind::kValueInfo)),
    many(message(13, "value_info", Kind::kValueInfo)),
    many(message(14, "quantization_annotation", Kind::kAnnotation)),
    many(message(15, "sparse_initializer", Kind::kSparseTensor)),
};
constexpr std::array kNodeFields = {
    many(bytes(1, "input")),
    many(bytes(2, "output")),
    bytes(3, "name"),
    bytes(4, "op_type"),
    many(message(5, "attribute", Kind::kAttribute)),
    bytes(6, "doc_string"),
    bytes(7, "domain"),
};
constexpr std::array kAttributeFields = {
    bytes(1, "name"),
    fixed32(2, "f"),
    number(3, "i"),
    bytes(4, "s"),
    message(5, "t", Kind::kTensor),
    message(6, "g", Kind::kGraph),
    many(fixed32(7, "floats"), 4),
    many(number(8, "ints")),
    many(bytes(9, "strings")),
    many(message(10, "tensors", Kind::kTensor)),
    many(message(11, "graphs", Kind::kGraph)),
    bytes(13, "doc_string"),
    message(14, "tp", Kind::kType),
    many(message(15, "type_protos", Kind::kType)),
    number(20, "type"),
    bytes(21, "ref_attr_name"),
    message(22, "sparse_tensor", Kind::kSparseTensor),
    many(message(23, "sparse_tensors", Kind::kSparseTensor)),
};
constexpr std::array kTensorFields = {
    many(number(1, "dims")),
    number(2, "data_type"),
    message(3, "segment", Kind::kSegment),
    many(fixed32(4, "float_data"), 4),
    many(number(5, "int32_data"), 4),
    many(bytes(6, "string_data")),
    many(number(7, "int64_data")),
    bytes(8, "name"),
    bytes(9, "raw_data"),
    many(WireField{10, "double_data", FieldForm::kFixed64}),
    many(number(11, "uint64_data")),
    bytes(12, "doc_string"),
    many(message(13, "external_data", Kind::kStringEntry)),
    number(14, "data_location"),
};
constexpr std::array kSparseTensorFields = {
    message(1, "values", Kind::kTensor),
    message(2, "indices", Kind::kTensor),
    many(number(3, "dims")),
};
constexpr std::array kValueInfoFields = {
    bytes(1, "name"),
    message(2, "type", Kind::kType),
    bytes(3, "doc_string"),
};
constexpr std::array kTypeFields = {
    message(1, "tensor_type", Kind::kTypeTensor),     message(4, "sequence_type", Kind::kTypeSequence),
    message(5, "map_type", Kind::kTypeMap),           bytes(6, "denotation"),
    message(7, "opaque_type", Kind::kTypeOpaque),     message(8, "sparse_tensor_type", Kind::kTypeSparse),
    message(9, "optional_type", Kind::kTypeOptional),
};
constexpr std::array kTypeTensorFields = {number(1, "elem_type"), message(2, "shape", Kind::kShape)};
constexpr std::array kTypeElementFields = {message(1, "elem_type", Kind::kType)};
constexpr std::array kTypeMapFields = {number(1, "key_type"), message(2, "value_type", Kind::kType)};
constexpr std::array kTypeOpaqueFields = {bytes(1, "domain"), bytes(2, "name")};
constexpr std::array kShapeFields = {many(message(1, "dim", Kind::kDimension))};
constexpr std::array kDimensionFields = {number(1, "dim_value"), bytes(2, "dim_param"),
                                         bytes(3, "denotation")};
constexpr std::array kStringEntryFields = {bytes(1, "key"), bytes(2, "value")};
constexpr std::array kAnnotationFields = {
    bytes(1, "tensor_name"),
    many(message(2, "quant_parameter_tensor_names", Kind::kStringEntry)),
};
constexpr std::array kSegmentFields = {number(1, "begin"), number(2, "end")};
constexpr std::array kOpsetImportFields = {bytes(1, "domain"), number(2, "version")};
constexpr std::array kFunctionFields = {
    bytes(1, "name"),
    many(bytes(4, "input")),
    many(bytes(5, "output")),
    many(bytes(6, "attribute")),
    many(message(7, "node", Kind::kNode)),
    bytes(8, "doc_string"),
    many(message(9, "opset_import", Kind::kOpsetImport)),
    bytes(10, "domain"),
    newer(many(message(11, "attribute_proto", Kind::kAttribute))),
};
constexpr std::array kTrainingInfoFields = {
    message(1, "initialization", Kind::kGraph),
    message(2, "algorithm", Kind::kGraph),
    many(message(3, "initialization_binding", Kind::kStringEntry)),
    many(message(4, "update_binding", Kind::kStringEntry)),
};
// onnx-data.proto: test data of sequences and optionals.
constexpr std::array kSequenceFields = {
    bytes(1, "name"),
    number(2, "elem_type"),
    many(message(3, "tensor_values", Kind::kTensor)),
    many(message(4, "sparse_tensor_values", Kind::kSparseTensor)),
    many(message(5, "sequence_values", Kind::kSequence)),
    many(message(7, "optional_values", Kind::kOptional)),
};
constexpr std::array kOptionalFields = {
    bytes(1, "name"),
    number(2, "elem_type"),
    message(3, "tensor_value", Kind::kTensor),
    message(4, "sparse_tensor_value", Kind::kSparseTensor),
    message(5, "sequence_value", Kind::kSequence),
    message(7, "optional_value", Kind::kOptional),
};

// In the order of MessageKind. Bytes: sizeof of protobuf 3.21's class (proto_import.cpp holds them to that)
// plus 24.
const std::array<WireMessage, 25> kMessages = {{
    {"?", 0, {}},
    {"ModelProto", 200, kModelFields},
    {"GraphProto", 232, kGraphFields},
    {"NodeProto", 152, kNodeFields},
    {"AttributeProto", 280, kAttributeFields},
    {"TensorProto", 256, kTensorFields},
    {"SparseTensorProto", 80, kSparseTensorFields},
    {"ValueInfoProto", 72, kValueInfoFields},
    {"TypeProto", 72, kTypeFields},
    {"TypeProto.Tensor", 64, kTypeTensorFields},
    {"TypeProto.Sequence", 56, kTypeElementFields},
    {"TypeProto.Map", 64, kTypeMapFields},
    {"TypeProto.Optional", 56, kTypeElementFields},
    {"TypeProto.SparseTensor", 64, kTypeTensorFields},
    {"TypeProto.Opaque", 64, kTypeOpaqueFields},
    {"TensorShapeProto", 72, kShapeFields},
    {"TensorShapeProto.Dimension", 72, kDimensionFields},
    {"StringStringEntryProto", 64, kStringEntryFields},
    {"TensorAnnotation", 80, kAnnotationFields},
    {"TensorProto.Segment", 64, kSegmentFields},
    {"OperatorSetIdProto", 64, kOpsetImportFields},
    {"FunctionProto", 192, kFunctionFields},
    {"TrainingInfoProto", 112, kTrainingInfoFields},
    {"SequenceProto", 216, kSequenceFields},
    {"OptionalProto", 120, kOptionalFields},
}};

}  // namespace

const WireMessage& wire_message(MessageKind kind) { return kMessages[static_cast<size_t>(kind)]; }

const WireField* find_wire_field(const WireMessage& message, uint64_t number) {
  for (const WireField& f : message.fields)
    if (f.number == number) return &f;
  return nullptr;
}

}  // namespace precis::onnx_io
