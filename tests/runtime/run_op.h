// Runs text graphs on both engines, for tests whose values are worked out by hand.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "precis/graph/text.h"
#include "precis/runtime/reference_engine.h"
#include "precis/runtime/session.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {

inline Tensor floats(Shape shape, std::initializer_list<float> values) {
  return Tensor::from<float>(std::move(shape), values);
}
inline Tensor longs(Shape shape, std::initializer_list<int64_t> values) {
  return Tensor::from<int64_t>(std::move(shape), values);
}

// The reference engine's results, which the session must repeat.
inline std::vector<Tensor> run(const std::string& text, const std::vector<Tensor>& inputs) {
  const Graph graph = parse_graph(text);
  auto want = runtime::run_reference(graph, inputs);
  const auto got = runtime::Session(runtime::Program::compile(graph), 1).run(inputs);
  EXPECT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size() && i < want.size(); ++i)
    EXPECT_TRUE(tensors_close(got[i], want[i], {.absolute = 0, .relative = 0})) << text;
  return want;
}

// One node with output y.
inline Tensor run_op(const std::string& inputs, const std::string& statements,
                     const std::vector<Tensor>& values) {
  return run("graph g(" + inputs + ") -> (y) { " + statements + " }", values)[0];
}

inline std::vector<double> numbers(const Tensor& t) {
  std::vector<double> v;
  for (int64_t i = 0; i < t.numel(); ++i) v.push_back(t.at_double(i));
  return v;
}

inline void expect_near(const Tensor& t, const std::vector<double>& want, double tolerance = 1e-6) {
  EXPECT_THAT(numbers(t), testing::Pointwise(testing::DoubleNear(tolerance), want));
}

}  // namespace precis::test
