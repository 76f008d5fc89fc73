// PlanBuilder: turns a graph with concrete shapes into a Plan. It keeps which physical copies of each value
// exist, inserts reorders where a kernel wants another layout, and records lifetimes for the memory plan.
// What an operator becomes is decided by the lowerings (lowering.h); what has none runs by the reference.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "precis/runtime/fusion.h"
#include "precis/runtime/memory_plan.h"
#include "precis/runtime/onednn/kernel.h"
#include "precis/runtime/plan.h"

namespace precis::runtime {

// Packed weights of a Program, shared by its plans and sessions. Thread-safe.
class WeightStore {
 public:
  // The tensor kept under `key`, made by `make` when it is not there yet.
  Tensor get(const std::string& key, const std::function<Tensor()>& make);
  // The same for any object with a bytes() member; null when `make` gave null, which is kept too.
  template <typename T>
  std::shared_ptr<const T> get_object(const std::string& key,
                                      const std::function<std::shared_ptr<const T>()>& make) {
    const std::lock_guard lock(mutex_);
    auto it = objects_.find(key);
    if (it == objects_.end()) {
      const std::shared_ptr<const T> made = make();
      it = objects_.emplace(key, Object{made, made ? static_cast<uint64_t>(made->bytes()) : 0}).first;
    }
    return std::static_pointer_cast<const T>(it->second.pointer);
  }
  uint64_t bytes() const;

 private:
  struct Object {
    std::shared_ptr<const void> pointer;
    uint64_t bytes = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, Object> objects_;
};

// The values that taps see, and whether as they lie or row-major.
struct TapRequest {
  const std::set<ValueId>& values;
  bool as_laid_out = false;
};

class PlanBuilder {
 public:
  // `bodies`: of the graph's control operators.
  PlanBuilder(std::shared_ptr<const Graph> graph, WeightStore& weights, const TapRequest& taps,
              const std::map<NodeId, BodyPrograms>& bodies, int threads);
  std::unique_ptr<Plan> build();

  // --- for lowerings
  int threads() const { return op_threads_; }  // of the operation that is being lowered
  const Graph& graph() const { return *graph_; }
  const Node& node(const FusedOp& op) const { return graph_->node(op.node); }
  const ValueType& type(ValueId id) const { return graph_->value(id).type; }
  bool has_shape(ValueId id) const { return fully_known(type(id).shape) && !is_loose(id); }
  Shape shape(ValueId id) const { return to_shape(type(id).shape); }
  const Tensor* constant(ValueId id) const { return graph_->constant(id); }
  bool is_loose(ValueId id) const { return loose_.count(id) != 0; }
  // Somebody reads `id`: a node, the caller or a tap.
  bool is_seen(ValueId id) const {
    return !graph_->value(id).uses.empty() || graph_->is_output(id) || taps_.count(id) != 0;
  }
  // The layout a computed value was made in (kPlain for inputs and constants).
  Layout native_layout(ValueId id) const;
  PhysicalType physical(ValueId id, Layout layout) const;

