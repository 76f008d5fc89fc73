// `simplify` leaves outputs as they are: on every conformance case that runs (all passes, written and read
// back), and on every model of the real data (the whole flow, which compares by itself).
#include <gtest/gtest.h>

#include <filesystem>

#include "precis/core/io.h"
#include "precis/flow/simplify_flow.h"
#include "precis/onnx/onnx_io.h"
#include "precis/passes/pass.h"
#include "precis/runtime/session.h"
#include "tests/runtime/conformance_cases.h"
#include "tests/runtime/conformance_left_out.h"
#include "tests/support/files.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace precis::test {
namespace {

const std::vector<std::string> kSuites = {"node", "pytorch-converted", "pytorch-operator", "simple"};

std::vector<Tensor> run_simplified(const Graph& graph, const std::vector<Tensor>& inputs) {
  Model model;
  model.graph = graph;
  passes::run_passes_until_done(model, passes::simplification_for(kCanonicalOpset));
  const Model back = onnx_io::read_model_bytes(onnx_io::serialize_model(model)).model;
  return runtime::Session(runtime::Program::compile(back.graph), 1).run(inputs);
}

std::vector<Tensor> run_as_given(const Graph& graph, const std::vector<Tensor>& inputs) {
  return runtime::Session(runtime::Program::compile(graph), 1).run(inputs);
}

// What passes as it is given passes when it is simplified.
void expect_same_cases_pass(const std::string& root) {
  runtime::register_evaluator();
  const ConformanceSummary wanted = run_conformance(root, kSuites, run_as_given, {}, left_out());
  const ConformanceSummary got = run_conformance(root, kSuites, run_simplified, {}, left_out());
  EXPECT_EQ(got.passed, wanted.passed) << got.str();
  EXPECT_EQ(got.failed.size(), wanted.failed.size());
  EXPECT_GT(got.passed, 1000);
}

TEST(SimplifyConformance, Debian) {
  const char* const root = "/usr/share/libonnx-testdata/data";
  if (path_kind(root) != PathKind::kDirectory) GTEST_SKIP() << "no package libonnx-testdata";
  expect_same_cases_pass(root);
}

TEST(SimplifyConformance, Release122) {
  const std::string archive = shared_data("onnx_backend_suite-1.22.tar.xz");
  if (archive.empty()) GTEST_SKIP() << "no real data: onnx_backend_suite-1.22.tar.xz";
  const TempDir folder;
  ASSERT_EQ(run_process({"tar", "-xJf", archive, "-C", folder.path()}).exit_code, 0);
  expect_same_cases_pass(folder / "onnx/backend/test/data");
}

TEST(SimplifyModels, OutputsStayEqual) {
  const std::string models = shared_data("models");
  if (models.empty()) GTEST_SKIP() << "no real data: models";
  const TempDir folder;
  int simplified = 0;
  for (const auto& entry : std::filesystem::directory_iterator(models)) {
    if (entry.path().extension() != ".onnx") continue;
    for (const char* opset : {"", "24"}) {
      flow::SimplifyRequest q;
      q.input = entry.path();
      q.output = folder / "out.onnx";
      q.overwrite = Overwrite::kReplace;
      q.recipe.stages.resize(2);
      q.recipe.stages[0].name = "simplify";
      q.recipe.stages[1].name = "write";
      if (*opset != 0)
        for (flow::Stage& stage : q.recipe.stages) stage.options["opset"] = {opset};
      SCOPED_TRACE(q.input);
      const flow::SimplifyResult r = flow::simplify(q);  // throws where outputs differ
      EXPECT_GE(r.equality->samples, 4);
      EXPECT_LE(r.after.nodes, r.before.nodes);
      ++simplified;
    }
  }
  EXPECT_GE(simplified, 28);
}

}  // namespace
}  // namespace precis::test
