// Scan of opset 8 ran over a batch: every input, states included, had one more dimension in front. That is a
// Scan over the batch, without states, around the Scan over the steps:
//
//   y = Scan("", s, x) {body=B}   =>   y = Scan(s, x) {body=graph (s', x') -> (y') { y' = Scan(s', x')
//   {body=B} }}
//
// With sequence lengths (input 0) each element of the batch takes the first steps only, and zeros fill its
// outputs: x' is sliced before the inner Scan, what it stacks is padded behind it.
#include "precis/graph/builder.h"
#include "precis/onnx/upgrade_rules.h"

namespace precis::onnx_io {
namespace {

// The graph for one element of the batch.
class BatchItem {
 public:
  BatchItem(Rewrite& r, SubgraphPtr steps) : r_(r), build_(item_), steps_(std::move(steps)) {
    item_.name = r.added_name("batch");
    const Node& n = r.node();
    count_ = n.inputs.size() - 1;
    const int64_t scans = n.get_int("num_scan_inputs", 0);
    check(scans >= 1 && static_cast<size_t>(scans) <= count_ &&
              steps_->outputs().size() >= count_ - static_cast<size_t>(scans),
          ErrorCode::kMalformed,
          "{}: attribute 'num_scan_inputs' is {} for {} inputs and {} outputs of the body",
          describe(r.graph(), n), scans, count_, steps_->outputs().size());
    states_ = count_ - static_cast<size_t>(scans);
  }

  Graph run(bool lengths) {
    Node inner;
    inner.op = "Scan";
    inner.name = r_.added_name("steps");
    inner.attributes["num_scan_inputs"] = static_cast<int64_t>(count_ - states_);
    if (auto directions = r_.take<std::vector<int64_t>>("directions"))
      inner.attributes["scan_input_directions"] = std::move(*directions);
    for (size_t i = 0; i < count_; ++i) inner.inputs.push_back(item_.add_input(name("item", i), {}));
    const ValueId whole = inner.inputs[states_];
    if (lengths) cut(inner);
    for (size_t i = 0; i < steps_->outputs().size(); ++i)
      inner.outputs.push_back(item_.add_value(name(lengths && i >= states_ ? "taken" : "result", i)));
    std::vector<ValueId> outputs = inner.outputs;
    inner.attributes["body"] = std::move(steps_);
    item_.add_node(std::move(inner));
    if (lengths) fill(outputs, whole);
    item_.set_outputs(std::move(outputs));
    return std::move(item_);
  }

 private:
  std::string name(const char* what, size_t i) {
    return r_.graph().unique_value_name(r_.added_name(what) + fmt::to_string(i));
  }

  void cut(Node& inner) {
    zero_ = item_.add_constant(name("zero", 0), Tensor::from<int64_t>({1}, {0}));
    length_ = build_.op("Reshape",
                        {item_.add_input(name("length", 0), {}),
                         item_.add_constant(name("one", 0), Tensor::from<int64_t>({1}, {1}))},
                        {}, name("length", 1));
    for (size_t i = states_; i < count_; ++i)
      inner.inputs[i] = build_.op("Slice", {inner.inputs[i], zero_, length_, zero_}, {}, name("cut", i));
  }

  void fill(std::vector<ValueId>& outputs, ValueId whole) {
    const ValueId steps =
        build_.op("Shape", {whole}, {{"start", int64_t{0}}, {"end", int64_t{1}}}, name("length", 2));
    const ValueId missing = build_.op("Sub", {steps, length_}, {}, name("missing", 0));
    const ValueId pads = build_.op("Concat", {zero_, missing}, {{"axis", int64_t{0}}}, name("pads", 0));
    for (size_t i = states_; i < outputs.size(); ++i)
      outputs[i] = build_.op("Pad", {outputs[i], pads, {}, zero_}, {}, name("result", i));
  }

  Rewrite& r_;
  Graph item_;
  GraphBuilder build_;
  SubgraphPtr steps_;
  size_t count_ = 0, states_ = 0;
  ValueId zero_, length_;
};

void scan_batched(Rewrite& r) {
  const Node& n = r.node();
  check(n.inputs.size() >= 2, ErrorCode::kMalformed, "{}: has {} inputs, expected at least 2",
        describe(r.graph(), n), n.inputs.size());
  auto steps = r.take<SubgraphPtr>("body");
  check(steps.has_value(), ErrorCode::kMalformed, "{}: attribute 'body' is missing but required",
        describe(r.graph(), n));
  const ValueId lengths = n.inputs[0];
  std::vector<ValueId> inputs(n.inputs.begin() + 1, n.inputs.end());
  Graph item = BatchItem(r, std::move(*steps)).run(static_cast<bool>(lengths));
  if (lengths) inputs.push_back(lengths);
  r.node().attributes["num_scan_inputs"] = static_cast<int64_t>(inputs.size());
  r.graph().set_inputs(r.id(), std::move(inputs));
  r.node().attributes["body"] = SubgraphPtr(std::move(item));
}

constexpr UpgradeRule kRules[] = {{"Scan", 9, scan_batched}};

}  // namespace

std::span<const UpgradeRule> scan_upgrades() { return kRules; }

}  // namespace precis::onnx_io
