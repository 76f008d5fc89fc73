// Scan of opset 8 ran over a batch: every input, states included, had one more dimension in front. That is a
// Scan over the batch, without states, around the Scan over the steps:
//
//   y = Scan("", s, x) {body=B}   =>   y = Scan(s, x) {body=graph (s', x') -> (y') { y' = Scan(s', x')
//   {body=B} }}
#include "precis/onnx/upgrade_rules.h"

namespace precis::onnx_io {
namespace {

void scan_batched(Rewrite& r) {
  const Node& n = r.node();
  check(n.inputs.size() >= 2, ErrorCode::kMalformed, "{}: has {} inputs, expected at least 2",
        describe(r.graph(), n), n.inputs.size());
  if (n.inputs[0]) r.unsupported("it has sequence lengths (input 0), which newer opsets do not know");
  auto steps = r.take<SubgraphPtr>("body");
  check(steps.has_value(), ErrorCode::kMalformed, "{}: attribute 'body' is missing but required",
        describe(r.graph(), n));
  const auto count = static_cast<int64_t>(n.inputs.size()) - 1;
  Graph item;  // one element of the batch
  item.name = r.added_name("batch");
  Node inner;
  inner.op = "Scan";
  inner.name = r.added_name("steps");
  inner.attributes["num_scan_inputs"] = r.node().get_int("num_scan_inputs", 0);
  if (auto directions = r.take<std::vector<int64_t>>("directions"))
    inner.attributes["scan_input_directions"] = std::move(*directions);
  const auto name = [&](const char* what, size_t i) {
    return r.graph().unique_value_name(r.added_name(what) + fmt::to_string(i));
  };
  for (int64_t i = 0; i < count; ++i)
    inner.inputs.push_back(item.add_input(name("item", static_cast<size_t>(i)), {}));
  for (size_t i = 0; i < (*steps)->outputs().size(); ++i)
    inner.outputs.push_back(item.add_value(name("result", i)));
  inner.attributes["body"] = std::move(*steps);
  item.set_outputs(inner.outputs);
  item.add_node(std::move(inner));
  r.graph().set_inputs(r.id(), {r.node().inputs.begin() + 1, r.node().inputs.end()});
  r.node().attributes["body"] = SubgraphPtr(std::move(item));
  r.node().attributes["num_scan_inputs"] = count;
}

constexpr UpgradeRule kRules[] = {{"Scan", 9, scan_batched}};

}  // namespace

std::span<const UpgradeRule> scan_upgrades() { return kRules; }

}  // namespace precis::onnx_io
