// Building the Graph from a GraphProto: what graphs have beside nodes (node_importer.h), and what models have
// beside graphs.
#include "precis/onnx/proto_import.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/onnx/node_importer.h"
#include "precis/onnx/proto_types.h"
#include "precis/onnx/wire_schema.h"

namespace precis::onnx_io {
namespace {

constexpr int64_t kNewestIr = 13, kPlausibleIr = 32;
constexpr int64_t kPlausibleOpset = 99;

std::string quoted(const std::string& name) { return "'" + printable(name) + "'"; }

class GraphImporter : public NodeImporter {
 public:
  GraphImporter(onnx::GraphProto& proto, Graph& graph, ImportContext& context,
                const NodeImporter* outer = nullptr, FunctionCall* call = nullptr)
      : NodeImporter(graph, context, outer, call), proto_(proto) {
    check(depth() <= limits().max_subgraph_depth, ErrorCode::kMalformed,
          "graph {}: subgraphs are nested more than {} deep", quoted(proto.name()),
          limits().max_subgraph_depth);
  }

  void run() {
    add_texts(proto_.name(), proto_.doc_string());
    add_initializers();
    add_inputs();
    add_nodes(*proto_.mutable_node());
    set_graph_outputs();
    for (const auto& info : proto_.value_info()) hint(info, "value_info");
    for (const auto& info : proto_.output()) hint(info, "graph output");
  }

 private:
  void add_initializers() {
    for (auto& t : *proto_.mutable_initializer()) {
      const std::string name = t.name();
      check_name(name, "initializer");
      const std::string where = "initializer " + quoted(name);
      check_new(name, where);
      define(name, graph().add_constant(new_name(name), tensor_of(t, where)));
    }
    for (const auto& s : proto_.sparse_initializer()) {
      const std::string& name = s.values().name();
      check_name(name, "sparse initializer");
      const std::string where = "sparse initializer " + quoted(name);
      check_new(name, where);
      define(name, graph().add_constant(new_name(name), import_sparse_tensor(s, where, context().tensors)));
    }
  }

  ValueType typed(const onnx::ValueInfoProto& info, const std::string& where) {
    std::string unsupported;
    ValueType type = import_type(info.type(), &unsupported, where);
    check(unsupported.empty(), ErrorCode::kUnsupported,
          "{} is a {}; only numbers are supported, as tensors, sequences and optionals", where, unsupported);
    return type;
  }

  void add_inputs() {
    for (const auto& info : proto_.input()) {
      check_name(info.name(), "graph input");
      const auto known = own(info.name());
      const bool repeated = known && graph().value(*known).constant && !graph().is_input(*known);
      if (repeated)
        continue;  // an initializer listed as input: a default value, which Precis takes as the value
      const std::string where = "graph input " + quoted(info.name());
      check_new(info.name(), where);
      define(info.name(), graph().add_input(new_name(info.name()), typed(info, where)));
    }
  }

  void set_graph_outputs() {
    std::vector<ValueId> outputs;
    for (const auto& info : proto_.output()) {
      check_name(info.name(), "graph output");
      const std::string where = "graph output " + quoted(info.name());
      std::string unsupported;
      import_type(info.type(), &unsupported, where);
      check(unsupported.empty() || is_subgraph(), ErrorCode::kUnsupported,
            "{} is a {}; only numbers are supported, as tensors, sequences and optionals", where,
            unsupported);
      const ValueId id = resolve(info.name(), where);
      check(static_cast<bool>(id), ErrorCode::kMalformed, "{} is an input of a function that its call omits",
            where);
      check(is_subgraph() || std::find(outputs.begin(), outputs.end(), id) == outputs.end(),
            ErrorCode::kMalformed, "{} is listed twice", where);
      outputs.push_back(id);
    }
    graph().set_outputs(std::move(outputs));
  }

  // Declared types are hints: kept for values whose type is not known otherwise.
  void hint(const onnx::ValueInfoProto& info, const char* what) {
    const ValueId id = own(info.name()).value_or(ValueId{});
    if (!id || graph().value(id).constant || graph().is_input(id)) return;
    std::string unsupported;
    const ValueType type =
        import_type(info.type(), &unsupported, fmt::format("{} {}", what, quoted(info.name())));
    if (type.dtype != DType::kUndefined) graph().value(id).type = type;
  }

