// Shape and type inference, operator by operator, against shapes computed by hand from the ONNX formulas.
#include <gtest/gtest.h>

#include "precis/graph/macs.h"
#include "tests/graph/infer_support.h"

namespace precis {
namespace {

struct Case {
  const char* inputs;
  const char* statements;
  const char* type;  // of y
};

class Infer : public testing::TestWithParam<Case> {};

TEST_P(Infer, GivesTheType) {
  const Case& c = GetParam();
  EXPECT_EQ(inferred_op(c.inputs, c.statements), c.type) << c.statements;
}

constexpr const char* kImage = "x: f32[N,3,32,32], w: f32[8,3,3,3]";

const Case kConvolutions[] = {
    {kImage, "y = Conv(x, w)", "f32[N,8,30,30]"},
    {kImage, "y = Conv(x, w) {pads=[1,1,1,1]}", "f32[N,8,32,32]"},
    {kImage, "y = Conv(x, w) {pads=[0,1,2,3], strides=[2,3]}",
     "f32[N,8,16,12]"},  // (32+2-3)/2+1, (32+4-3)/3+1
    {kImage, "y = Conv(x, w) {dilations=[2,4]}", "f32[N,8,28,24]"},
    {kImage, "y = Conv(x, w) {auto_pad=\"SAME_UPPER\", strides=[3,2]}", "f32[N,8,11,16]"},
    {kImage, "y = Conv(x, w) {auto_pad=\"VALID\", strides=[2,2]}", "f32[N,8,15,15]"},
    {"x: f32[N,3,H,W], w: f32[8,3,3,3]", "y = Conv(x, w) {pads=[1,1,1,1]}", "f32[N,8,H,W]"},
    {"x: f32[N,3,H,W], w: f32[8,3,3,3]", "y = Conv(x, w) {auto_pad=\"SAME_LOWER\"}", "f32[N,8,H,W]"},
    {"x: f32[N,3,H,W], w: f32[8,3,3,3]", "y = Conv(x, w) {strides=[2,2]}", "f32[N,8,?,?]"},
    {"x: f32[...], w: f32[8,3,3,3]", "y = Conv(x, w)", "f32[?,8,?,?]"},
    {"x: f32[1,8,20], w: f32[16,2,5]", "y = Conv(x, w) {group=4}", "f32[1,16,16]"},
    {"x: f32[1,4,8,8,8], w: f32[2,4,2,2,2]", "y = Conv(x, w)", "f32[1,2,7,7,7]"},
    {"x: f32[1,3,5,5], w: f32[M,3,3,3]", "y = Conv(x, w)", "f32[1,M,3,3]"},
    {"x: f32[1,1,3,3], w: f32[1,2,3,3]", "y = ConvTranspose(x, w)", "f32[1,2,5,5]"},
    {"x: f32[1,1,3,3], w: f32[1,2,3,3]", "y = ConvTranspose(x, w) {strides=[3,2], output_padding=[1,1]}",
     "f32[1,2,10,8]"},
    {"x: f32[1,1,3,3], w: f32[1,2,3,3]", "y = ConvTranspose(x, w) {strides=[3,2], output_shape=[10,8]}",
     "f32[1,2,10,8]"},
    {"x: f32[1,1,3,3], w: f32[1,2,3,3]", "y = ConvTranspose(x, w) {strides=[3,2], pads=[1,2,1,2]}",
     "f32[1,2,7,3]"},
    {"x: f32[1,1,3,3], w: f32[1,2,3,3]", "y = ConvTranspose(x, w) {strides=[2,2], auto_pad=\"SAME_UPPER\"}",
     "f32[1,2,6,6]"},
    {"x: f32[1,4,3], w: f32[4,3,2]", "y = ConvTranspose(x, w) {group=2}", "f32[1,6,4]"},
    {"x: u8[1,1,3,3], w: i8[2,1,2,2]", "z: u8[] = 1 y = ConvInteger(x, w, z)", "i32[1,2,2,2]"},
    {"x: u8[1,1,3,3], w: i8[2,1,2,2]",
     "s: f32[] = 0.1 z: u8[] = 1 sw: f32[2] = [0.1, 0.2] zw: i8[2] = [0, 0] zy: i8[] = 3 b: i32[2] = [1, 2] "
     "y = QLinearConv(x, s, z, w, sw, zw, s, zy, b)",
     "i8[1,2,2,2]"},
};

const Case kProducts[] = {
    {"a: f32[2,3], b: f32[3,4]", "y = MatMul(a, b)", "f32[2,4]"},
    {"a: f32[B,T,8], b: f32[8,16]", "y = MatMul(a, b)", "f32[B,T,16]"},
    {"a: f32[5,1,2,3], b: f32[7,3,4]", "y = MatMul(a, b)", "f32[5,7,2,4]"},
    {"a: f32[3], b: f32[3,4]", "y = MatMul(a, b)", "f32[4]"},
    {"a: f32[2,3], b: f32[3]", "y = MatMul(a, b)", "f32[2]"},
    {"a: f32[3], b: f32[3]", "y = MatMul(a, b)", "f32[]"},
    {"a: u8[2,3], b: i8[3,4]", "y = MatMulInteger(a, b)", "i32[2,4]"},
    {"a: u8[2,3], b: i8[3,4]",
     "s: f32[] = 0.1 za: u8[] = 1 zb: i8[] = 0 y = QLinearMatMul(a, s, za, b, s, zb, s, za)", "u8[2,4]"},
    {"a: f32[N,3], b: f32[4,3], c: f32[4]", "y = Gemm(a, b, c) {transB=1}", "f32[N,4]"},
    {"a: f32[3,2], b: f32[3,4], c: f32[2,1]", "y = Gemm(a, b, c) {transA=1}", "f32[2,4]"},
    {"a: f32[...], b: f32[3,4]", "y = Gemm(a, b)", "f32[?,4]"},
};

const Case kPools[] = {
    {"x: f32[1,3,32,32]", "y = MaxPool(x) {kernel_shape=[2,2], strides=[2,2]}", "f32[1,3,16,16]"},
    {"x: f32[1,1,4,4]", "y = MaxPool(x) {kernel_shape=[3,3], strides=[2,2], ceil_mode=1}", "f32[1,1,2,2]"},
    {"x: f32[1,1,4,4]", "y = MaxPool(x) {kernel_shape=[2,2], dilations=[2,2]}", "f32[1,1,2,2]"},
    {"x: f32[1,1,5]", "y = MaxPool(x) {kernel_shape=[2], strides=[2], ceil_mode=1}", "f32[1,1,3]"},
    {"x: f32[1,1,5]", "y = MaxPool(x) {kernel_shape=[2], strides=[2], ceil_mode=1, auto_pad=\"VALID\"}",
     "f32[1,1,2]"},
    {"x: f32[1,1,5]", "y = MaxPool(x) {kernel_shape=[2], auto_pad=\"\"}", "f32[1,1,4]"},
    // ceil gives 3, but the third window would start at 4 = length + begin: left out
    {"x: f32[1,1,2,2]", "y = AveragePool(x) {kernel_shape=[1,1], strides=[2,2], pads=[0,0,1,1], ceil_mode=1}",
     "f32[1,1,1,1]"},
    {"x: f32[1,1,5,5]",
     "y = AveragePool(x) {kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], count_include_pad=1}",
     "f32[1,1,3,3]"},
    {"x: f32[1,1,5,H]", "y = LpPool(x) {kernel_shape=[3,3], auto_pad=\"SAME_UPPER\"}", "f32[1,1,5,H]"},
    {"x: u8[1,1,4]", "y = MaxPool(x) {kernel_shape=[2]}", "u8[1,1,3]"},
    {"x: f32[N,7,H,W]", "y = GlobalAveragePool(x)", "f32[N,7,1,1]"},
    {"x: f32[N,7,9]", "y = GlobalMaxPool(x)", "f32[N,7,1]"},
    {"x: f32[N,7,9]", "y = GlobalLpPool(x) {p=1}", "f32[N,7,1]"},
    {"x: f32[1,1,2,2], i: i64[1,1,2,2]", "y = MaxUnpool(x, i) {kernel_shape=[2,2], strides=[2,2]}",
     "f32[1,1,4,4]"},
    {"x: f32[1,1,2,2], i: i64[1,1,2,2]",
     "s: i64[4] = [1,1,5,5] y = MaxUnpool(x, i, s) {kernel_shape=[2,2], strides=[2,2]}", "f32[1,1,5,5]"},
};

const Case kFunctions[] = {
    {"x: f32[N,4,2], s: f32[4], v: f32[4]", "y = BatchNormalization(x, s, s, s, v)", "f32[N,4,2]"},
    {"x: f32[N,4,2], s: f32[4], v: f32[4]", "a, y, c = BatchNormalization(x, s, s, s, v) {training_mode=1}",
     "f32[4]"},
    {"x: f32[N,4,2], s: f32[4]", "y = InstanceNormalization(x, s, s)", "f32[N,4,2]"},
    {"x: f32[2,3,4], s: f32[3,4]", "a, y = LayerNormalization(x, s) {axis=-2}", "f32[2,1,1]"},
    {"x: f32[2,3,4]", "y = LRN(x) {size=5}", "f32[2,3,4]"},
    {"x: f32[N,4,2], s: f32[4]", "y = GroupNormalization(x, s, s) {num_groups=2}", "f32[N,4,2]"},
    {"x: f32[N,4,2], s: f32[2]", "y = RMSNormalization(x, s)", "f32[N,4,2]"},
    {"x: f32[N,4,2]", "y = LpNormalization(x) {p=1}", "f32[N,4,2]"},
    {"x: f32[2,3]", "y = Shrink(x) {lambd=0.1}", "f32[2,3]"},
    {"x: f16[2,3]", "y = Relu(x)", "f16[2,3]"},
    {"x: f32[2,3]", "lo: f32[] = 0 hi: f32[] = 6 y = Clip(x, lo, hi)", "f32[2,3]"},
    {"x: f32[2,3]", "hi: f32[] = 6 y = Clip(x, _, hi)", "f32[2,3]"},
    {"x: f32[2,3], s: f32[3]", "y = PRelu(x, s)", "f32[2,3]"},
    {"x: f32[2,3]", "y = Gelu(x) {approximate=\"tanh\"}", "f32[2,3]"},
    {"x: f32[2,3]", "y = Softmax(x) {axis=-2}", "f32[2,3]"},
    {"x: f32[2,3]", "y = IsInf(x) {detect_negative=0}", "bool[2,3]"},
    {"x: f32[2,3]", "y = IsNaN(x)", "bool[2,3]"},
    {"x: i32[2,3]", "y = Abs(x)", "i32[2,3]"},
    {"a: f32[2,1,4], b: f32[3,1]", "y = Add(a, b)", "f32[2,3,4]"},
    {"a: f32[N,1], b: f32[N,5]", "y = Mul(a, b)", "f32[N,5]"},
    {"a: f32[N,4], b: f32[1]", "y = Sub(a, b)", "f32[N,4]"},
    {"a: f32[N,4], b: f32[M,4]", "y = Div(a, b)", "f32[?,4]"},
    {"a: f32[N,4], b: f32[3,4]", "y = Div(a, b)", "f32[3,4]"},  // N can only be 3 or 1
    {"a: f32[2], b: i64[2]", "y = Pow(a, b)", "f32[2]"},
    {"a: f32[2]", "y = Mod(a, a) {fmod=1}", "f32[2]"},
    {"a: f32[2,1], b: f32[3], c: f32[4,1,1]", "y = Max(a, b, c)", "f32[4,2,3]"},
    {"a: f32[2,1]", "y = Sum(a)", "f32[2,1]"},
    {"a: u8[4], b: u8[4]", "y = BitShift(a, b) {direction=\"LEFT\"}", "u8[4]"},
    {"a: i32[4], b: i32[1]", "y = BitwiseXor(a, b)", "i32[4]"},
    {"a: f32[2,3], b: f32[3]", "y = Less(a, b)", "bool[2,3]"},
    {"a: bool[2,3], b: bool[3]", "y = Xor(a, b)", "bool[2,3]"},
    {"c: bool[2,1], a: f32[3], b: f32[]", "y = Where(c, a, b)", "f32[2,3]"},
};

const Case kShapes[] = {
    {"x: f32[2,3,4]", "s: i64[2] = [-1, 4] y = Reshape(x, s)", "f32[6,4]"},
    {"x: f32[2,3,4]", "s: i64[3] = [0, 0, -1] y = Reshape(x, s)", "f32[2,3,4]"},
    {"x: f32[2,0,4]", "s: i64[2] = [0, 7] y = Reshape(x, s) {allowzero=1}", "f32[0,7]"},
    {"x: f32[1]", "s: i64[0] = [] y = Reshape(x, s)", "f32[]"},
    {"x: f32[N,3,4]", "s: i64[2] = [-1, 12] y = Reshape(x, s)", "f32[N,12]"},
    {"x: f32[N,3,4]", "s: i64[2] = [0, -1] y = Reshape(x, s)", "f32[N,12]"},
    {"x: f32[N,3,4]", "s: i64[2] = [-1, 6] y = Reshape(x, s)", "f32[?,6]"},
    {"x: f32[N,3,4], s: i64[3]", "y = Reshape(x, s)", "f32[?,?,?]"},
    {"x: f32[N,3,4], s: i64[n]", "y = Reshape(x, s)", "f32[...]"},
    {"x: f32[N,3,4]", "y = Flatten(x)", "f32[N,12]"},
    {"x: f32[2,3,4]", "y = Flatten(x) {axis=0}", "f32[1,24]"},
    {"x: f32[2,3,4]", "y = Flatten(x) {axis=-1}", "f32[6,4]"},
    {"x: f32[1,3,1,N]", "a: i64[2] = [0, -2] y = Squeeze(x, a)", "f32[3,N]"},
    {"x: f32[1,3,1]", "y = Squeeze(x)", "f32[3]"},
    {"x: f32[1,3,N]", "y = Squeeze(x)", "f32[...]"},
    {"x: f32[3,N]", "a: i64[2] = [0, -1] y = Unsqueeze(x, a)", "f32[1,3,N,1]"},
    {"x: f32[2,3,N]", "y = Transpose(x)", "f32[N,3,2]"},
    {"x: f32[2,3,N]", "y = Transpose(x) {perm=[0,2,1]}", "f32[2,N,3]"},
    {"x: f32[3,1]", "s: i64[3] = [2, 1, 4] y = Expand(x, s)", "f32[2,3,4]"},
    {"x: f32[N,3,4]", "y = Shape(x) {start=1}", "i64[2]"},
    {"x: f32[N,3,4]", "y = Shape(x) {start=-1, end=-2}", "i64[0]"},
    {"x: f32[N,3,4]", "y = Size(x)", "i64[]"},
    {"x: f32[2,N]", "y = Concat(x, x) {axis=0}", "f32[4,N]"},
    {"x: f32[2,N], z: f32[2,3]", "y = Concat(x, z) {axis=-1}", "f32[2,?]"},
    {"x: f32[N,3], z: f32[2,3]", "y = Concat(x, z) {axis=1}", "f32[2,6]"},
    {"x: f32[7,2]", "y, b, c = Split(x) {num_outputs=3}", "f32[3,2]"},
    {"x: f32[7,2]", "a, b, y = Split(x) {num_outputs=3}", "f32[1,2]"},
    {"x: f32[2,7]", "s: i64[2] = [3, 4] a, y = Split(x, s) {axis=1}", "f32[2,4]"},
    {"x: f32[2,N]", "a, y = Split(x) {axis=1, num_outputs=2}", "f32[2,?]"},
    {"x: f32[10,N]", "s: i64[1] = [2] e: i64[1] = [-1] y = Slice(x, s, e)", "f32[7,N]"},
    {"x: f32[10]",
     "s: i64[1] = [-1] e: i64[1] = [-9223372036854775807] a: i64[1] = [0] t: i64[1] = [-3] y = Slice(x, s, "
     "e, a, t)",
     "f32[4]"},
    {"x: f32[10]", "s: i64[1] = [7] e: i64[1] = [3] y = Slice(x, s, e)", "f32[0]"},
    {"x: f32[10,N]",
     "s: i64[1] = [0] e: i64[1] = [9223372036854775807] a: i64[1] = [1] y = Slice(x, s, e, a)", "f32[10,N]"},
    {"x: f32[10,N], s: i64[1]", "e: i64[1] = [3] a: i64[1] = [0] y = Slice(x, s, e, a)", "f32[?,N]"},
    {"x: f32[1,3]", "p: i64[4] = [0, 1, 2, -2] y = Pad(x, p)", "f32[3,2]"},
    {"x: f32[N,3]", "p: i64[2] = [1, 1] v: f32[] = 0 a: i64[1] = [-1] y = Pad(x, p, v, a) {mode=\"edge\"}",
     "f32[N,5]"},
    {"x: f32[2,N]", "r: i64[2] = [3, 1] y = Tile(x, r)", "f32[6,N]"},
    {"x: f32[N,12,2,3]", "y = DepthToSpace(x) {blocksize=2}", "f32[N,3,4,6]"},
    {"x: f32[N,3,4,6]", "y = SpaceToDepth(x) {blocksize=2}", "f32[N,12,2,3]"},
    {"x: f32[N,4,6]", "y = Trilu(x) {upper=0}", "f32[N,4,6]"},
    {"x: f32[2,3,4], i: i64[5,6]", "y = Gather(x, i) {axis=1}", "f32[2,5,6,4]"},
    {"x: f32[2,3,4], i: i64[]", "y = Gather(x, i)", "f32[3,4]"},
    {"x: f32[2,3], i: i64[2,1]", "y = GatherElements(x, i) {axis=1}", "f32[2,1]"},
    {"x: f32[2,3,4], i: i64[2,5,1]", "y = GatherND(x, i) {batch_dims=1}", "f32[2,5,4]"},
    {"x: f32[2,3,4], i: i64[5,2]", "y = GatherND(x, i)", "f32[5,4]"},
    {"x: f32[2,3,4], i: i64[5,2], u: f32[5,4]", "y = ScatterND(x, i, u) {reduction=\"add\"}", "f32[2,3,4]"},
    {"x: f32[2,3], i: i64[1,2], u: f32[1,2]", "y = ScatterElements(x, i, u)", "f32[2,3]"},
};

const Case kOthers[] = {
    {"x: f32[1,3,5,5]", "s: f32[4] = [1, 1, 2, 1.5] y = Resize(x, _, s)", "f32[1,3,10,7]"},
    {"x: f32[N,3,5,5]", "s: i64[4] = [1, 3, 7, 9] y = Resize(x, _, _, s) {mode=\"cubic\"}", "f32[1,3,7,9]"},
    {"x: f32[N,3,5,W]", "s: f32[2] = [2, 2] y = Resize(x, _, s) {axes=[2,3]}", "f32[N,3,10,?]"},
    {"x: f32[1,1,4,8]",
     "s: i64[2] = [2, 2] y = Resize(x, _, _, s) {axes=[2,3], keep_aspect_ratio_policy=\"not_larger\"}",
     "f32[1,1,1,2]"},
    {"x: f32[1,1,4,8]",
     "s: i64[2] = [2, 2] y = Resize(x, _, _, s) {axes=[2,3], keep_aspect_ratio_policy=\"not_smaller\"}",
     "f32[1,1,2,4]"},
    {"x: f32[1,4]",
     "r: f32[4] = [0, 0.25, 1, 0.75] s: f32[2] = [1, 3] y = Resize(x, r, s) "
     "{coordinate_transformation_mode=\"tf_crop_and_resize\"}",
     "f32[1,6]"},
    {"x: f32[N,3,4]", "a: i64[1] = [-1] y = ReduceMean(x, a)", "f32[N,3,1]"},
    {"x: f32[N,3,4]", "a: i64[2] = [1, 2] y = ReduceMax(x, a) {keepdims=0}", "f32[N]"},
    {"x: f32[N,3,4]", "y = ReduceSum(x) {keepdims=0}", "f32[]"},
    {"x: f32[N,3,4]", "y = ReduceL2(x) {noop_with_empty_axes=1}", "f32[N,3,4]"},
    {"x: f32[N,3,4], a: i64[2]", "y = ReduceProd(x, a)", "f32[?,?,?]"},
    {"x: f32[N,3,4]", "y = ArgMax(x) {axis=1, keepdims=0}", "i64[N,4]"},
    {"x: f32[N,30]", "k: i64[1] = [5] a, y = TopK(x, k)", "i64[N,5]"},
    {"x: f32[N,30]", "y = NonZero(x)", "i64[2,?]"},
    {"i: i64[N]", "d: i64[] = 10 v: f32[2] = [0, 1] y = OneHot(i, d, v)", "f32[N,10]"},
    {"x: f32[2,3]", "a: i32[] = 1 y = CumSum(x, a) {reverse=1}", "f32[2,3]"},
    {"x: f32[2,3]", "a: i32[] = 1 y = CumProd(x, a)", "f32[2,3]"},
    {"x: f32[N,3], c: bool[3]", "y = Compress(x, c) {axis=1}", "f32[N,?]"},
    {"x: f32[N,3], c: bool[6]", "y = Compress(x, c)", "f32[?]"},
    {"x: f32[T,B,8], l: i64[B]", "y = ReverseSequence(x, l)", "f32[T,B,8]"},
    {"x: f32[N,2]", "y = Cast(x) {to=i64}", "i64[N,2]"},
    {"x: f32[N,2], t: f16[1]", "y = CastLike(x, t)", "f16[N,2]"},
    {"x: f32[N,2]", "s: f32[] = 0.1 y = QuantizeLinear(x, s)", "u8[N,2]"},
    {"x: f32[N,2]", "s: f32[2] = [0.1, 0.2] z: i8[2] = [0, 0] y = QuantizeLinear(x, s, z)", "i8[N,2]"},
    {"x: f32[2,6]",
     "s: f32[2,2] = [1, 2, 3, 4] y = QuantizeLinear(x, s) {axis=1, block_size=3, output_dtype=i4}",
     "i4[2,6]"},
    {"x: u8[N,2]", "s: f32[] = 0.1 z: u8[] = 3 y = DequantizeLinear(x, s, z)", "f32[N,2]"},
    {"x: f32[N,2]", "y, s, z = DynamicQuantizeLinear(x)", "u8[N,2]"},
    {"x: f32[N,2]", "y: f32[...] @ u8(scale=0.1, zp=3) = precis::Quantize(x)",
     "f32[N,2] @ u8(scale=0.1, zp=3)"},
    {"x: f32[N,2] @ u8(scale=0.1)", "y = precis::Dequantize(x)", "f32[N,2]"},
    {"x: f32[N,2] @ u8(scale=0.1)", "y: f32[...] @ u8(scale=0.1) = Relu(x)", "f32[N,2] @ u8(scale=0.1)"},
    {"x: f32[1]", "y = Constant() {value_ints=[1,2,3]}", "i64[3]"},
    {"x: f32[1]", "y = Constant() {value=tensor(f16[2], [1, 2])}", "f16[2]"},
    {"x: f32[1]", "y = Constant() {value_float=1.0}", "f32[]"},
    {"x: f32[1]", "s: i64[2] = [3, 4] y = ConstantOfShape(s) {value=tensor(i32[1], [7])}", "i32[3,4]"},
    {"s: i64[2]", "y = ConstantOfShape(s)", "f32[?,?]"},
    {"x: f32[1]", "a: i64[] = 10 b: i64[] = 3 c: i64[] = -2 y = Range(a, b, c)", "i64[4]"},
    {"a: f32[]", "y = Range(a, a, a)", "f32[?]"},
    {"x: f32[3,4]", "y = EyeLike(x) {dtype=bool}", "bool[3,4]"},
    {"x: f32[3,4]", "a, y = Dropout(x)", "bool[3,4]"},
    {"x: f32[3,4]", "y = Identity(x)", "f32[3,4]"},
};

INSTANTIATE_TEST_SUITE_P(Convolutions, Infer, testing::ValuesIn(kConvolutions));
INSTANTIATE_TEST_SUITE_P(Products, Infer, testing::ValuesIn(kProducts));
INSTANTIATE_TEST_SUITE_P(Pools, Infer, testing::ValuesIn(kPools));
INSTANTIATE_TEST_SUITE_P(Functions, Infer, testing::ValuesIn(kFunctions));
INSTANTIATE_TEST_SUITE_P(Shapes, Infer, testing::ValuesIn(kShapes));
INSTANTIATE_TEST_SUITE_P(Others, Infer, testing::ValuesIn(kOthers));

// The smallest body for an operator that holds one.
SubgraphPtr small_body(const std::string& op) {
  if (op == "If") return SubgraphPtr(parse_graph("graph b() -> (v) { v: f32[] = 1 }"));
  if (op == "Loop") return SubgraphPtr(parse_graph("graph b(i: i64[], c: bool[]) -> (c) {}"));
  return SubgraphPtr(parse_graph("graph b(s: f32[]) -> (s) {}"));
}

TEST(InferGraph, EveryDeclaredOperatorCanRunOnUnknownTypes) {
  for (const OpDecl* decl : all_ops()) {
    Graph g;
    Node n;
    n.domain = decl->domain;
    n.op = decl->op;
    // Some of com.microsoft need inputs behind ones that may be omitted.
    const bool all = n.domain == kMicrosoft && decl->max_inputs > 0;
    for (int i = 0; i < (all ? decl->max_inputs : decl->min_inputs); ++i)
      n.inputs.push_back(g.add_input("i" + std::to_string(i), {}));
    for (int i = 0; i < decl->min_outputs; ++i) n.outputs.push_back(g.add_value("o" + std::to_string(i)));
    for (const AttrDecl& a : decl->attributes) {
      if (!a.required) continue;
      if (a.kind == AttrKind::kInt) n.attributes[a.name] = int64_t{1};
      if (a.kind == AttrKind::kInts) n.attributes[a.name] = std::vector<int64_t>{1};
      if (a.kind == AttrKind::kString) n.attributes[a.name] = std::string("LEFT");
      if (a.kind == AttrKind::kTensor) n.attributes[a.name] = Tensor::from<float>({1}, {1});
      if (a.kind == AttrKind::kGraph) n.attributes[a.name] = small_body(n.op);
      if (std::string_view(a.name) == "captures") n.attributes[a.name] = int64_t{0};
    }
    if (n.op == "Optional") n.attributes["type"] = ValueType{DType::kF32};
    if (n.op == "MaxRoiPool") n.attributes["pooled_shape"] = std::vector<int64_t>{1, 1};
    if (n.op == "MatMulNBits") n.attributes["block_size"] = int64_t{16};
    if (n.op == "STFT") n.inputs.push_back(g.add_input("window", {}));
    if (n.op == "TfIdfVectorizer") n.attributes["mode"] = std::string("TF");
    if (n.op == "TreeEnsemble")
      for (const char* ids :
           {"leaf_targetids", "nodes_featureids", "nodes_falsenodeids", "nodes_truenodeids", "tree_roots"})
        n.attributes[ids] = std::vector<int64_t>{0};
    if (n.op == "Constant") n.attributes["value_int"] = int64_t{1};
    if (n.op == "LinearAttention") n.attributes["update_rule"] = std::string("linear");
    if (n.op == "Resize") n.inputs = {n.inputs[0], {}, g.add_input("scales", {})};
    ValueType encoded;
    encoded.encoding = Encoding::per_tensor_uniform(DType::kU8, 1, 0);
    if (n.op == "Quantize" || n.op == "Requantize") g.value(n.outputs[0]).type = encoded;
    g.set_outputs(n.outputs);
    const NodeId id = g.add_node(std::move(n));
    EXPECT_NO_THROW(infer_types(g)) << decl->op;
    EXPECT_TRUE(schema_errors(*decl, g.node(id)).empty()) << decl->op;
  }
}

TEST(InferGraph, RegistryIsSortedAndComplete) {
  const auto ops = all_ops();
  EXPECT_GT(ops.size(), 130u);
  for (size_t i = 1; i < ops.size(); ++i) {
    const std::pair<std::string_view, std::string_view> a{ops[i - 1]->domain, ops[i - 1]->op},
        b{ops[i]->domain, ops[i]->op};
    EXPECT_LT(a, b);
  }
  for (const OpDecl* decl : ops) EXPECT_EQ(find_op(decl->domain, decl->op), decl);
  EXPECT_EQ(find_op("", "NoSuchOp"), nullptr);
  EXPECT_EQ(find_op("precis", "Conv"), nullptr);
  EXPECT_TRUE(is_onnx_op("LSTM"));
  EXPECT_TRUE(is_onnx_op("Conv"));
  EXPECT_FALSE(is_onnx_op("Rleu"));
}

TEST(InferGraph, InputShapesBindSymbols) {
  const std::string text =
      "graph g(x: f32[N,3,H,8], m: f32[N,H]) -> (y) { w: f32[4,3,3,3] = constant(fill)  y = Conv(x, w) "
      "{pads=[1,1,1,1]}"
      "  z: f32[H,?] = Foo(m) }";
  const InferOptions options{{Shape{2, 3, 16, 8}, Shape{2, 16}}};
  EXPECT_EQ(inferred(text, "y", options), "f32[2,4,16,8]");
  EXPECT_EQ(inferred(text, "z", options), "f32[16,?]");
  Graph g = parse_graph(text);
  EXPECT_THROW(infer_types(g, {{Shape{1}}}), Error);
}

TEST(InferGraph, DeclarationsFillWhatInferenceLeavesOpenAndLoseContradictions) {
  EXPECT_EQ(inferred("graph g(x: f32[2,3]) -> (y) { y: i64[2,17] = NonZero(x) }"), "i64[2,17]");
  EXPECT_EQ(inferred("graph g(x: f32[2,3]) -> (y) { y: i64[2,count] = NonZero(x) }"), "i64[2,count]");
  EXPECT_EQ(inferred("graph g(x: f32[2,3]) -> (y) { y: f16[5] = Relu(x) }"), "f32[2,3]");
  EXPECT_EQ(inferred("graph g(x: f32[2,3]) -> (y) { y: f16[5] = Unknown(x) }"), "f16[5]");
}

TEST(InferGraph, MacsAreCounted) {
  const auto macs = [](const std::string& text) {
    Graph g = parse_graph(text);
    return count_macs(g).total;
  };
  EXPECT_EQ(macs("graph g(x: f32[1,3,8,8], w: f32[4,3,3,3]) -> (y) { y = Conv(x, w) {pads=[1,1,1,1]} }"),
            4 * 64 * 27);
  EXPECT_EQ(macs("graph g(x: f32[1,4,8,8], w: f32[4,1,3,3]) -> (y) { y = Conv(x, w) {group=4} }"),
            4 * 36 * 9);
  EXPECT_EQ(macs("graph g(x: f32[1,2,3,3], w: f32[2,5,2,2]) -> (y) { y = ConvTranspose(x, w) }"), 18 * 5 * 4);
  EXPECT_EQ(macs("graph g(a: f32[7,2,3], b: f32[3,4]) -> (y) { y = MatMul(a, b) }"), 7 * 2 * 4 * 3);
  EXPECT_EQ(macs("graph g(a: f32[3,2], b: f32[4,3]) -> (y) { y = Gemm(a, b) {transA=1, transB=1} }"),
            2 * 4 * 3);
  EXPECT_EQ(macs("graph g(a: f32[N,3], b: f32[3,4]) -> (y) { y = MatMul(a, b) }"), 12);  // one sample
  EXPECT_EQ(macs("graph g(x: f32[2,3]) -> (y) { y = Relu(x) }"), 0);
}

}  // namespace
}  // namespace precis
