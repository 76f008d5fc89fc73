// Running passes on text graphs.
#include "pass_harness.h"

#include "precis/graph/op.h"
#include "precis/graph/text.h"
#include "precis/graph/validate.h"
#include "precis/runtime/reference_engine.h"
#include "precis/runtime/session.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {

Model model_of(const std::string& text) {
  Model m;
  m.graph = parse_graph(text);
  infer_types(m.graph);
  validate(m);
  return m;
}

passes::PassResult run_pass(Model& model, const char* name) {
  runtime::register_evaluator();
  const std::string_view names[] = {name};
  return passes::run_passes(model, names);
}

namespace {

std::vector<Tensor> random_inputs(const Graph& g) {
  std::vector<Tensor> inputs;
  uint64_t seed = 1;
  for (ValueId v : g.inputs()) {
    std::vector<int64_t> dims;
    for (const Dim& d : *g.value(v).type.shape) dims.push_back(d.known() ? d.value : 2);
    inputs.push_back(random_tensor(Shape(dims), seed++).cast(g.value(v).type.dtype));
  }
  return inputs;
}

}  // namespace

void expect_rewrite(const char* pass, const std::string& before, const std::string& after, double tolerance) {
  Model m = model_of(before);
  const std::vector<Tensor> inputs = random_inputs(m.graph);
  const auto wanted = runtime::run_reference(m.graph, inputs);
  EXPECT_GT(run_pass(m, pass).changes, 0);
  m.graph.compact();
  EXPECT_EQ(print_graph(m.graph), print_graph(model_of(after).graph));
  const auto got = runtime::run_reference(m.graph, inputs);
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(tensors_close(got[i], wanted[i], {.absolute = tolerance, .relative = tolerance}));
}

void expect_unchanged(const char* pass, const std::string& text) {
  Model m = model_of(text);
  const std::string before = print_graph(m.graph);
  EXPECT_EQ(run_pass(m, pass).changes, 0);
  EXPECT_EQ(print_graph(m.graph), before);
}

void expect_kept(const char* pass, const std::string& text) {
  expect_unchanged(pass, text);
  Model m = model_of(text);
  const std::vector<Tensor> inputs = random_inputs(m.graph);
  const auto wanted = runtime::run_reference(m.graph, inputs);
  run_pass(m, pass);
  const auto got = runtime::run_reference(m.graph, inputs);
  for (size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(tensors_equal(got[i], wanted[i]));
}

}  // namespace precis::test
