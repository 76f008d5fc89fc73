// Operators that hold graphs: If, Loop, Scan, SequenceMap; under "precis" the same with closed bodies
// (captures.h), whose captured values stand behind the operator's own inputs.
#include "precis/core/limits.h"
#include "precis/graph/captures.h"
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

using Types = std::vector<ValueType>;

constexpr int kCarefulDepth =
    2;  // loops deeper in bodies give their states up at once: each try doubles the work
constexpr int kTries = 3;

size_t own_inputs(const InferContext& ctx) {
  const size_t closed = closed_inputs(ctx.node());
  const auto expected = static_cast<size_t>(ctx.node().get_int("captures", 0));
  ctx.require(closed == expected, "attribute 'captures' is {}, but there are {} inputs", expected,
              ctx.num_inputs());
  return ctx.num_inputs() - closed;
}

// The type of one of the operator's own inputs, as the body sees it: codes are read before.
ValueType own_input(const InferContext& ctx, size_t i) {
  ctx.require(ctx.has_input(i), "input {} is omitted but required", i);
  ValueType type = ctx.input(i);
  type.encoding = {};
  return type;
}

SymbolicShape common_shape(const SymbolicShape& a, const SymbolicShape& b) {
  if (!a || !b || a->size() != b->size()) return std::nullopt;
  std::vector<Dim> dims;
  for (size_t i = 0; i < a->size(); ++i) dims.push_back((*a)[i] == (*b)[i] ? (*a)[i] : Dim());
  return dims;
}

// What holds for a value that is of either type.
ValueType common(const InferContext& ctx, const ValueType& a, const ValueType& b, const std::string& what) {
  if (a.dtype == DType::kUndefined) return b.dtype == DType::kUndefined ? ValueType() : b;
  if (b.dtype == DType::kUndefined) return a;
  ctx.require(a.dtype == b.dtype, "{} is {} and {}, expected one type", what, dtype_name(a.dtype),
              dtype_name(b.dtype));
  ValueType out = a;
  if (a.element != nullptr && b.element != nullptr)
    out.element = std::make_shared<const ValueType>(common(ctx, *a.element, *b.element, what));
  else if (a.element == nullptr)
    out.element = b.element;
  out.shape = common_shape(a.shape, b.shape);
  return out;
}

// The same for a state and what it becomes: an optional may become what it holds.
ValueType wider(const InferContext& ctx, const ValueType& state, const ValueType& next,
                const std::string& what) {
  if (state.dtype != DType::kOptional || next.dtype == DType::kOptional || next.dtype == DType::kUndefined)
    return common(ctx, state, next, what);
  ValueType out = state;
  out.element =
      std::make_shared<const ValueType>(state.element ? common(ctx, *state.element, next, what) : next);
  return out;
}

bool is_optional(const ValueType& t) { return t.dtype == DType::kOptional || t.dtype == DType::kUndefined; }

bool same_shape(const ValueType& a, const ValueType& b) {
  if (a.shape != b.shape || a.dtype != b.dtype) return false;
  if (a.element == nullptr || b.element == nullptr) return a.element == b.element;
  return same_shape(*a.element, *b.element);
}

void forget_shape(ValueType& type) {
  type.shape.reset();
  if (type.element == nullptr) return;
  ValueType element = *type.element;
  forget_shape(element);
  type.element = std::make_shared<const ValueType>(std::move(element));
}

// Symbols of a body mean nothing outside.
ValueType without_symbols(ValueType type) {
  if (type.shape)
    for (Dim& d : *type.shape) d.symbol.clear();
  return type;
}

void require_count(const InferContext& ctx, size_t found, size_t expected, const char* body,
                   const char* what) {
  ctx.require(found == expected, "{} has {} {}, expected {}", body, found, what, expected);
}

void set_type(InferContext& ctx, size_t output, ValueType type) {
  if (output < ctx.outputs.size()) ctx.outputs[output] = std::move(type);
}

// --- If

// The branch that runs, where the condition is known.
const char* known_branch(const InferContext& ctx) {
  const auto condition = ctx.partial(0);
  if (!condition || condition->elements.size() != 1 || !condition->fully_known()) return nullptr;
  return condition->elements[0].integer != 0 ? "then_branch" : "else_branch";
}

