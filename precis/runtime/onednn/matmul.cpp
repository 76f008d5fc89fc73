// Matrix products on oneDNN: inner product where the weights are constant and the source is a matrix, else
// matmul.
#include "precis/runtime/onednn/internal.h"
#include "precis/runtime/onednn/primitives.h"

namespace precis::runtime::onednn {
namespace {

using dnnl::memory;
using Role = Argument::Role;

memory::desc describe_matrix(DType dtype, const Shape& shape, bool transposed) {
  memory::dims dims = to_dims(shape);
  std::vector<int64_t> strides = shape.strides();
  for (int64_t& s : strides) s = std::max<int64_t>(s, 1);
  if (transposed) {
    const size_t last = dims.size() - 1;
    strides[last - 1] = 1;
    strides[last] = dims[last - 1];
  }
  return {dims, to_dnnl(dtype), strides};
}

dnnl::primitive_attr attributes_for(const MatMulSpec& s, int channel_mask) {
  dnnl::primitive_attr attributes = default_attributes();
  if (!s.scales.empty()) attributes.set_output_scales(s.scales.size() == 1 ? 0 : channel_mask, s.scales);
  if (s.source_zero_point != 0) attributes.set_zero_points(DNNL_ARG_SRC, 0, {s.source_zero_point});
  if (s.destination_zero_point != 0) attributes.set_zero_points(DNNL_ARG_DST, 0, {s.destination_zero_point});
  return attributes;
}

bool fits_inner_product(const MatMulSpec& s) {
  return s.constant_weights && s.source.rank() == 2 && s.weights.rank() == 2 && !s.transposed_source &&
         s.source_dtype == DType::kF32;
}

KernelPtr make_inner_product(const MatMulSpec& s) {
  using Descriptor = dnnl::inner_product_forward::primitive_desc;
  const int64_t k = s.weights[0], n = s.weights[1];
  const memory::desc source = describe(s.source_dtype, s.source, Layout::kPlain);
  const memory::desc destination = describe(s.destination_dtype, s.destination, Layout::kPlain);
  const memory::desc bias =
      s.bias_dtype == DType::kUndefined ? memory::desc() : describe_vector(s.bias_dtype, n);
  std::vector<KernelArgument> operands;
  const auto descriptor = try_create<Descriptor>([&] {
    dnnl::primitive_attr attributes = attributes_for(s, 1 << 1);
    attributes.set_post_ops(to_dnnl(s.post_ops, s.destination, destination, &operands));
    return Descriptor({dnnl::prop_kind::forward_inference, source, describe_any(s.weights_dtype, {n, k}),
                       bias, destination},
                      attributes, cpu_engine());
  });
  if (!descriptor) return nullptr;
  KernelParts parts;
  parts.arguments = {argument_of(DNNL_ARG_SRC, source, Role::kSource),
                     argument_of(DNNL_ARG_WEIGHTS, descriptor->weights_desc(), Role::kWeights)};
  if (s.bias_dtype != DType::kUndefined)
    parts.arguments.push_back(argument_of(DNNL_ARG_BIAS, bias, Role::kBias));
  parts.arguments.insert(parts.arguments.end(), operands.begin(), operands.end());
  parts.arguments.push_back(argument_of(DNNL_ARG_DST, destination, Role::kDestination));
  // The stored weights are (k, n), or (n, k) when transposed; inner product names them (n, k).
  parts.weights_from = describe_matrix(s.weights_dtype, {n, k}, !s.transposed_weights);
  parts.weights_to = descriptor->weights_desc();
  parts.scratch = descriptor->scratchpad_desc();
  parts.implementation = descriptor->impl_info_str();
  parts.primitive = dnnl::inner_product_forward(*descriptor);
  return make_kernel(std::move(parts));
}

KernelPtr make_product(const MatMulSpec& s) {
  using Descriptor = dnnl::matmul::primitive_desc;
  const int rank = s.destination.rank();
  const memory::desc source = describe_matrix(s.source_dtype, s.source, s.transposed_source);
  const memory::desc stored = describe_matrix(s.weights_dtype, s.weights, s.transposed_weights);
  const memory::desc weights = s.constant_weights ? describe_any(s.weights_dtype, s.weights) : stored;
  const memory::desc destination = describe(s.destination_dtype, s.destination, Layout::kPlain);
  Shape bias_shape(std::vector<int64_t>(static_cast<size_t>(rank), 1));
  bias_shape[rank - 1] = s.destination[rank - 1];
  const bool has_bias = s.bias_dtype != DType::kUndefined;
  const memory::desc bias = has_bias ? describe(s.bias_dtype, bias_shape, Layout::kPlain) : memory::desc();
  std::vector<KernelArgument> operands;
  const auto descriptor = try_create<Descriptor>([&] {
    dnnl::primitive_attr attributes = attributes_for(s, 1 << (rank - 1));
    attributes.set_post_ops(to_dnnl(s.post_ops, s.destination, destination, &operands));
    const auto desc = has_bias ? dnnl::matmul::desc(source, weights, bias, destination)
                               : dnnl::matmul::desc(source, weights, destination);
    return Descriptor(desc, attributes, cpu_engine());
  });
  if (!descriptor) return nullptr;
  KernelParts parts;
  parts.arguments = {argument_of(DNNL_ARG_SRC, source, Role::kSource),
                     argument_of(DNNL_ARG_WEIGHTS, descriptor->weights_desc(),
                                 s.constant_weights ? Role::kWeights : Role::kSource)};
  if (has_bias) parts.arguments.push_back(argument_of(DNNL_ARG_BIAS, bias, Role::kBias));
  parts.arguments.insert(parts.arguments.end(), operands.begin(), operands.end());
  parts.arguments.push_back(argument_of(DNNL_ARG_DST, destination, Role::kDestination));
  if (s.constant_weights) {
    parts.weights_from = stored;
    parts.weights_to = descriptor->weights_desc();
  }
  parts.scratch = descriptor->scratchpad_desc();
  parts.implementation = descriptor->impl_info_str();
  parts.primitive = dnnl::matmul(*descriptor);
  return make_kernel(std::move(parts));
}

}  // namespace

KernelPtr make_matmul(const MatMulSpec& s) {
  if (fits_inner_product(s))
    if (KernelPtr kernel = unless_refused([&] { return make_inner_product(s); })) return kernel;
  return unless_refused([&] { return make_product(s); });
}

}  // namespace precis::runtime::onednn
