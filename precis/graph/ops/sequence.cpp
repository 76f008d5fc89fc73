// Sequences and optionals: making, taking apart, asking. Their types hold what they are made of
// (ValueType::element); they have no shape.
#include "precis/graph/onnx_dtype.h"
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

constexpr TypeSet kSequences = types({DType::kSequence});

void set_container(InferContext& ctx, DType container, ValueType element) {
  ctx.outputs[0].dtype = container;
  ctx.outputs[0].shape.reset();
  ctx.outputs[0].element = std::make_shared<const ValueType>(std::move(element));
}

ValueType element_of(const InferContext& ctx, size_t input) {
  const ValueType& t = ctx.input(input);
  return t.element != nullptr ? *t.element : ValueType();
}

// The type of elements when one more comes in.
ValueType with(const InferContext& ctx, ValueType element, const ValueType& added, size_t input) {
  if (element.dtype == DType::kUndefined) {
    element.dtype = added.dtype;
    element.shape.reset();
    return element;
  }
  ctx.require(added.dtype == DType::kUndefined || added.dtype == element.dtype,
              "input {} is {}, but the sequence holds {}", input, dtype_name(added.dtype),
              dtype_name(element.dtype));
  if (!element.shape || !added.shape || element.shape->size() != added.shape->size()) {
    element.shape.reset();
    return element;
  }
  for (size_t i = 0; i < element.shape->size(); ++i)
    if ((*element.shape)[i] != (*added.shape)[i]) (*element.shape)[i] = Dim();
  return element;
}

void require_tensor(const InferContext& ctx, size_t input) {
  ctx.require(!is_container(ctx.dtype(input)), "input {} is {}, expected a tensor", input,
              dtype_name(ctx.dtype(input)));
}

void require_position(const InferContext& ctx, size_t input) {
  if (!ctx.has_input(input)) return;
  require_type(ctx, input, kIndices);
  require_scalar(ctx, input, "the position");
}

void infer_sequence_empty(InferContext& ctx) {
  set_container(ctx, DType::kSequence, {dtype_attr(ctx, "dtype", DType::kF32)});
}

void infer_sequence_construct(InferContext& ctx) {
  require_tensor(ctx, 0);
  ValueType element = ctx.input(0);
  for (size_t i = 1; i < ctx.num_inputs(); ++i) {
    require_tensor(ctx, i);
    element = with(ctx, std::move(element), ctx.input(i), i);
  }
  set_container(ctx, DType::kSequence, std::move(element));
}

void infer_sequence_at(InferContext& ctx) {
  require_type(ctx, 0, kSequences);
  require_position(ctx, 1);
  ctx.outputs[0] = element_of(ctx, 0);
}

void infer_sequence_insert(InferContext& ctx) {
  require_type(ctx, 0, kSequences);
  require_tensor(ctx, 1);
  require_position(ctx, 2);
  set_container(ctx, DType::kSequence, with(ctx, element_of(ctx, 0), ctx.input(1), 1));
}

void infer_sequence_erase(InferContext& ctx) {
  require_type(ctx, 0, kSequences);
  require_position(ctx, 1);
  set_container(ctx, DType::kSequence, element_of(ctx, 0));
}

void infer_sequence_length(InferContext& ctx) {
  require_type(ctx, 0, kSequences);
  set_output(ctx, 0, DType::kI64, std::vector<Dim>{});
}

void infer_split_to_sequence(InferContext& ctx) {
  require_tensor(ctx, 0);
  const bool keep = flag_attr(ctx, "keepdims", true);
  if (ctx.has_input(1)) require_type(ctx, 1, kIndices);
  ValueType element{ctx.dtype(0), ctx.shape(0)};
  if (element.shape) {
    ctx.require_rank(0, 1, kMaxRank);
    const int axis = axis_attr(ctx, 0, static_cast<int>(element.shape->size()));
    if (ctx.has_input(1))
      (*element.shape)[static_cast<size_t>(axis)] = Dim();
    else if (keep)
      (*element.shape)[static_cast<size_t>(axis)] = Dim(1);
    else
      element.shape->erase(element.shape->begin() + axis);
  }
  set_container(ctx, DType::kSequence, std::move(element));
}

void infer_concat_from_sequence(InferContext& ctx) {
  require_type(ctx, 0, kSequences);
  const bool stack = flag_attr(ctx, "new_axis", false);
  const ValueType element = element_of(ctx, 0);
  SymbolicShape shape = element.shape;
  if (shape) {
    const int rank = static_cast<int>(shape->size());
    ctx.require(stack || rank > 0, "scalars cannot be concatenated, only stacked (new_axis=1)");
    const int axis = checked_axis(ctx, ctx.node().get_int("axis", 0), stack ? rank + 1 : rank, "axis");
    if (stack)
      shape->insert(shape->begin() + axis, Dim());
    else
      (*shape)[static_cast<size_t>(axis)] = Dim();
  }
  set_output(ctx, 0, element.dtype, std::move(shape));
}

void infer_optional(InferContext& ctx) {
  const Attribute* declared = ctx.node().find("type");
  ctx.require(ctx.has_input(0) || declared != nullptr,
              "has neither an input nor the attribute 'type', expected one of them");
  ctx.require(ctx.dtype(0) != DType::kOptional, "input 0 is an optional already");
  set_container(ctx, DType::kOptional, ctx.has_input(0) ? ctx.input(0) : std::get<ValueType>(*declared));
}

void infer_optional_has_element(InferContext& ctx) { set_output(ctx, 0, DType::kBool, std::vector<Dim>{}); }

void infer_optional_get_element(InferContext& ctx) {
  ctx.outputs[0] = ctx.dtype(0) == DType::kOptional ? element_of(ctx, 0) : ctx.input(0);
}

OpDecl declared(const char* op, int min_inputs, int max_inputs, void (*infer)(InferContext&),
                std::vector<AttrDecl> attributes = {}) {
  OpDecl decl{.op = op, .min_inputs = min_inputs, .max_inputs = max_inputs};
  decl.attributes = std::move(attributes);
  decl.infer = infer;
  decl.takes_containers = true;
  return decl;
}

}  // namespace

const std::vector<OpDecl>& sequence_ops() {
  static const std::vector<OpDecl> decls = {
      declared("SequenceEmpty", 0, 0, infer_sequence_empty, {{"dtype", AttrKind::kInt}}),
      declared("SequenceConstruct", 1, -1, infer_sequence_construct),
      declared("SequenceAt", 2, 2, infer_sequence_at),
      declared("SequenceInsert", 2, 3, infer_sequence_insert),
      declared("SequenceErase", 1, 2, infer_sequence_erase),
      declared("SequenceLength", 1, 1, infer_sequence_length),
      declared("SplitToSequence", 1, 2, infer_split_to_sequence,
               {{"axis", AttrKind::kInt}, {"keepdims", AttrKind::kInt}}),
      declared("ConcatFromSequence", 1, 1, infer_concat_from_sequence,
               {{"axis", AttrKind::kInt, true}, {"new_axis", AttrKind::kInt}}),
      declared("Optional", 0, 1, infer_optional, {{"type", AttrKind::kType}}),
      declared("OptionalHasElement", 0, 1, infer_optional_has_element),
      declared("OptionalGetElement", 1, 1, infer_optional_get_element),
  };
  return decls;
}

}  // namespace precis::ops
