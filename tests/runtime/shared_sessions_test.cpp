// Several threads, each with sessions of its own, on programs that they share: packed weights, plans compiled at the same moment,
// taps. Run under ThreadSanitizer by `make tsan` (label `threads`).
#include <gtest/gtest.h>

#include <thread>

#include "precis/core/parallel.h"
#include "precis/graph/text.h"
#include "precis/runtime/session.h"
#include "tests/support/tensor_compare.h"

namespace precis::runtime {
namespace {

const char* const kFloat = R"(
graph net(x: f32[batch,3,h,w]) -> (y) {
  w1: f32[16,3,3,3] = constant(normal, seed=1, scale=0.2)
  w2: f32[16,1,3,3] = constant(normal, seed=2, scale=0.2)
  w3: f32[10,16] = constant(normal, seed=3, scale=0.2)
  a = Conv(x, w1) {pads=[1,1,1,1], strides=[2,2]}
  r = Relu(a)
  d = Conv(r, w2) {pads=[1,1,1,1], group=16}
  s = Relu(d)
  g = GlobalAveragePool(s)
  f = Flatten(g)
  y = Gemm(f, w3) {transB=1}
})";

const char* const kInt8 = R"(
graph net(x: f32[batch,3,h,w]) -> (y) {
  w1: f32[16,3,3,3] @ i8(scale=0.01) = constant(uniform, seed=1, lo=-100, hi=100)
  w2: f32[16,1,3,3] @ i8(scale=0.01) = constant(uniform, seed=2, lo=-100, hi=100)
  q: f32[batch,3,h,w] @ u8(scale=0.01, zp=128) = precis::Quantize(x)
  a = Conv(q, w1) {pads=[1,1,1,1], strides=[2,2]}
  r = Relu(a)
  c: f32[...] @ u8(scale=0.05) = precis::Quantize(r)
  d = Conv(c, w2) {pads=[1,1,1,1], group=16}
  e: f32[...] @ u8(scale=0.1, zp=100) = precis::Quantize(d)
  g = GlobalAveragePool(e)
  y = Flatten(g)
})";

class SharedProgram : public testing::TestWithParam<const char*> {
 protected:
  static constexpr int kThreads = 4;

  template <typename Body>
  static void on_threads(const Body& body) {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) threads.emplace_back([&body, t] { body(t); });
    for (std::thread& t : threads) t.join();
  }
  static std::vector<Tensor> input(int64_t side) {
    return {test::random_tensor({1, 3, side, side}, static_cast<uint64_t>(side))};
  }
};

// Everybody meets new shapes at the same moment, in another order: plans and packed weights are made under their feet.
TEST_P(SharedProgram, SessionsMayMeetNewShapesAtOnce) {
  const auto program = Program::compile(parse_graph(GetParam()));
  std::vector<Tensor> want;
  for (int64_t side = 8; side < 14; ++side)
    want.push_back(Session(Program::compile(parse_graph(GetParam())), 1).run(input(side))[0]);
  on_threads([&](int t) {
    Session session(program, 1);
    for (int i = 0; i < 24; ++i) {
      const int64_t k = (i + t * 2) % 6;
      EXPECT_TRUE(test::tensors_equal(session.run(input(8 + k))[0], want[static_cast<size_t>(k)]));
    }
  });
}

TEST_P(SharedProgram, EachThreadMayHaveSeveralSessionsAndTaps) {
  const auto program = Program::compile(parse_graph(GetParam()), {Engine::kFast, {"r", "g"}});
  const Tensor want = Session(program, 1).run(input(9))[0];
  on_threads([&](int) {
    Session first(program, 1), second(program, 1);
    int seen = 0;
    first.set_tap([&](const std::string&, const Tensor& t) { seen += t.numel() > 0 ? 1 : 0; });
    for (int i = 0; i < 8; ++i) {
      EXPECT_TRUE(test::tensors_equal(first.run(input(9))[0], want));
      EXPECT_TRUE(test::tensors_equal(second.run(input(9))[0], want));
    }
    EXPECT_EQ(seen, 16);
  });
}

TEST_P(SharedProgram, ProgramsMayBeCompiledAtTheSameTime) {
  const Tensor want = Session(Program::compile(parse_graph(GetParam())), 1).run(input(11))[0];
  on_threads([&](int) {
    for (int i = 0; i < 3; ++i)
      EXPECT_TRUE(test::tensors_equal(Session(Program::compile(parse_graph(GetParam())), 1).run(input(11))[0], want));
  });
}

// Sessions of one thread each inside a loop of our own threads, as the calibrator runs them.
TEST_P(SharedProgram, SessionsRunInsideAParallelLoop) {
  const auto program = Program::compile(parse_graph(GetParam()));
  const Tensor want = Session(program, 1).run(input(10))[0];
  const ThreadScope scope(kThreads);
  std::vector<Tensor> got(16);
  parallel_for(16, 1, [&](int64_t begin, int64_t) {
    got[static_cast<size_t>(begin)] = Session(program).run(input(10))[0];
  });
  for (const Tensor& t : got) EXPECT_TRUE(test::tensors_equal(t, want));
}

INSTANTIATE_TEST_SUITE_P(Models, SharedProgram, testing::Values(kFloat, kInt8),
                         [](const auto& info) { return std::string(info.param == kFloat ? "Float" : "Int8"); });

}  // namespace
}  // namespace precis::runtime
