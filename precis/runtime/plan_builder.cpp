// The order of work, steps, inputs and outputs, lifetimes; see plan_builder.h. Buffers: plan_buffers.cpp.
// What runs by the reference: plan_reference.cpp.
#include "precis/runtime/plan_builder.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/graph/node_label.h"
#include "precis/graph/op.h"
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/lowering.h"
#include "precis/runtime/step_threads.h"

namespace precis::runtime {

Tensor WeightStore::get(const std::string& key, const std::function<Tensor()>& make) {
  const std::lock_guard lock(mutex_);
  auto it = tensors_.find(key);
  if (it == tensors_.end()) it = tensors_.emplace(key, make()).first;
  return it->second;
}

uint64_t WeightStore::bytes() const {
  const std::lock_guard lock(mutex_);
  uint64_t sum = 0;
  for (const auto& [key, tensor] : tensors_) sum += static_cast<uint64_t>(tensor.nbytes());
  for (const auto& [key, object] : objects_) sum += object.bytes;
  return sum;
}

PlanBuilder::PlanBuilder(std::shared_ptr<const Graph> graph, WeightStore& weights, const TapRequest& taps,
                         const std::map<NodeId, BodyPrograms>& bodies, int threads)
    : graph_(std::move(graph)),
      weights_(weights),
      taps_(taps.values),
      taps_as_laid_out_(taps.as_laid_out),
      bodies_(bodies),
      threads_(threads),
      op_threads_(threads),
      plan_(std::make_unique<Plan>()) {}

std::unique_ptr<Plan> PlanBuilder::build() {
  plan_->graph = graph_;
  place_inputs();
  const std::vector<FusedOp> ops = fuse(*graph_, taps_);
  threads_ = plan_threads(*graph_, ops, threads_);
  for (const FusedOp& op : ops) {
    lower(op);
    lowered_.insert(op.node);
    lowered_.insert(op.absorbed.begin(), op.absorbed.end());
    emit_taps(op);
  }
  place_outputs();
  finish_memory();
  plan_->info.weight_bytes += weights_.bytes();
  plan_->info.arena_bytes = static_cast<uint64_t>(plan_->arena_bytes);
  return std::move(plan_);
}

// --- steps

void PlanBuilder::emit(std::unique_ptr<Step> step, StepInfo info, const std::vector<BufferId>& touched) {
  for (BufferId b : touched) {
    BufferLife& life = lives_[static_cast<size_t>(b)];
    life.last = std::max(life.last, next_step());
  }
  touched_.push_back(touched);
  plan_->steps.push_back(std::move(step));
  plan_->step_threads.push_back(op_threads_);
  info.threads = op_threads_;
  plan_->info.steps.push_back(std::move(info));
}

void PlanBuilder::emit_kernel(const onednn::KernelPtr& kernel, StepInfo info,
                              const std::vector<BufferId>& operands, Tensor weights, Tensor bias) {
  using Role = onednn::Argument::Role;
  std::vector<KernelStep::Operand> bound;
  std::vector<BufferId> touched = operands;
  size_t next = 0;
  for (const onednn::Argument& a : kernel->arguments()) {
    if (a.role == Role::kWeights)
      bound.push_back({-1, weights});
    else if (a.role == Role::kBias)
      bound.push_back({-1, bias});
    else
      bound.push_back({operands.at(next++), {}});
  }
  if (kernel->scratch_bytes() > 0) {
    touched.push_back(scratch(kernel->scratch_bytes()));
    bound.push_back({touched.back(), {}});
  }
  emit(std::make_unique<KernelStep>(kernel, std::move(bound)), std::move(info), touched);
}

std::string PlanBuilder::describe_value(ValueId id, Layout layout) const {
  const ValueType& t = type(id);
  std::string text = std::string(dtype_name(t.storage_dtype())) + shape_str(t.shape);
  if (layout != Layout::kPlain) text += std::string(" ") + layout_name(layout);
  if (!t.encoded() || t.encoding.dynamic || t.encoding.scales.empty()) return text;
  if (t.encoding.per_tensor())
    return text + fmt::format(" @{}+{}", t.encoding.scale(), t.encoding.zero_point());
  return text + " @per-channel";
}

double PlanBuilder::bytes_of(ValueId id) const {
  const ValueType& t = type(id);
  return fully_known(t.shape)
             ? static_cast<double>(to_shape(t.shape).numel()) * dtype_bits(t.storage_dtype()) / 8
             : 0;
}

StepInfo PlanBuilder::describe(const FusedOp& op, std::string kernel, const std::vector<ValueId>& inputs,
                               Layout in, Layout out) const {
  const Node& main = node(op);
  StepInfo info;
  info.node = node_label(*graph_, main);
  info.op = main.op;
  for (NodeId id : op.absorbed) info.fused.push_back(graph_->node(id).op);
  info.kernel = std::move(kernel);
  for (ValueId v : inputs) {
    info.inputs.push_back(describe_value(v, constant(v) != nullptr ? Layout::kPlain : in));
    info.quantized = info.quantized || type(v).encoded();
    info.bytes += bytes_of(v);
  }
  for (ValueId v : op.outputs) {
    if (!v) continue;
    info.outputs.push_back(describe_value(v, out));
    info.quantized = info.quantized || type(v).encoded();
    info.bytes += bytes_of(v);
  }
  info.macs = static_cast<double>(node_macs(*graph_, op.node));
  return info;
}

void PlanBuilder::lower(const FusedOp& op) {
  op_threads_ = step_threads(*graph_, op, threads_);
  const ThreadScope scope(op_threads_);  // kernels are made for the threads that run them
  const auto computable = [&](ValueId v) { return !v || (has_shape(v) && shape(v).numel() > 0); };
  const auto try_fast = [&](const FusedOp& o) {
    const Node& main = node(o);
    if (!std::all_of(main.inputs.begin(), main.inputs.end(), computable)) return false;
    if (!std::all_of(o.outputs.begin(), o.outputs.end(), computable)) return false;
    const auto known = lowerings_for(main);
    return std::any_of(known.begin(), known.end(), [&](Lowering lowering) { return lowering(*this, o); });
  };
  if (op.chain) emit_inner_taps(op);
  if (try_fast(op)) return;
  const auto has_all_shapes = [&] {
    const Node& main = node(op);
    return std::all_of(main.inputs.begin(), main.inputs.end(),
                       [&](ValueId v) { return !v || has_shape(v); }) &&
           has_shape(op.chain->output) && (!op.chain->residual || has_shape(op.chain->residual));
  };
  if (op.chain && has_all_shapes()) return lower_chain_by_reference(op);
  // Without a kernel for the whole, fused nodes come apart again.
  std::vector<NodeId> nodes{op.node};
  nodes.insert(nodes.end(), op.absorbed.begin(), op.absorbed.end());
  for (NodeId id : nodes) {
    FusedOp single;
    single.node = id;
    single.outputs = graph_->node(id).outputs;
    if (op.absorbed.empty() || !try_fast(single)) lower_by_reference(single);
  }
}

// --- inputs, outputs

void PlanBuilder::place_inputs() {
  const auto inputs = graph_->inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (is_container(type(inputs[i]).dtype)) {
      loose_[inputs[i]] = plan_->loose_slots;
      plan_->loose_inputs.emplace_back(plan_->loose_slots++, i);
      continue;
    }
    Buffer b;
    b.kind = Buffer::Kind::kInput;
    b.index = i;
    b.type = physical(inputs[i], Layout::kPlain);
    b.bytes = b.type.bytes();
    copies_[inputs[i]].push_back({Layout::kPlain, add_buffer(std::move(b))});
  }
  for (ValueId id : inputs)
    if (taps_.count(id) != 0) emit_tap(id);
}

