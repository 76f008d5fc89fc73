// Operators written out for opset 13, with a value of every form that they have: the file read back gives the
// same results, holds nothing newer, and the fusions find the operators again.
#include <gtest/gtest.h>

#include <algorithm>

#include "precis/graph/fusions/fusions.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"
#include "precis/onnx/onnx_io.h"
#include "precis/runtime/reference_engine.h"
#include "tests/support/expect_error.h"
#include "tests/support/tensor_compare.h"

namespace precis::onnx_io {
namespace {

Model model_of(const std::string& text) {
  Model m;
  m.graph = parse_graph(text);
  infer_types(m.graph);
  return m;
}

std::vector<Tensor> inputs_for(const Graph& g) {
  std::vector<Tensor> inputs;
  uint64_t seed = 1;
  for (ValueId v : g.inputs()) {
    const ValueType& t = g.value(v).type;
    inputs.push_back(test::random_tensor(to_shape(t.shape), seed++).cast(t.dtype));
  }
  return inputs;
}

bool has(const Graph& g, const char* op) {
  return std::any_of(g.order().begin(), g.order().end(), [&](NodeId id) { return g.node(id).is(op); });
}

Model in_opset(const Model& m, int opset) {
  WriteOptions options;
  options.opset = opset;
  Model back = read_model_bytes(serialize_model(m, options), {}).model;
  EXPECT_EQ(back.source_opset, opset);
  infer_types(back.graph);
  return back;
}

// `op` of the graph `text` as opset 13 writes it.
void expect_written_out(const char* op, const std::string& text, double tolerance = 1e-5) {
  SCOPED_TRACE(text);
  const Model m = model_of(text);
  ASSERT_TRUE(has(m.graph, op));
  const std::vector<Tensor> inputs = inputs_for(m.graph);
  const auto want = runtime::run_reference(m.graph, inputs);
  Model back = in_opset(m, 13);
  EXPECT_FALSE(has(back.graph, op));
  EXPECT_TRUE(test::tensors_close(runtime::run_reference(back.graph, inputs)[0], want[0],
                                  {.absolute = tolerance, .relative = tolerance}));
}

// The same, and one node of `op` again after the fusions.
void expect_found_again(const char* op, const std::string& text, double tolerance = 1e-5) {
  expect_written_out(op, text, tolerance);
  Model back = in_opset(model_of(text), 13);
  fusions::fuse_all(back.graph);
  EXPECT_TRUE(has(back.graph, op)) << text << "\n" << print_graph(back.graph);
}

std::string graph(const std::string& inputs, const std::string& statements) {
  return "graph g(" + inputs + ") -> (y) { " + statements + " }";
}

const std::string kRows =
    "w: f32[8] = constant(normal, seed=1, scale=1) b: f32[8] = constant(normal, seed=2, scale=1) ";

TEST(OpsetExpand, Functions) {
  expect_found_again("Gelu", graph("x: f32[2,9]", "y = Gelu(x)"));
  expect_found_again("Gelu", graph("x: f32[2,9]", "y = Gelu(x) {approximate=\"tanh\"}"));
  expect_found_again("Swish", graph("x: f32[2,9]", "y = Swish(x)"));
  expect_found_again("Swish", graph("x: f32[2,9]", "y = Swish(x) {alpha=1.5}"));
  expect_found_again("HardSwish", graph("x: f32[2,9]", "h = Swish(x) y = HardSwish(h)"));
  expect_written_out("Gelu", graph("x: f16[2,9]", "y = Gelu(x)"), 1e-2);
}

TEST(OpsetExpand, Normalizations) {
  expect_found_again("LayerNormalization", graph("x: f32[2,3,8]", kRows + "y = LayerNormalization(x, w, b)"));
  expect_found_again("LayerNormalization",
                     graph("x: f32[2,3,8]", kRows + "y = LayerNormalization(x, w) {axis=2, epsilon=0.1}"));
  expect_found_again("RMSNormalization",
                     graph("x: f32[2,3,8]", kRows + "y = RMSNormalization(x, w) {axis=-1}"));
  expect_written_out(
      "RMSNormalization",
      graph("x: f32[2,3,8]",
            "w: f32[3,8] = constant(normal, seed=1, scale=1) y = RMSNormalization(x, w) {axis=1}"));
  expect_written_out(
      "LayerNormalization",
      graph("x: f16[2,8]", "w: f16[8] = [1, 2, 3, 4, 5, 6, 7, 8] y = LayerNormalization(x, w)"), 1e-2);
}

TEST(OpsetExpand, AttentionForms) {
  const std::string heads = "q: f32[2,4,3,8], k: f32[2,4,5,8], v: f32[2,4,5,6]",
                    few = "q: f32[2,4,3,8], k: f32[2,2,5,8], v: f32[2,2,5,6]";
  expect_found_again("Attention", graph(heads, "y = Attention(q, k, v)"));
  expect_found_again("Attention", graph(heads + ", m: f32[3,5]", "y = Attention(q, k, v, m) {scale=0.3}"));
  expect_written_out("Attention",
                     graph(few, "m: bool[1,5] = [1, 0, 1, 1, 0] y = Attention(q, k, v, m) {softcap=2.0}"));
  expect_found_again("Attention", graph(few, "y = Attention(q, k, v) {is_causal=1}"));
  expect_found_again("Attention", graph("q: f32[2,3,32], k: f32[2,5,16], v: f32[2,5,16]",
                                        "y = Attention(q, k, v) {q_num_heads=4, kv_num_heads=2}"));
  expect_found_again("Attention", graph(heads + ", a: f32[2,4,2,8], b: f32[2,4,2,6]",
                                        "y = Attention(q, k, v, _, a, b) {is_causal=1}"));
}

TEST(OpsetExpand, AttentionOfOneHead) {
  const std::string rows = "q: f32[4,3,8], k: f32[4,5,8], v: f32[4,5,6]",
                    one = " {q_num_heads=1, kv_num_heads=1}";
  expect_found_again("Attention", graph(rows, "y = Attention(q, k, v)" + one));
  expect_found_again("Attention", graph(rows + ", m: f32[4,1,3,5]", "y = Attention(q, k, v, m)" + one));
  expect_found_again("Attention", graph(rows + ", m: f32[3,5]", "y = Attention(q, k, v, m)" + one));
}

TEST(OpsetExpand, RotaryForms) {
  const std::string tables =
      "c: f32[20,4] = constant(normal, seed=1, scale=1) s: f32[20,4] = constant(normal, seed=2, scale=1) p: "
      "i64[2,3] = [0, 1, 2, 19, 7, 8] ";
  for (const char* attributes : {"", "{interleaved=1}"}) {
    expect_found_again("RotaryEmbedding",
                       graph("x: f32[2,4,3,8]", tables + "y = RotaryEmbedding(x, c, s, p) " + attributes));
    expect_found_again("RotaryEmbedding", graph("x: f32[2,4,3,8], c: f32[2,3,4], s: f32[2,3,4]",
                                                std::string("y = RotaryEmbedding(x, c, s) ") + attributes));
  }
  expect_written_out("RotaryEmbedding",
                     graph("x: f32[2,3,40]",
                           tables + "y = RotaryEmbedding(x, c, s, p) {num_heads=4, rotary_embedding_dim=8}"));
  expect_written_out(
      "RotaryEmbedding",
      graph("x: f32[2,3,40]",
            tables + "y = RotaryEmbedding(x, c, s, p) {num_heads=4, rotary_embedding_dim=8, interleaved=1}"));
  expect_written_out(
      "RotaryEmbedding",
      graph("x: f32[2,4,3,10]", tables + "y = RotaryEmbedding(x, c, s, p) {rotary_embedding_dim=8}"));
}

TEST(OpsetExpand, WhatNobodyCanWriteOutStays) {
  const Model m =
      model_of("graph g(x: f32[2,8]) -> (y, m) { " + kRows + "y, m = LayerNormalization(x, w, b) }");
  WriteOptions options;
  options.opset = 13;
  EXPECT_ERROR(serialize_model(m, options), ErrorCode::kUnsupported,
               "LayerNormalization) cannot be written in opset 13");
}

// What a model of an older opset cannot have brought does not raise the opset of its file.
TEST(OpsetExpand, TheOpsetOfTheSourceStays) {
  Model m = model_of(graph("x: f32[2,8]", kRows + "g = Gelu(x) y = LayerNormalization(g, w, b)"));
  m.source_opset = 13;
  EXPECT_LE(read_model_bytes(serialize_model(m, {}), {}).model.source_opset, 13);
  m.source_opset = 17;
  Model back = read_model_bytes(serialize_model(m, {}), {}).model;
  EXPECT_EQ(back.source_opset, 17);
  EXPECT_TRUE(has(back.graph, "LayerNormalization"));
  EXPECT_FALSE(has(back.graph, "Gelu"));
  m.source_opset = 0;
  EXPECT_TRUE(has(read_model_bytes(serialize_model(m, {}), {}).model.graph, "Gelu"));
}

}  // namespace
}  // namespace precis::onnx_io
