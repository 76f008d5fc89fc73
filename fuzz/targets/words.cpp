// What words on the command line mean: data specifications, rules, shapes, states, constants.
#include "fuzz/targets/targets.h"
#include "precis/data/source.h"
#include "precis/flow/feed.h"
#include "precis/flow/input_shapes.h"
#include "precis/flow/run.h"
#include "precis/graph/text.h"

namespace precis::fuzz {
namespace {

const Graph& small_graph() {
  static const Graph graph = parse_graph("graph g(x: f32[n,3], y: f32[3]) -> (z) { z = Add(x, y) }");
  return graph;
}

void check_rule(const std::string& text) {
  passes::OverrideRule rule;
  if (!accepts([&] { rule = flow::parse_rule(text); })) return;
  for (const std::string& line : flow::print_rules(rule))
    promise(accepts([&] { flow::parse_rule(line); }), "a printed rule can be read: " + line);
}

}  // namespace

void words_target(Bytes input) {
  Chooser choose(input);
  const size_t kind = choose.below(5);
  const std::string text = text_of(choose.rest());
  switch (kind) {
    case 0:
      accepts([&] { data::parse_data_spec(text); });
      break;
    case 1:
      check_rule(text);
      break;
    case 2:
      accepts([&] { flow::parse_shapes({text}, small_graph()); });
      break;
    case 3:
      accepts([&] { flow::parse_state(text); });
      break;
    default:
      accepts([&] { flow::parse_constant(text); });
      break;
  }
}

}  // namespace precis::fuzz