// An output that lies alone and plain in the arena becomes the caller's tensor itself; others are copied at
// the end.
void PlanBuilder::place_outputs() {
  const auto outputs = graph_->outputs();
  for (size_t i = 0; i < outputs.size(); ++i) {
    PlanOutput out;
    out.dtype = type(outputs[i]).storage_dtype();
    if (is_loose(outputs[i])) {
      out.loose = loose_.at(outputs[i]);
    } else {
      out.shape = shape(outputs[i]);
      out.source = read(outputs[i], Layout::kPlain);
      Buffer& b = plan_->buffers[static_cast<size_t>(out.source)];
      lives_[static_cast<size_t>(out.source)].last = next_step();
      if (b.kind == Buffer::Kind::kArena && b.parent < 0 &&
          b.bytes == layout_bytes(out.dtype, out.shape, Layout::kPlain)) {
        b.kind = Buffer::Kind::kOutput;
        b.index = i;
        out.in_place = true;
      }
    }
    plan_->outputs.push_back(std::move(out));
  }
}

// --- memory

BufferId PlanBuilder::root(BufferId id) const {
  while (plan_->buffers[static_cast<size_t>(id)].parent >= 0)
    id = plan_->buffers[static_cast<size_t>(id)].parent;
  return id;
}

void PlanBuilder::finish_memory() {
  auto& buffers = plan_->buffers;
  const auto life = [&](BufferId id) -> BufferLife& { return lives_[static_cast<size_t>(id)]; };
  const auto join = [&](BufferId child, BufferId parent) {
    life(parent).first = std::min(life(parent).first, life(child).first);
    life(parent).last = std::max(life(parent).last, life(child).last);
  };
  for (size_t i = 0; i < buffers.size(); ++i)
    if (buffers[i].parent >= 0) join(static_cast<BufferId>(i), root(static_cast<BufferId>(i)));
  for (const Sharing& s : sharing_) {
    const BufferId in = root(s.in), out = root(s.out);
    const bool arena = buffers[static_cast<size_t>(in)].kind == Buffer::Kind::kArena &&
                       buffers[static_cast<size_t>(out)].kind == Buffer::Kind::kArena;
    if (!arena || in == out || s.out != out) continue;
    if (life(in).last != s.step || life(out).first != s.step) continue;
    // A step that reads the memory a second time, as another operand or a part of one, would read its own
    // results.
    const std::vector<BufferId>& operands = touched_[static_cast<size_t>(s.step)];
    if (std::count_if(operands.begin(), operands.end(), [&](BufferId b) { return root(b) == in; }) != 1)
      continue;
    if (buffers[static_cast<size_t>(s.in)].bytes < buffers[static_cast<size_t>(out)].bytes) continue;
    buffers[static_cast<size_t>(out)].parent = s.in;
    join(out, in);
  }
  std::vector<BufferLife> lives;
  std::vector<size_t> ids;
  for (size_t i = 0; i < buffers.size(); ++i)
    if (buffers[i].kind == Buffer::Kind::kArena && buffers[i].parent < 0) {
      lives.push_back(lives_[i]);
      ids.push_back(i);
    }
  const MemoryPlan memory = plan_memory(lives);
  for (size_t i = 0; i < ids.size(); ++i) buffers[ids[i]].offset = memory.offsets[i];
  plan_->arena_bytes = memory.arena_bytes;
  for (const Buffer& b : buffers)
    if (b.kind == Buffer::Kind::kConstant) plan_->info.weight_bytes += static_cast<uint64_t>(b.bytes);
}

}  // namespace precis::runtime
