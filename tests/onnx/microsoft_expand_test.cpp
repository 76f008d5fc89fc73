// Operators of com.microsoft in ONNX's own: which nodes come out, what is refused.
#include "precis/onnx/microsoft_expand.h"

#include <gtest/gtest.h>

#include "precis/core/error.h"
#include "precis/graph/text.h"

namespace precis::onnx_io {
namespace {

// The operators that a graph "x: f32[2,4]" with this body becomes, in order.
std::string expanded(const std::string& body, const std::string& inputs = "x: f32[2,4]") {
  Graph g = parse_graph("graph g(" + inputs + ") -> (y) {" + body + "}");
  expand_microsoft(g);
  std::string ops;
  for (NodeId id : g.order()) ops += (ops.empty() ? "" : " ") + g.node(id).op;
  EXPECT_TRUE(g.find_value("y")) << body;
  return ops;
}

ErrorCode refused(const std::string& body, const std::string& inputs = "x: f32[2,4]") {
  try {
    Graph g = parse_graph("graph g(" + inputs + ") -> (y) {" + body + "}");
    expand_microsoft(g);
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("node"), std::string::npos) << e.what();
    return e.code();
  }
  ADD_FAILURE() << "taken: " << body;
  return ErrorCode::kInternal;
}

TEST(MicrosoftExpand, GeluAndItsKin) {
  EXPECT_EQ(expanded("y = com.microsoft::Gelu(x)"), "Gelu");
  EXPECT_EQ(expanded("b: f32[4] = [1,2,3,4] y = com.microsoft::BiasGelu(x, b)"), "Add Gelu");
  EXPECT_EQ(expanded("b: f32[4] = [1,2,3,4] y = com.microsoft::FastGelu(x, b)"), "Add Gelu");
  EXPECT_EQ(expanded("y = com.microsoft::QuickGelu(x) {alpha=1.5}"), "Mul Sigmoid Mul");
}

TEST(MicrosoftExpand, FusedProducts) {
  const std::string w = "w: f32[4,2] = [1,2,3,4,5,6,7,8] ";
  EXPECT_EQ(expanded(w + "y = com.microsoft::FusedMatMul(x, w)"), "MatMul");
  EXPECT_EQ(expanded(w + "y = com.microsoft::FusedMatMul(w, x) {transA=1, transB=1, alpha=0.5}"),
            "Transpose Transpose MatMul Mul");
  EXPECT_EQ(expanded(w + "y = com.microsoft::FusedGemm(x, w) {activation=\"Relu\"}"), "Gemm Relu");
}

TEST(MicrosoftExpand, NormsWithSkip) {
  const std::string row = "g: f32[4] = [1,2,3,4] ";
  EXPECT_EQ(expanded(row + "y = com.microsoft::SkipLayerNormalization(x, x, g)"), "Add LayerNormalization");
  EXPECT_EQ(expanded(row + "y = com.microsoft::SkipSimplifiedLayerNormalization(x, x, g, g)"),
            "Add Add RMSNormalization");
  EXPECT_EQ(expanded(row + "y = SimplifiedLayerNormalization(x, g)"), "RMSNormalization");
}

TEST(MicrosoftExpand, ProductsQuantizedAtRunTime) {
  const std::string w = "w: i8[4,2] = [1,2,3,4,5,6,7,8] s: f32[] = 0.5 ";
  EXPECT_EQ(expanded(w + "y = com.microsoft::DynamicQuantizeMatMul(x, w, s)"),
            "DynamicQuantizeLinear MatMulInteger Cast Mul Mul");
}

// Row 0 of B holds the codes 0 1 2 ... 15, one block of 16 for each of the two columns.
TEST(MicrosoftExpand, WeightsInBlocks) {
  Graph g = parse_graph(
      "graph g(x: f32[1,16]) -> (y) {"
      "b: u8[2,1,8] = [16,50,84,118,152,186,220,254, 0,0,0,0,0,0,0,0] s: f32[2,1] = [0.5,2]"
      "y = com.microsoft::MatMulNBits(x, b, s) {K=16, N=2, bits=4, block_size=16} }");
  expand_microsoft(g);
  const Node& dq = g.node(g.order()[0]);
  ASSERT_TRUE(dq.is("DequantizeLinear"));
  EXPECT_EQ(dq.get_int("block_size", 0), 16);
  const Tensor& codes = *g.constant(dq.inputs[0]);
  EXPECT_EQ(codes.dtype(), DType::kU4);
  EXPECT_EQ(codes.shape(), Shape({16, 2}));
  for (int64_t i = 0; i < 16; ++i) {
    EXPECT_EQ(codes.at_int(2 * i), i);
    EXPECT_EQ(codes.at_int(2 * i + 1), 0);
  }
  EXPECT_EQ(g.constant(dq.inputs[2])->at_int(0), 8);
  EXPECT_TRUE(g.node(g.order()[1]).is("MatMul"));
}

TEST(MicrosoftExpand, Attention) {
  const std::string inputs = "x: f32[1,2,2], w: f32[2,6], b: f32[6], m: i32[1,2]";
  EXPECT_EQ(expanded("y = com.microsoft::Attention(x, w, b) {num_heads=1}", inputs),
            "MatMul Add Split Attention");
  EXPECT_EQ(expanded("y = com.microsoft::Attention(x, w, b, m) {num_heads=1}", inputs),
            "MatMul Add Split Cast Sub Mul Unsqueeze Attention");
}

TEST(MicrosoftExpand, Malformed) {
  EXPECT_EQ(refused("b: f32[3] = [1,2,3] y = com.microsoft::BiasGelu(x, b)"), ErrorCode::kMalformed);
  EXPECT_EQ(refused("y = com.microsoft::FusedGemm(x, x) {activation=\"Swish\"}"), ErrorCode::kMalformed);
  EXPECT_EQ(refused("y = com.microsoft::SkipLayerNormalization(x, x)"), ErrorCode::kMalformed);
  EXPECT_EQ(refused("b: u8[1] = [1] s: f32[1] = [1] y = com.microsoft::MatMulNBits(x, b, s) {K=4, N=1, "
                    "bits=3, block_size=16}"),
            ErrorCode::kMalformed);
  EXPECT_EQ(refused("b: u8[1] = [1] s: f32[1] = [1] y = com.microsoft::MatMulNBits(x, b, s) {K=4, N=1, "
                    "bits=4, block_size=16}"),
            ErrorCode::kMalformed);
  EXPECT_EQ(refused("y = com.microsoft::Attention(x, w) {num_heads=4}", "x: f32[1,2,2], w: f32[2,6]"),
            ErrorCode::kMalformed);
  EXPECT_EQ(refused("y = com.microsoft::MatMulNBits(x, b, s) {K=4, N=1, bits=4, block_size=16}",
                    "x: f32[2,4], b: u8[1,1,8], s: f32[1,1]"),
            ErrorCode::kUnsupported);
  EXPECT_EQ(refused("s: f32[] = 0.5 y = com.microsoft::QLinearSigmoid(x, s)", "x: u8[2,4]"),
            ErrorCode::kMalformed);
}

}  // namespace
}  // namespace precis::onnx_io
