// Writing of graphs, nodes, attributes and the model's own fields, in the order the graph keeps them.
#include "precis/onnx/proto_export.h"

#include <set>
#include <string>

#include "precis/core/check.h"
#include "precis/onnx/opset_downgrade.h"
#include "precis/onnx/proto_tensor.h"
#include "precis/onnx/proto_types.h"

namespace precis::onnx_io {
namespace {

// The oldest IR version that belongs to an opset, but at least 4: only from then on initializers need not be
// inputs.
int64_t ir_version_for(int opset) {
  if (opset <= 9) return 4;
  if (opset <= 10) return 5;
  if (opset <= 11) return 6;
  if (opset <= 14) return 7;
  if (opset <= 18) return 8;
  if (opset <= 20) return 9;
  if (opset <= 22) return 10;
  if (opset <= 23) return 11;
  return opset <= 24 ? 12 : 13;
}

class GraphExporter {
 public:
  GraphExporter(const Graph& graph, int opset, const TensorSink& sink, std::set<std::string>& domains)
      : graph_(graph), opset_(opset), sink_(sink), domains_(domains) {}

  void run(onnx::GraphProto& out) {
    out.set_name(graph_.name.empty() ? "graph" : graph_.name);
    if (!graph_.doc.empty()) out.set_doc_string(graph_.doc);
    read_.assign(graph_.num_values(), false);
    for (NodeId id : graph_.order()) add_node(graph_.node(id), *out.add_node());
    for (ValueId id : graph_.inputs()) add_info(id, *out.add_input());
    for (ValueId id : graph_.outputs()) add_info(id, *out.add_output());
    add_initializers(out);
    add_foreign_types(out);
  }

 private:
  const std::string& name(ValueId id) const {
    static const std::string kOmitted;
    return id ? graph_.value(id).name : kOmitted;
  }

  void add_info(ValueId id, onnx::ValueInfoProto& out) {
    const Value& v = graph_.value(id);
    out.set_name(v.name);
    if (v.type.dtype != DType::kUndefined) export_type(v.type, *out.mutable_type());
  }

  void add_node(const Node& original, onnx::NodeProto& out) {
    std::string why;
    const std::optional<Node> node = node_at_opset(graph_, original, opset_, {}, &why);
    check(node.has_value(), ErrorCode::kUnsupported,
          "{} cannot be written in opset {}: {}; choose a newer opset", describe(graph_, original), opset_,
          why);
    const Node& n = *node;
    for (ValueId in : n.inputs) {
      out.add_input(name(in));
      mark_read(in);
    }
    for (ValueId id : n.outputs) out.add_output(name(id));
    if (!n.name.empty()) out.set_name(n.name);
    out.set_op_type(n.op);
    if (!n.domain.empty()) out.set_domain(n.domain);
    if (!n.doc.empty()) out.set_doc_string(n.doc);
    for (const auto& [key, value] : n.attributes) add_attribute(key, value, *out.add_attribute());
    domains_.insert(n.domain);
    for (const std::string& captured : captured_names(original)) mark_read(graph_.find_value(captured));
  }

  void add_attribute(const std::string& key, const Attribute& value, onnx::AttributeProto& out) {
    using Type = onnx::AttributeProto;
    out.set_name(key);
    if (const auto* i = std::get_if<int64_t>(&value)) {
      out.set_type(Type::INT);
      out.set_i(*i);
    } else if (const auto* f = std::get_if<float>(&value)) {
      out.set_type(Type::FLOAT);
      out.set_f(*f);
    } else if (const auto* s = std::get_if<std::string>(&value)) {
      out.set_type(Type::STRING);
      out.set_s(*s);
    } else if (const auto* t = std::get_if<Tensor>(&value)) {
      out.set_type(Type::TENSOR);
      export_tensor(*t, "", *out.mutable_t());
    } else if (const auto* body = std::get_if<SubgraphPtr>(&value)) {
      out.set_type(Type::GRAPH);
      GraphExporter(**body, opset_, sink_, domains_).run(*out.mutable_g());
    } else if (const auto* type = std::get_if<ValueType>(&value)) {
      out.set_type(Type::TYPE_PROTO);
      export_type(*type, *out.mutable_tp());
    } else {
      add_list(value, out);
    }
  }

