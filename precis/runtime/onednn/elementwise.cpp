// Pools, functions, binary operators, softmax, LRN, reorder and concat on oneDNN: no weights, same form for
// all.
#include "precis/runtime/onednn/internal.h"
#include "precis/runtime/onednn/primitives.h"

namespace precis::runtime::onednn {
namespace {

using dnnl::memory;
using Role = Argument::Role;

// One source, one destination, both in `layout`.
template <typename Primitive, typename Descriptor>
KernelPtr finish(const Descriptor& descriptor, const memory::desc& source, Layout from,
                 const memory::desc& destination, Layout to,
                 const std::vector<KernelArgument>& operands = {}) {
  KernelParts parts;
  parts.arguments = {argument_of(DNNL_ARG_SRC, source, Role::kSource, from)};
  parts.arguments.insert(parts.arguments.end(), operands.begin(), operands.end());
  parts.arguments.push_back(argument_of(DNNL_ARG_DST, destination, Role::kDestination, to));
  parts.scratch = descriptor.scratchpad_desc();
  parts.implementation = descriptor.impl_info_str();
  parts.primitive = Primitive(descriptor);
  return make_kernel(std::move(parts));
}

dnnl::algorithm algorithm_of(BinarySpec::Kind kind) {
  switch (kind) {
    case BinarySpec::Kind::kAdd:
      return dnnl::algorithm::binary_add;
    case BinarySpec::Kind::kSub:
      return dnnl::algorithm::binary_sub;
    case BinarySpec::Kind::kMul:
      return dnnl::algorithm::binary_mul;
    case BinarySpec::Kind::kDiv:
      return dnnl::algorithm::binary_div;
    case BinarySpec::Kind::kMax:
      return dnnl::algorithm::binary_max;
    case BinarySpec::Kind::kMin:
      return dnnl::algorithm::binary_min;
  }
  return dnnl::algorithm::undef;
}

KernelPtr pool_kernel(const PoolSpec& s) {
  using Descriptor = dnnl::pooling_forward::primitive_desc;
  const memory::desc source = describe(s.dtype, s.source, s.layout);
  const memory::desc destination = describe(s.dtype, s.destination, s.layout);
  const auto algorithm = s.kind == PoolSpec::Kind::kMax       ? dnnl::algorithm::pooling_max
                         : s.kind == PoolSpec::Kind::kAverage ? dnnl::algorithm::pooling_avg_exclude_padding
                                                              : dnnl::algorithm::pooling_avg_include_padding;
  const size_t spatial = s.kernel.size();
  memory::dims begins, ends;
  for (size_t i = 0; i < spatial; ++i) {
    const int axis = static_cast<int>(i) + 2;
    begins.push_back(s.pads[i]);
    ends.push_back((s.destination[axis] - 1) * s.strides[i] + s.kernel[i] - s.source[axis] - s.pads[i]);
  }
  const auto descriptor = try_create<Descriptor>([&] {
    return Descriptor({dnnl::prop_kind::forward_inference, algorithm, source, destination, s.strides,
                       s.kernel, begins, ends},
                      default_attributes(), cpu_engine());
  });
  if (!descriptor) return nullptr;
  return finish<dnnl::pooling_forward>(*descriptor, source, s.layout, destination, s.layout);
}

KernelPtr function_kernel(const FunctionSpec& s) {
  using Descriptor = dnnl::eltwise_forward::primitive_desc;
  const memory::desc desc = describe(DType::kF32, s.shape, s.layout);
  const auto descriptor = try_create<Descriptor>([&] {
    return Descriptor({dnnl::prop_kind::forward_inference, algorithm_of(s.function), desc, s.alpha, s.beta},
                      default_attributes(), cpu_engine());
  });
  if (!descriptor) return nullptr;
  return finish<dnnl::eltwise_forward>(*descriptor, desc, s.layout, desc, s.layout);
}

KernelPtr binary_kernel(const BinarySpec& s) {
  using Descriptor = dnnl::binary::primitive_desc;
  const memory::desc a = describe(DType::kF32, s.a, s.layout), b = describe(DType::kF32, s.b, s.layout);
  const memory::desc destination = describe(DType::kF32, s.destination, s.layout);
  std::vector<KernelArgument> operands;
  const auto descriptor = try_create<Descriptor>([&] {
    dnnl::primitive_attr attributes = default_attributes();
    attributes.set_post_ops(to_dnnl(s.post_ops, s.destination, destination, &operands));
    return Descriptor({algorithm_of(s.kind), a, b, destination}, attributes, cpu_engine());
  });
  if (!descriptor) return nullptr;
  operands.insert(operands.begin(), argument_of(DNNL_ARG_SRC_1, b, Role::kSource, s.layout));
  return finish<dnnl::binary>(*descriptor, a, s.layout, destination, s.layout, operands);
}

KernelPtr softmax_kernel(const SoftmaxSpec& s) {
  using Descriptor = dnnl::softmax_v2_forward::primitive_desc;
  const memory::desc desc = describe(DType::kF32, s.shape, Layout::kPlain);
  const auto algorithm = s.logarithm ? dnnl::algorithm::softmax_log : dnnl::algorithm::softmax_accurate;
  const auto descriptor = try_create<Descriptor>([&] {
    return Descriptor({dnnl::prop_kind::forward_inference, algorithm, desc, desc, s.axis},
                      default_attributes(), cpu_engine());
  });
  if (!descriptor) return nullptr;
  return finish<dnnl::softmax_v2_forward>(*descriptor, desc, Layout::kPlain, desc, Layout::kPlain);
}

KernelPtr lrn_kernel(const LrnSpec& s) {
  using Descriptor = dnnl::lrn_forward::primitive_desc;
  const memory::desc desc = describe(DType::kF32, s.shape, s.layout);
  const auto descriptor = try_create<Descriptor>([&] {
    return Descriptor({dnnl::prop_kind::forward_inference, dnnl::algorithm::lrn_across_channels, desc, s.size,
                       s.alpha, s.beta, s.bias},
                      default_attributes(), cpu_engine());
  });
  if (!descriptor) return nullptr;
  return finish<dnnl::lrn_forward>(*descriptor, desc, s.layout, desc, s.layout);
}

KernelPtr reorder_kernel(const ReorderSpec& s) {
  using Descriptor = dnnl::reorder::primitive_desc;
  const memory::desc from = describe(s.dtype, s.shape, s.from), to = describe(s.dtype, s.shape, s.to);
  const auto descriptor = try_create<Descriptor>(
      [&] { return Descriptor(cpu_engine(), from, cpu_engine(), to, default_attributes()); });
  if (!descriptor) return nullptr;
  return finish<dnnl::reorder>(*descriptor, from, s.from, to, s.to);
}

KernelPtr concat_kernel(const ConcatSpec& s) {
  using Descriptor = dnnl::concat::primitive_desc;
  std::vector<memory::desc> sources;
  for (const Shape& shape : s.sources) sources.push_back(describe(s.dtype, shape, s.layout));
  const memory::desc destination = describe(s.dtype, s.destination, s.layout);
  const auto descriptor = try_create<Descriptor>(
      [&] { return Descriptor(destination, s.axis, sources, cpu_engine(), default_attributes()); });
  if (!descriptor) return nullptr;
  KernelParts parts;
  for (size_t i = 0; i < sources.size(); ++i)
    parts.arguments.push_back(
        argument_of(DNNL_ARG_MULTIPLE_SRC + static_cast<int>(i), sources[i], Role::kSource, s.layout));
  parts.arguments.push_back(argument_of(DNNL_ARG_DST, destination, Role::kDestination, s.layout));
  parts.scratch = descriptor->scratchpad_desc();
  parts.implementation = descriptor->impl_info_str();
  parts.primitive = dnnl::concat(*descriptor);
  return make_kernel(std::move(parts));
}

}  // namespace

KernelPtr make_pool(const PoolSpec& s) {
  return unless_refused([&] { return pool_kernel(s); });
}
KernelPtr make_function(const FunctionSpec& s) {
  return unless_refused([&] { return function_kernel(s); });
}
KernelPtr make_binary(const BinarySpec& s) {
  return unless_refused([&] { return binary_kernel(s); });
}
KernelPtr make_softmax(const SoftmaxSpec& s) {
  return unless_refused([&] { return softmax_kernel(s); });
}
KernelPtr make_lrn(const LrnSpec& s) {
  return unless_refused([&] { return lrn_kernel(s); });
}
KernelPtr make_reorder(const ReorderSpec& s) {
  return unless_refused([&] { return reorder_kernel(s); });
}
KernelPtr make_concat(const ConcatSpec& s) {
  return unless_refused([&] { return concat_kernel(s); });
}

}  // namespace precis::runtime::onednn
