// Both engines on one graph.
#include "tests/runtime/run_both.h"

#include <gtest/gtest.h>

#include <cmath>

#include "precis/graph/text.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {
namespace {

Tensor random_codes(DType dtype, const Shape& shape, uint64_t seed) {
  const auto lo = static_cast<float>(std::max<int64_t>(dtype_min(dtype), -1000));
  const auto hi = static_cast<float>(std::min<int64_t>(dtype_max(dtype), 1000));
  return random_tensor(shape, seed, lo, hi).cast(dtype);
}

double largest(const Tensor& t) {
  double m = 1;
  for (int64_t i = 0; i < t.numel(); ++i) m = std::max(m, std::fabs(t.at_double(i)));
  return m;
}

std::vector<Tensor> run(const Graph& graph, runtime::Engine engine, int threads,
                        const std::vector<Tensor>& inputs) {
  runtime::ProgramOptions options;
  options.engine = engine;
  runtime::Session session(runtime::Program::compile(graph, options), threads);
  session.run(inputs);
  return session.run(inputs);  // the second run meets used memory
}

}  // namespace

std::vector<Tensor> random_inputs(const Graph& graph, uint64_t seed, int64_t unknown) {
  std::vector<Tensor> inputs;
  for (ValueId id : graph.inputs()) {
    const ValueType& type = graph.value(id).type;
    std::vector<int64_t> dims;
    for (const Dim& d : *type.shape) dims.push_back(d.known() ? d.value : unknown);
    const DType dtype = type.storage_dtype();
    inputs.push_back(dtype == DType::kF32 ? random_tensor(Shape(dims), seed++, -2, 2)
                                          : random_codes(dtype, Shape(dims), seed++));
  }
  return inputs;
}

void expect_engines_agree(const Graph& graph, const std::vector<Tensor>& inputs) {
  const std::vector<Tensor> want = run(graph, runtime::Engine::kReference, 1, inputs);
  for (int threads : {1, 2}) {
    const std::vector<Tensor> got = run(graph, runtime::Engine::kFast, threads, inputs);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      if (want[i].dtype() == DType::kF32)
        EXPECT_TRUE(tensors_close(got[i], want[i], {.absolute = 1e-5 * largest(want[i])}))
            << "output " << i << ", " << threads << " threads";
      else
        EXPECT_TRUE(tensors_equal(got[i], want[i])) << "output " << i << ", " << threads << " threads";
    }
  }
}

void expect_engines_agree(const std::string& text, uint64_t seed) {
  const Graph graph = parse_graph(text);
  expect_engines_agree(graph, random_inputs(graph, seed));
}

std::vector<std::string> step_names(const Graph& graph) {
  runtime::Session session(runtime::Program::compile(graph), 1);
  std::vector<std::string> names;
  for (const auto& step : session.plan_info().steps) {
    if (step.op == "Reorder") continue;
    std::string name = step.op;
    for (const std::string& f : step.fused) name += "+" + f;
    names.push_back(name + "(" + step.kernel.substr(0, step.kernel.find(':')) + ")");
  }
  return names;
}

}  // namespace precis::test
