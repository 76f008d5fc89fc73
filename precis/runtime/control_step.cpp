// See control_step.h.
#include "precis/runtime/control_step.h"

#include "precis/runtime/control.h"
#include "precis/runtime/reference_engine.h"

namespace precis::runtime {
namespace {

// One session per body, made when the body first runs.
class ControlState final : public StepState {
 public:
  std::map<std::string, Session> sessions;
};

}  // namespace

ControlStep::ControlStep(const Graph& graph, NodeId node, BodyPrograms bodies,
                         std::vector<ReferenceStep::Source> sources,
                         std::vector<ReferenceStep::Target> targets)
    : graph_(graph),
      node_(node),
      bodies_(std::move(bodies)),
      sources_(std::move(sources)),
      targets_(std::move(targets)) {}

std::unique_ptr<StepState> ControlStep::make_state() const { return std::make_unique<ControlState>(); }

void ControlStep::run(const RunContext& context, StepState* state) const {
  auto& sessions = static_cast<ControlState&>(*state).sessions;
  const Node& node = graph_.node(node_);
  const Tensors outputs = run_control(
      graph_, node, fetch_all(context, sources_), [&](const std::string& attribute, Inputs inputs) {
        const auto program = bodies_.find(attribute);
        if (program == bodies_.end())
          return run_reference(*std::get<SubgraphPtr>(node.attributes.at(attribute)), inputs);
        const auto session = sessions.find(attribute);
        if (session != sessions.end()) return session->second.run(inputs);
        return sessions.emplace(attribute, Session(program->second)).first->second.run(inputs);
      });
  deliver(context, node, targets_, outputs);
}

}  // namespace precis::runtime
