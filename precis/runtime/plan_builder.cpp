// Values to buffers, reorders, lifetimes; see plan_builder.h.
#include "precis/runtime/plan_builder.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/graph/op.h"
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/lowering.h"
#include "precis/runtime/onednn/primitives.h"
#include "precis/runtime/reference_encoded.h"
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

PlanBuilder::PlanBuilder(std::shared_ptr<const Graph> graph, WeightStore& weights,
                         const std::set<ValueId>& taps, int threads)
    : graph_(std::move(graph)),
      weights_(weights),
      taps_(taps),
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

// --- buffers

BufferId PlanBuilder::add_buffer(Buffer buffer) {
  plan_->buffers.push_back(std::move(buffer));
  lives_.push_back({plan_->buffers.back().bytes, next_step(), next_step()});
  return static_cast<BufferId>(plan_->buffers.size()) - 1;
}

PhysicalType PlanBuilder::physical(ValueId id, Layout layout) const {
  return {type(id).storage_dtype(), shape(id), layout};
}

Layout PlanBuilder::native_layout(ValueId id) const {
  const auto it = copies_.find(id);
  return it == copies_.end() || it->second.empty() ? Layout::kPlain : it->second.front().layout;
}

BufferId PlanBuilder::find_copy(ValueId id, Layout layout) const {
  const auto it = copies_.find(id);
  if (it == copies_.end()) return -1;
  for (const Copy& c : it->second)
    if (c.layout == layout) return c.buffer;
  for (const Copy& c : it->second)
    if (same_in_memory(shape(id), c.layout, layout)) return c.buffer;
  return -1;
}

BufferId PlanBuilder::read(ValueId id, Layout layout) {
  if (copies_.count(id) == 0 && constant(id) != nullptr)
    copies_[id].push_back({Layout::kPlain, constant_buffer(*constant(id))});
  const BufferId found = find_copy(id, layout);
  return found >= 0 ? found : reorder(id, layout);
}

BufferId PlanBuilder::write(ValueId id, Layout layout) {
  BufferId buffer = write_into_concat(id, layout);
  if (buffer < 0) {
    Buffer b;
    b.type = physical(id, layout);
    b.bytes = b.type.bytes();
    buffer = add_buffer(std::move(b));
  }
  copies_[id].push_back({layout, buffer});
  return buffer;
}

BufferId PlanBuilder::write_into_concat(ValueId id, Layout layout) {
  for (const Use& use : graph_->value(id).uses) {
    const auto placement = concat_placement(*this, use, layout);
    if (!placement) continue;
    const ValueId whole = graph_->node(use.node).outputs[0];
    const auto made = copies_.find(whole);
    if (made != copies_.end() && made->second.front().layout != layout) continue;
    const std::pair key{whole, static_cast<size_t>(use.slot)};
    if (parts_.count(key) != 0) continue;
    const BufferId parent = made != copies_.end() ? made->second.front().buffer : write(whole, layout);
    Buffer part;
    part.type = physical(id, layout);
    part.bytes = part.type.bytes();
    part.parent = parent;
    part.offset = *placement;
    return parts_[key] = add_buffer(std::move(part));
  }
  return -1;
}

bool PlanBuilder::is_last_reader(const FusedOp& op, ValueId id) const {
  const auto done = [&](const Use& use) {
    return use.node == op.node || lowered_.count(use.node) != 0 ||
           std::find(op.absorbed.begin(), op.absorbed.end(), use.node) != op.absorbed.end();
  };
  const std::vector<Use>& uses = graph_->value(id).uses;
  return !graph_->is_output(id) && taps_.count(id) == 0 && std::all_of(uses.begin(), uses.end(), done);
}

