// See node_importer.h.
#include "precis/onnx/node_importer.h"

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/onnx/function_call.h"

namespace precis::onnx_io {
namespace {

std::string quoted(const std::string& name) { return "'" + printable(name) + "'"; }

// Omitted optional inputs and outputs at the end say nothing.
void trim(std::vector<ValueId>& ids) {
  while (!ids.empty() && !ids.back()) ids.pop_back();
}

Tensor as_tensor(const Attribute& value, const std::string& where) {
  if (const auto* t = std::get_if<Tensor>(&value)) return *t;
  if (const auto* f = std::get_if<float>(&value)) return Tensor::scalar(*f);
  if (const auto* i = std::get_if<int64_t>(&value)) return Tensor::scalar(*i);
  if (const auto* fs = std::get_if<std::vector<float>>(&value))
    return Tensor::from<float>(Shape{static_cast<int64_t>(fs->size())}, *fs);
  if (const auto* is = std::get_if<std::vector<int64_t>>(&value))
    return Tensor::from<int64_t>(Shape{static_cast<int64_t>(is->size())}, *is);
  fail(ErrorCode::kUnsupported, "{}: constants of {} are not supported", where, attribute_kind(value));
}

}  // namespace

std::string node_label(const onnx::NodeProto& n) {
  const std::string op = " (" + printable(n.op_type()) + ")";
  if (!n.name().empty()) return "node " + quoted(n.name()) + op;
  return n.output_size() > 0 ? "the unnamed node" + op + " that makes " + quoted(n.output(0))
                             : "an unnamed node" + op;
}

std::optional<ValueId> NodeImporter::own(const std::string& name) const {
  if (call_ != nullptr) {
    const auto it = names_.find(name);
    return it == names_.end() ? std::nullopt : std::optional(it->second);
  }
  const ValueId id = graph_.find_value(name);
  return id ? std::optional(id) : std::nullopt;
}

std::string NodeImporter::new_name(const std::string& name) {
  return call_ != nullptr ? call_->value_name(name) : name;
}

void NodeImporter::define(const std::string& name, ValueId id) {
  if (call_ == nullptr) return;
  names_.emplace(name, id);
  call_->charge_value(name);
}

// Texts of a function are not repeated for each of its calls.
void NodeImporter::add_texts(const std::string& name, const std::string& doc) {
  if (call_ == nullptr) {
    graph_.name = name;
    graph_.doc = checked_doc(doc, context_);
    return;
  }
  graph_.name = call_->inner_name(name);
  call_->charge_graph(graph_);
}

ValueId NodeImporter::resolve(const std::string& name, const std::string& who) {
  if (const auto known = own(name)) return *known;
  for (const NodeImporter* scope = outer_; scope; scope = scope->outer_) {
    const auto theirs = scope->own(name);
    if (!theirs) continue;
    if (!*theirs) return {};
    const Value& outside = scope->graph_.value(*theirs);
    ValueId id = graph_.find_value(outside.name);
    if (!id) {
      id = graph_.add_captured(outside.name);
      graph_.value(id).type = outside.type;
    }
    return id;
  }
  fail(ErrorCode::kMalformed, "{} reads {}, which nothing makes: no node, input or initializer has that name",
       who, quoted(name));
}

void NodeImporter::check_new(const std::string& name, const std::string& who) const {
  check(!own(name), ErrorCode::kMalformed,
        "{}: the name {} is taken already; every value needs a name of its own", who, quoted(name));
}

Tensor NodeImporter::tensor_of(onnx::TensorProto& proto, const std::string& where) {
  if (call_ != nullptr) return call_->tensor(proto, where, context_);
  Tensor t = import_tensor(proto, where, context_.tensors);
  onnx::TensorProto().Swap(&proto);  // the bytes live in the graph now
  return t;
}

void NodeImporter::add_nodes(Nodes& nodes, NodeId position) {
  for (const auto& n : nodes) add_outputs_of(n);
  for (auto& n : nodes)
    if (is_constant(n)) add_constant(n);
  for (auto& n : nodes)
    if (!is_constant(n)) add_node(n, position);
}

bool NodeImporter::is_constant(const onnx::NodeProto& n) const {
  return n.op_type() == "Constant" && canonical_domain(n.domain()).empty() && context_.functions.find(n) < 0;
}

const char* NodeImporter::origin(ValueId id) const {
  if (!id || graph_.is_input(id)) return "is a graph input";
  return graph_.value(id).constant ? "is an initializer" : "another node writes too";
}

void NodeImporter::add_outputs_of(const onnx::NodeProto& n) {
  for (const std::string& name : n.output()) {
    if (name.empty()) continue;
    check_name(name, "value");
    const auto known = own(name);
    check(!known, ErrorCode::kMalformed, "{} writes {}, which {}; every value has one origin", node_label(n),
          quoted(name), known ? origin(*known) : "");
    check(!outer_ || !outer_->visible(name), ErrorCode::kMalformed,
          "{} writes {}, which hides a value of the enclosing graph; names must be unique across subgraphs",
          node_label(n), quoted(name));
    if (!is_constant(n)) define(name, output_value(name));
  }
}

// What a function gives is its call's output, and keeps that name.
ValueId NodeImporter::output_value(const std::string& name) {
  if (call_ != nullptr && !is_subgraph())
    if (const ValueId id = call_->output(name)) return id;
  return graph_.add_value(new_name(name));
}

void NodeImporter::add_constant(onnx::NodeProto& n) {
  const std::string where = node_label(n);
  check(n.input_size() == 0 && n.output_size() == 1 && n.attribute_size() == 1, ErrorCode::kMalformed,
        "{}: found {} inputs, {} outputs and {} attributes, expected none, one and one", where,
        n.input_size(), n.output_size(), n.attribute_size());
  if (n.output(0).empty()) return;
  check_new(n.output(0), where);
  auto& a = *n.mutable_attribute(0);
  const std::string what = where + ", attribute " + quoted(a.name());
  const std::optional<Attribute> value = value_of(a, what);
  check(value.has_value(), ErrorCode::kMalformed, "{}: the call gives no attribute '{}', which it refers to",
        what, printable(a.ref_attr_name()));
  define(n.output(0), graph_.add_constant(new_name(n.output(0)), as_tensor(*value, where)));
}

void NodeImporter::add_node(onnx::NodeProto& n, NodeId position) {
  const std::string where = node_label(n);
  check(!n.op_type().empty(), ErrorCode::kMalformed, "{}: the operator's name is empty", where);
  check(n.domain() != kCallDomain, ErrorCode::kMalformed, "{}: the domain '{}' is reserved", where,
        kCallDomain);
  Node node;
  node.domain = canonical_domain(n.domain());
  node.op = n.op_type();
  node.name = call_ != nullptr ? call_->inner_name(n.name()) : n.name();
  check(node.name.size() <= limits().max_name_bytes, ErrorCode::kMalformed,
        "a node's name has {} bytes, at most {} are allowed", node.name.size(), limits().max_name_bytes);
  if (call_ == nullptr) node.doc = checked_doc(n.doc_string(), context_);
  for (const std::string& in : n.input()) node.inputs.push_back(in.empty() ? ValueId{} : resolve(in, where));
  for (const std::string& out : n.output()) node.outputs.push_back(out.empty() ? ValueId{} : *own(out));
  for (auto& a : *n.mutable_attribute()) add_attribute(node, a, where);
  trim(node.inputs);
  trim(node.outputs);
  if (const int function = context_.functions.find(n); function >= 0) {
    node.domain = kCallDomain;
    node.op = fmt::to_string(function);
  }
  if (call_ != nullptr) call_->check_and_charge(node, where);
  if (position)
    graph_.insert_node_before(position, std::move(node));
  else
    graph_.add_node(std::move(node));
}

std::optional<Attribute> NodeImporter::value_of(onnx::AttributeProto& a, const std::string& where) {
  if (call_ == nullptr) return import_attribute(a, where, context_);
  if (a.ref_attr_name().empty()) return call_->attribute(a, where, context_);
  const Attribute* given = call_->argument(a, where);
  return given != nullptr ? std::optional(*given) : std::nullopt;
}

void NodeImporter::add_attribute(Node& node, onnx::AttributeProto& a, const std::string& node_name) {
  check_name(a.name(), "attribute");
  const std::string where = node_name + ", attribute " + quoted(a.name());
  check(node.attributes.count(a.name()) == 0, ErrorCode::kMalformed, "{}: it is given twice", where);
  if (a.ref_attr_name().empty() && attribute_type(a, where) == onnx::AttributeProto::GRAPH) {
    node.attributes.emplace(a.name(), SubgraphPtr(import_subgraph(*a.mutable_g(), context_, *this, call_)));
    return;
  }
  if (std::optional<Attribute> value = value_of(a, where))
    node.attributes.emplace(a.name(), std::move(*value));
}

}  // namespace precis::onnx_io
