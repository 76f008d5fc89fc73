// How models are fed: states carried from call to call, constants, and what the data must bring.
#include "precis/flow/feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "precis/core/error.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"

namespace precis::flow {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The sum of all that came in so far, times k.
Graph counter() {
  Graph g = parse_graph(R"(graph net(x: f32[B,2], s: f32[B,2], k: i64[]) -> (y, t) {
    t = Add(x, s)
    f = Cast(k) {to=f32}
    y = Mul(t, f)
  })");
  infer_types(g);
  return g;
}

const FeedOptions kOptions{{{"t", "s"}}, {{"k", 10}}};

template <typename F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUsage);
    return e.what();
  }
  return "";
}

std::vector<float> values(const Tensor& t) { return {t.data<float>().begin(), t.data<float>().end()}; }

TEST(Feed, CarriesStatesAndStartsAfresh) {
  const Graph g = counter();
  const Feed feed(g, kOptions);
  ASSERT_EQ(feed.data_inputs().size(), 1u);
  EXPECT_EQ(feed.data_inputs()[0].name, "x");
  runtime::Session session(runtime::Program::compile(g), 1);
  data::Sample sample;
  sample.calls = 3;
  sample.inputs = {Tensor::from<float>(Shape{3, 2}, {1, 2, 3, 4, 5, 6})};
  for (int again = 0; again < 2; ++again) {
    const std::vector<Tensor> out = feed.run(session, sample);
    EXPECT_EQ(out[0].shape(), (Shape{3, 2}));
    EXPECT_THAT(values(out[0]), ElementsAre(10, 20, 40, 60, 90, 120));
    EXPECT_THAT(values(out[1]), ElementsAre(9, 12));  // of a state, the last one
  }
  sample.calls = 1;
  sample.inputs = {Tensor::from<float>(Shape{1, 2}, {1, 2})};
  EXPECT_THAT(values(feed.run(session, sample)[0]), ElementsAre(10, 20));
}

TEST(Feed, NamesWhatDoesNotFit) {
  const Graph g = counter();
  const auto with = [&](FeedOptions options) { return message_of([&] { Feed(g, options); }); };
  EXPECT_THAT(with({{{"t", "state"}}, {}}),
              HasSubstr("the model has no input 'state'; it has 'x', 's', 'k'"));
  EXPECT_THAT(with({{{"z", "s"}}, {}}), HasSubstr("the model has no output 'z'; it has 'y', 't'"));
  EXPECT_THAT(with({{{"t", "s"}}, {{"s", 0}}}), HasSubstr("input 's' is given twice"));
  EXPECT_THAT(with({{}, {{"k", 0.5}}}), HasSubstr("input 'k' is of type i64, which does not hold 0.5"));
  EXPECT_THAT(message_of([] { parse_state("a"); }), HasSubstr("expected OUTPUT=INPUT"));
  EXPECT_THAT(message_of([] { parse_constant("a=b"); }), HasSubstr("expected NAME=NUMBER"));
  EXPECT_EQ(parse_state("out=in").second, "in");
  EXPECT_EQ(parse_constant("sr=16000").second, 16000);
}

}  // namespace
}  // namespace precis::flow
