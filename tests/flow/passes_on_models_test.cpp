// Every parameterless pass, alone and in the preparation, on real networks: what it changes leaves the
// outputs what they were. Skipped where the shared models are missing.
#include <gtest/gtest.h>

#include <filesystem>

#include "precis/flow/equality.h"
#include "precis/graph/op.h"
#include "precis/onnx/onnx_io.h"
#include "precis/passes/pass.h"
#include "precis/runtime/session.h"

namespace precis {
namespace {

struct ModelCase {
  const char* file;
  runtime::Engine engine;         // the reference where it is quick enough: plans fuse by themselves
  const char* found = nullptr;    // an operator that the preparation puts together
  std::vector<Shape> input = {};  // empty: made-up lengths
};

std::string model_path(const ModelCase& c) { return std::string(PRECIS_SHARED_DATA) + "/models/" + c.file; }

class PassesOnModels : public testing::TestWithParam<ModelCase> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(model_path(GetParam()))) GTEST_SKIP() << "no " << model_path(GetParam());
    runtime::register_evaluator();
    model_ = onnx_io::read_model(model_path(GetParam())).model;
    options_.engine = GetParam().engine;
  }
  // By kTolerance, on made-up samples of two lengths where lengths are free.
  void expect_same_outputs(const Model& changed) {
    const auto samples = flow::random_sources(model_.graph, GetParam().input, 1, options_);
    for (const auto& source : samples.sources)
      EXPECT_NO_THROW(flow::check_equal(model_.graph, changed.graph, *source, options_));
  }
  Model model_;
  flow::EqualityOptions options_;
};

TEST_P(PassesOnModels, OneByOne) {
  for (const passes::PassInfo& pass : passes::all_passes()) {
    SCOPED_TRACE(pass.name);
    Model changed = model_;
    const std::string_view names[] = {"fold_constants", pass.name};  // passes look for constants
    if (passes::run_passes(changed, names).by_pass.count(pass.name) != 0) expect_same_outputs(changed);
  }
}

TEST_P(PassesOnModels, Prepared) {
  Model changed = model_;
  passes::prepare(changed);
  expect_same_outputs(changed);
  if (GetParam().found == nullptr) return;
  bool found = false;
  for (NodeId id : changed.graph.order()) found = found || changed.graph.node(id).is(GetParam().found);
  EXPECT_TRUE(found) << "no " << GetParam().found;
}

INSTANTIATE_TEST_SUITE_P(Shared, PassesOnModels,
                         testing::Values(ModelCase{"stories260K.onnx", runtime::Engine::kReference,
                                                   "Attention"},
                                         ModelCase{"char_lstm_shakespeare.onnx", runtime::Engine::kFast},
                                         ModelCase{"magika_v3_3.onnx", runtime::Engine::kFast, "Gelu"},
                                         ModelCase{"silero_vad_16k_op15.onnx", runtime::Engine::kFast},
                                         ModelCase{"ch_ppocr_mobile_v2.0_cls_infer.onnx",
                                                   runtime::Engine::kFast,
                                                   "HardSwish",
                                                   {{1, 3, 48, 192}}},
                                         ModelCase{"resnet20_cifar10jpeg.onnx", runtime::Engine::kFast},
                                         ModelCase{"ultraface_rfb320.onnx", runtime::Engine::kFast}),
                         [](const testing::TestParamInfo<ModelCase>& info) {
                           std::string name = info.param.file;
                           return name.substr(0, name.find('_')).substr(0, name.find('.'));
                         });

}  // namespace
}  // namespace precis
