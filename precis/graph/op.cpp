// The registry of operator declarations, the checks against a declaration, and the context that inference
// runs in.
#include "precis/graph/op.h"

#include <algorithm>
#include <string_view>

#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/graph/ops/families.h"

namespace precis {
namespace {

using Key = std::pair<std::string_view, std::string_view>;

Key key_of(const OpDecl* decl) { return {decl->domain, decl->op}; }

const std::vector<const OpDecl*>& registry() {
  static const std::vector<const OpDecl*> sorted = [] {
    std::vector<const OpDecl*> all;
    for (const auto& family : ops::all_families())
      for (const OpDecl& decl : family()) all.push_back(&decl);
    std::sort(all.begin(), all.end(), [](const OpDecl* a, const OpDecl* b) { return key_of(a) < key_of(b); });
    return all;
  }();
  return sorted;
}

constexpr const char* kKindNames[] = {"int",   "float", "string", "tensor",
                                      "graph", "ints",  "floats", "strings", "type"};

std::string range_text(int lo, int hi) {
  if (hi < 0) return fmt::format("at least {}", lo);
  return lo == hi ? fmt::to_string(lo) : fmt::format("{} to {}", lo, hi);
}

}  // namespace

const OpDecl* find_op(std::string_view domain, std::string_view op) {
  const auto& all = registry();
  const Key key{domain, op};
  const auto it = std::lower_bound(all.begin(), all.end(), key,
                                   [](const OpDecl* d, const Key& k) { return key_of(d) < k; });
  return it != all.end() && key_of(*it) == key ? *it : nullptr;
}

std::span<const OpDecl* const> all_ops() { return registry(); }

bool draws_random_numbers(const Graph& graph, const Node& node) {
  const OpDecl* decl = find_op(node.domain, node.op);
  if (decl != nullptr && decl->random) return true;
  if (!node.is("Dropout") || !node.input(2)) return false;
  const Tensor* training = graph.constant(node.input(2));
  return training == nullptr || training->numel() != 1 || training->at_int(0) != 0;
}

bool moves_data_only(const Graph& graph, const Node& node) {
  const OpDecl* decl = find_op(node.domain, node.op);
  return decl != nullptr && decl->moves_data && !draws_random_numbers(graph, node);
}

std::vector<std::string> schema_errors(const OpDecl& decl, const Node& node) {
  std::vector<std::string> errors;
  const auto in = static_cast<int>(node.inputs.size()), out = static_cast<int>(node.outputs.size());
  if (in < decl.min_inputs || (decl.max_inputs >= 0 && in > decl.max_inputs))
    errors.push_back(
        fmt::format("has {} inputs, expected {}", in, range_text(decl.min_inputs, decl.max_inputs)));
  if (out < decl.min_outputs || (decl.max_outputs >= 0 && out > decl.max_outputs))
    errors.push_back(
        fmt::format("has {} outputs, expected {}", out, range_text(decl.min_outputs, decl.max_outputs)));
  // Of any number of inputs none may be left out, unless (Loop) even none at all is enough.
  const bool all = decl.max_inputs < 0 && decl.min_inputs > 0;
  const int needed = all ? in : std::min(in, decl.min_inputs);
  for (int i = 0; i < needed; ++i)
    if (!node.inputs[static_cast<size_t>(i)])
      errors.push_back(fmt::format("input {} is omitted but required", i));
  for (const AttrDecl& a : decl.attributes) {
    const Attribute* value = node.find(a.name);
    if (value == nullptr) {
      if (a.required) errors.push_back(fmt::format("attribute '{}' is missing but required", a.name));
      continue;
    }
    const char* expected = kKindNames[static_cast<int>(a.kind)];
    if (std::string_view(attribute_kind(*value)) != expected)
      errors.push_back(
          fmt::format("attribute '{}' is of kind {}, expected {}", a.name, attribute_kind(*value), expected));
  }
  return errors;
}

std::vector<std::string> unknown_attributes(const OpDecl& decl, const Node& node) {
  std::vector<std::string> unknown;
  for (const auto& [key, value] : node.attributes) {
    const auto is_key = [&name = key](const AttrDecl& a) { return name == a.name; };
    if (std::none_of(decl.attributes.begin(), decl.attributes.end(), is_key)) unknown.push_back(key);
  }
  return unknown;
}

void infer_node(const OpDecl& decl, InferContext& ctx) {
  if (const std::vector<std::string> errors = schema_errors(decl, ctx.node()); !errors.empty())
    fail(ErrorCode::kMalformed, "{}: {}", ctx.where(), errors[0]);
  for (size_t i = 0; i < ctx.num_inputs(); ++i)
    ctx.require(decl.takes_containers || !is_container(ctx.dtype(i)), "input {} is {}, expected a tensor", i,
                ctx.dtype(i) == DType::kSequence ? "a sequence" : "an optional");
  decl.infer(ctx);
  for (const ValueType& type : ctx.outputs) {
    if (!type.shape) continue;
    ctx.require(type.shape->size() <= static_cast<size_t>(kMaxRank),
                "the result has rank {}, at most {} is allowed", type.shape->size(), kMaxRank);
    if (!fully_known(type.shape)) continue;
    int64_t elements = 1;
    bool fits = true;
    for (const Dim& d : *type.shape) fits = fits && !__builtin_mul_overflow(elements, d.value, &elements);
    const auto is_zero = [](const Dim& d) { return d.value == 0; };
    if (std::any_of(type.shape->begin(), type.shape->end(), is_zero)) continue;
    if (!fits || elements > limits().max_tensor_elements)
      fail(ErrorCode::kMalformed, "{}: the result of shape {} has more than {} elements", ctx.where(),
           shape_str(type.shape), limits().max_tensor_elements);
  }
  if (decl.fold != nullptr) decl.fold(ctx);
}

InferContext::InferContext(const Graph& graph, const Node& node, std::vector<const ValueType*> inputs,
                           std::vector<const Tensor*> constants, std::vector<const PartialValue*> partials)
    : outputs(node.outputs.size()),
      output_partials(node.outputs.size()),
      graph_(graph),
      node_(node),
      inputs_(std::move(inputs)),
      constants_(std::move(constants)),
      partials_(std::move(partials)) {}

const ValueType& InferContext::input(size_t i) const {
  static const ValueType kNothing;
  return has_input(i) && inputs_[i] != nullptr ? *inputs_[i] : kNothing;
}

const ValueType& InferContext::declared_output(size_t i) const { return graph_.value(node_.outputs[i]).type; }

std::optional<PartialValue> InferContext::partial(size_t i) const {
  if (i < partials_.size() && partials_[i] != nullptr) return *partials_[i];
  const Tensor* t = constant(i);
  return t == nullptr ? std::nullopt : PartialValue::from(*t);
}

std::string InferContext::where() const { return describe(graph_, node_); }

std::optional<int> InferContext::rank(size_t i) const {
  const SymbolicShape& s = shape(i);
  return s ? std::optional<int>(static_cast<int>(s->size())) : std::nullopt;
}

void InferContext::require_rank(size_t i, int lo, int hi) const {
  const std::optional<int> r = rank(i);
  if (!r || (*r >= lo && *r <= hi)) return;
  const std::string expected = lo == hi         ? fmt::to_string(lo)
                               : hi >= kMaxRank ? fmt::format("at least {}", lo)
                                                : fmt::format("{} to {}", lo, hi);
  fail(ErrorCode::kMalformed, "{}: input {} has shape {} of rank {}, expected rank {}", where(), i,
       shape_str(shape(i)), *r, expected);
}

}  // namespace precis
