// The control operators; see control.h.
#include "precis/runtime/control.h"

#include <chrono>
#include <cstring>

#include "precis/core/limits.h"
#include "precis/graph/captures.h"
#include "precis/runtime/reference_codes.h"

namespace precis::runtime {
namespace {

// Steps and time of the outermost loop that runs on this thread, those of loops inside it included.
class LoopBudget {
 public:
  explicit LoopBudget(const Node& node) : node_(node) {
    if (depth_++ > 0) return;
    steps_ = 0;
    start_ = std::chrono::steady_clock::now();
  }
  ~LoopBudget() { --depth_; }
  LoopBudget(const LoopBudget&) = delete;
  LoopBudget& operator=(const LoopBudget&) = delete;

  void step() const {
    const Limits& l = limits();
    if (l.max_loop_steps > 0 && ++steps_ > l.max_loop_steps)
      fail_node(node_, ErrorCode::kLimit,
                "it took more than {} steps, the limit for loops (precis run has none, but --timeout)",
                l.max_loop_steps);
    if (l.max_loop_seconds <= 0) return;
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_;
    if (taken.count() > l.max_loop_seconds)
      fail_node(node_, ErrorCode::kLimit, "it ran longer than {} seconds, the limit for loops",
                l.max_loop_seconds);
  }

 private:
  const Node& node_;
  static thread_local int depth_;
  static thread_local int64_t steps_;
  static thread_local std::chrono::steady_clock::time_point start_;
};

thread_local int LoopBudget::depth_ = 0;
thread_local int64_t LoopBudget::steps_ = 0;
thread_local std::chrono::steady_clock::time_point LoopBudget::start_;

const Graph& body_of(const Node& node, const std::string& attribute) {
  return *std::get<SubgraphPtr>(node.attributes.at(attribute));
}

bool truth(const Node& node, const Tensor& t, const char* what) {
  require(node, t.dtype() == DType::kBool && t.numel() == 1, "{} is {}{}, expected one bool", what,
          dtype_name(t.dtype()), t.shape().str());
  return t.at_int(0) != 0;
}

Tensor bool_scalar(bool value) {
  Tensor t(DType::kBool, Shape{});
  *bool_ptr(t) = value ? 1 : 0;
  return t;
}

size_t own_count(const Node& node) { return node.inputs.size() - closed_inputs(node); }

void append_captured(const Node& node, Inputs inputs, Tensors& arguments) {
  arguments.insert(arguments.end(), inputs.begin() + static_cast<std::ptrdiff_t>(own_count(node)),
                   inputs.end());
}

// Shape with a dimension of `length` put in at `axis`.
Shape with_axis(const Shape& shape, int axis, int64_t length) {
  std::vector<int64_t> dims = shape.dims();
  dims.insert(dims.begin() + axis, length);
  return Shape(std::move(dims));
}

// What a loop without steps makes of an output that the body never made.
Tensor nothing_stacked(const Node& node, const ValueType& element, int64_t axis) {
  require(node, element.dtype != DType::kUndefined && !is_container(element.dtype),
          "it took no step, and the element type of a stacked output is not known");
  std::vector<int64_t> dims;
  for (const Dim& d : element.shape ? *element.shape : std::vector<Dim>{})
    dims.push_back(d.known() ? d.value : 0);
  const Shape shape(std::move(dims));
  return Tensor(element.dtype, with_axis(shape, axis_of(node, axis, shape.rank() + 1), 0));
}

// Tensors of one shape, stacked along a new axis.
Tensor stacked(const Node& node, const Tensors& parts, int64_t axis_at, bool backwards) {
  const Tensor& first = parts[0];
  for (const Tensor& t : parts)
    require(node, t.dtype() == first.dtype() && t.shape() == first.shape() && !is_container(t.dtype()),
            "steps made {}{} and {}{}, only equal shapes can be stacked", dtype_name(first.dtype()),
            first.shape().str(), dtype_name(t.dtype()), t.shape().str());
  const int axis = axis_of(node, axis_at, first.shape().rank() + 1);
  const auto count = static_cast<int64_t>(parts.size());
  Tensor out(first.dtype(), with_axis(first.shape(), axis, count));
  if (out.nbytes() == 0) return out;
  const int64_t outer = first.shape().outer(axis);
  const auto row = static_cast<int64_t>(element_size(node, first.dtype())) * first.shape().inner(axis);
  for (int64_t i = 0; i < count; ++i) {
    const Tensor& part = parts[static_cast<size_t>(backwards ? count - 1 - i : i)];
    for (int64_t o = 0; o < outer; ++o)
      std::memcpy(out.bytes() + (o * count + i) * row, part.bytes() + o * row, static_cast<size_t>(row));
  }
  return out;
}

// Part `i` of a tensor along an axis, which goes away. Along the first axis it is a view.
Tensor slice(const Node& node, const Tensor& t, int axis, int64_t i) {
  std::vector<int64_t> dims = t.shape().dims();
  dims.erase(dims.begin() + axis);
  const Shape shape(std::move(dims));
  const int64_t length = t.shape()[axis], outer = t.shape().outer(axis);
  const auto row = static_cast<int64_t>(element_size(node, t.dtype())) * t.shape().inner(axis + 1);
  if (outer == 1)
    return Tensor::view(t.dtype(), shape, const_cast<std::byte*>(t.bytes()) + i * row,
                        std::make_shared<const Tensor>(t));
  Tensor out(t.dtype(), shape);
  if (row == 0) return out;
  for (int64_t o = 0; o < outer; ++o)
    std::memcpy(out.bytes() + o * row, t.bytes() + (o * length + i) * row, static_cast<size_t>(row));
  return out;
}

Tensors run_if(const Node& node, Inputs inputs, const RunBody& run) {
  const bool condition = truth(node, required(node, inputs, 0), "the condition");
  Tensors arguments;
  append_captured(node, inputs, arguments);
  return run(condition ? "then_branch" : "else_branch", arguments);
}

// What the steps of a loop leave: the states, and what is to be stacked, by output.
struct LoopState {
  Tensors states;
  std::vector<Tensors> stacks;

