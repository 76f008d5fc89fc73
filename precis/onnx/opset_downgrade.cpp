// Downgrade rules (conditions before forms) and the generic check against the table of operator versions.
#include "precis/onnx/opset_downgrade.h"

#include <algorithm>
#include <array>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/graph/onnx_dtype.h"
#include "precis/onnx/downgrade_rules.h"
#include "precis/onnx/op_versions.h"

namespace precis::onnx_io {
namespace {

// Attribute values (not names) that came later than their attribute.
struct LateValue {
  const char* op;
  const char* attribute;
  const char* value;
  int since;
};
constexpr std::array kLateValues = {
    LateValue{"Pad", "mode", "wrap", 19},
    LateValue{"Resize", "coordinate_transformation_mode", "half_pixel_symmetric", 19},
    LateValue{"ScatterElements", "reduction", "max", 18},
    LateValue{"ScatterElements", "reduction", "min", 18},
    LateValue{"ScatterND", "reduction", "max", 18},
    LateValue{"ScatterND", "reduction", "min", 18},
};

bool is_default(const Attribute& a, std::string_view text) {
  if (const auto* i = std::get_if<int64_t>(&a)) return fmt::to_string(*i) == text;
  const auto* s = std::get_if<std::string>(&a);
  return s && *s == text;
}

// An attribute that `version` lacks may go when it only says what was always so.
bool says_nothing(const Node& n, const std::string& name, const Attribute& value) {
  if (name == "dilations") {
    const auto* d = std::get_if<std::vector<int64_t>>(&value);
    return d && std::all_of(d->begin(), d->end(), [](int64_t v) { return v == 1; });
  }
  const OpVersion* newest = op_version(n.op, kCanonicalOpset);
  const AttributeFact fact = newest ? find_attribute(*newest, name) : AttributeFact{};
  return !fact.default_value.empty() && is_default(value, fact.default_value);
}

bool fit_attributes(Node& n, const OpVersion& version, std::string* why) {
  for (auto it = n.attributes.begin(); it != n.attributes.end();) {
    if (find_attribute(version, it->first).known) {
      ++it;
    } else if (says_nothing(n, it->first, it->second)) {
      it = n.attributes.erase(it);
    } else {
      *why = fmt::format("attribute '{}' is newer", printable(it->first));
      return false;
    }
  }
  return true;
}

bool fit_types(const Graph& graph, const Node& n, const OpVersion& version, std::string* why) {
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    const DType dtype = n.inputs[i] ? graph.value(n.inputs[i]).type.storage_dtype() : DType::kUndefined;
    if (takes_input(version, i, dtype)) continue;
    *why = fmt::format("input {} of type {} is newer", i, dtype_name(dtype));
    return false;
  }
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    const DType dtype = n.outputs[i] ? graph.value(n.outputs[i]).type.storage_dtype() : DType::kUndefined;
    if (gives_output(version, i, dtype)) continue;
    *why = fmt::format("output {} of type {} is newer", i, dtype_name(dtype));
    return false;
  }
  return true;
}

bool fit(const Graph& graph, Node& n, int opset, std::string* why) {
  const OpVersion* version = op_version(n.op, opset);
  if (!version) {
    *why = "the operator does not exist there";
    return false;
  }
  if (static_cast<int>(n.inputs.size()) > version->max_inputs && version->max_inputs != 255) {
    *why = fmt::format("it has {} inputs, at most {} are known there", n.inputs.size(), version->max_inputs);
    return false;
  }
  if (static_cast<int>(n.inputs.size()) < version->min_inputs) {
    *why =
        fmt::format("it has {} inputs, at least {} are needed there", n.inputs.size(), version->min_inputs);
    return false;
  }
  if (static_cast<int>(n.outputs.size()) > version->max_outputs && version->max_outputs != 255) {
    *why =
        fmt::format("it has {} outputs, at most {} are known there", n.outputs.size(), version->max_outputs);
    return false;
  }
  return fit_attributes(n, *version, why) && fit_types(graph, n, *version, why);
}

// Negative axes came with opset 11.
bool positive_axes(const Graph& graph, Node& n, std::string* why) {
  const auto it = n.attributes.find("axis");
  auto* axis = it != n.attributes.end() ? std::get_if<int64_t>(&it->second) : nullptr;
  if (!axis || *axis >= 0) return true;
  const ValueId in = n.input(0);
  if (!in || !graph.value(in).type.shape) {
    *why = "its axis is negative and the rank is not known";
    return false;
  }
  *axis += static_cast<int64_t>(graph.value(in).type.shape->size()) +
           (n.op == "OneHot" ? 1 : 0);  // counts output axes
  return true;
}

bool apply_rules(const Graph& graph, Node& n, int opset, const FormPolicy& policy, std::string* why) {
  for (const LateValue& late : kLateValues)
    if (opset < late.since && n.op == late.op && n.get_string(late.attribute, "") == late.value) {
      *why = fmt::format("{} = {} is newer", late.attribute, late.value);
      return false;
    }
  Downgrade d{graph, n, opset, why};
  const std::string op = n.op;  // a rule may rename it
  for (const DowngradeRule& rule : downgrade_rules()) {
    if (op != rule.op || opset >= rule.below) continue;
    if (rule.form == OldForm::kAttributes && policy.source_opset >= rule.below)
      return d.no("its inputs are attributes there");
    if (!rule.apply(d)) return false;
  }
  return opset >= 11 || positive_axes(graph, n, why);
}

void raise(const Graph& graph, const FormPolicy& policy, int& opset) {
  std::string why;
  for (NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    for (const auto& [key, attribute] : n.attributes)
      if (const auto* body = std::get_if<SubgraphPtr>(&attribute)) raise(**body, policy, opset);
    while (opset <= kCanonicalOpset && !node_at_opset(graph, n, opset, policy, &why)) ++opset;
    check(opset <= kCanonicalOpset, ErrorCode::kUnsupported, "{} cannot be written in any opset up to {}: {}",
          describe(graph, n), kCanonicalOpset, why);
  }
}

}  // namespace

std::optional<Node> node_at_opset(const Graph& graph, const Node& node, int opset, const FormPolicy& policy,
                                  std::string* why) {
  Node n = node;
  if (!n.domain.empty()) {
    if (n.domain != "precis") return n;
    *why = "it is an operator of Precis's own";
    return std::nullopt;
  }
  if (!apply_rules(graph, n, opset, policy, why)) return std::nullopt;
  while (!n.inputs.empty() && !n.inputs.back()) n.inputs.pop_back();
  while (!n.outputs.empty() && !n.outputs.back()) n.outputs.pop_back();
  if (!fit(graph, n, opset, why)) return std::nullopt;
  return n;
}

int lowest_opset(const Graph& graph, int floor, const FormPolicy& policy) {
  int opset = floor;
  for (int before = -1;
       before != opset;) {  // what one opset can say, a later one may not (Upsample): until nothing moves
    before = opset;
    raise(graph, policy, opset);
  }
  return opset;
}

}  // namespace precis::onnx_io
