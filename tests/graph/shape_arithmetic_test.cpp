// The chains that exporters write to compute shapes at run time: inference follows them, symbols included.
#include <gtest/gtest.h>

#include "tests/graph/infer_support.h"

namespace precis {
namespace {

// view(x.size(0), -1): the commonest of all
TEST(ShapeArithmetic, FlattenByShapeGatherUnsqueezeConcatReshape) {
  const char* text = R"(graph g(x: f32[N,64,2,2]) -> (y) {
    zero: i64[] = 0  axes: i64[1] = [0]  minus: i64[1] = [-1]
    s = Shape(x)
    n = Gather(s, zero)
    n1 = Unsqueeze(n, axes)
    target = Concat(n1, minus) {axis=0}
    y = Reshape(x, target)
  })";
  EXPECT_EQ(inferred(text), "f32[N,256]");
  EXPECT_EQ(inferred(text, "y", {{Shape{5, 64, 2, 2}}}), "f32[5,256]");
}

TEST(ShapeArithmetic, BatchAndSequenceAreFoldedAndUnfolded) {
  EXPECT_EQ(inferred(R"(graph g(x: f32[B,T,96]) -> (y) {
    zero: i64[1] = [0]  one: i64[1] = [1]  heads: i64[1] = [8]  minus: i64[1] = [-1]
    s = Shape(x)
    b = Slice(s, zero, one)
    two: i64[1] = [2]
    t = Slice(s, one, two)
    split = Concat(b, t, heads, minus) {axis=0}
    y = Reshape(x, split)
  })"),
            "f32[B,T,8,12]");
}

// interpolate(scale_factor=2): sizes from Shape, Cast, Mul, Floor, Cast
TEST(ShapeArithmetic, ResizeToComputedSizes) {
  const char* text = R"(graph g(x: f32[N,3,H,15]) -> (y) {
    i2: i64[] = 2  i3: i64[] = 3  axes: i64[1] = [0]  factor: f32[] = 1.5
    head_start: i64[1] = [0]  head_end: i64[1] = [2]
    s = Shape(x)
    h = Gather(s, i2)          w = Gather(s, i3)
    hf = Cast(h) {to=f32}      wf = Cast(w) {to=f32}
    hm = Mul(hf, factor)       wm = Mul(wf, factor)
    hl = Floor(hm)             wl = Floor(wm)
    hi = Cast(hl) {to=i64}     wi = Cast(wl) {to=i64}
    hu = Unsqueeze(hi, axes)   wu = Unsqueeze(wi, axes)
    head = Slice(s, head_start, head_end)
    sizes = Concat(head, hu, wu) {axis=0}
    y = Resize(x, _, _, sizes) {mode="linear"}
  })";
  EXPECT_EQ(inferred(text), "f32[N,3,?,22]");
  EXPECT_EQ(inferred(text, "y", {{Shape{1, 3, 7, 15}}}), "f32[1,3,10,22]");
}

// expand_as: where(shape == -1, 1, shape)
TEST(ShapeArithmetic, ExpandWithMaskedShape) {
  EXPECT_EQ(inferred(R"(graph g(x: f32[1,4]) -> (y) {
    want: i64[2] = [6, -1]  minus: i64[] = -1  n: i64[1] = [2]
    ones = ConstantOfShape(n) {value=tensor(i64[1], [1])}
    masked = Mul(ones, minus)
    same = Equal(want, masked)
    shape = Where(same, ones, want)
    y = Expand(x, shape)
  })"),
            "f32[6,4]");
}

TEST(ShapeArithmetic, ConstantNodesSplitsAndArithmetic) {
  EXPECT_EQ(inferred(R"(graph g(x: f32[6,10]) -> (y) {
    s = Shape(x)
    a, b = Split(s) {num_outputs=2}
    two = Constant() {value_int=2}
    three = Constant() {value_int=3}
    half = Div(b, two)
    more = Add(half, three)
    less = Sub(more, two)
    odd = Mod(b, three)
    both = Concat(less, odd, a) {axis=0}
    y = ConstantOfShape(both)
  })"),
            "f32[6,1,6]");
}

TEST(ShapeArithmetic, RangeOfALength) {
  const char* text = R"(graph g(x: f32[T,8]) -> (y) {
    zero: i64[] = 0  one: i64[] = 1
    s = Shape(x)
    t = Gather(s, zero)
    y = Range(zero, t, one)
  })";
  EXPECT_EQ(inferred(text), "i64[?]");
  EXPECT_EQ(inferred(text, "y", {{Shape{12, 8}}}), "i64[12]");
}

TEST(ShapeArithmetic, NeutralOperationsKeepSymbols) {
  EXPECT_EQ(inferred(R"(graph g(x: f32[N,8]) -> (y) {
    one: i64[] = 1  zero: i64[] = 0  start: i64[1] = [0]
    s = Shape(x)
    a = Mul(s, one)  b = Add(zero, a)  c = Div(b, one)  d = Cast(c) {to=i32}  e = Cast(d) {to=i64}
    y = ConstantOfShape(e)
  })"),
            "f32[N,8]");
}

TEST(ShapeArithmetic, OverflowAndDivisionByZeroCountAsUnknown) {
  EXPECT_EQ(inferred(R"(graph g(x: f32[2]) -> (y) {
    big: i64[3] = [9223372036854775807, 7, -9223372036854775808]  by: i64[3] = [2, 0, -1]
    m = Mul(big, by)
    d = Div(big, by)
    p: i64[1] = [1]  q: i64[1] = [2]
    seven = Slice(d, p, q)
    y = ConstantOfShape(seven)
  })"),
            "f32[?]");
}

TEST(ShapeArithmetic, FoldedValuesAreReported) {
  const Graph g =
      parse_graph(R"(graph g(x: f32[N,8]) -> (s) { s = Shape(x)  one: i64[] = 1  n = Gather(s, one) })");
  const Inference inference = infer_graph(g);
  const PartialValue& shape = inference.folded.at(g.find_value("s"));
  EXPECT_FALSE(shape.fully_known());
  EXPECT_EQ(shape.elements[0].symbol, "N");
  const PartialValue& length = inference.folded.at(g.find_value("n"));
  ASSERT_TRUE(length.fully_known());
  EXPECT_EQ(length.to_tensor().at_int(0), 8);
  EXPECT_EQ(length.to_tensor().shape().rank(), 0);
}

}  // namespace
}  // namespace precis