// A branch that cannot run with these shapes may be the one that never does.
std::optional<Types> try_branch(InferContext& ctx, const char* attribute, std::optional<Error>& error) {
  try {
    return ctx.infer_body(attribute, {});
  } catch (const Error& e) {
    if (!error) error = e;
    return std::nullopt;
  }
}

void infer_if(InferContext& ctx) {
  require_type(ctx, 0, kBools);
  require_scalar(ctx, 0, "the condition");
  const size_t closed = ctx.num_inputs() - own_inputs(ctx);
  for (const char* branch : {"then_branch", "else_branch"}) {
    require_count(ctx, ctx.body(branch).inputs().size(), closed, branch, "inputs");
    require_count(ctx, ctx.body(branch).outputs().size(), ctx.num_outputs(), branch, "outputs");
  }
  if (const char* branch = known_branch(ctx)) {
    const Types types = ctx.infer_body(branch, {});
    for (size_t i = 0; i < types.size(); ++i) {
      ctx.outputs[i] = types[i];
      ctx.output_partials[i] = ctx.body_partial(branch, i);
    }
    return;
  }
  std::optional<Error> error;
  const auto then_types = try_branch(ctx, "then_branch", error);
  const auto else_types = try_branch(ctx, "else_branch", error);
  if (!then_types && !else_types) throw *error;
  for (size_t i = 0; i < ctx.num_outputs(); ++i)
    ctx.outputs[i] = then_types && else_types
                         ? common(ctx, (*then_types)[i], (*else_types)[i], fmt::format("output {}", i))
                         : ValueType{(then_types ? *then_types : *else_types)[i].dtype};
}

// --- loops

// Types of states that hold at every step: widened until the body gives back what it got. `inputs` makes the
// body's inputs from them, states start at `first` of the body's outputs.
template <typename MakeInputs>
Types infer_states(InferContext& ctx, Types& states, size_t first, const MakeInputs& inputs) {
  const bool careful = ctx.depth() < kCarefulDepth;
  if (!careful)
    for (ValueType& t : states) forget_shape(t);
  for (int attempt = 0;; ++attempt) {
    const Types outputs = ctx.infer_body("body", inputs(states));
    bool same = true;
    for (size_t i = 0; i < states.size(); ++i) {
      ValueType type = wider(ctx, states[i], outputs[first + i], fmt::format("state {}", i));
      if (attempt >= kTries || !careful) forget_shape(type);
      same = same && same_shape(type, states[i]);
      states[i] = std::move(type);
    }
    if (same || attempt > kTries) return outputs;
  }
}

// Is the condition that a Loop's body gives back always true?
bool never_ends_early(const InferContext& ctx) {
  const Graph& body = ctx.body("body");
  ValueId condition = body.outputs()[0];
  while (const Node* n = body.producer(condition)) {
    if (!n->is("Identity")) break;
    condition = n->inputs[0];
  }
  const auto known = [](const std::optional<PartialValue>& v) {
    return v && v->elements.size() == 1 && v->fully_known() && v->elements[0].integer != 0;
  };
  if (condition == body.inputs()[1]) return !ctx.has_input(1) || known(ctx.partial(1));
  return known(ctx.body_partial("body", 0)) && (!ctx.has_input(1) || known(ctx.partial(1)));
}

Dim trip_count(const InferContext& ctx) {
  const auto most = ctx.partial(0);
  if (!most || most->elements.size() != 1 || !most->fully_known() || !never_ends_early(ctx)) return Dim();
  return Dim(std::max<int64_t>(most->elements[0].integer, 0));
}