  onnx::GraphProto& proto_;
};

void import_versions(const onnx::ModelProto& proto, Model& model) {
  const int64_t ir = proto.ir_version();
  check(proto.has_ir_version(), ErrorCode::kMalformed, "the model has no ir_version; is it an ONNX model?");
  check(ir >= 1 && ir <= kPlausibleIr, ErrorCode::kMalformed, "ir_version is {}, expected 1 to {}", ir,
        kNewestIr);
  check(ir <= kNewestIr, ErrorCode::kUnsupported, "ir_version is {}, newer than the newest known ({})", ir,
        kNewestIr);
  model.ir_version = ir;
  for (const auto& import : proto.opset_import()) {
    const std::string domain = canonical_domain(import.domain());
    check(import.version() >= 1, ErrorCode::kMalformed, "opset of domain '{}' is {}, expected 1 or more",
          printable(domain), import.version());
    const auto [it, fresh] = model.opset_imports.emplace(domain, import.version());
    check(fresh || it->second == import.version(), ErrorCode::kMalformed,
          "domain '{}' is imported twice, with opset {} and {}", printable(domain), it->second,
          import.version());
  }
  if (ir < 3 && proto.opset_import_size() == 0)
    model.opset_imports[""] = 1;  // imports came with IR version 3
  check(!model.opset_imports.empty(), ErrorCode::kMalformed,
        "the model imports no operator set (opset_import is empty)");
  const auto own = model.opset_imports.find("");
  if (own == model.opset_imports.end()) return;
  check(own->second <= kPlausibleOpset, ErrorCode::kMalformed, "opset is {}, expected 1 to {}", own->second,
        kCanonicalOpset);
  check(own->second <= kCanonicalOpset, ErrorCode::kUnsupported,
        "opset is {}, newer than the newest known ({})", own->second, kCanonicalOpset);
  model.source_opset = own->second;
}

void import_metadata(const onnx::ModelProto& proto, Model& model, ImportContext& context) {
  model.producer_name = proto.producer_name();
  model.producer_version = proto.producer_version();
  model.domain = proto.domain();
  model.doc = checked_doc(proto.doc_string(), context);
  model.model_version = proto.model_version();
  std::set<std::string> keys;
  for (const auto& entry : proto.metadata_props()) {
    check(keys.insert(entry.key()).second, ErrorCode::kMalformed, "metadata_props has the key {} twice",
          quoted(entry.key()));
    model.metadata.emplace_back(entry.key(), entry.value());
  }
}

// What the wire scan charges per message covers the parser's objects.
static_assert(sizeof(onnx::AttributeProto) <= 280 && sizeof(onnx::NodeProto) <= 152 &&
              sizeof(onnx::TensorProto) <= 256 && sizeof(onnx::ValueInfoProto) <= 72 &&
              sizeof(onnx::TensorShapeProto_Dimension) <= 72 && sizeof(onnx::StringStringEntryProto) <= 64);

}  // namespace

Graph import_subgraph(onnx::GraphProto& proto, ImportContext& context, const NodeImporter& outer,
                      FunctionCall* call) {
  Graph graph;
  GraphImporter(proto, graph, context, &outer, call).run();
  return graph;
}

void check_name(const std::string& name, const char* what) {
  check(!name.empty(), ErrorCode::kMalformed, "{} {} has an empty name",
        what[0] == 'a' || what[0] == 'i' ? "an" : "a", what);
  check(name.size() <= limits().max_name_bytes, ErrorCode::kMalformed,
        "the name of {} '{}' has {} bytes, at most {} are allowed", what, printable(name), name.size(),
        limits().max_name_bytes);
  check(name.find('\0') == std::string::npos, ErrorCode::kMalformed,
        "the name of {} '{}' contains a NUL byte", what, printable(name));
}

std::string checked_doc(const std::string& doc, ImportContext& context) {
  if (doc.size() <= limits().max_doc_bytes) return doc;
  context.warnings.push_back(fmt::format("a documentation string of {} was dropped (the limit is {})",
                                         format_bytes(doc.size()), format_bytes(limits().max_doc_bytes)));
  return {};
}

Model import_model(onnx::ModelProto& proto, ImportContext& context) {
  Model model;
  import_versions(proto, model);
  check(proto.has_graph(), ErrorCode::kMalformed, "the model has no graph; is it an ONNX model?");
  import_metadata(proto, model, context);
  context.functions = FunctionTable(proto);
  if (context.functions.uncalled() > 0)
    context.warnings.push_back(
        fmt::format("{} local functions that no node calls were dropped", context.functions.uncalled()));
  if (proto.training_info_size() > 0) context.warnings.push_back("training information was dropped");
  GraphImporter(*proto.mutable_graph(), model.graph, context).run();
  return model;
}

}  // namespace precis::onnx_io
