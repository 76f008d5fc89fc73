// Graphs as text: what was read prints as a text that gives the same text again.
#include "fuzz/exercise.h"
#include "fuzz/targets/targets.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"
#include "precis/graph/validate.h"

namespace precis::fuzz {

void graph_text_target(Bytes input) {
  const SmallLimits small;
  Model model;
  if (!accepts([&] { model.graph = parse_graph(text_of(input)); })) return;
  constexpr int64_t kAll = int64_t{1} << 40;
  std::string printed, again;
  if (!accepts([&] { printed = print_graph(model.graph, 64); })) return;
  if (!accepts([&] { again = print_graph(parse_graph(print_graph(model.graph, kAll)), 64); })) return;
  promise(printed == again, "a graph survives printing");
  find_problems(model);
  if (!accepts([&] {
        validate(model);
        infer_types(model.graph);
      }))
    return;
  const auto inputs = example_inputs(model.graph);
  if (inputs) run_once(model.graph, *inputs, runtime::Engine::kFast);
}

}  // namespace precis::fuzz
