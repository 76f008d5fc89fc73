// What `inspect` says of quantized models.
#include "precis/flow/quantization_summary.h"

#include <gtest/gtest.h>

#include "precis/graph/builder.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"

namespace precis::flow {
namespace {

QuantizationSummary summary_of(const std::string& text) {
  Graph g = parse_graph(text);
  infer_types(g);
  return summarize_quantization(g);
}

TEST(QuantizationSummary, DynamicProductsAndRealOnes) {
  const auto s = summary_of(R"(graph g(x: f32[2,8]) -> (y) {
  q, s, z = DynamicQuantizeLinear(x)
  w: i8[8,4] = constant(uniform, seed=1, lo=-128, hi=127)
  a = MatMulInteger(q, w, z)
  r = Cast(a) {to=1}
  v: f32[4,3] = constant(normal, seed=2)
  y = MatMul(r, v)
})");
  EXPECT_TRUE(s.any());
  EXPECT_TRUE(s.values.empty());
  EXPECT_EQ(s.run_time, 1);
  EXPECT_EQ(s.integer, 1);
  EXPECT_EQ(s.real, 1);
  EXPECT_EQ(s.integer_macs, 2 * 8 * 4);
  EXPECT_EQ(s.macs, 2 * 8 * 4 + 2 * 4 * 3);
  EXPECT_EQ(s.code_bytes, 32u);
  EXPECT_EQ(s.weight_bytes, 32u + 48u);
}

TEST(QuantizationSummary, EncodingsByKind) {
  Graph g =
      parse_graph("graph g(x: f32[2,8]) -> (y) { w: f32[8,4] = constant(normal, seed=1) y = MatMul(x, w) }");
  ValueType type;
  type.dtype = DType::kF32;
  type.shape = symbolic(Shape{8, 4});
  type.encoding = Encoding::per_axis_uniform(DType::kI8, Shape{8, 4}, 1, {1, 1, 1, 1});
  const NodeId product = g.order()[0];
  g.set_input(product, 1, g.add_encoded_constant("channels", Tensor(DType::kI8, {8, 4}), type));
  EXPECT_EQ(summarize_quantization(g).kinds(true),
            (std::map<std::string, int64_t>{{"i8 per channel (axis 1), symmetric", 1}}));
  type.encoding.code = DType::kU8;
  type.encoding.block = {4, 1};
  type.encoding.scales.assign(8, 1);
  type.encoding.zero_points.assign(8, 128);
  g.set_input(product, 1, g.add_encoded_constant("blocks", Tensor(DType::kU8, {8, 4}), type));
  const auto s = summarize_quantization(g);
  EXPECT_EQ(s.kinds(true).count("u8 in blocks of 4 (axis 0), affine"), 1u);
  EXPECT_EQ(s.weight_only, 1);
  EXPECT_EQ(s.integer, 0);
  EXPECT_FALSE(summary_of("graph g(x: f32[2]) -> (y) { y = Relu(x) }").any());
}

}  // namespace
}  // namespace precis::flow
