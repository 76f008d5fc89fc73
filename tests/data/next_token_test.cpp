// Sequences judged token by token: data option task=next-token, and the likelihood of the labels.
#include <cmath>

#include "precis/data/metrics.h"
#include "precis/data/next_token.h"
#include "precis/data/source.h"
#include "tests/data/data_test_support.h"

namespace precis::data {
namespace {

using namespace test;
using ::testing::ElementsAre;

std::string tokens(const TempFolder& folder) {
  return folder.write("t.npy", npy("<i8", "(3, 4)", raw<int64_t>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})));
}

InputSpec token_input(std::vector<int64_t> dims) { return {"tokens", DType::kI64, std::move(dims)}; }

TEST(NextToken, AllButTheLastGoInAllButTheFirstAreLabels) {
  const TempFolder folder;
  for (const int64_t length : {int64_t{-1}, int64_t{3}}) {
    const SourcePtr source = open(tokens(folder) + ",task=next-token", {token_input({-1, length})});
    ASSERT_EQ(source->size(), 3);
    EXPECT_TRUE(source->labelled());
    const Sample s = source->get(1);
    EXPECT_EQ(s.inputs[0].shape(), (Shape{1, 3}));
    EXPECT_EQ(s.inputs[0].data<int64_t>()[2], 7);
    EXPECT_THAT(s.labels, ElementsAre(6, 7, 8));
    EXPECT_TRUE(s.sequence);
  }
}

TEST(NextToken, RowsThatFillABatchDoNotCountTwice) {
  const TempFolder folder;
  const SourcePtr source = open(tokens(folder) + ",task=next-token", {token_input({2, 3})});
  ASSERT_EQ(source->size(), 2);
  EXPECT_THAT(source->get(0).labels, ElementsAre(2, 3, 4, 6, 7, 8));
  EXPECT_THAT(source->get(1).labels, ElementsAre(10, 11, 12, -1, -1, -1));
  EXPECT_EQ(source->get(1).inputs[0].shape(), (Shape{2, 3}));
}

// Two rows of tokens with a mask of four bits each: packed, its rows do not begin at whole bytes.
class MaskedTokens : public DataSource {
 public:
  int64_t size() const override { return 1; }
  uint64_t content_hash(int64_t) const override { return 0; }
  bool labelled() const override { return false; }
  std::string describe() const override { return "masked tokens"; }
  Sample get(int64_t) const override {
    Sample s;
    s.inputs = {Tensor::from<int64_t>(Shape{2, 3}, {1, 2, 3, 4, 5, 6}),
                Tensor::from<int64_t>(Shape{2, 3}, {7, 6, 5, 4, 3, 2}).cast(DType::kU4)};
    return s;
  }
};

TEST(NextToken, MasksOfLessThanAByteLoseTheirLastColumnToo) {
  const SourcePtr source =
      next_tokens(std::make_shared<MaskedTokens>(), {token_input({2, 2}), {"mask", DType::kU4, {2, 2}}});
  const Tensor mask = source->get(0).inputs[1];
  EXPECT_EQ(mask.dtype(), DType::kU4);
  EXPECT_EQ(mask.shape(), (Shape{2, 2}));
  std::vector<int64_t> values;
  for (int64_t i = 0; i < 4; ++i) values.push_back(mask.at_int(i));
  EXPECT_THAT(values, ElementsAre(7, 6, 4, 3));
}

TEST(NextToken, RefusesModelsWithoutTokens) {
  const TempFolder folder;
  expect_error(
      [&] {
        open(tokens(folder) + ",task=next-token", {input("x", {-1, 3})});
      },
      ErrorCode::kUsage, {"needs an input of i64 or i32 tokens"});
  expect_error([&] { parse_data_spec("x,task=classify"); }, ErrorCode::kUsage, {"expected 'next-token'"});
}

TEST(Likelihood, LogitsAndProbabilities) {
  const auto add = [](std::vector<float> scores, std::vector<int64_t> labels) {
    Likelihood l;
    const auto rows = static_cast<int64_t>(labels.size());
    const Shape shape{1, rows, static_cast<int64_t>(scores.size()) / rows};
    l.add(Tensor::from<float>(shape, std::span<const float>(scores)), labels, "row 0");
    return l;
  };
  EXPECT_NEAR(add({0.25f, 0.75f}, {1}).nats, -std::log(0.75), 1e-12);
  EXPECT_NEAR(add({0, std::log(3.0f)}, {1}).nats, -std::log(0.75), 1e-7);
  EXPECT_NEAR(add({0, 1}, {0}).nats, -std::log(1e-12), 1e-9);  // a probability of 0
  const Likelihood two = add({0, 0, 0, 0}, {1, -1});
  EXPECT_EQ(two.labels, 1);
  EXPECT_NEAR(two.nats_per_label(), std::log(2.0), 1e-12);
  EXPECT_NEAR(add({NAN, 0}, {1}).nats, -std::log(1e-12), 1e-9);
  expect_error(
      [&] {
        add({0, 0}, {2});
      },
      ErrorCode::kUsage, {"label 2 is out of range, the model has 2 classes"});
}

}  // namespace
}  // namespace precis::data
