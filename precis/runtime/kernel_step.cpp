// The steps that are not tied to one operator.
#include "precis/runtime/kernel_step.h"

#include <cstring>

#include "precis/core/check.h"
#include "precis/runtime/declared_shape.h"
#include "precis/runtime/reference_encoded.h"
#include "precis/runtime/reference_ops.h"

namespace precis::runtime {
namespace {

class KernelState final : public StepState {
 public:
  explicit KernelState(std::unique_ptr<onednn::BoundKernel> bound_kernel, size_t operands)
      : kernel(std::move(bound_kernel)), pointers(operands) {}
  std::unique_ptr<onednn::BoundKernel> kernel;
  std::vector<void*> pointers;
};

Tensor fetch(const RunContext& context, const ReferenceStep::Source& s) {
  if (s.loose >= 0) return context.loose[static_cast<size_t>(s.loose)];
  if (s.buffer < 0) return {};
  return Tensor::view(s.dtype, s.shape, context.buffers[static_cast<size_t>(s.buffer)]);
}

}  // namespace

KernelStep::KernelStep(onednn::KernelPtr kernel, std::vector<Operand> operands)
    : kernel_(std::move(kernel)), operands_(std::move(operands)) {}

std::unique_ptr<StepState> KernelStep::make_state() const {
  return std::make_unique<KernelState>(kernel_->bind(), operands_.size());
}

void KernelStep::run(const RunContext& context, StepState* state) const {
  auto& s = static_cast<KernelState&>(*state);
  for (size_t i = 0; i < operands_.size(); ++i) {
    const Operand& o = operands_[i];
    s.pointers[i] = o.buffer >= 0 ? context.buffers[static_cast<size_t>(o.buffer)]
                                  : const_cast<std::byte*>(o.tensor.bytes());
  }
  s.kernel->run(s.pointers);
}

void CopyStep::fill_first(std::vector<std::byte> element, int64_t count) {
  fill_ = std::move(element);
  fill_count_ = count;
}

void CopyStep::run(const RunContext& context, StepState*) const {
  std::byte* destination = context.buffers[static_cast<size_t>(destination_)];
  if (fill_.size() == 1) {
    std::memset(destination, static_cast<int>(fill_[0]), static_cast<size_t>(fill_count_));
  } else if (!fill_.empty()) {
    for (int64_t i = 0; i < fill_count_; ++i)
      std::memcpy(destination + static_cast<size_t>(i) * fill_.size(), fill_.data(), fill_.size());
  }
  for (const Part& p : parts_) p.copy.run(context.buffers[static_cast<size_t>(p.source)], destination);
}

ReferenceStep::ReferenceStep(const Graph& graph, NodeId node, std::vector<Source> sources,
                             std::vector<Target> targets)
    : graph_(graph), node_(node), sources_(std::move(sources)), targets_(std::move(targets)) {}

std::vector<Tensor> fetch_all(const RunContext& context, std::span<const ReferenceStep::Source> sources) {
  std::vector<Tensor> inputs;
  inputs.reserve(sources.size());
  for (const ReferenceStep::Source& s : sources) inputs.push_back(fetch(context, s));
  return inputs;
}

void deliver(const RunContext& context, const Node& node, std::span<const ReferenceStep::Target> targets,
             std::span<const Tensor> results) {
  for (size_t i = 0; i < targets.size(); ++i) {
    const ReferenceStep::Target& t = targets[i];
    if (t.loose >= 0) context.loose[static_cast<size_t>(t.loose)] = results[i].clone();
    if (t.buffer < 0) continue;
    check(results[i].dtype() == t.dtype, ErrorCode::kInternal, "{}: output {} came out as {}, planned was {}",
          describe(node), i, dtype_name(results[i].dtype()), dtype_name(t.dtype));
    if (results[i].shape() != t.shape) fail_declared(node, i, results[i].shape(), t.shape.str());
    if (results[i].nbytes() > 0)
      std::memcpy(context.buffers[static_cast<size_t>(t.buffer)], results[i].bytes(),
                  static_cast<size_t>(results[i].nbytes()));
  }
}

void ReferenceStep::run(const RunContext& context, StepState*) const {
  const Node& node = graph_.node(node_);
  deliver(context, node, targets_, run_reference_node(graph_, node, fetch_all(context, sources_)));
}

void ReferenceChainStep::run(const RunContext& context, StepState*) const {
  const std::vector<Tensor> inputs = fetch_all(context, sources_);
  const Tensor residual = fetch(context, residual_);
  const auto fused = run_integer_chain(graph_, chain_, inputs, residual);
  const Tensor result = fused ? *fused : node_by_node(inputs, residual);
  std::memcpy(context.buffers[static_cast<size_t>(result_)], result.bytes(),
              static_cast<size_t>(result.nbytes()));
}

// Where the contract does not apply (no proof for an accumulator), each node rounds on its own.
Tensor ReferenceChainStep::node_by_node(const std::vector<Tensor>& inputs, const Tensor& residual) const {
  Tensor value = run_reference_node(graph_, graph_.node(chain_.main), inputs)[0];
  ValueId made = graph_.node(chain_.main).outputs[0];
  for (NodeId id : chain_.absorbed) {
    const Node& node = graph_.node(id);
    std::vector<Tensor> args;
    for (ValueId v : node.inputs)
      args.push_back(!v                     ? Tensor()
                     : v == made            ? value
                     : v == chain_.residual ? residual
                                            : *graph_.value(v).constant);
    value = run_reference_node(graph_, node, args)[0];
    made = node.outputs[0];
  }
  return value;
}

void TapStep::run(const RunContext& context, StepState*) const {
  if (context.tap != nullptr && *context.tap) (*context.tap)(name_, fetch(context, source_), channels_last_);
}

}  // namespace precis::runtime
