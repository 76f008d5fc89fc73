// Steps that do not depend on an operator: a oneDNN kernel, a strided copy, a node by the reference, a tap.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "precis/core/parallel.h"
#include "precis/runtime/integer_contract.h"
#include "precis/runtime/onednn/kernel.h"
#include "precis/runtime/plan.h"
#include "precis/runtime/strided_copy.h"

namespace precis::runtime {

// A oneDNN kernel. Each operand is a buffer of the plan or a tensor that belongs to the step (weights, bias).
class KernelStep final : public Step {
 public:
  struct Operand {
    BufferId buffer = -1;
    Tensor tensor;  // when buffer < 0
  };
  KernelStep(onednn::KernelPtr kernel, std::vector<Operand> operands);
  std::unique_ptr<StepState> make_state() const override;
  void run(const RunContext& context, StepState* state) const override;

 private:
  onednn::KernelPtr kernel_;
  std::vector<Operand> operands_;
};

// A kernel of ours, bound to its constants when the plan was made: called with the addresses of the plan's
// buffers.
class CallStep final : public Step {
 public:
  using Function = std::function<void(std::span<std::byte* const> buffers)>;
  explicit CallStep(Function function) : function_(std::move(function)) {}
  void run(const RunContext& context, StepState*) const override { function_(context.buffers); }
  bool joins_team() const override { return true; }

 private:
  Function function_;
};

// Calls body(begin, end) over [0, n) in chunks taken by the threads; unlike parallel_for it allocates
// nothing. The body must not throw.
template <typename Body>
void run_chunks(int64_t n, int64_t chunk, const Body& body) {
  parallel_for_raw(
      n, chunk, [](void* b, int64_t begin, int64_t end) { (*static_cast<const Body*>(b))(begin, end); },
      const_cast<Body*>(&body));
}

// Fills the destination with a pattern of one element (when there is one), then runs the copies.
class CopyStep final : public Step {
 public:
  struct Part {
    BufferId source;
    StridedCopy copy;
  };
  CopyStep(BufferId destination, std::vector<Part> parts)
      : destination_(destination), parts_(std::move(parts)) {}
  void fill_first(std::vector<std::byte> element, int64_t count);
  void run(const RunContext& context, StepState* state) const override;
  bool joins_team() const override { return true; }

 private:
  BufferId destination_;
  std::vector<Part> parts_;
  std::vector<std::byte> fill_;
  int64_t fill_count_ = 0;
};

// One node by its reference operator, on plain buffers and on loose values.
class ReferenceStep final : public Step {
 public:
  struct Source {
    BufferId buffer = -1;
    int loose = -1;
    DType dtype = DType::kUndefined;  // kUndefined with neither: an omitted input
    Shape shape;
  };
  struct Target {
    BufferId buffer = -1;
    int loose = -1;
    DType dtype = DType::kUndefined;
    Shape shape;
  };
  ReferenceStep(const Graph& graph, NodeId node, std::vector<Source> sources, std::vector<Target> targets);
  void run(const RunContext& context, StepState* state) const override;

 private:
  const Graph& graph_;
  NodeId node_;
  std::vector<Source> sources_;
  std::vector<Target> targets_;
};

// The tensors of a step's sources, views of the plan's buffers; and its results put where they belong.
std::vector<Tensor> fetch_all(const RunContext& context, std::span<const ReferenceStep::Source> sources);
void deliver(const RunContext& context, const Node& node, std::span<const ReferenceStep::Target> targets,
             std::span<const Tensor> results);

// The contract's operation on codes (integer_contract.h) by the reference, for what has no fast kernel.
class ReferenceChainStep final : public Step {
 public:
  ReferenceChainStep(const Graph& graph, const IntegerChain& chain,
                     std::vector<ReferenceStep::Source> sources, ReferenceStep::Source residual,
                     BufferId result)
      : graph_(graph),
        chain_(chain),
        sources_(std::move(sources)),
        residual_(std::move(residual)),
        result_(result) {}
  void run(const RunContext& context, StepState* state) const override;

 private:
  Tensor node_by_node(const std::vector<Tensor>& inputs, const Tensor& residual) const;

  const Graph& graph_;
  IntegerChain chain_;
  std::vector<ReferenceStep::Source> sources_;
  ReferenceStep::Source residual_;
  BufferId result_;
};

class TapStep final : public Step {
 public:
  TapStep(std::string name, ReferenceStep::Source source, bool channels_last)
      : name_(std::move(name)), source_(std::move(source)), channels_last_(channels_last) {}
  void run(const RunContext& context, StepState* state) const override;

 private:
  std::string name_;
  ReferenceStep::Source source_;
  bool channels_last_;
};

}  // namespace precis::runtime