  void add_list(const Attribute& value, onnx::AttributeProto& out) {
    using Type = onnx::AttributeProto;
    if (const auto* is = std::get_if<std::vector<int64_t>>(&value)) {
      out.set_type(Type::INTS);
      out.mutable_ints()->Add(is->begin(), is->end());
    } else if (const auto* fs = std::get_if<std::vector<float>>(&value)) {
      out.set_type(Type::FLOATS);
      out.mutable_floats()->Add(fs->begin(), fs->end());
    } else if (const auto* ss = std::get_if<std::vector<std::string>>(&value)) {
      out.set_type(Type::STRINGS);
      for (const std::string& s : *ss) out.add_strings(s);
    } else if (const auto* ts = std::get_if<std::vector<Tensor>>(&value)) {
      out.set_type(Type::TENSORS);
      for (const Tensor& t : *ts) export_tensor(t, "", *out.add_tensors());
    }
  }

  // In the order in which nodes read them first, then the others: files written from the same graph are equal
  // however its constants were numbered. Constants whose only readers took them as attributes are left out.
  void add_initializers(onnx::GraphProto& out) {
    for (ValueId id : graph_.initializers())
      if (!read_[static_cast<size_t>(id.index)] && (graph_.value(id).uses.empty() || graph_.is_output(id)))
        read_order_.push_back(id);
    for (ValueId id : read_order_) {
      const Value& v = graph_.value(id);
      if (!v.constant) continue;
      check(!v.type.encoded(), ErrorCode::kInternal, "initializer '{}' is still encoded", v.name);
      auto& t = *out.add_initializer();
      if (sink_ && sink_(*v.constant, t))
        t.set_name(v.name);
      else
        export_tensor(*v.constant, v.name, t);
    }
  }

  void mark_read(ValueId id) {
    if (!id || read_[static_cast<size_t>(id.index)]) return;
    read_[static_cast<size_t>(id.index)] = true;
    read_order_.push_back(id);
  }

  // Readers can infer the types of ONNX's own operators; results of others keep their declared types.
  void add_foreign_types(onnx::GraphProto& out) {
    for (NodeId id : graph_.order()) {
      const Node& n = graph_.node(id);
      if (n.domain.empty()) continue;
      for (ValueId o : n.outputs)
        if (o && !graph_.is_output(o) && graph_.value(o).type.dtype != DType::kUndefined)
          add_info(o, *out.add_value_info());
    }
  }

  const Graph& graph_;
  int opset_;
  const TensorSink& sink_;
  std::set<std::string>& domains_;
  std::vector<bool> read_;  // by value index: some written node reads it
  std::vector<ValueId> read_order_;
};

void add_import(onnx::ModelProto& out, const std::string& domain, int64_t version) {
  auto* import = out.add_opset_import();
  import->set_domain(domain);
  import->set_version(version);
}

}  // namespace

void export_model(const Model& model, int opset, const TensorSink& sink, onnx::ModelProto& out) {
  out.set_ir_version(ir_version_for(opset));
  if (!model.producer_name.empty()) out.set_producer_name(model.producer_name);
  if (!model.producer_version.empty()) out.set_producer_version(model.producer_version);
  if (!model.domain.empty()) out.set_domain(model.domain);
  if (model.model_version != 0) out.set_model_version(model.model_version);
  if (!model.doc.empty()) out.set_doc_string(model.doc);
  std::set<std::string> domains;
  GraphExporter(model.graph, opset, sink, domains).run(*out.mutable_graph());
  add_import(out, "", opset);
  for (const std::string& domain : domains) {
    if (domain.empty()) continue;
    const auto it = model.opset_imports.find(domain);
    add_import(out, domain, it == model.opset_imports.end() ? 1 : it->second);
  }
  for (const auto& [key, value] : model.metadata) {
    auto* entry = out.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
}

}  // namespace precis::onnx_io
