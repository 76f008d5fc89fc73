// PlanBuilder: steps that run by the reference, and taps.
#include <algorithm>

#include "precis/runtime/control.h"
#include "precis/runtime/control_step.h"
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/plan_builder.h"
#include "precis/runtime/reference_encoded.h"

namespace precis::runtime {

void PlanBuilder::lower_by_reference(const FusedOp& op) {
  const Node& main = node(op);
  std::vector<ReferenceStep::Source> sources;
  std::vector<ReferenceStep::Target> targets;
  std::vector<BufferId> touched;
  std::vector<ValueId> named;
  for (ValueId v : main.inputs) {
    ReferenceStep::Source s;
    if (v) {
      named.push_back(v);
      s.dtype = type(v).storage_dtype();
      if (is_loose(v)) {
        s.loose = loose_.at(v);
      } else {
        s.shape = shape(v);
        s.buffer = read(v, Layout::kPlain);
        touched.push_back(s.buffer);
      }
    }
    sources.push_back(std::move(s));
  }
  for (ValueId v : main.outputs) {
    ReferenceStep::Target t;
    if (v && fully_known(type(v).shape) && type(v).dtype != DType::kUndefined) {
      t.dtype = type(v).storage_dtype();
      t.shape = shape(v);
      t.buffer = write(v, Layout::kPlain);
      touched.push_back(t.buffer);
    } else if (v) {
      t.loose = loose_[v] = plan_->loose_slots++;
    }
    targets.push_back(std::move(t));
  }
  if (is_control(main)) {
    const auto bodies = bodies_.find(op.node);
    return emit(std::make_unique<ControlStep>(*graph_, op.node,
                                              bodies == bodies_.end() ? BodyPrograms() : bodies->second,
                                              std::move(sources), std::move(targets)),
                describe(op, "control", named, Layout::kPlain, Layout::kPlain), touched);
  }
  StepInfo info = describe(op, "reference", named, Layout::kPlain, Layout::kPlain);
  info.float_fallback = info.quantized && !runs_on_codes(*graph_, main);
  emit(std::make_unique<ReferenceStep>(*graph_, op.node, std::move(sources), std::move(targets)),
       std::move(info), touched);
}

void PlanBuilder::lower_chain_by_reference(const FusedOp& op) {
  std::vector<ReferenceStep::Source> sources;
  std::vector<BufferId> touched;
  std::vector<ValueId> named;
  const auto source = [&](ValueId v) {
    ReferenceStep::Source s;
    if (!v) return s;
    s.dtype = type(v).storage_dtype();
    s.shape = shape(v);
    s.buffer = read(v, Layout::kPlain);
    touched.push_back(s.buffer);
    named.push_back(v);
    return s;
  };
  for (ValueId v : node(op).inputs) sources.push_back(source(v));
  const ReferenceStep::Source residual = source(op.chain->residual);
  const BufferId result = write(op.chain->output, Layout::kPlain);
  touched.push_back(result);
  emit(std::make_unique<ReferenceChainStep>(*graph_, *op.chain, std::move(sources), residual, result),
       describe(op, "reference", named, Layout::kPlain, Layout::kPlain), touched);
}

// Values inside a chain that are watched: computed beside it, each node on its own, as the reference engine
// does.
void PlanBuilder::emit_inner_taps(const FusedOp& op) {
  std::vector<NodeId> nodes{op.node};
  nodes.insert(nodes.end(), op.absorbed.begin(), op.absorbed.end());
  nodes.pop_back();
  const bool watched = std::any_of(nodes.begin(), nodes.end(),
                                   [&](NodeId id) { return taps_.count(graph_->node(id).outputs[0]) != 0; });
  if (!watched) return;
  for (NodeId id : nodes) {
    FusedOp single;
    single.node = id;
    single.outputs = graph_->node(id).outputs;
    lower_by_reference(single);
    emit_taps(single);
  }
}

void PlanBuilder::emit_taps(const FusedOp& op) {
  for (ValueId v : op.outputs)
    if (v && taps_.count(v) != 0) emit_tap(v);
}

void PlanBuilder::emit_tap(ValueId id) {
  ReferenceStep::Source source;
  source.dtype = type(id).storage_dtype();
  std::vector<BufferId> touched;
  // Blocked layouts have room between the channels: those are copied.
  const bool channels_last = taps_as_laid_out_ && native_layout(id) == Layout::kChannelsLast;
  const Layout layout = channels_last ? Layout::kChannelsLast : Layout::kPlain;
  if (is_loose(id)) {
    source.loose = loose_.at(id);
  } else {
    source.shape = shape(id);
    source.buffer = read(id, layout);
    touched.push_back(source.buffer);
  }
  StepInfo info;
  info.node = graph_->value(id).name;
  info.op = "Tap";
  info.kernel = "tap";
  info.inputs = {describe_value(id, layout)};
  emit(std::make_unique<TapStep>(graph_->value(id).name, std::move(source), channels_last), std::move(info),
       touched);
}

}  // namespace precis::runtime
