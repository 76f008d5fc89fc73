// Building the Graph from a GraphProto: first every name gets its value, then nodes are connected, so that
// unsorted files and captures by subgraphs need no special care.
#include "precis/onnx/proto_import.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/onnx/proto_types.h"
#include "precis/onnx/wire_schema.h"

namespace precis::onnx_io {
namespace {

constexpr int64_t kNewestIr = 13, kPlausibleIr = 32;
constexpr int64_t kPlausibleOpset = 99;

std::string quoted(const std::string& name) { return "'" + printable(name) + "'"; }

std::string node_label(const onnx::NodeProto& n) {
  const std::string op = " (" + printable(n.op_type()) + ")";
  if (!n.name().empty()) return "node " + quoted(n.name()) + op;
  return n.output_size() > 0 ? "the unnamed node" + op + " that makes " + quoted(n.output(0))
                             : "an unnamed node" + op;
}

std::string canonical_domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

class GraphImporter {
 public:
  GraphImporter(onnx::GraphProto& proto, ImportContext& context, GraphImporter* outer)
      : proto_(proto), context_(context), outer_(outer), depth_(outer ? outer->depth_ + 1 : 0) {
    check(depth_ <= limits().max_subgraph_depth, ErrorCode::kMalformed,
          "graph {}: subgraphs are nested more than {} deep", quoted(proto.name()),
          limits().max_subgraph_depth);
  }

  Graph run() {
    graph_.name = proto_.name();
    graph_.doc = checked_doc(proto_.doc_string(), context_);
    add_initializers();
    add_inputs();
    for (const auto& n : proto_.node()) add_outputs_of(n);
    add_constants();
    for (auto& n : *proto_.mutable_node())
      if (!is_constant(n)) add_node(n);
    set_graph_outputs();
    for (const auto& info : proto_.value_info()) hint(info, "value_info");
    for (const auto& info : proto_.output()) hint(info, "graph output");
    return std::move(graph_);
  }

 private:
  static bool is_constant(const onnx::NodeProto& n) {
    return n.op_type() == "Constant" && canonical_domain(n.domain()).empty();
  }

  void check_new(const std::string& name, const std::string& who) {
    check(!graph_.find_value(name), ErrorCode::kMalformed,
          "{}: the name {} is taken already; every value needs a name of its own", who, quoted(name));
  }

  void add_initializers() {
    for (auto& t : *proto_.mutable_initializer()) {
      check_name(t.name(), "initializer");
      const std::string where = "initializer " + quoted(t.name());
      check_new(t.name(), where);
      graph_.add_constant(t.name(), import_tensor(t, where, context_.tensors));
      onnx::TensorProto().Swap(&t);  // the bytes live in the graph now
    }
    for (const auto& s : proto_.sparse_initializer()) {
      check_name(s.values().name(), "sparse initializer");
      const std::string where = "sparse initializer " + quoted(s.values().name());
      check_new(s.values().name(), where);
      graph_.add_constant(s.values().name(), import_sparse_tensor(s, where, context_.tensors));
    }
  }

  ValueType typed(const onnx::ValueInfoProto& info, const std::string& where) {
    std::string unsupported;
    ValueType type = import_type(info.type(), &unsupported, where);
    check(unsupported.empty(), ErrorCode::kUnsupported, "{} is a {}; only numbers are supported, as tensors, sequences and optionals",
          where, unsupported);
    return type;
  }

  void add_inputs() {
    for (const auto& info : proto_.input()) {
      check_name(info.name(), "graph input");
      const ValueId known = graph_.find_value(info.name());
      const bool repeated = known && graph_.value(known).constant && !graph_.is_input(known);
      if (repeated)
        continue;  // an initializer listed as input: a default value, which Precis takes as the value
      const std::string where = "graph input " + quoted(info.name());
      check_new(info.name(), where);
      graph_.add_input(info.name(), typed(info, where));
    }
  }

  void add_outputs_of(const onnx::NodeProto& n) {
    for (const std::string& name : n.output()) {
      if (name.empty()) continue;
      check_name(name, "value");
      const ValueId known = graph_.find_value(name);
      check(!known, ErrorCode::kMalformed, "{} writes {}, which {}; every value has one origin",
            node_label(n), quoted(name), known ? origin(known) : "");
      check(!outer_ || !outer_->visible(name), ErrorCode::kMalformed,
            "{} writes {}, which hides a value of the enclosing graph; names must be unique across subgraphs",
            node_label(n), quoted(name));
      if (!is_constant(n)) graph_.add_value(name);
    }
  }

  const char* origin(ValueId id) const {
    if (graph_.is_input(id)) return "is a graph input";
    return graph_.value(id).constant ? "is an initializer" : "another node writes too";
  }

  bool visible(const std::string& name) const {
    return graph_.find_value(name) || (outer_ && outer_->visible(name));
  }

  void add_constants() {
    for (auto& n : *proto_.mutable_node()) {
      if (!is_constant(n)) continue;
      const std::string where = node_label(n);
      check(n.input_size() == 0 && n.output_size() == 1 && n.attribute_size() == 1, ErrorCode::kMalformed,
            "{}: found {} inputs, {} outputs and {} attributes, expected none, one and one", where,
            n.input_size(), n.output_size(), n.attribute_size());
      if (n.output(0).empty()) continue;
      check_new(n.output(0), where);
      graph_.add_constant(n.output(0), constant_of(*n.mutable_attribute(0), where));
    }
  }

