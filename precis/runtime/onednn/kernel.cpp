// Kernel = dnnl primitive + the description of its arguments; BoundKernel = the memory handles of one caller.
#include "precis/runtime/onednn/kernel.h"

#include <array>
#include <cstring>

#include "precis/core/isa.h"
#include "precis/runtime/onednn/internal.h"

namespace precis::runtime::onednn {
namespace {

using dnnl::memory;

// Row-major dimension order of each layout, as an ordering of axes from slowest to fastest.
memory::desc describe_strided(memory::data_type type, const memory::dims& dims,
                              const std::vector<int>& order) {
  memory::dims strides(dims.size());
  int64_t step = 1;
  for (size_t i = order.size(); i-- > 0;) {
    const auto axis = static_cast<size_t>(order[i]);
    strides[axis] = step;
    step *= std::max<int64_t>(dims[axis], 1);
  }
  return {dims, type, strides};
}

memory::format_tag blocked_tag(int rank, Layout layout) {
  using tag = memory::format_tag;
  const std::array<tag, 3> by8{tag::nCw8c, tag::nChw8c, tag::nCdhw8c};
  const std::array<tag, 3> by16{tag::nCw16c, tag::nChw16c, tag::nCdhw16c};
  return (layout == Layout::kBlocked8 ? by8 : by16)[static_cast<size_t>(rank - 3)];
}

class DnnlBoundKernel final : public BoundKernel {
 public:
  DnnlBoundKernel(const KernelParts& parts) : primitive_(parts.primitive), stream_(cpu_engine()) {
    for (const KernelArgument& a : parts.arguments) add(a.index, a.desc);
    if (parts.scratch.get_size() > 0) add(DNNL_ARG_SCRATCHPAD, parts.scratch);
  }

  void run(std::span<void* const> pointers) override {
    for (size_t i = 0; i < args_.size(); ++i) {
      if (pointers[i] == current_[i]) continue;
      current_[i] = pointers[i];
      dnnl_memory_set_data_handle(args_[i].memory, pointers[i]);
    }
    const dnnl_status_t status =
        dnnl_primitive_execute(primitive_.get(), stream_.get(), static_cast<int>(args_.size()), args_.data());
    check(status == dnnl_success, ErrorCode::kInternal, "oneDNN failed to run a kernel (status {})",
          static_cast<int>(status));
  }

 private:
  void add(int index, const memory::desc& desc) {
    memories_.emplace_back(desc, cpu_engine(), static_cast<void*>(nullptr));
    args_.push_back({index, memories_.back().get()});
    current_.push_back(nullptr);
  }

  dnnl::primitive primitive_;
  dnnl::stream stream_;
  std::vector<memory> memories_;
  std::vector<dnnl_exec_arg_t> args_;
  std::vector<void*> current_;
};

class DnnlKernel final : public Kernel {
 public:
  explicit DnnlKernel(KernelParts parts) : parts_(std::move(parts)) {
    for (const KernelArgument& a : parts_.arguments) arguments_.push_back(a.public_view);
    if (parts_.weights_to.data.ndims > 0)
      weights_key_.assign(reinterpret_cast<const char*>(&parts_.weights_to.data), sizeof(dnnl_memory_desc_t));
  }

  std::span<const Argument> arguments() const override { return arguments_; }
  int64_t scratch_bytes() const override { return static_cast<int64_t>(parts_.scratch.get_size()); }
  const std::string& implementation() const override { return parts_.implementation; }
  std::unique_ptr<BoundKernel> bind() const override {
    return or_error("bind the arguments of a kernel",
                    [&] { return std::make_unique<DnnlBoundKernel>(parts_); });
  }
  const std::string& weights_key() const override { return weights_key_; }

  Tensor pack_weights(const Tensor& weights) const override {
    return or_error("pack weights", [&] { return packed(weights); });
  }

 private:
  Tensor packed(const Tensor& weights) const {
    Tensor packed(DType::kU8, Shape{static_cast<int64_t>(parts_.weights_to.get_size())});
    memory from(parts_.weights_from, cpu_engine(), const_cast<std::byte*>(weights.bytes()));
    memory to(parts_.weights_to, cpu_engine(), packed.bytes());
    dnnl::stream stream(cpu_engine());
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
    return packed;
  }

  KernelParts parts_;
  std::vector<Argument> arguments_;
  std::string weights_key_;
};

// PRECIS_FORCE_ISA holds for oneDNN's kernels, too. It takes a limit only before its first primitive.
void limit_isa(Isa isa) {
  static constexpr dnnl::cpu_isa kIsas[] = {dnnl::cpu_isa::sse41, dnnl::cpu_isa::avx2,
                                            dnnl::cpu_isa::avx2_vnni, dnnl::cpu_isa::avx512_core,
                                            dnnl::cpu_isa::avx512_core_vnni};
  dnnl::set_max_cpu_isa(kIsas[static_cast<size_t>(isa)]);
}

}  // namespace

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine = [] {
    if (current_isa() != cpu_isa()) limit_isa(current_isa());
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return engine;
}

memory::data_type to_dnnl(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return memory::data_type::f32;
    case DType::kI32:
      return memory::data_type::s32;
    case DType::kI8:
      return memory::data_type::s8;
    case DType::kU8:
      return memory::data_type::u8;
    case DType::kBF16:
      return memory::data_type::bf16;
    default:
      return memory::data_type::undef;
  }
}