BufferId PlanBuilder::overwritable(const FusedOp& op, ValueId id, Layout layout) {
  if (constant(id) != nullptr || !is_last_reader(op, id)) return -1;
  const BufferId buffer = read(id, layout);
  const Buffer& b = plan_->buffers[static_cast<size_t>(buffer)];
  if (b.kind != Buffer::Kind::kArena || b.parent >= 0) return -1;
  // Other values may lie in the same memory: renamed ones and the parts of a Concat.
  for (const auto& [value, copies] : copies_)
    for (const Copy& c : copies) {
      if (root(c.buffer) != buffer) continue;
      const std::vector<ValueId>& inputs = node(op).inputs;
      const bool read_by_op = std::find(inputs.begin(), inputs.end(), value) != inputs.end();
      if (read_by_op || !is_last_reader(op, value)) return -1;
    }
  return buffer;
}

PlanBuilder::Rows PlanBuilder::write_rows(ValueId id, Layout layout, bool may_stride) {
  const Shape s = shape(id);
  const int64_t dense = layout == Layout::kChannelsLast ? s[1] : s[s.rank() - 1];
  const Value& v = graph_->value(id);
  const bool hidden = v.uses.size() == 1 && !graph_->is_output(id) && taps_.count(id) == 0;
  if (!may_stride || layout != Layout::kChannelsLast || !hidden) return {write(id, layout), dense};
  const auto placement = concat_row_placement(*this, v.uses[0]);
  if (!placement) return {write(id, layout), dense};
  const ValueId whole = graph_->node(v.uses[0].node).outputs[0];
  const auto made = copies_.find(whole);
  if (made != copies_.end() && made->second.front().layout != layout) return {write(id, layout), dense};
  Buffer part;
  part.type = physical(id, layout);
  part.bytes = part.type.bytes();
  part.parent = made != copies_.end() ? made->second.front().buffer : write(whole, layout);
  part.offset = *placement;
  const BufferId buffer = add_buffer(std::move(part));
  parts_[{whole, static_cast<size_t>(v.uses[0].slot)}] = buffer;
  copies_[id].push_back({layout, buffer});
  return {buffer, shape(whole)[1]};
}

BufferId PlanBuilder::collected(ValueId concat_output) const {
  const auto it = copies_.find(concat_output);
  return it == copies_.end() ? -1 : it->second.front().buffer;
}

bool PlanBuilder::lies_in(BufferId whole, ValueId in, size_t slot) const {
  for (const auto& [key, part] : parts_)
    if (key.second == slot && plan_->buffers[static_cast<size_t>(part)].parent == whole)
      return find_copy(in, plan_->buffers[static_cast<size_t>(whole)].type.layout) == part;
  return false;
}

void PlanBuilder::alias(ValueId out, Layout out_layout, ValueId in, Layout in_layout) {
  copies_[out].push_back({out_layout, read(in, in_layout)});
}

BufferId PlanBuilder::scratch(int64_t bytes) {
  Buffer b;
  b.bytes = bytes;
  return add_buffer(std::move(b));
}

BufferId PlanBuilder::constant_buffer(Tensor tensor) {
  Buffer b;
  b.kind = Buffer::Kind::kConstant;
  b.type = {tensor.dtype(), tensor.shape(), Layout::kPlain};
  b.bytes = tensor.nbytes();
  b.constant = std::move(tensor);
  return add_buffer(std::move(b));
}

namespace {

constexpr int64_t kFewChannels = 4;  // images: interleaved faster than by oneDNN

// Plain to channels-last.
StridedCopy interleaving(const PhysicalType& t) {
  const int64_t batch = t.shape[0], channels = t.shape[1], pixels = t.shape.inner(2);
  StridedCopy copy;
  copy.element_bytes = dtype_bits(t.dtype) / 8;
  copy.extents = {batch, pixels, channels};
  copy.source_strides = {channels * pixels, 1, pixels};
  copy.destination_strides = {channels * pixels, channels, 1};
  copy.simplify();
  return copy;
}

}  // namespace