void infer_loop(InferContext& ctx) {
  require_type(ctx, 0, types({DType::kI64}));
  require_type(ctx, 1, kBools);
  if (ctx.has_input(0)) require_scalar(ctx, 0, "the trip count");
  if (ctx.has_input(1)) require_scalar(ctx, 1, "the condition");
  const size_t own = own_inputs(ctx), closed = ctx.num_inputs() - own;
  Types states;
  for (size_t i = 2; i < own; ++i) states.push_back(own_input(ctx, i));
  const Graph& body = ctx.body("body");
  require_count(ctx, body.inputs().size(), 2 + states.size() + closed, "body", "inputs");
  ctx.require(body.outputs().size() > states.size(), "body has {} outputs, expected at least {}",
              body.outputs().size(), 1 + states.size());
  ctx.require(ctx.num_outputs() < body.outputs().size(), "has {} outputs, but its body makes {}",
              ctx.num_outputs(), body.outputs().size() - 1);
  const ValueType step{DType::kI64, std::vector<Dim>{}}, condition{DType::kBool, std::vector<Dim>{}};
  const Types outputs = infer_states(ctx, states, 1, [&](const Types& s) {
    Types in{step, condition};
    in.insert(in.end(), s.begin(), s.end());
    return in;
  });
  const DType goes_on = outputs[0].dtype;
  ctx.require(goes_on == DType::kBool || goes_on == DType::kUndefined,
              "output 0 of body is {}, expected bool: whether the loop goes on", dtype_name(goes_on));
  for (size_t i = 0; i < states.size(); ++i) {
    const bool unpacked = states[i].dtype == DType::kOptional && !is_optional(outputs[1 + i]);
    set_type(ctx, i, without_symbols(unpacked ? *states[i].element : states[i]));
  }
  for (size_t i = states.size(); i + 1 < outputs.size(); ++i) {
    ctx.require(!is_container(outputs[i + 1].dtype), "output {} of body is {}, only tensors can be stacked",
                i + 1, dtype_name(outputs[i + 1].dtype));
    ValueType stacked = without_symbols(outputs[i + 1]);
    if (stacked.shape) stacked.shape->insert(stacked.shape->begin(), trip_count(ctx));
    set_type(ctx, i, std::move(stacked));
  }
}

// --- Scan

// An attribute with one number per scanned input or output; `fallback` where it is not given.
std::vector<int64_t> per_scan(const InferContext& ctx, const char* name, size_t count) {
  std::vector<int64_t> values = ctx.node().get_ints(name);
  if (values.empty()) values.assign(count, 0);
  ctx.require(values.size() == count, "attribute '{}' has {} elements, expected {}", name, values.size(),
              count);
  return values;
}

void require_directions(const InferContext& ctx, const char* name, size_t count) {
  for (int64_t d : per_scan(ctx, name, count))
    ctx.require(d == 0 || d == 1, "attribute '{}' holds {}, expected 0 or 1", name, d);
}

// The type of one step's part of scanned input `i`; its length goes to `length`.
ValueType slice_of(const InferContext& ctx, size_t input, int64_t axis_at, Dim& length) {
  ValueType type = own_input(ctx, input);
  ctx.require(!is_container(type.dtype), "input {} is {}, expected a tensor", input, dtype_name(type.dtype));
  if (!type.shape) return type;
  ctx.require_rank(input, 1, kMaxRank);
  const int axis = checked_axis(ctx, axis_at, static_cast<int>(type.shape->size()), "scan axis");
  length = equal_dims(ctx, length, (*type.shape)[static_cast<size_t>(axis)], "lengths of scanned inputs");
  type.shape->erase(type.shape->begin() + axis);
  return type;
}

