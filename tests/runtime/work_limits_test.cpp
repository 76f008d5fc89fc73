// Operators whose work grows faster than their tensors: what they count, on both sides of the limit, and that
// it is said before the work begins. And what is cheap by a better algorithm than the definition's.
#include "precis/core/limits.h"
#include "tests/runtime/run_op.h"
#include "tests/support/expect_error.h"
#include "tests/support/limits_scope.h"

namespace precis::test {
namespace {

class WorkLimits : public testing::Test {
 protected:
  // The node takes this many steps, exactly.
  void expect_steps(int64_t steps, const std::string& inputs, const std::string& statements,
                    const std::vector<Tensor>& values) {
    allow(steps);
    EXPECT_NO_THROW(run_op(inputs, statements, values)) << statements;
    allow(steps - 1);
    EXPECT_ERROR(run_op(inputs, statements, values), ErrorCode::kLimit, "allowed for one operator");
    allow(before_.max_operator_steps);
  }

 private:
  void allow(int64_t steps) {
    Limits l = before_;
    l.max_operator_steps = steps;
    set_limits(l);
  }
  const LimitsScope scope_;
  const Limits before_ = limits();
};

Tensor filled(Shape shape, float value = 1) {
  Tensor t(DType::kF32, std::move(shape));
  for (float& v : t.data<float>()) v = value;
  return t;
}

TEST_F(WorkLimits, RegionsOfInterest) {
  // 2 regions, 3 channels, 2 x 1 bins of 2 x 2 points, four pixels each.
  expect_steps(2 * 3 * 2 * 4 * 4, "x: f32[1,3,8,8], r: f32[2,4]",
               "b: i64[2] = [0,0] y = RoiAlign(x, r, b) {sampling_ratio=2, output_height=2}",
               {filled({1, 3, 8, 8}), floats({2, 4}, {0, 0, 4, 4, 1, 1, 7, 7})});
  // 2 regions, 3 channels, 4 x 4 pixels.
  expect_steps(2 * 3 * 16, "x: f32[1,3,4,4], r: f32[2,5]", "y = MaxRoiPool(x, r) {pooled_shape=[1,1]}",
               {filled({1, 3, 4, 4}), floats({2, 5}, {0, 0, 0, 3, 3, 0, 0, 0, 3, 3})});
}

TEST_F(WorkLimits, BoxesThatAreCompared) {
  // Four boxes apart: the second is compared with one, the third with two, the fourth with three.
  expect_steps(
      6, "b: f32[1,4,4], s: f32[1,1,4]", "k: i64[] = 9 y = NonMaxSuppression(b, s, k)",
      {floats({1, 4, 4}, {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7}), floats({1, 1, 4}, {4, 3, 2, 1})});
}

TEST_F(WorkLimits, Transforms) {
  expect_steps(2 * 8 * 4, "x: f32[2,8,1]", "y = DFT(x)", {filled({2, 8, 1})});   // log2(2 * 8) = 4
  expect_steps(16 * 5 * 3, "x: f32[1,7,1]", "y = DFT(x)", {filled({1, 7, 1})});  // three of 16
  expect_steps(5 * 4 * 3, "x: f32[1,8,1]", "s: i64[] = 1 n: i64[] = 4 y = STFT(x, s, _, n)",
               {filled({1, 8, 1})});
}

TEST_F(WorkLimits, Windows) {
  for (const char* op : {"MaxPool", "AveragePool", "LpPool"})
    expect_steps(2 * 3 * 4 * 5, "x: f32[2,3,8]", std::string("y = ") + op + "(x) {kernel_shape=[5]}",
                 {filled({2, 3, 8})});
  // A window larger than its input looks at the input only.
  expect_steps(7 * 4, "x: f32[1,1,4]", "y = MaxPool(x) {kernel_shape=[100], pads=[51,51]}",
               {filled({1, 1, 4})});
  expect_steps(2 * 6 * 5 * 3, "x: f32[2,6,5]", "y = LRN(x) {size=3}", {filled({2, 6, 5})});
  expect_steps(2 * 6 * 5 * 6, "x: f32[2,6,5]", "y = LRN(x) {size=1000}", {filled({2, 6, 5})});
}

TEST_F(WorkLimits, GramsAreSoughtNoLongerThanThoseOfThePool) {
  const std::string op =
      "y = TfIdfVectorizer(x) {mode=\"TF\", min_gram_length=1, max_gram_length=100, max_skip_count=1, "
      "ngram_counts=[0,1], ngram_indexes=[0,1], pool_int64s=[1,1,2]}";
  // Five items alone, then pairs of neighbours (four) and with one between them (three).
  expect_steps(20 * (5 + 2 * 4 + 2 * 3), "x: i64[5]", op, {longs({5}, {1, 2, 1, 2, 3})});
  EXPECT_THAT(numbers(run_op("x: i64[5]", op, {longs({5}, {1, 2, 1, 2, 3})})), testing::ElementsAre(2, 2));
}

// Any number of groups divides no channels.
TEST(Work, GroupsOfNothingAreNotCounted) {
  EXPECT_EQ(run_op("x: f32[2,0,3], s: f32[0], b: f32[0]",
                   "y = GroupNormalization(x, s, b) {num_groups=1099511627776}",
                   {filled({2, 0, 3}), filled({0}), filled({0})})
                .shape(),
            (Shape{2, 0, 3}));
}

// 10^15 products by the definition.
TEST(Work, LettersOfOneOperandAreSummedFirst) {
  const Tensor x = filled({100, 100, 10});
  EXPECT_THAT(numbers(run_op("x: f32[100,100,10]", "y = Einsum(x, x, x) {equation=\"abc,def,ghi->c\"}", {x})),
              testing::Each(testing::DoubleNear(1e4 * 1e5 * 1e5, 1e8)));
  EXPECT_THAT(numbers(run_op("x: f32[2,2], z: f32[2,3]", "y = Einsum(x, z) {equation=\"ab,cd->ac\"}",
                             {floats({2, 2}, {1, 2, 3, 4}), floats({2, 3}, {1, 2, 3, 4, 5, 6})})),
              testing::ElementsAre(18, 45, 42, 105));
}

}  // namespace
}  // namespace precis::test