BufferId PlanBuilder::reorder(ValueId id, Layout layout) {
  const Layout from = copies_.at(id).front().layout;
  const BufferId source = copies_.at(id).front().buffer;
  const PhysicalType t = physical(id, layout);
  StepInfo info;
  info.node = graph_->value(id).name;
  info.op = "Reorder";
  info.inputs = {describe_value(id, from)};
  info.outputs = {describe_value(id, layout)};
  info.quantized = type(id).encoded();
  const BufferId destination = write(id, layout);
  if (emit_code_reorder(*this, info, t, from, layout, source, destination)) return destination;
  if (from == Layout::kPlain && layout == Layout::kChannelsLast && t.shape[1] <= kFewChannels &&
      dtype_bits(t.dtype) >= 8) {
    info.kernel = "copy";
    emit(std::make_unique<CopyStep>(destination, std::vector<CopyStep::Part>{{source, interleaving(t)}}),
         std::move(info), {source, destination});
    return destination;
  }
  const onednn::KernelPtr kernel = onednn::make_reorder({t.dtype, t.shape, from, layout});
  check(kernel != nullptr, ErrorCode::kInternal, "value '{}': no reorder of {}{} from {} to {}",
        graph_->value(id).name, dtype_name(t.dtype), t.shape.str(), layout_name(from), layout_name(layout));
  info.kernel = "onednn:" + kernel->implementation();
  emit_kernel(kernel, std::move(info), {source, destination});
  return destination;
}

// --- steps

void PlanBuilder::emit(std::unique_ptr<Step> step, StepInfo info, const std::vector<BufferId>& touched) {
  for (BufferId b : touched) {
    BufferLife& life = lives_[static_cast<size_t>(b)];
    life.last = std::max(life.last, next_step());
  }
  plan_->steps.push_back(std::move(step));
  plan_->step_threads.push_back(op_threads_);
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

StepInfo PlanBuilder::describe(const FusedOp& op, std::string kernel, const std::vector<ValueId>& inputs,
                               Layout in, Layout out) const {
  const Node& main = node(op);
  StepInfo info;
  info.node = main.name.empty() && !main.outputs.empty() ? graph_->value(main.outputs[0]).name : main.name;
  info.op = main.op;
  for (NodeId id : op.absorbed) info.fused.push_back(graph_->node(id).op);
  info.kernel = std::move(kernel);
  for (ValueId v : inputs) {
    info.inputs.push_back(describe_value(v, constant(v) != nullptr ? Layout::kPlain : in));
    info.quantized = info.quantized || type(v).encoded();
  }
  for (ValueId v : op.outputs) {
    if (!v) continue;
    info.outputs.push_back(describe_value(v, out));
    info.quantized = info.quantized || type(v).encoded();
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
    if (v && fully_known(type(v).shape)) {
      t.dtype = type(v).storage_dtype();
      t.shape = shape(v);
      t.buffer = write(v, Layout::kPlain);
      touched.push_back(t.buffer);
    } else if (v) {
      t.loose = loose_[v] = plan_->loose_slots++;
    }
    targets.push_back(std::move(t));
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

// --- taps, inputs, outputs

void PlanBuilder::emit_taps(const FusedOp& op) {
  for (ValueId v : op.outputs)
    if (v && taps_.count(v) != 0) emit_tap(v);
}

void PlanBuilder::emit_tap(ValueId id) {
  ReferenceStep::Source source;
  source.dtype = type(id).storage_dtype();
  std::vector<BufferId> touched;
  if (is_loose(id)) {
    source.loose = loose_.at(id);
  } else {
    source.shape = shape(id);
    source.buffer = read(id, Layout::kPlain);
    touched.push_back(source.buffer);
  }
  StepInfo info;
  info.node = graph_->value(id).name;
  info.op = "Tap";
  info.kernel = "tap";
  info.inputs = {describe_value(id, Layout::kPlain)};
  emit(std::make_unique<TapStep>(graph_->value(id).name, std::move(source)), std::move(info), touched);
}

void PlanBuilder::place_inputs() {
  const auto inputs = graph_->inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
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