memory::dims to_dims(const Shape& shape) { return {shape.begin(), shape.end()}; }

memory::desc describe(DType dtype, const Shape& shape, Layout layout) {
  const memory::data_type type = to_dnnl(dtype);
  if (layout == Layout::kBlocked8 || layout == Layout::kBlocked16)
    return {to_dims(shape), type, blocked_tag(shape.rank(), layout)};
  const bool channels_last = layout == Layout::kChannelsLast;
  std::vector<int> order;
  for (int i = 0; i < shape.rank(); ++i)
    if (!channels_last || i != 1) order.push_back(i);
  if (channels_last) order.push_back(1);
  return describe_strided(type, to_dims(shape), order);
}

memory::desc describe_any(DType dtype, const Shape& shape) {
  return {to_dims(shape), to_dnnl(dtype), memory::format_tag::any};
}

memory::desc describe_vector(DType dtype, int64_t length) {
  return {{length}, to_dnnl(dtype), memory::format_tag::a};
}

bool classify(const memory::desc& desc, DType dtype, const Shape& shape, Layout& layout) {
  for (Layout candidate : {Layout::kPlain, Layout::kChannelsLast, Layout::kBlocked8, Layout::kBlocked16}) {
    if (!layout_allowed(shape, candidate)) continue;
    if (desc == describe(dtype, shape, candidate)) {
      layout = candidate;
      return true;
    }
  }
  return false;
}

dnnl::algorithm algorithm_of(Function f) {
  switch (f) {
    case Function::kRelu:
      return dnnl::algorithm::eltwise_relu;
    case Function::kClip:
      return dnnl::algorithm::eltwise_clip;
    case Function::kElu:
      return dnnl::algorithm::eltwise_elu;
    case Function::kSigmoid:
      return dnnl::algorithm::eltwise_logistic;
    case Function::kTanh:
      return dnnl::algorithm::eltwise_tanh;
    case Function::kGelu:
      return dnnl::algorithm::eltwise_gelu_erf;
    case Function::kGeluTanh:
      return dnnl::algorithm::eltwise_gelu_tanh;
    case Function::kHardSwish:
      return dnnl::algorithm::eltwise_hardswish;
    case Function::kSwish:
      return dnnl::algorithm::eltwise_swish;
    case Function::kSoftplus:
      return dnnl::algorithm::eltwise_soft_relu;
    case Function::kLinear:
      return dnnl::algorithm::eltwise_linear;
    case Function::kRound:
      return dnnl::algorithm::eltwise_round;
    case Function::kAbs:
      return dnnl::algorithm::eltwise_abs;
    case Function::kSqrt:
      return dnnl::algorithm::eltwise_sqrt;
    case Function::kExp:
      return dnnl::algorithm::eltwise_exp;
    case Function::kLog:
      return dnnl::algorithm::eltwise_log;
  }
  return dnnl::algorithm::undef;
}

KernelArgument argument_of(int index, const memory::desc& desc, Argument::Role role, Layout layout) {
  return {index, desc, {role, layout, static_cast<int64_t>(desc.get_size())}};
}

KernelPtr make_kernel(KernelParts parts) { return std::make_shared<DnnlKernel>(std::move(parts)); }

dnnl::primitive_attr default_attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

dnnl::post_ops to_dnnl(const std::vector<PostOp>& post_ops, const Shape& destination,
                       const memory::desc& destination_desc, std::vector<KernelArgument>* operands) {
  dnnl::post_ops result;
  for (const PostOp& p : post_ops) {
    switch (p.kind) {
      case PostOp::Kind::kFunction:
        result.append_eltwise(1.0f, algorithm_of(p.function), p.alpha, p.beta);
        break;
      case PostOp::Kind::kSum:
        result.append_sum(p.sum_scale, p.sum_zero_point, to_dnnl(p.sum_dtype));
        break;
      case PostOp::Kind::kAdd:
      case PostOp::Kind::kMul: {
        const memory::desc desc =
            p.operand == destination ? destination_desc : describe(DType::kF32, p.operand, Layout::kPlain);
        const int index = DNNL_ARG_ATTR_MULTIPLE_POST_OP(result.len()) | DNNL_ARG_SRC_1;
        result.append_binary(
            p.kind == PostOp::Kind::kAdd ? dnnl::algorithm::binary_add : dnnl::algorithm::binary_mul, desc);
        Layout layout = Layout::kPlain;
        if (p.operand == destination) classify(desc, DType::kF32, p.operand, layout);
        operands->push_back(argument_of(index, desc, Argument::Role::kOperand, layout));
        break;
      }
    }
  }
  return result;
}

const Argument& Kernel::argument(Argument::Role role) const {
  for (const Argument& a : arguments())
    if (a.role == role) return a;
  fail(ErrorCode::kInternal, "kernel '{}' has no such argument", implementation());
}

bool takes(DType dtype) { return to_dnnl(dtype) != memory::data_type::undef; }

bool has_exact_u8s8() {
  const auto isa = dnnl::get_effective_cpu_isa();
  return isa == dnnl::cpu_isa::avx512_core_vnni || isa == dnnl::cpu_isa::avx512_core_bf16 ||
         isa == dnnl::cpu_isa::avx512_core_amx || isa == dnnl::cpu_isa::avx2_vnni;
}

std::string isa_name() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "generic";
  }
}

}  // namespace precis::runtime::onednn
