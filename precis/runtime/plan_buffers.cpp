// PlanBuilder: which copies of a value exist, where they lie, and the reorders between layouts.
#include "precis/core/check.h"
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/lowering.h"
#include "precis/runtime/onednn/primitives.h"
#include "precis/runtime/plan_builder.h"

namespace precis::runtime {

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

// Between plain and channels-last, to where `t` lies.
StridedCopy interleaving(const PhysicalType& t) {
  const int64_t batch = t.shape[0], channels = t.shape[1], pixels = t.shape.inner(2);
  StridedCopy copy;
  copy.element_bytes = dtype_bits(t.dtype) / 8;
  copy.extents = {batch, pixels, channels};
  copy.source_strides = {channels * pixels, 1, pixels};
  copy.destination_strides = {channels * pixels, channels, 1};
  if (t.layout == Layout::kPlain) std::swap(copy.source_strides, copy.destination_strides);
  copy.simplify();
  return copy;
}

// A copy, where it is the faster way or oneDNN does not know the type.
bool interleaves(const PhysicalType& t, Layout from) {
  if (dtype_bits(t.dtype) < 8) return false;
  const bool to_last = from == Layout::kPlain && t.layout == Layout::kChannelsLast;
  const bool to_plain = from == Layout::kChannelsLast && t.layout == Layout::kPlain;
  return (to_last && t.shape[1] <= kFewChannels) || ((to_last || to_plain) && !onednn::takes(t.dtype));
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
  info.bytes = 2 * bytes_of(id);
  const BufferId destination = write(id, layout);
  if (emit_code_reorder(*this, info, t, from, layout, source, destination)) return destination;
  if (interleaves(t, from)) {
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

}  // namespace precis::runtime
