// The validator's second half: operators that are not known, schemas, types and shapes, encodings.
#include <cmath>
#include <map>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/graph/op.h"
#include "precis/graph/text_values.h"
#include "precis/graph/validate_parts.h"

namespace precis {
namespace {

struct UnknownOp {
  int64_t count = 0;
  std::string first;  // the first node
};
using UnknownOps = std::map<std::pair<std::string, std::string>, UnknownOp>;

std::string op_text(const std::string& domain, const std::string& op) {
  return printable(domain.empty() ? op : domain + "::" + op);
}

std::string nearest_op(const std::string& domain, const std::string& op) {
  std::vector<std::string> names;
  for (const OpDecl* d : all_ops())
    if (domain == d->domain) names.emplace_back(d->op);
  return nearest(op, names);
}

// One problem per operator, with its count: unsupported when ONNX or somebody else may define it, malformed
// when nobody does.
void report_unknown(const UnknownOps& unknown, Problems& problems) {
  for (const auto& [key, use] : unknown) {
    const auto& [domain, op] = key;
    const std::string where = "operator " + op_text(domain, op);
    const std::string used = use.count == 1
                                 ? use.first + " uses it"
                                 : fmt::format("{} nodes use it, the first is {}", use.count, use.first);
    const bool ours = domain.empty() || domain == "precis";
    if (!ours || is_onnx_op(op)) {
      problems.error(ErrorCode::kUnsupported, where, "is not supported; " + used);
      continue;
    }
    const std::string near = nearest_op(domain, op);
    problems.error(ErrorCode::kMalformed, where,
                   "does not exist" + (near.empty() ? "" : " (did you mean " + near + "?)") + "; " + used);
  }
}

void check_schema(const Graph& graph, const Node& n, const OpDecl& decl, Problems& problems) {
  for (std::string& message : schema_errors(decl, n))
    problems.error(ErrorCode::kMalformed, describe(graph, n), std::move(message));
  for (const std::string& key : unknown_attributes(decl, n)) {
    std::vector<std::string> known;
    for (const AttrDecl& a : decl.attributes) known.emplace_back(a.name);
    const std::string near = nearest(key, known);
    problems.warning(describe(graph, n), "attribute '" + printable(key) + "' is not known and has no effect" +
                                             (near.empty() ? "" : " (did you mean '" + near + "'?)"));
  }
}

bool contradicts(const SymbolicShape& declared, const SymbolicShape& inferred) {
  if (!declared || !inferred) return false;
  if (declared->size() != inferred->size()) return true;
  for (size_t i = 0; i < declared->size(); ++i) {
    const Dim &a = (*declared)[i], &b = (*inferred)[i];
    if (a.known() && b.known() && a.value != b.value) return true;
  }
  return false;
}

// Declarations are hints: inference wins, and the difference is worth a warning.
void check_declared_types(const Graph& graph, const Inference& inference, Problems& problems) {
  for (size_t i = 0; i < graph.num_values(); ++i) {
    const Value& v = graph.value(ValueId{static_cast<int32_t>(i)});
    if (!v.alive || !v.producer) continue;
    const ValueType& inferred = inference.types[i];
    const bool dtype_differs = v.type.dtype != inferred.dtype && v.type.dtype != DType::kUndefined &&
                               inferred.dtype != DType::kUndefined;
    if (!dtype_differs && !contradicts(v.type.shape, inferred.shape)) continue;
    problems.warning("value '" + printable(v.name) + "'",
                     "is declared as " + text::print_type({v.type.dtype, v.type.shape, {}, v.type.element}) +
                         ", but inference gives " +
                         text::print_type({inferred.dtype, inferred.shape, {}, inferred.element}));
  }
}

std::string without_prefix(const std::string& message, const std::string& where) {
  return message.rfind(where + ": ", 0) == 0 ? message.substr(where.size() + 2) : message;
}

std::string blocks_problem(const Encoding& e, const SymbolicShape& shape) {
  int64_t blocks = 1;
  if (!e.per_tensor()) {
    if (!fully_known(shape)) return "";
    if (e.block.size() != shape->size())
      return fmt::format("its encoding has {} block lengths for shape {}", e.block.size(), shape_str(shape));
    for (size_t i = 0; i < e.block.size(); ++i) {
      if (e.block[i] < 1)
        return fmt::format("its encoding has a block length of {}, expected at least 1", e.block[i]);
      blocks = checked_mul(blocks, ceil_div((*shape)[i].value, e.block[i]));
    }
  }
  if (static_cast<int64_t>(e.scales.size()) != blocks)
    return fmt::format("its encoding has {} scales, expected {} for shape {}", e.scales.size(), blocks,
                       shape_str(shape));
  return "";
}

}  // namespace

std::string encoding_problem(const ValueType& type) {
  const Encoding& e = type.encoding;
  if (!is_integer(e.code) || dtype_bits(e.code) > 32)
    return fmt::format("its codes are {}, expected an integer type of at most 32 bits", dtype_name(e.code));
  if (e.bits < 1 || e.bits > dtype_bits(e.code))
    return fmt::format("its encoding has {} bits in {}", e.bits, dtype_name(e.code));
  if (e.code_min > e.code_max || e.code_min < dtype_min(e.code) || e.code_max > dtype_max(e.code))
    return fmt::format("its codes run from {} to {}, which {} does not hold", e.code_min, e.code_max,
                       dtype_name(e.code));
  for (float s : e.scales)
    if (!std::isfinite(s) || s <= 0)
      return fmt::format("its encoding has a scale of {}, expected a positive finite number", s);
  if (!e.zero_points.empty() && e.zero_points.size() != e.scales.size())
    return fmt::format("its encoding has {} zero points for {} scales", e.zero_points.size(),
                       e.scales.size());
  for (int32_t zp : e.zero_points)
    if (zp < e.code_min || zp > e.code_max)
      return fmt::format("its encoding has a zero point of {}, expected {} to {}", zp, e.code_min,
                         e.code_max);
  if (e.grid == Encoding::Grid::kCodebook && e.codebook.empty()) return "its encoding has an empty codebook";
  if (e.dynamic || e.grid != Encoding::Grid::kUniform) return "";
  return blocks_problem(e, type.shape);
}

void check_operators(const std::deque<Scope>& scopes, Problems& problems) {
  UnknownOps unknown;
  std::vector<const Node*> known;  // of the main graph
  for (const Scope& scope : scopes) {
    for (NodeId id : scope.graph->order()) {
      const Node& n = scope.graph->node(id);
      if (n.op.empty()) continue;
      if (find_op(n.domain, n.op) != nullptr) {
        if (scope.parent == nullptr) known.push_back(&n);
        continue;
      }
      UnknownOp& use = unknown[{n.domain, n.op}];
      if (use.count++ == 0) use.first = describe(*scope.graph, n);
    }
  }
  report_unknown(unknown, problems);
  const Graph& graph = *scopes[0].graph;
  for (const Node* n : known) check_schema(graph, *n, *find_op(n->domain, n->op), problems);
  const Inference inference = infer_graph(graph, {}, [&](NodeId id, const Error& e) {
    const Node& n = graph.node(id);
    if (!schema_errors(*find_op(n.domain, n.op), n).empty()) return;  // reported above
    const std::string where = describe(graph, n);
    problems.error(e.code(), where, without_prefix(e.what(), where));
  });
  check_declared_types(graph, inference, problems);
  for (size_t i = 0; i < graph.num_values(); ++i) {
    const Value& v = graph.value(ValueId{static_cast<int32_t>(i)});
    if (!v.alive || !v.producer || !v.type.encoded() || fully_known(v.type.shape)) continue;
    // Checked with the declared shape already; the inferred one may tell more.
    if (const std::string message = encoding_problem(inference.types[i]); !message.empty())
      problems.error(ErrorCode::kMalformed, "value '" + printable(v.name) + "'", message);
  }
}

}  // namespace precis
