// The table is the same whatever the threads are, equals what one sample after the other gives, and names bad
// values.
#include "precis/calib/calibrator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "precis/core/parallel.h"
#include "precis/graph/text.h"
#include "precis/runtime/session.h"
#include "tests/support/expect_error.h"
#include "tests/support/tensor_compare.h"

namespace precis::calib {
namespace {

const char* const kNet = R"(
graph net(x: f32[1,3,12,12]) -> (y) {
  w1: f32[8,3,3,3] = constant(normal, seed=1, scale=0.3)
  w2: f32[5,8] = constant(normal, seed=2, scale=0.3)
  a = Conv(x, w1)
  r = Relu(a)
  g = GlobalAveragePool(r)
  f = Flatten(g)
  y = Gemm(f, w2) {transB=1}
})";

// Samples of growing reach, so that ranges, histograms and moving averages all change on the way.
class MadeUp : public data::DataSource {
 public:
  int64_t size() const override { return 37; }
  data::Sample get(int64_t index) const override {
    data::Sample s;
    const float reach = 1.0f + 0.4f * static_cast<float>(index % 11);
    s.inputs = {test::random_tensor({1, 3, 12, 12}, static_cast<uint64_t>(index), -reach, reach)};
    if (index == bad_) s.inputs[0].data<float>()[17] = std::numeric_limits<float>::quiet_NaN();
    s.origin = "row " + std::to_string(index);
    s.content_hash = content_hash(index);
    return s;
  }
  uint64_t content_hash(int64_t index) const override { return static_cast<uint64_t>(index) * 7919; }
  bool labelled() const override { return false; }
  std::string describe() const override { return "made up"; }
  int64_t bad_ = -1;
};

quant::RangeTable table_on(int threads, const data::DataSource& source) {
  const ThreadScope scope(threads);
  CalibrateOptions options;
  options.values = {"x", "r", "f", "y"};
  options.averages = {"x", "r", "a"};
  return calibrate(parse_graph(kNet), source, options);
}

TEST(Calibrator, TheTableDoesNotDependOnTheThreads) {
  const std::string one = table_on(1, MadeUp()).to_bytes();
  EXPECT_EQ(one, table_on(1, MadeUp()).to_bytes());
  EXPECT_EQ(one, table_on(2, MadeUp()).to_bytes());
  EXPECT_EQ(one, table_on(4, MadeUp()).to_bytes());
}

TEST(Calibrator, EqualsOneSampleAfterTheOther) {
  const MadeUp source;
  const quant::RangeTable table = table_on(4, source);
  runtime::ProgramOptions program;
  program.taps = {"x", "r", "f", "y"};
  runtime::Session session(runtime::Program::compile(parse_graph(kNet), program), 1);
  std::map<std::string, quant::RangeStats> want;
  quant::ChannelSums r_sums;
  session.set_tap([&](const std::string& name, const Tensor& t) {
    want[name].add_sample(t.data<float>());
    if (name == "r") r_sums.add(t);
  });
  for (int64_t i = 0; i < source.size(); ++i) session.run(source.get(i).inputs);
  ASSERT_EQ(table.entries.size(), want.size());
  for (const auto& [name, stats] : want) {
    const quant::RangeStats& got = *table.find(name);
    EXPECT_EQ(got.min, stats.min) << name;
    EXPECT_EQ(got.max, stats.max) << name;
    EXPECT_EQ(got.ema_max, stats.ema_max) << name;
    EXPECT_EQ(got.samples, stats.samples) << name;
    EXPECT_EQ(got.histogram.bin_width(), stats.histogram.bin_width()) << name;
    EXPECT_EQ(got.histogram.low(), stats.histogram.low()) << name;
    EXPECT_EQ(got.histogram.counts(), stats.histogram.counts()) << name;
  }
  EXPECT_THAT(table.channels, testing::SizeIs(3));
  const quant::ChannelSums& r = *table.channels_of("r");
  EXPECT_EQ(r.sums.size(), 8u);
  EXPECT_EQ(r.count, want["r"].elements / 8);
  EXPECT_EQ(r.sums, r_sums.sums);
}

TEST(Calibrator, WatchersSeeEverySample) {
  const MadeUp source;
  std::vector<char> seen(static_cast<size_t>(source.size()), 0);
  CalibrateOptions options;
  options.values = {"y"};
  options.watch = [&](int64_t index, const data::Sample&) { seen[static_cast<size_t>(index)] = 1; };
  calibrate(parse_graph(kNet), source, options);
  EXPECT_THAT(seen, testing::Each(1));
}

TEST(Calibrator, NanIsNamedWithTensorAndSample) {
  MadeUp source;
  source.bad_ = 11;
  EXPECT_ERROR(table_on(2, source), ErrorCode::kMalformed,
               "tensor 'x' on calibration sample row 11: the value at index 17 is nan");
}

}  // namespace
}  // namespace precis::calib
