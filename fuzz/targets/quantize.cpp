// Accepted models, quantized on made-up samples: what comes out passes Precis' own reader and checks, has the
// same inputs and outputs, and is finite where the float model was.
#include <array>
#include <utility>

#include "fuzz/exercise.h"
#include "fuzz/targets/targets.h"
#include "precis/data/random_source.h"
#include "precis/flow/run.h"
#include "precis/graph/op.h"
#include "precis/graph/validate.h"

namespace precis::fuzz {
namespace {

// quantize_static's options and the format that write uses.
constexpr std::array<std::pair<const char*, const char*>, 5> kRecipes = {{
    {"observer: minmax", "qdq"},
    {"observer: mse, target: precis", "qdq"},
    {"observer: entropy, activations: s8, isa_safe: true", "qoperator"},
    {"observer: percentile, target: tensorrt, weight_bits: 4", "qdq"},
    {"observer: moving-average, target: openvino, per_channel: false", "qoperator"},
}};

flow::Recipe recipe_for(Bytes model) {
  size_t sum = 0;
  for (std::byte b : model) sum += static_cast<size_t>(b);
  const auto& [quantize, format] = kRecipes[sum % kRecipes.size()];
  const std::string text =
      std::string("recipe: 1\nstages: [{prepare: {}}, {calibrate: {}}, {quantize_static: {") + quantize +
      "}}, {write: {format: " + format + "}}]\n";
  return flow::parse_recipe(text, "recipe");
}

void check_signature(const Graph& before, const Graph& after) {
  const auto same = [&](std::span<const ValueId> a, std::span<const ValueId> b) {
    promise(a.size() == b.size(), "a quantized model has as many inputs and outputs as before");
    for (size_t i = 0; i < a.size(); ++i) {
      promise(before.value(a[i]).name == after.value(b[i]).name, "inputs and outputs keep their names");
      promise(before.value(a[i]).type.dtype == after.value(b[i]).type.dtype,
              "inputs and outputs keep their types");
    }
  };
  same(before.inputs(), after.inputs());
  same(before.outputs(), after.outputs());
}

// Everything from here on must hold: the model was accepted and quantized.
void check_quantized(const flow::Run& run, std::span<const Tensor> inputs) {
  const std::vector<std::byte> bytes = onnx_io::serialize_model(run.model, run.write);
  Model written = onnx_io::read_model_bytes(bytes).model;
  validate(written);
  infer_types(written.graph);
  check_signature(run.original.graph, written.graph);
  const auto before = run_once(run.original.graph, inputs, runtime::Engine::kFast);
  if (!before || !all_finite(*before)) return;
  const auto after = run_once(written.graph, inputs, runtime::Engine::kFast);
  promise(after.has_value(), "a quantized model runs where the float model does");
  promise(all_finite(*after), "a quantized model is finite where the float model is");
}

void check_output(const flow::Run& run, std::span<const Tensor> inputs) {
  try {
    check_quantized(run, inputs);
  } catch (const Error& e) {
    promise(e.code() == ErrorCode::kUnsupported || e.code() == ErrorCode::kLimit,
            std::string("what quantize writes is valid: ") + e.what());
  }
}

}  // namespace

void quantize_target(Bytes input) {
  const SmallLimits small;
  std::optional<Model> model = read_checked(input);
  if (!model || passes::is_quantized(model->graph)) return;
  const auto inputs = example_inputs(model->graph);
  if (!inputs) return;
  flow::Run run;
  const bool quantized = accepts([&] {
    data::DataSpec spec;
    spec.path = "random";
    spec.count = 2;
    run.calib = data::open_random(spec, flow::input_specs(model->graph));
    run.original = run.model = std::move(*model);
    flow::run_recipe(recipe_for(input), run);
  });
  if (quantized) check_output(run, *inputs);
}

}  // namespace precis::fuzz