  // The buffer that holds `id` in `layout`; emits a reorder when there is none yet.
  BufferId read(ValueId id, Layout layout);
  // A new buffer for a value that the next emitted step makes; a part of the buffer of the Concat it goes to
  // where that saves the copy.
  BufferId write(ValueId id, Layout layout);
  // The same for a step that can leave room between rows of channels: in the channels-last layout such a row
  // may lie inside the result of the Concat that reads it. `stride`: elements from one row to the next.
  struct Rows {
    BufferId buffer = -1;
    int64_t stride = 0;
  };
  Rows write_rows(ValueId id, Layout layout, bool may_stride);
  // The buffer that holds `id` in `layout`, when nothing but `op` reads it any more, so that `op` may leave
  // its result there (write_over); -1 otherwise, and when `op` reads the same memory as an input.
  BufferId overwritable(const FusedOp& op, ValueId id, Layout layout);
  void write_over(ValueId id, Layout layout, BufferId buffer) { copies_[id].push_back({layout, buffer}); }
  // For lowering a Concat: the buffer some of its inputs were already written to, -1 when there is none; and
  // whether `in` lies in it as input `slot`.
  BufferId collected(ValueId concat_output) const;
  bool lies_in(BufferId whole, ValueId in, size_t slot) const;
  // `out` in layout `out_layout` is what `in` is in layout `in_layout`: the same bytes under another name.
  void alias(ValueId out, Layout out_layout, ValueId in, Layout in_layout);
  BufferId scratch(int64_t bytes);
  BufferId constant_buffer(Tensor tensor);
  // The step may write `out` over `in` when nobody reads `in` afterwards. To be called before emit().
  void may_share(BufferId in, BufferId out) { sharing_.push_back({next_step(), in, out}); }
  // Reads and writes: all buffers the step touches, scratch included.
  void emit(std::unique_ptr<Step> step, StepInfo info, const std::vector<BufferId>& touched);
  // A StepInfo with names, fused operators, MACs, and the values as they lie.
  StepInfo describe(const FusedOp& op, std::string kernel, const std::vector<ValueId>& inputs, Layout in,
                    Layout out) const;
  std::string describe_value(ValueId id, Layout layout) const;
  double bytes_of(ValueId id) const;  // as stored; 0 where the shape is not known
  Tensor packed(const std::string& key, const std::function<Tensor()>& make) {
    return weights_.get(key, make);
  }
  WeightStore& weights() { return weights_; }
  // What `op` packs out of `contents` is kept under this key, `what` telling the ways to pack from each other.
  // It carries the contents: plans of different input shapes, which share what is packed, may have another
  // node in the same place (the other branch of an If), or weights that were computed from the shapes.
  std::string weights_key(const FusedOp& op, std::string_view what, std::span<const Tensor> contents) const;
  // A oneDNN kernel as a step: operands in the order of its arguments; kWeights takes `weights`, kBias
  // `bias`.
  void emit_kernel(const onednn::KernelPtr& kernel, StepInfo info, const std::vector<BufferId>& operands,
                   Tensor weights = {}, Tensor bias = {});

 private:
  struct Copy {
    Layout layout;
    BufferId buffer;
  };
  struct Sharing {
    int step;
    BufferId in, out;
  };
  int next_step() const { return static_cast<int>(plan_->steps.size()); }
  BufferId add_buffer(Buffer buffer);
  BufferId find_copy(ValueId id, Layout layout) const;
  bool is_last_reader(const FusedOp& op, ValueId id) const;
  BufferId reorder(ValueId id, Layout layout);
  BufferId write_into_concat(ValueId id, Layout layout);
  void place_inputs();
  void lower(const FusedOp& op);
  void lower_by_reference(const FusedOp& op);
  void lower_chain_by_reference(const FusedOp& op);
  void emit_inner_taps(const FusedOp& op);
  void emit_taps(const FusedOp& op);
  void emit_tap(ValueId id);
  void place_outputs();
  void finish_memory();
  BufferId root(BufferId id) const;

  std::shared_ptr<const Graph> graph_;
  WeightStore& weights_;
  const std::set<ValueId>& taps_;
  const bool taps_as_laid_out_;
  const std::map<NodeId, BodyPrograms>& bodies_;
  int threads_, op_threads_;  // of the plan, and of the operation that is being lowered
  std::unique_ptr<Plan> plan_;
  std::map<ValueId, std::vector<Copy>> copies_;
  std::map<std::pair<ValueId, size_t>, BufferId> parts_;  // (concat output, input slot) -> part of its buffer
  std::map<ValueId, int> loose_;
  std::set<NodeId> lowered_;  // nodes whose steps were emitted
  std::vector<Sharing> sharing_;
  std::vector<std::vector<BufferId>> touched_;  // by step
  std::vector<BufferLife> lives_;               // one per buffer
};

}  // namespace precis::runtime