  Tensor constant_of(onnx::AttributeProto& a, const std::string& where) {
    const Attribute value = import_attribute(a, where + ", attribute " + quoted(a.name()), context_);
    if (const auto* t = std::get_if<Tensor>(&value)) return *t;
    if (const auto* f = std::get_if<float>(&value)) return Tensor::scalar(*f);
    if (const auto* i = std::get_if<int64_t>(&value)) return Tensor::scalar(*i);
    if (const auto* fs = std::get_if<std::vector<float>>(&value))
      return Tensor::from<float>(Shape{static_cast<int64_t>(fs->size())}, *fs);
    if (const auto* is = std::get_if<std::vector<int64_t>>(&value))
      return Tensor::from<int64_t>(Shape{static_cast<int64_t>(is->size())}, *is);
    fail(ErrorCode::kUnsupported, "{}: constants of {} are not supported", where, attribute_kind(value));
  }

  // The value a name stands for here: this graph's own, or one captured from an enclosing graph.
  ValueId resolve(const std::string& name, const std::string& who) {
    if (const ValueId own = graph_.find_value(name)) return own;
    for (const GraphImporter* scope = outer_; scope; scope = scope->outer_) {
      const ValueId theirs = scope->graph_.find_value(name);
      if (!theirs) continue;
      const ValueId id = graph_.add_captured(name);
      graph_.value(id).type = scope->graph_.value(theirs).type;
      return id;
    }
    fail(ErrorCode::kMalformed,
         "{} reads {}, which nothing makes: no node, input or initializer has that name", who, quoted(name));
  }

  void add_node(onnx::NodeProto& n) {
    const std::string where = node_label(n);
    check(!n.op_type().empty(), ErrorCode::kMalformed, "{}: the operator's name is empty", where);
    const bool function =
        !context_.functions.empty() && context_.functions.count({n.domain(), n.op_type()}) > 0;
    check(
        !function, ErrorCode::kUnsupported,
        "{}: it calls the local function '{}::{}'; models with local functions are not supported, write the "
        "model without them",
        where, printable(n.domain()), printable(n.op_type()));
    Node node;
    node.domain = canonical_domain(n.domain());
    node.op = n.op_type();
    node.name = n.name();
    check(node.name.size() <= limits().max_name_bytes, ErrorCode::kMalformed,
          "a node's name has {} bytes, at most {} are allowed", node.name.size(), limits().max_name_bytes);
    node.doc = checked_doc(n.doc_string(), context_);
    for (const std::string& in : n.input())
      node.inputs.push_back(in.empty() ? ValueId{} : resolve(in, where));
    for (const std::string& out : n.output())
      node.outputs.push_back(out.empty() ? ValueId{} : graph_.find_value(out));
    for (auto& a : *n.mutable_attribute()) add_attribute(node, a, where);
    trim(node.inputs);
    trim(node.outputs);
    graph_.add_node(std::move(node));
  }

  // Omitted optional inputs and outputs at the end say nothing.
  static void trim(std::vector<ValueId>& ids) {
    while (!ids.empty() && !ids.back()) ids.pop_back();
  }

  void add_attribute(Node& node, onnx::AttributeProto& a, const std::string& node_name) {
    check_name(a.name(), "attribute");
    const std::string where = node_name + ", attribute " + quoted(a.name());
    check(node.attributes.count(a.name()) == 0, ErrorCode::kMalformed, "{}: it is given twice", where);
    if (a.ref_attr_name().empty() && attribute_type(a, where) == onnx::AttributeProto::GRAPH)
      node.attributes.emplace(a.name(), SubgraphPtr(GraphImporter(*a.mutable_g(), context_, this).run()));
    else
      node.attributes.emplace(a.name(), import_attribute(a, where, context_));
  }

  void set_graph_outputs() {
    std::vector<ValueId> outputs;
    for (const auto& info : proto_.output()) {
      check_name(info.name(), "graph output");
      const std::string where = "graph output " + quoted(info.name());
      std::string unsupported;
      import_type(info.type(), &unsupported, where);
      check(unsupported.empty() || outer_, ErrorCode::kUnsupported,
            "{} is a {}; only numbers are supported, as tensors, sequences and optionals", where, unsupported);
      const ValueId id = resolve(info.name(), where);
      check(outer_ || std::find(outputs.begin(), outputs.end(), id) == outputs.end(), ErrorCode::kMalformed,
            "{} is listed twice", where);
      outputs.push_back(id);
    }
    graph_.set_outputs(std::move(outputs));
  }

  // Declared types are hints: kept for values whose type is not known otherwise.
  void hint(const onnx::ValueInfoProto& info, const char* what) {
    const ValueId id = graph_.find_value(info.name());
    if (!id || graph_.value(id).constant || graph_.is_input(id)) return;
    std::string unsupported;
    const ValueType type =
        import_type(info.type(), &unsupported, fmt::format("{} {}", what, quoted(info.name())));
    if (type.dtype != DType::kUndefined) graph_.value(id).type = type;
  }

  onnx::GraphProto& proto_;
  ImportContext& context_;
  GraphImporter* outer_;
  int depth_;
  Graph graph_;
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
  for (const auto& f : proto.functions()) context.functions.emplace(f.domain(), f.name());
  if (proto.functions_size() > 0)  // a node that calls one is refused
    context.warnings.push_back(
        fmt::format("{} local functions that no node calls were dropped", proto.functions_size()));
  if (proto.training_info_size() > 0) context.warnings.push_back("training information was dropped");
  model.graph = GraphImporter(*proto.mutable_graph(), context, nullptr).run();
  return model;
}

}  // namespace precis::onnx_io
