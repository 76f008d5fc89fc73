// The ONNX backend conformance suite on both engines: Debian's libonnx-testdata (release 1.12), and the
// archive of release 1.22 where the real data is there. Cases must agree, but for those that are left
// out by the name of their operator (conformance_left_out.cpp): that list is checked both ways.
#include <gtest/gtest.h>

#include "precis/core/io.h"
#include "precis/onnx/onnx_io.h"
#include "precis/runtime/reference_engine.h"
#include "precis/runtime/session.h"
#include "tests/malformed/op_bytes.h"
#include "tests/runtime/conformance_cases.h"
#include "tests/runtime/conformance_left_out.h"
#include "tests/support/files.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {
namespace {

const std::vector<std::string> kSuites = {"node", "pytorch-converted", "pytorch-operator", "simple"};

// Cases that cannot agree, whatever the runtime does.
// Cases of release 1.12 whose own data were wrong; mended in later releases, where they pass.
const std::map<std::string, std::string> kWrongIn112 = {
    {"test_cast_FLOAT_to_BFLOAT16", "the expected values are truncated, not rounded"},
    {"test_castlike_BFLOAT16_to_FLOAT", "input 'like' has another shape than the model says"},
    {"test_castlike_BFLOAT16_to_FLOAT_expanded", "input 'like' has another shape than the model says"},
    {"test_castlike_FLOAT_to_BFLOAT16", "input 'like' has another shape than the model says"},
    {"test_castlike_FLOAT_to_BFLOAT16_expanded", "input 'like' has another shape than the model says"},
};

std::vector<Tensor> run_on_reference(const Graph& graph, const std::vector<Tensor>& inputs) {
  return runtime::run_reference(graph, inputs);
}

std::vector<Tensor> run_on_session(const Graph& graph, const std::vector<Tensor>& inputs) {
  return runtime::Session(runtime::Program::compile(graph), 1).run(inputs);
}

ConformanceSummary expect_no_failure(const std::string& root, const RunModel& run, int at_least,
                                     const std::map<std::string, std::string>& known = {}) {
  ConformanceSummary summary = run_conformance(root, kSuites, run, known, left_out());
  std::printf("%s", summary.str().c_str());
  EXPECT_TRUE(summary.failed.empty());
  EXPECT_TRUE(summary.not_listed.empty()) << "cases are unsupported whose operator is not left out";
  EXPECT_GE(summary.passed, at_least);
  return summary;
}

// The newest release has a case for whatever is left out: what none meets any more, passes.
void expect_all_met(const ConformanceSummary& summary) {
  for (const auto& [key, reason] : left_out())
    EXPECT_EQ(summary.met.count(key), 1u) << "'" << key << "' is left out, but every case of it passes";
}

const char* const kDebianRoot = "/usr/share/libonnx-testdata/data";

class Release122 : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string archive = shared_data("onnx_backend_suite-1.22.tar.xz");
    if (archive.empty()) return;
    folder_ = new TempDir;
    const ProcessResult r = run_process({"tar", "-xJf", archive, "-C", folder_->path()});
    ASSERT_EQ(r.exit_code, 0) << r.err;
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  void SetUp() override {
    if (folder_ == nullptr) GTEST_SKIP() << "no real data: onnx_backend_suite-1.22.tar.xz";
  }
  static std::string root() { return *folder_ / "onnx/backend/test/data"; }

 private:
  inline static TempDir* folder_ = nullptr;
};

TEST(ConformanceDebian, Reference) {
  if (path_kind(kDebianRoot) != PathKind::kDirectory) GTEST_SKIP() << "no package libonnx-testdata";
  expect_no_failure(kDebianRoot, run_on_reference, 1040, kWrongIn112);
}

TEST(ConformanceDebian, Session) {
  if (path_kind(kDebianRoot) != PathKind::kDirectory) GTEST_SKIP() << "no package libonnx-testdata";
  expect_no_failure(kDebianRoot, run_on_session, 1040, kWrongIn112);
}

TEST_F(Release122, Reference) { expect_all_met(expect_no_failure(root(), run_on_reference, 1850)); }
TEST_F(Release122, Session) { expect_all_met(expect_no_failure(root(), run_on_session, 1850)); }

// The suite has no case of opset 8's Scan with sequence lengths: sums of two steps and of one, worked out by
// hand.
TEST(Conformance, ScanOfOpset8WithSequenceLengths) {
  const std::string body = graph_input("s", {1}) + graph_input("x", {1}) + graph_output("t", {1}) +
                           graph_output("p", {1}) + in_node(node("Add", {"s", "x"}, {"t"})) +
                           in_node(node("Mul", {"t", "x"}, {"p"}));
  const std::string scan = node("Scan", {"n", "s0", "xs"}, {"last", "ps"},
                                graph_attribute("body", body) + int_attribute("num_scan_inputs", 1));
  const std::string m =
      model(graph_input("n", {2}, kI64Type) + graph_input("s0", {2, 1}) + graph_input("xs", {2, 2, 1}) +
                graph_output("last", {2, 1}) + graph_output("ps", {2, 2, 1}) + in_node(scan),
            8, 3);
  const Graph graph = onnx_io::read_model_bytes(as_bytes(m)).model.graph;
  const std::vector<Tensor> inputs = {Tensor::from<int64_t>(Shape{2}, {2, 1}),
                                      Tensor::from<float>(Shape{2, 1}, {0, 0}),
                                      Tensor::from<float>(Shape{2, 2, 1}, {1, 2, 3, 4})};
  for (const RunModel& run : {RunModel(run_on_reference), RunModel(run_on_session)}) {
    const std::vector<Tensor> results = run(graph, inputs);
    EXPECT_TRUE(tensors_close(results[0], Tensor::from<float>(Shape{2, 1}, {3, 3}), {}));
    EXPECT_TRUE(tensors_close(results[1], Tensor::from<float>(Shape{2, 2, 1}, {1, 6, 9, 0}), {}));
  }
}

}  // namespace
}  // namespace precis::test
