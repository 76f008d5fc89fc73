// Profiles: every step of the plan with its time, and the documents made of it.
#include "precis/flow/profile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "precis/graph/op.h"
#include "precis/graph/text.h"
#include "precis/report/format.h"

namespace precis::flow {
namespace {

Profile of_small_net() {
  Graph graph = parse_graph(R"(graph net(x: f32[1,3,16,16]) -> (y) {
  w: f32[8,3,3,3] = constant(normal, seed=1, scale=0.1)
  c = Conv(x, w) {pads=[1,1,1,1]}
  r = Relu(c)
  y = GlobalAveragePool(r)
})");
  infer_types(graph);
  MeasureOptions options;
  options.seconds = 0.01;
  options.min_runs = 5;
  return profile(graph, options);
}

TEST(Profile, HasEveryStepOfThePlan) {
  const Profile p = of_small_net();
  EXPECT_GE(p.latency.runs, 5);
  ASSERT_FALSE(p.traced.empty());
  EXPECT_LE(p.traced.size(), 3u);
  const auto conv = std::find_if(p.steps.begin(), p.steps.end(), [](const ProfiledStep& s) { return s.info.op == "Conv"; });
  ASSERT_NE(conv, p.steps.end());
  EXPECT_EQ(conv->info.macs, 8 * 3 * 9 * 256);
  EXPECT_EQ(conv->info.bytes, 4 * (3 * 256 + 8 * 27 + 8 * 256));
  EXPECT_EQ(conv->info.threads, 1);
  for (const ProfiledStep& s : p.steps) {
    EXPECT_GT(s.min_ms, 0) << s.info.node;
    EXPECT_GE(s.median_ms, s.min_ms) << s.info.node;
  }
  for (const auto& run : p.traced) {
    ASSERT_EQ(run.size(), p.steps.size());
    for (size_t i = 1; i < run.size(); ++i) EXPECT_GE(run[i].start_ms, run[i - 1].start_ms + run[i - 1].ms);
  }
  EXPECT_GT(p.steps_ms(), 0);
  EXPECT_GT(p.peak.read_gb_s, 0);
}

TEST(Profile, CsvHasALineForEachStep) {
  Profile p = of_small_net();
  p.steps[0].info.node = "odd, \"name\"";
  const std::string csv = report::profile_csv(p);
  EXPECT_EQ(static_cast<size_t>(std::count(csv.begin(), csv.end(), '\n')), p.steps.size() + 1);
  EXPECT_NE(csv.find("\r\n\"odd, \"\"name\"\"\","), std::string::npos) << csv;
}

TEST(Profile, TraceHasAnEventForEachStepOfARun) {
  const Profile p = of_small_net();
  const auto trace = nlohmann::json::parse(report::profile_trace(p, "net.onnx"));
  const auto& events = trace["traceEvents"];
  ASSERT_EQ(events.size(), 1 + p.traced.size() * p.steps.size());
  for (size_t i = 2; i < events.size(); ++i) {
    EXPECT_EQ(events[i]["ph"], "X");
    EXPECT_GE(events[i]["ts"].get<double>(), events[i - 1]["ts"].get<double>() + events[i - 1]["dur"].get<double>() - 1e-3);
  }
}

TEST(Profile, JsonTellsTheShareOfThePeak) {
  Profile p = of_small_net();
  p.peak.gflops = 100;
  const auto document = nlohmann::json::parse(report::profile_json(p, {}));
  for (const auto& step : document["steps"]) {
    if (step["op"] == "Conv") {
      EXPECT_NEAR(step["of_peak"].get<double>(), step["gops"].get<double>() / 100, 1e-9);
    }
    if (step["op"] == "Reorder") {
      EXPECT_TRUE(step["of_peak"].is_null());
    }
  }
}

TEST(MachinePeak, ThreadsAddUp) {
  const MachinePeak peak = measure_peak(1);
  EXPECT_EQ(peak.threads, 1);
  EXPECT_GT(peak.read_gb_s, 0);
  EXPECT_EQ(peak.gflops > 0, peak.gops > 0);
}

}  // namespace
}  // namespace precis::flow
