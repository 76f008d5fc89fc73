// Which opsets can say what: the lowest one, older forms on request, and refusals that name the node.
#include "precis/onnx/opset_downgrade.h"

#include <gtest/gtest.h>

#include "precis/graph/text.h"
#include "precis/onnx/onnx_io.h"
#include "precis/onnx/op_versions.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"

namespace precis::onnx_io {
namespace {

Graph graph(const std::string& body) { return parse_graph("graph g(x: f32[2,3,4,5]) -> (y) {" + body + "}"); }

// All older forms welcome / only those that keep the names of constants.
int lowest(const std::string& body) { return lowest_opset(graph(body), kLowestWrittenOpset, {}); }
int lowest_named(const std::string& body) {
  return lowest_opset(graph(body), kLowestWrittenOpset, {kCanonicalOpset});
}

TEST(OpVersions, KnowsEveryOperatorsVersions) {
  EXPECT_EQ(op_version("Conv", 10)->since, 1);
  EXPECT_EQ(op_version("Conv", 27)->since, 22);
  EXPECT_EQ(op_version("Gelu", 19), nullptr);
  EXPECT_EQ(op_version("Upsample", 10), nullptr);
  EXPECT_EQ(op_lifetime("Upsample").last, 9);
  EXPECT_EQ(op_lifetime("NoSuchOperator").first, 0);
  EXPECT_TRUE(takes_input(*op_version("MaxPool", 12), 0, DType::kU8));
  EXPECT_FALSE(takes_input(*op_version("MaxPool", 11), 0, DType::kU8));
  EXPECT_TRUE(takes_input(*op_version("Concat", 13), 7, DType::kI64));
  EXPECT_TRUE(find_attribute(*op_version("Gemm", 13), "transB").known);
  EXPECT_EQ(find_attribute(*op_version("Gemm", 13), "transB").default_value, "0");
}

TEST(OpsetDowngrade, Lowest) {
  EXPECT_EQ(lowest("w: f32[3,3,1,1] = constant(fill, value=1) y = Conv(x, w)"), 7);
  EXPECT_EQ(lowest("y = HardSwish(x)"), 14);
  EXPECT_EQ(lowest("y = Gelu(x)"), 20);
  EXPECT_EQ(lowest("y = MaxPool(x) {kernel_shape=[2,2], ceil_mode=1}"), 10);
  EXPECT_EQ(lowest("y = MaxPool(x) {kernel_shape=[2,2], ceil_mode=0, dilations=[1,1], storage_order=0}"), 7);
  EXPECT_EQ(lowest("y = AveragePool(x) {kernel_shape=[2,2], dilations=[2,2]}"), 19);
  EXPECT_EQ(lowest("y = Pad(x, p) {mode=\"wrap\"} p: i64[8] = [0,0,0,0,0,0,1,1]"), 19);
}

TEST(OpsetDowngrade, InputsBecomeAttributesOnlyWhereNamesMayGo) {
  for (const auto& [body, named, any] :
       {std::tuple{"a: i64[1] = [1] y = Squeeze(x, a)", 13, 7},
        std::tuple{"a: i64[1] = [1] y = ReduceMean(x, a)", 18, 7},
        std::tuple{"a: f32[] = 6 y = Clip(x, _, a)", 11, 7},
        std::tuple{"k: i64[1] = [1] y, z = TopK(x, k) {axis=1}", 10, 7},
        std::tuple{"s: i64[1] = [0] e: i64[1] = [1] y = Slice(x, s, e)", 10, 7},
        std::tuple{"r: f32[] = 0.5 y = Dropout(x, r)", 12, 7},
        std::tuple{"p: i64[8] = [0,0,0,0,0,0,1,1] y = Pad(x, p)", 11, 7}}) {
    EXPECT_EQ(lowest_named(body), named) << body;
    EXPECT_EQ(lowest(body), any) << body;
  }
}

TEST(OpsetDowngrade, AnEmptyListOfAxesStaysAnInput) {
  EXPECT_EQ(lowest("a: i64[0] = [] y = Unsqueeze(x, a)"), 13);
  EXPECT_EQ(lowest("a: i64[0] = [] y = Squeeze(x, a)"), 13);
  EXPECT_EQ(lowest("a: i64[0] = [] y = ReduceMean(x, a)"), 7);
}

TEST(OpsetDowngrade, ComputedInputsCannot) {
  const Graph g = parse_graph("graph g(x: f32[2,3], a: i64[1]) -> (y) { y = Squeeze(x, a) }");
  EXPECT_EQ(lowest_opset(g, 7, {}), 13);
  std::string why;
  EXPECT_FALSE(node_at_opset(g, g.node(g.order()[0]), 11, {}, &why));
  EXPECT_EQ(why, "'axes' is computed");
}

TEST(OpsetDowngrade, ResizeAsUpsample) {
  const std::string constants = "s: f32[4] = [1,1,2,2] ";
  EXPECT_EQ(lowest(constants + "y = Resize(x, _, s) {mode=\"nearest\", "
                               "coordinate_transformation_mode=\"asymmetric\", nearest_mode=\"floor\"}"),
            7);
  EXPECT_EQ(lowest(constants + "y = Resize(x, _, s) {mode=\"nearest\"}"), 13);
  EXPECT_EQ(lowest(constants + "z = HardSwish(x) y = Resize(z, _, s) {mode=\"nearest\", "
                               "coordinate_transformation_mode=\"asymmetric\", nearest_mode=\"floor\"}"),
            14);
}

TEST(OpsetDowngrade, SoftmaxOfTheLastRealAxis) {
  EXPECT_EQ(lowest("y = Softmax(x) {axis=-1}"), 7);
  EXPECT_EQ(lowest("y = Softmax(x) {axis=1}"), 13);
  EXPECT_EQ(lowest_opset(parse_graph("graph g(x: f32[n,9,1,1]) -> (y) { y = Softmax(x) {axis=1} }"), 7, {}),
            7);
}

TEST(OpsetDowngrade, TypesThatCameLater) {
  EXPECT_EQ(lowest_opset(
                parse_graph("graph g(x: u8[2,3,4,5]) -> (y) { y = MaxPool(x) {kernel_shape=[2,2]} }"), 7, {}),
            12);
  EXPECT_EQ(lowest_opset(parse_graph("graph g(x: bf16[2]) -> (y) { y = Relu(x) }"), 7, {}), 13);
  EXPECT_EQ(lowest_opset(parse_graph("graph g(x: u8[2], y: u8[2]) -> (z) { z = Add(x, y) }"), 7, {}), 14);
}

TEST(OpsetDowngrade, SplitWithoutLengths) {
  EXPECT_EQ(lowest("y, z = Split(x) {num_outputs=2}"), 7);
  EXPECT_EQ(lowest("y, z = Split(x) {axis=1, num_outputs=2}"), 18);  // 3 does not halve
}

TEST(OpsetDowngrade, ReachesIntoSubgraphs) {
  EXPECT_EQ(lowest_opset(parse_graph("graph g(c: bool[], x: f32[2]) -> (y) { y = If(c) {then_branch=graph "
                                     "t() -> (u) { u = Gelu(x) }, "
                                     "else_branch=graph e() -> (v) { v = Relu(x) }} }"),
                         7, {}),
            20);
}

TEST(OpsetDowngrade, RequestsThatCannotBeMet) {
  Model m;
  m.graph = graph("y = Mish(x)");
  WriteOptions options;
  options.opset = 13;
  EXPECT_ERROR(serialize_model(m, options), ErrorCode::kUnsupported,
               "node 'y' (Mish) cannot be written in opset 13");
  options.opset = 6;
  EXPECT_ERROR(serialize_model(m, options), ErrorCode::kUsage, "choose one from 7 to 27");
  m.graph = graph("y = precis::Mystery(x)");
  EXPECT_ERROR(serialize_model(m, {}), ErrorCode::kUnsupported, "precis::Mystery");
}

TEST(OpsetDowngrade, NewerOperatorsAreWrittenOut) {
  Model m;
  m.graph = graph("y = HardSwish(x)");
  WriteOptions options;
  options.opset = 13;
  const test::TempDir dir;
  write_model(m, dir / "m.onnx", options, Overwrite::kRefuse);
  const ReadResult back = read_model(dir / "m.onnx");
  EXPECT_EQ(back.model.source_opset, 13);
  const Graph& g = back.model.graph;
  ASSERT_EQ(g.order().size(), 2u);
  const Node& gate = g.node(g.order()[0]);
  EXPECT_TRUE(gate.is("HardSigmoid") && g.node(g.order()[1]).is("Mul"));
  EXPECT_EQ(gate.get_float("alpha", 0), 1.0f / 6);
  EXPECT_EQ(gate.get_float("beta", 0), 0.5f);
  EXPECT_EQ(g.value(g.outputs()[0]).name, "y");
}

TEST(OpsetDowngrade, RequestedOldOpset) {
  Model m;
  m.graph = graph(
      "a: f32[] = 0 b: f32[] = 6 c = Clip(x, a, b) i: i64[1] = [0] y = ReduceMean(c, i) {keepdims=0, "
      "noop_with_empty_axes=0}");
  WriteOptions options;
  options.opset = 7;
  ReadOptions keep;
  const Model again = read_model_bytes(serialize_model(m, options), keep).model;
  EXPECT_EQ(again.source_opset, 7);
  EXPECT_EQ(again.ir_version, 4);
  EXPECT_EQ(again.graph.constant(again.graph.find_value("c/max"))->at_double(0), 6.0);
  EXPECT_EQ(again.graph.constant(again.graph.find_value("y/axes"))->at_int(0), 0);
}

}  // namespace
}  // namespace precis::onnx_io