void infer_scan(InferContext& ctx) {
  const size_t own = own_inputs(ctx), closed = ctx.num_inputs() - own;
  const int64_t given = ctx.node().get_int("num_scan_inputs", 0);
  ctx.require(given >= 1 && given <= static_cast<int64_t>(own), "num_scan_inputs is {}, expected 1 to {}",
              given, own);
  const auto scans = static_cast<size_t>(given);
  const Graph& body = ctx.body("body");
  require_count(ctx, body.inputs().size(), own + closed, "body", "inputs");
  Types states, slices;
  for (size_t i = 0; i < own - scans; ++i) states.push_back(own_input(ctx, i));
  ctx.require(body.outputs().size() >= states.size(), "body has {} outputs, expected at least {}",
              body.outputs().size(), states.size());
  ctx.require(ctx.num_outputs() <= body.outputs().size(), "has {} outputs, but its body makes {}",
              ctx.num_outputs(), body.outputs().size());
  const size_t stacked = body.outputs().size() - states.size();
  require_directions(ctx, "scan_input_directions", scans);
  require_directions(ctx, "scan_output_directions", stacked);
  const auto axes = per_scan(ctx, "scan_input_axes", scans),
             out_axes = per_scan(ctx, "scan_output_axes", stacked);
  Dim length;
  for (size_t i = 0; i < scans; ++i) slices.push_back(slice_of(ctx, states.size() + i, axes[i], length));
  const Types outputs = infer_states(ctx, states, 0, [&](const Types& s) {
    Types in = s;
    in.insert(in.end(), slices.begin(), slices.end());
    return in;
  });
  for (size_t i = 0; i < states.size(); ++i) set_type(ctx, i, without_symbols(states[i]));
  for (size_t i = 0; i < stacked; ++i) {
    ValueType type = without_symbols(outputs[states.size() + i]);
    ctx.require(!is_container(type.dtype), "output {} of body is {}, only tensors can be stacked",
                states.size() + i, dtype_name(type.dtype));
    if (type.shape) {
      const int axis =
          checked_axis(ctx, out_axes[i], static_cast<int>(type.shape->size()) + 1, "scan output axis");
      type.shape->insert(type.shape->begin() + axis, length);
    }
    set_type(ctx, states.size() + i, std::move(type));
  }
}

// --- SequenceMap

void infer_sequence_map(InferContext& ctx) {
  const size_t own = own_inputs(ctx), closed = ctx.num_inputs() - own;
  const Graph& body = ctx.body("body");
  require_type(ctx, 0, types({DType::kSequence}));
  require_count(ctx, body.inputs().size(), own + closed, "body", "inputs");
  require_count(ctx, body.outputs().size(), ctx.num_outputs(), "body", "outputs");
  Types inputs;
  for (size_t i = 0; i < own; ++i) {
    const ValueType t = own_input(ctx, i);
    inputs.push_back(t.dtype != DType::kSequence ? t : t.element != nullptr ? *t.element : ValueType());
  }
  const Types outputs = ctx.infer_body("body", std::move(inputs));
  for (size_t i = 0; i < outputs.size(); ++i) {
    ctx.outputs[i].dtype = DType::kSequence;
    ctx.outputs[i].element = std::make_shared<const ValueType>(without_symbols(outputs[i]));
  }
}

OpDecl declared(const char* domain, const char* op, int min_inputs, int max_inputs, int min_outputs,
                void (*infer)(InferContext&), std::vector<AttrDecl> attributes) {
  OpDecl decl{.domain = domain, .op = op, .min_inputs = min_inputs, .max_inputs = max_inputs};
  decl.min_outputs = min_outputs;
  decl.max_outputs = -1;
  decl.infer = infer;
  decl.attributes = std::move(attributes);
  decl.takes_containers = true;
  if (*domain == '\0') return decl;
  decl.max_inputs = -1;
  decl.attributes.push_back({"captures", AttrKind::kInt, true});
  return decl;
}

}  // namespace

const std::vector<OpDecl>& control_ops() {
  static const std::vector<OpDecl> decls = [] {
    std::vector<OpDecl> all;
    for (const char* domain : {"", "precis"}) {
      all.push_back(
          declared(domain, "If", 1, 1, 1, infer_if,
                   {{"then_branch", AttrKind::kGraph, true}, {"else_branch", AttrKind::kGraph, true}}));
      all.push_back(declared(domain, "Loop", 0, -1, 0, infer_loop, {{"body", AttrKind::kGraph, true}}));
      all.push_back(declared(domain, "Scan", 1, -1, 0, infer_scan,
                             {{"body", AttrKind::kGraph, true},
                              {"num_scan_inputs", AttrKind::kInt, true},
                              {"scan_input_axes", AttrKind::kInts},
                              {"scan_input_directions", AttrKind::kInts},
                              {"scan_output_axes", AttrKind::kInts},
                              {"scan_output_directions", AttrKind::kInts}}));
      all.push_back(
          declared(domain, "SequenceMap", 1, -1, 1, infer_sequence_map, {{"body", AttrKind::kGraph, true}}));
    }
    return all;
  }();
  return decls;
}

}  // namespace precis::ops
