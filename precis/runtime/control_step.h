// A control operator as a step of a plan: its bodies are programs of their own, with plans per shape and
// packed weights, compiled with the graph that holds them.
#pragma once

#include <map>

#include "precis/runtime/kernel_step.h"
#include "precis/runtime/session.h"

namespace precis::runtime {

class ControlStep final : public Step {
 public:
  // `bodies` by attribute; a body without a program runs by the reference engine.
  ControlStep(const Graph& graph, NodeId node, BodyPrograms bodies,
              std::vector<ReferenceStep::Source> sources, std::vector<ReferenceStep::Target> targets);
  std::unique_ptr<StepState> make_state() const override;
  void run(const RunContext& context, StepState* state) const override;

 private:
  const Graph& graph_;
  NodeId node_;
  BodyPrograms bodies_;
  std::vector<ReferenceStep::Source> sources_;
  std::vector<ReferenceStep::Target> targets_;
};

}  // namespace precis::runtime
