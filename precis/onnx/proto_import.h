// ModelProto -> Model: names, types, initializers, attributes and subgraphs as the file has them, operators
// still in the file's own opset (opset_upgrade.h brings them to the canonical one).
#pragma once

#include <string>
#include <vector>

#include "precis/graph/graph.h"
#include "precis/onnx/function_table.h"
#include "precis/onnx/proto_messages.h"
#include "precis/onnx/proto_tensor.h"

namespace precis::onnx_io {

struct ImportContext {
  TensorSource tensors;
  FunctionTable functions;  // their calls are marked nodes: function_call.h writes them out
  std::vector<std::string> warnings;
};

// `proto` is emptied of its tensors on the way, so that memory is not held twice.
Model import_model(onnx::ModelProto& proto, ImportContext& context);

// proto_attributes.cpp: all attributes but subgraphs. `where` names node and attribute.
Attribute import_attribute(onnx::AttributeProto& proto, const std::string& where, ImportContext& context);
// The kind an attribute has: its declared type, or for files of IR version 1 what is set. Error(kMalformed)
// when the declared type and the contents differ.
onnx::AttributeProto::AttributeType attribute_type(const onnx::AttributeProto& proto,
                                                   const std::string& where);
// attribute_kind() of attributes of that type; "" for undefined ones.
const char* kind_of(onnx::AttributeProto::AttributeType type);

// Names and documentation strings from files: length limits, no NUL bytes.
void check_name(const std::string& name, const char* what);
std::string checked_doc(const std::string& doc, ImportContext& context);

}  // namespace precis::onnx_io
