// Real networks: the fast engine agrees with the reference engine, stays fused, and keeps int8 networks on codes.
// Skipped where the shared models are missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "precis/onnx/onnx_io.h"
#include "tests/runtime/run_both.h"

namespace precis {
namespace {

std::string model_path(const std::string& name) { return std::string(PRECIS_SHARED_DATA) + "/models/" + name; }

struct ModelCase {
  const char* file;
  Shape input;  // empty: as declared, unknown dimensions 1
};

Graph read_graph(const ModelCase& c) {
  Graph graph = onnx_io::read_model(model_path(c.file)).model.graph;
  if (c.input.rank() > 0) graph.value(graph.inputs()[0]).type.shape = symbolic(c.input);
  return graph;
}

class Models : public testing::TestWithParam<ModelCase> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(model_path(GetParam().file))) GTEST_SKIP() << "no " << model_path(GetParam().file);
  }
};

TEST_P(Models, EnginesAgree) {
  const Graph graph = read_graph(GetParam());
  test::expect_engines_agree(graph, test::random_inputs(graph));
}

TEST_P(Models, NoStepIsLeftToTheReference) {
  for (const std::string& step : test::step_names(read_graph(GetParam())))
    EXPECT_THAT(step, testing::Not(testing::HasSubstr("(reference)")));
}

INSTANTIATE_TEST_SUITE_P(Shared, Models,
                         testing::Values(ModelCase{"squeezenet1.1.onnx", {}},
                                         ModelCase{"mobilenet_v1_0.25_224.onnx", {}},
                                         ModelCase{"resnet20_cifar10jpeg.onnx", {}}, ModelCase{"mnist-8.onnx", {}},
                                         ModelCase{"kws_ds_cnn_s.onnx", {}}, ModelCase{"ultraface_rfb320.onnx", {}},
                                         ModelCase{"ch_ppocr_mobile_v2.0_cls_infer.onnx", {1, 3, 48, 192}}));

}  // namespace
}  // namespace precis
