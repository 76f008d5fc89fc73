// A model from anywhere: refused with an Error at some stage, or run in both engines.
#include "fuzz/exercise.h"
#include "fuzz/targets/targets.h"
#include "precis/passes/pass.h"

namespace precis::fuzz {
namespace {

void check_shapes(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  promise(a.size() == b.size(), "both engines give the same outputs");
  for (size_t i = 0; i < a.size(); ++i)
    promise(a[i].dtype() == b[i].dtype(), "outputs have the same type in both engines");
}

}  // namespace

void model_target(Bytes input) {
  const SmallLimits small;
  const std::optional<Model> model = read_checked(input);
  if (!model) return;
  const auto inputs = example_inputs(model->graph);
  if (!inputs) {
    accepts([&] { runtime::Program::compile(model->graph); });
    return;
  }
  const auto fast = run_once(model->graph, *inputs, runtime::Engine::kFast);
  const auto reference = run_once(model->graph, *inputs, runtime::Engine::kReference);
  if (fast && reference) check_shapes(*fast, *reference);
  Model prepared = *model;
  if (accepts([&] { passes::prepare(prepared); })) run_once(prepared.graph, *inputs, runtime::Engine::kFast);
}

}  // namespace precis::fuzz
