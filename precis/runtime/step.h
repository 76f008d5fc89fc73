// One step of a plan: an operation on the plan's buffers. Steps are immutable and shared by sessions; what a
// caller must keep between runs (argument handles) lives in a StepState that belongs to the session.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "precis/core/tensor.h"
#include "precis/runtime/session.h"

namespace precis::runtime {

// Where a run finds its memory. `buffers` are addresses by buffer number; `loose` holds the values whose
// shapes are only known once they are computed, by slot.
struct RunContext {
  std::span<std::byte* const> buffers;
  std::span<Tensor> loose;
  const LaidOutTapFunction* tap = nullptr;  // null or empty: nobody listens
};

class StepState {
 public:
  virtual ~StepState() = default;
};

class Step {
 public:
  virtual ~Step() = default;
  virtual std::unique_ptr<StepState> make_state() const { return nullptr; }
  virtual void run(const RunContext& context, StepState* state) const = 0;
  // It starts threads by parallel_for only: neighbours that do share a team (with_team).
  virtual bool joins_team() const { return false; }
};

}  // namespace precis::runtime
