// See feed.h.
#include "precis/flow/feed.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/flow/evaluate.h"

namespace precis::flow {
namespace {

std::string names_of(const Graph& g, std::span<const ValueId> ids) {
  std::vector<std::string> names;
  for (ValueId id : ids) names.push_back("'" + printable(g.value(id).name) + "'");
  return fmt::format("{}", fmt::join(names, ", "));
}

size_t find(const Graph& g, std::span<const ValueId> ids, const std::string& name, const char* kind) {
  for (size_t i = 0; i < ids.size(); ++i)
    if (g.value(ids[i]).name == name) return i;
  fail(ErrorCode::kUsage, "the model has no {} '{}'; it has {}", kind, printable(name), names_of(g, ids));
}

// Zeros in the declared shape; what is not known there is 1.
Tensor blank(const data::InputSpec& input) {
  std::vector<int64_t> dims = input.dims;
  for (int64_t& d : dims) d = d < 0 ? 1 : d;
  return Tensor(input.dtype, Shape(std::move(dims)));
}

Tensor filled(const data::InputSpec& input, double value) {
  const Shape shape = blank(input).shape();
  Tensor all(DType::kF64, shape);
  for (double& v : all.data<double>()) v = value;
  Tensor t = all.cast(input.dtype);
  check(t.numel() == 0 || t.at_double(0) == value || is_float(input.dtype), ErrorCode::kUsage,
        "input '{}' is of type {}, which does not hold {}", printable(input.name), dtype_name(input.dtype),
        value);
  return t;
}

// Row `call` of what is fed in `calls` calls.
Tensor row_of(const Tensor& t, int64_t call, int64_t calls) {
  std::vector<int64_t> dims = t.shape().dims();
  dims[0] = 1;
  const int64_t bytes = t.nbytes() / calls;
  return Tensor::view(t.dtype(), Shape(std::move(dims)), const_cast<std::byte*>(t.bytes()) + call * bytes);
}

Tensor joined(const std::vector<Tensor>& parts) {
  std::vector<int64_t> dims = parts[0].shape().dims();
  if (dims.empty()) dims = {1};
  dims[0] = checked_mul(dims[0], static_cast<int64_t>(parts.size()));
  Tensor whole(parts[0].dtype(), Shape(std::move(dims)));
  std::byte* to = whole.bytes();
  for (const Tensor& part : parts) {
    check(part.shape() == parts[0].shape(), ErrorCode::kUsage,
          "an output has shape {} in one call and {} in another, which cannot be joined",
          parts[0].shape().str(), part.shape().str());
    to = std::copy_n(part.bytes(), part.nbytes(), to);
  }
  return whole;
}

}  // namespace

std::pair<std::string, std::string> parse_state(const std::string& text) {
  const size_t equals = text.find('=');
  check(equals != std::string::npos && equals > 0 && equals + 1 < text.size(), ErrorCode::kUsage,
        "--state '{}': expected OUTPUT=INPUT", printable(text));
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::pair<std::string, double> parse_constant(const std::string& text) {
  const size_t equals = text.rfind('=');
  double value = 0;
  check(equals != std::string::npos && equals > 0 && parse_double(text.substr(equals + 1), value),
        ErrorCode::kUsage, "--input '{}': expected NAME=NUMBER", printable(text));
  return {text.substr(0, equals), value};
}

Feed::Feed(const Graph& graph, const FeedOptions& options)
    : inputs_(input_specs(graph)), fixed_(inputs_.size()) {
  const auto take = [&](const std::string& name) {
    const size_t i = find(graph, graph.inputs(), name, "input");
    check(!fixed_[i].defined(), ErrorCode::kUsage, "input '{}' is given twice", printable(name));
    return i;
  };
  for (const auto& [output, input] : options.states) {
    const State state{find(graph, graph.outputs(), output, "output"), take(input)};
    fixed_[state.input] = blank(inputs_[state.input]);
    states_.push_back(state);
  }
  for (const auto& [name, value] : options.constants) {
    const size_t i = take(name);
    fixed_[i] = filled(inputs_[i], value);
  }
}

std::vector<data::InputSpec> Feed::data_inputs() const {
  std::vector<data::InputSpec> wanted;
  for (size_t i = 0; i < inputs_.size(); ++i)
    if (!fixed_[i].defined()) wanted.push_back(inputs_[i]);
  return wanted;
}

bool Feed::is_state(size_t output) const {
  return std::any_of(states_.begin(), states_.end(), [&](const State& s) { return s.output == output; });
}

std::vector<Tensor> Feed::run(runtime::Session& session, const data::Sample& sample) const {
  if (sample.calls == 1 && sample.inputs.size() == inputs_.size()) return session.run(sample.inputs);
  std::vector<Tensor> inputs = fixed_;
  std::vector<std::vector<Tensor>> all;
  for (int64_t call = 0; call < sample.calls; ++call) {
    size_t given = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (fixed_[i].defined()) continue;
      const Tensor& t = sample.inputs.at(given++);
      inputs[i] = sample.calls == 1 ? t : row_of(t, call, sample.calls);
    }
    std::vector<Tensor> outputs = session.run(inputs);
    for (const State& s : states_) {
      check(outputs[s.output].dtype() == inputs[s.input].dtype(), ErrorCode::kUsage,
            "a state comes out as {} and goes in as {}", dtype_name(outputs[s.output].dtype()),
            dtype_name(inputs[s.input].dtype()));
      inputs[s.input] = outputs[s.output];
    }
    all.resize(outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (is_state(i)) all[i].clear();
      all[i].push_back(std::move(outputs[i]));
    }
  }
  std::vector<Tensor> results;
  for (std::vector<Tensor>& parts : all)
    results.push_back(parts.size() == 1 ? std::move(parts[0]) : joined(parts));
  return results;
}

}  // namespace precis::flow