  // `outputs` of the body from `first` on: states, then parts of stacked outputs.
  void take(Tensors& outputs, size_t first) {
    for (size_t i = 0; i < states.size(); ++i) states[i] = std::move(outputs[first + i]);
    for (size_t i = 0; i < stacks.size(); ++i)
      stacks[i].push_back(std::move(outputs[first + states.size() + i]));
  }
};

// A state that is an optional at first may become what it holds: the body gets optionals all the same, and
// the loop gives what its body gives.
Tensors as_optionals(const Graph& body, Tensors states) {
  for (size_t i = 0; i < states.size(); ++i)
    if (body.value(body.inputs()[2 + i]).type.dtype == DType::kOptional &&
        states[i].dtype() != DType::kOptional)
      states[i] = Tensor::optional({states[i]});
  return states;
}

void unpack_optionals(const Node& node, const Graph& body, Tensors& states) {
  for (size_t i = 0; i < states.size(); ++i) {
    const DType made = body.value(body.outputs()[1 + i]).type.dtype;
    if (states[i].dtype() != DType::kOptional || made == DType::kOptional || made == DType::kUndefined)
      continue;
    require(node, !states[i].items().empty(), "it took no step, and state {} holds nothing", i);
    states[i] = states[i].items()[0];
  }
}

Tensors run_loop(const Node& node, Inputs inputs, const RunBody& run) {
  const LoopBudget budget(node);
  const Graph& body = body_of(node, "body");
  const Tensor* limit = optional(inputs, 0);
  const int64_t most = limit != nullptr ? required(node, inputs, 0, DType::kI64, 1).at_int(0) : 0;
  bool goes_on = optional(inputs, 1) == nullptr || truth(node, inputs[1], "the condition");
  LoopState loop;
  loop.states.assign(inputs.begin() + 2, inputs.begin() + static_cast<std::ptrdiff_t>(own_count(node)));
  loop.stacks.resize(body.outputs().size() - 1 - loop.states.size());
  for (int64_t i = 0; goes_on && (limit == nullptr || i < most); ++i) {
    budget.step();
    Tensors arguments{Tensor::scalar(i), bool_scalar(goes_on)};
    for (Tensor& t : as_optionals(body, std::move(loop.states))) arguments.push_back(std::move(t));
    loop.states.resize(arguments.size() - 2);
    append_captured(node, inputs, arguments);
    Tensors outputs = run("body", arguments);
    goes_on = truth(node, outputs[0], "the condition that the body gives");
    loop.take(outputs, 1);
  }
  unpack_optionals(node, body, loop.states);
  Tensors results = std::move(loop.states);
  for (size_t i = 0; i < loop.stacks.size(); ++i) {
    const ValueType& element = body.value(body.outputs()[1 + results.size()]).type;
    results.push_back(loop.stacks[i].empty() ? nothing_stacked(node, element, 0)
                                             : stacked(node, loop.stacks[i], 0, false));
  }
  return results;
}

std::vector<int64_t> per_scan(const Node& node, const char* name, size_t count) {
  std::vector<int64_t> values = node.get_ints(name);
  values.resize(count, 0);
  return values;
}

Tensors run_scan(const Node& node, Inputs inputs, const RunBody& run) {
  const LoopBudget budget(node);
  const Graph& body = body_of(node, "body");
  const auto scans = static_cast<size_t>(node.get_int("num_scan_inputs", 0));
  const size_t first = own_count(node) - scans;
  const auto axes = per_scan(node, "scan_input_axes", scans);
  const auto backwards = per_scan(node, "scan_input_directions", scans);
  std::vector<int> axis;
  int64_t length = 0;
  for (size_t i = 0; i < scans; ++i) {
    const Tensor& t = required(node, inputs, first + i);
    axis.push_back(axis_of(node, axes[i], t.shape().rank()));
    require(node, i == 0 || t.shape()[axis[i]] == length, "its inputs have {} and {} steps", length,
            t.shape()[axis[i]]);
    length = t.shape()[axis[i]];
  }
  LoopState loop;
  loop.states.assign(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(first));
  loop.stacks.resize(body.outputs().size() - first);
  for (int64_t step = 0; step < length; ++step) {
    budget.step();
    Tensors arguments = loop.states;
    for (size_t i = 0; i < scans; ++i)
      arguments.push_back(
          slice(node, inputs[first + i], axis[i], backwards[i] != 0 ? length - 1 - step : step));
    append_captured(node, inputs, arguments);
    Tensors outputs = run("body", arguments);
    loop.take(outputs, 0);
  }
  const auto out_axes = per_scan(node, "scan_output_axes", loop.stacks.size());
  const auto out_backwards = per_scan(node, "scan_output_directions", loop.stacks.size());
  Tensors results = std::move(loop.states);
  for (size_t i = 0; i < loop.stacks.size(); ++i) {
    const ValueType& element = body.value(body.outputs()[first + i]).type;
    results.push_back(loop.stacks[i].empty()
                          ? nothing_stacked(node, element, out_axes[i])
                          : stacked(node, loop.stacks[i], out_axes[i], out_backwards[i] != 0));
  }
  return results;
}

Tensors run_sequence_map(const Node& node, Inputs inputs, const RunBody& run) {
  const LoopBudget budget(node);
  require(node, required(node, inputs, 0).dtype() == DType::kSequence, "input 0 is {}, expected a sequence",
          dtype_name(inputs[0].dtype()));
  const size_t length = inputs[0].items().size(), own = own_count(node);
  for (size_t i = 0; i < own; ++i)
    require(node, inputs[i].dtype() != DType::kSequence || inputs[i].items().size() == length,
            "input {} is a sequence of {}, input 0 one of {}", i, inputs[i].numel(), length);
  std::vector<Tensors> results(body_of(node, "body").outputs().size());
  for (size_t step = 0; step < length; ++step) {
    budget.step();
    Tensors arguments;
    for (size_t i = 0; i < own; ++i)
      arguments.push_back(inputs[i].dtype() == DType::kSequence ? inputs[i].items()[step] : inputs[i]);
    append_captured(node, inputs, arguments);
    Tensors outputs = run("body", arguments);
    for (size_t i = 0; i < results.size(); ++i) results[i].push_back(outputs[i].clone());
  }
  Tensors sequences;
  for (Tensors& r : results) sequences.push_back(Tensor::sequence(std::move(r)));
  return sequences;
}

const Encoding& encoding_of(const Graph& graph, ValueId id) {
  static const Encoding kNone;
  return id ? graph.value(id).type.encoding : kNone;
}

}  // namespace

bool is_control(const Node& node) { return node.domain == "precis" && has_subgraph(node); }

Tensors run_control(const Graph& graph, const Node& node, Inputs inputs, const RunBody& run) {
  Tensors arguments(inputs.begin(), inputs.end());
  for (size_t i = 0; i < own_count(node); ++i)
    if (const Encoding& e = encoding_of(graph, node.inputs[i]); arguments[i].defined() && e.defined())
      arguments[i] = decoded(node, arguments[i], e);
  Tensors outputs = node.op == "If"     ? run_if(node, arguments, run)
                    : node.op == "Loop" ? run_loop(node, arguments, run)
                    : node.op == "Scan" ? run_scan(node, arguments, run)
                                        : run_sequence_map(node, arguments, run);
  outputs.resize(node.outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i)
    if (const Encoding& e = encoding_of(graph, node.outputs[i]); e.defined())
      outputs[i] = encoded(node, outputs[i], e);
  return outputs;
}

}  // namespace precis::runtime
