// One case per upgrade rule: a graph in the old form, and the canonical form that it becomes.
#include "precis/onnx/opset_upgrade.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "precis/graph/text.h"
#include "tests/support/expect_error.h"

namespace precis::onnx_io {
namespace {

Model old_model(const std::string& text, int opset) {
  Model m;
  m.graph = parse_graph(text);
  m.source_opset = opset;
  return m;
}

// The body (one statement a line) with x: f32[2,3,4,5] as input and y as output.
std::string upgraded(const std::string& body, int opset) {
  Model m = old_model("graph g(x: f32[2,3,4,5]) -> (y) {" + body + "}", opset);
  upgrade_model(m);
  return print_graph(m.graph);
}

// `canonical` is compared as parsed and printed, constants in any order.
void expect_upgrade(int opset, const std::string& old_body, const std::string& canonical) {
  const auto sorted_lines = [](const std::string& text) {
    std::vector<std::string> lines;
    size_t at = 0;
    while (at < text.size()) {
      const size_t end = text.find('\n', at);
      lines.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  const Graph want = parse_graph("graph g(x: f32[2,3,4,5]) -> (y) {" + canonical + "}");
  Graph got = parse_graph(upgraded(old_body, opset));
  for (size_t i = 0; i < got.num_values(); ++i) {
    Value& v = got.value(ValueId{static_cast<int32_t>(i)});
    if (!v.constant && !v.input) v.type = {};  // followed shapes are a by-product
  }
  EXPECT_EQ(sorted_lines(print_graph(got)), sorted_lines(print_graph(want)));
}

TEST(OpsetUpgrade, AttributesBecomeInputs) {
  expect_upgrade(11, "y = Squeeze(x) {axes=[1]}", "y/axes: i64[1] = [1] y = Squeeze(x, y/axes)");
  expect_upgrade(11, "y = Squeeze(x)", "y = Squeeze(x)");
  expect_upgrade(12, "y = Unsqueeze(x) {axes=[0,2]}", "y/axes: i64[2] = [0, 2] y = Unsqueeze(x, y/axes)");
  expect_upgrade(17, "y = ReduceMean(x) {axes=[1,2], keepdims=0}",
                 "y/axes: i64[2] = [1, 2] y = ReduceMean(x, y/axes) {keepdims=0}");
  expect_upgrade(12, "y = ReduceSum(x) {axes=[1]}", "y/axes: i64[1] = [1] y = ReduceSum(x, y/axes)");
  expect_upgrade(18, "y = ReduceMax(x)", "y = ReduceMax(x)");
  expect_upgrade(9, "y = TopK(x) {k=3, axis=1}", "y/k: i64[1] = [3] y = TopK(x, y/k) {axis=1}");
  expect_upgrade(9, "y = Slice(x) {starts=[0,1], ends=[2,3], axes=[0,1]}",
                 "y/starts: i64[2] = [0, 1] y/ends: i64[2] = [2, 3] y/axes: i64[2] = [0, 1] y = Slice(x, "
                 "y/starts, y/ends, y/axes)");
  expect_upgrade(1, "y = Reshape(x) {shape=[6,20], consumed_inputs=[0]}",
                 "y/shape: i64[2] = [6, 20] y = Reshape(x, y/shape)");
}

TEST(OpsetUpgrade, SplitSaysHowManyParts) {
  expect_upgrade(11, "y, z = Split(x) {axis=0}", "y, z = Split(x) {axis=0, num_outputs=2}");
  expect_upgrade(11, "y, z = Split(x) {axis=1, split=[1,2]}",
                 "y/split: i64[2] = [1, 2] y, z = Split(x, y/split) {axis=1}");
  expect_upgrade(13, "y, z = Split(x)", "y, z = Split(x) {num_outputs=2}");
}

TEST(OpsetUpgrade, PadAndClip) {
  expect_upgrade(1, "y = Pad(x) {paddings=[0,0,1,1,0,0,1,1]}",
                 "y/pads: i64[8] = [0, 0, 1, 1, 0, 0, 1, 1] y = Pad(x, y/pads)");
  expect_upgrade(2, "y = Pad(x) {pads=[0,0,1,1,0,0,1,1], value=0.5, mode=\"constant\"}",
                 "y/pads: i64[8] = [0, 0, 1, 1, 0, 0, 1, 1] y/value: f32[] = 0.5 y = Pad(x, y/pads, y/value) "
                 "{mode=\"constant\"}");
  expect_upgrade(2, "y = Pad(x) {pads=[0,0,1,1,0,0,1,1], value=0.0, mode=\"reflect\"}",
                 "y/pads: i64[8] = [0, 0, 1, 1, 0, 0, 1, 1] y = Pad(x, y/pads) {mode=\"reflect\"}");
  expect_upgrade(6, "y = Clip(x) {max=6.0, min=0.0}",
                 "y/min: f32[] = 0 y/max: f32[] = 6 y = Clip(x, y/min, y/max)");
  expect_upgrade(1, "y = Clip(x) {max=6.0, consumed_inputs=[0]}", "y/max: f32[] = 6 y = Clip(x, _, y/max)");
}

TEST(OpsetUpgrade, ConstantsHaveTheTypeOfTheData) {
  Model m = old_model("graph g(x: f16[2]) -> (y) { y = Clip(x) {max=6.0} }", 6);
  upgrade_model(m);
  EXPECT_EQ(m.graph.constant(m.graph.find_value("y/max"))->dtype(), DType::kF16);
}

TEST(OpsetUpgrade, Dropout) {
  expect_upgrade(6, "y = Dropout(x) {is_test=1, ratio=0.25}",
                 "y/ratio: f32[] = 0.25 y = Dropout(x, y/ratio)");
  expect_upgrade(10, "y, m = Dropout(x)", "y, m = Dropout(x)");
}

TEST(OpsetUpgrade, DefaultsThatChanged) {
  expect_upgrade(1, "y = Concat(x, x)", "y = Concat(x, x) {axis=1}");
  expect_upgrade(1, "y = Selu(x)", "y = Selu(x) {alpha=1.6732, gamma=1.0507}");
  expect_upgrade(1, "y = Cast(x) {to=\"INT64\"}", "y = Cast(x) {to=7}");
  expect_upgrade(1, "y = LpPool(x) {kernel_shape=[2,2], p=2.0}", "y = LpPool(x) {kernel_shape=[2,2], p=2}");
  expect_upgrade(16, "y = GridSample(x, x)", "y = GridSample(x, x) {mode=\"linear\"}");
  expect_upgrade(10, "y = RoiAlign(x, x, x)",
                 "y = RoiAlign(x, x, x) {coordinate_transformation_mode=\"output_half_pixel\"}");
  expect_upgrade(5, "y = Elu(x) {consumed_inputs=[0]}", "y = Elu(x)");
  expect_upgrade(10, "y = Scatter(x, x, x)", "y = ScatterElements(x, x, x)");
}

TEST(OpsetUpgrade, TileOfOpsetOne) {
  expect_upgrade(1, "t: f32[1] = [3] a: f32[1] = [1] y = Tile(x, t, a)",
                 "t: f32[1] = [3] a: f32[1] = [1] y/repeats: i64[4] = [1, 3, 1, 1] y = Tile(x, y/repeats)");
}

TEST(OpsetUpgrade, SoftmaxOverAFlattenedTail) {
  expect_upgrade(11, "y = Softmax(x) {axis=3}", "y = Softmax(x) {axis=3}");
  expect_upgrade(11, "y = Softmax(x) {axis=-1}", "y = Softmax(x) {axis=3}");
  expect_upgrade(11, "y = LogSoftmax(x)",
                 "y/shape = Shape(x) y/flattened = Flatten(x) {axis=1} y/flat = LogSoftmax(y/flattened) "
                 "{axis=-1} as y y = Reshape(y/flat, y/shape) as y/flat");
}

TEST(OpsetUpgrade, SoftmaxWithOneRealDimension) {
  Model m = old_model("graph g(x: f32[n,10,1,1]) -> (y) { y = Softmax(x) }", 9);
  upgrade_model(m);
  EXPECT_EQ(m.graph.node(m.graph.order()[0]).get_int("axis", -9), 1);
  EXPECT_EQ(m.graph.order().size(), 1u);
}

TEST(OpsetUpgrade, BroadcastAlongAnAxis) {
  expect_upgrade(6, "b: f32[3] = [1, 2, 3] y = Add(x, b) {axis=1, broadcast=1}",
                 "b: f32[3] = [1, 2, 3] y/broadcast: f32[3,1,1] = [1, 2, 3] y = Add(x, y/broadcast)");
  expect_upgrade(6, "b: f32[5] = [1, 2, 3, 4, 5] y = Mul(x, b) {broadcast=1}",
                 "b: f32[5] = [1, 2, 3, 4, 5] y = Mul(x, b)");
  expect_upgrade(6, "r = Relu(x) s = Sub(r, x) {broadcast=1, axis=0} y = Neg(s)",
                 "r = Relu(x) s = Sub(r, x) y = Neg(s)");
  Model unknown = old_model(
      "graph g(x: f32[...]) -> (y) { b: f32[3] = [1, 2, 3] y = Add(x, b) {axis=1, broadcast=1} }", 6);
  EXPECT_ERROR(upgrade_model(unknown), ErrorCode::kUnsupported, "the shapes are not known");
  Model wrong = old_model(
      "graph g(x: f32[2,3]) -> (y) { b: f32[3] = [1, 2, 3] y = Add(x, b) {axis=2, broadcast=1} }", 6);
  EXPECT_ERROR(upgrade_model(wrong), ErrorCode::kMalformed, "does not fit at axis 2");
}

TEST(OpsetUpgrade, ComputedOperandIsUnsqueezed) {
  Model m =
      old_model("graph g(x: f32[2,3,4,5], b: f32[3]) -> (y) { y = Add(x, b) {axis=1, broadcast=1} }", 6);
  upgrade_model(m);
  EXPECT_EQ(m.graph.producer(m.graph.node(m.graph.order()[1]).inputs[1])->op, "Unsqueeze");
}

TEST(OpsetUpgrade, PReluPerChannel) {
  expect_upgrade(6, "s: f32[3] = [1, 2, 3] y = PRelu(x, s)",
                 "s: f32[3] = [1, 2, 3] y/broadcast: f32[3,1,1] = [1, 2, 3] y = PRelu(x, y/broadcast)");
  expect_upgrade(6, "s: f32[1] = [1] y = PRelu(x, s)", "s: f32[1] = [1] y = PRelu(x, s)");
}

TEST(OpsetUpgrade, BatchNormalization) {
  expect_upgrade(
      6, "c: f32[3] = [1, 1, 1] y = BatchNormalization(x, c, c, c, c) {is_test=1, spatial=1, epsilon=1e-3}",
      "c: f32[3] = [1, 1, 1] y = BatchNormalization(x, c, c, c, c) {epsilon=1e-3}");
  Model spatial = old_model(
      "graph g(x: f32[2,3], c: f32[3]) -> (y) { y = BatchNormalization(x, c, c, c, c) {spatial=0} }", 7);
  EXPECT_ERROR(upgrade_model(spatial), ErrorCode::kUnsupported, "spatial = 0");
  Model training =
      old_model("graph g(x: f32[2,3], c: f32[3]) -> (y, m) { y, m = BatchNormalization(x, c, c, c, c) }", 9);
  EXPECT_ERROR(upgrade_model(training), ErrorCode::kUnsupported, "output 'm' belongs to training");
}

TEST(OpsetUpgrade, UpsampleAndResize) {
  const std::string resize =
      "{coordinate_transformation_mode=\"asymmetric\", mode=\"nearest\", nearest_mode=\"floor\"}";
  expect_upgrade(7, "y = Upsample(x) {scales=[1.0,1.0,2.0,2.0]}",
                 "y/scales: f32[4] = [1, 1, 2, 2] y = Resize(x, _, y/scales) " + resize);
  expect_upgrade(9, "s: f32[4] = [1, 1, 2, 3] y = Upsample(x, s) {mode=\"linear\"}",
                 "s: f32[4] = [1, 1, 2, 3] y = Resize(x, _, s) "
                 "{coordinate_transformation_mode=\"asymmetric\", mode=\"linear\"}");
  expect_upgrade(1, "y = Upsample(x) {height_scale=2.0, width_scale=3.0, mode=\"nearest\"}",
                 "y/scales: f32[4] = [1, 1, 2, 3] y = Resize(x, _, y/scales) " + resize);
  expect_upgrade(10, "s: f32[4] = [1, 1, 2, 3] y = Resize(x, s)",
                 "s: f32[4] = [1, 1, 2, 3] y = Resize(x, _, s) " + resize);
  expect_upgrade(11, "e: f32[0] = [] s: f32[4] = [1, 1, 2, 3] y = Resize(x, e, s)",
                 "e: f32[0] = [] s: f32[4] = [1, 1, 2, 3] y = Resize(x, _, s)");
}

TEST(OpsetUpgrade, GroupNormalizationPerChannel) {
  Model m = old_model(
      "graph g(x: f32[1,4,2]) -> (y) { s: f32[2] = [1, 2] b: f32[2] = [0, 0] y = GroupNormalization(x, s, b) "
      "{num_groups=2} }",
      18);
  upgrade_model(m);
  EXPECT_EQ(m.graph.order().size(), 7u);  // Unsqueeze, Expand and Reshape for scale and bias
  EXPECT_EQ(m.graph.producer(m.graph.node(m.graph.order()[6]).inputs[1])->op, "Reshape");
  Model unknown = old_model(
      "graph g(x: f32[...]) -> (y) { s: f32[2] = [1, 2] y = GroupNormalization(x, s, s) {num_groups=2} }",
      18);
  EXPECT_ERROR(upgrade_model(unknown), ErrorCode::kUnsupported, "the channels are not known");
}

TEST(OpsetUpgrade, ReachesIntoSubgraphs) {
  Model m = old_model(
      "graph g(c: bool[], x: f32[2,1]) -> (y) { y = If(c) {then_branch=graph t() -> (u) { u = Squeeze(x) "
      "{axes=[1]} }, "
      "else_branch=graph e() -> (v) { v = Squeeze(x) {axes=[1]} }} }",
      11);
  upgrade_model(m);
  const Graph& body = *std::get<SubgraphPtr>(*m.graph.node(m.graph.order()[0]).find("then_branch"));
  EXPECT_TRUE(body.find_value("u/axes"));
}

TEST(OpsetUpgrade, ScanOverABatchWithSequenceLengths) {
  const std::string text =
      "graph g(n: i64[2], s: f32[2,1], x: f32[2,3,1]) -> (t, y) { t, y = Scan(n, s, x) "
      "{num_scan_inputs=COUNT, "
      "body=graph b(a: f32[1], b: f32[1]) -> (c, d) { c = Add(a, b) d = Neg(c) }} }";
  const auto with = [&](const char* count) {
    std::string t = text;
    return old_model(t.replace(t.find("COUNT"), 5, count), 8);
  };
  Model m = with("1");
  upgrade_model(m);
  const Node& outer = m.graph.node(m.graph.order()[0]);
  EXPECT_EQ(outer.get_int("num_scan_inputs", 0), 3);  // the lengths come last
  EXPECT_EQ(m.graph.value(outer.inputs[2]).name, "n");
  const Graph& item = *std::get<SubgraphPtr>(*outer.find("body"));
  std::string ops;
  for (NodeId id : item.order()) ops += item.node(id).op + " ";
  EXPECT_EQ(ops, "Reshape Slice Scan Shape Sub Concat Pad ");
  for (const char* count : {"0", "-1", "3", "9223372036854775807"}) {
    Model bad = with(count);
    EXPECT_ERROR(upgrade_model(bad), ErrorCode::kMalformed, "attribute 'num_scan_inputs' is");
  }
}

TEST(OpsetUpgrade, NewestOpsetChangesNothing) {
  const std::string body = "y = Softmax(x) {axis=1}";
  expect_upgrade(27, body, body);
}

}  // namespace
}  // namespace precis::onnx_io
