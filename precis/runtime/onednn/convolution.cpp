// Convolution and transposed convolution on oneDNN.
#include "precis/runtime/onednn/internal.h"
#include "precis/runtime/onednn/primitives.h"

namespace precis::runtime::onednn {
namespace {

using dnnl::memory;

// Weights as oneDNN sees them ([g,] o, i, k ...) and where they lie in an ONNX tensor.
struct WeightsView {
  Shape shape;
  memory::desc plain;
};

WeightsView view_weights(const ConvolutionSpec& s) {
  const int64_t groups = s.groups;
  const std::vector<int64_t> from = s.weights.strides();
  // ONNX: Conv (g*O, I, k...), ConvTranspose (g*I, O, k...).
  const int out_axis = s.transposed ? 1 : 0, in_axis = s.transposed ? 0 : 1;
  const int64_t outs = s.transposed ? s.weights[1] : s.weights[0] / groups;
  const int64_t ins = s.transposed ? s.weights[0] / groups : s.weights[1];
  std::vector<int64_t> dims, strides;
  if (groups > 1) {
    dims.push_back(groups);
    strides.push_back(from[0] * (s.transposed ? ins : outs));
  }
  dims.insert(dims.end(), {outs, ins});
  strides.insert(strides.end(), {from[static_cast<size_t>(out_axis)], from[static_cast<size_t>(in_axis)]});
  for (int i = 2; i < s.weights.rank(); ++i) {
    dims.push_back(s.weights[i]);
    strides.push_back(from[static_cast<size_t>(i)]);
  }
  return {Shape(dims), memory::desc(dims, to_dnnl(s.weights_dtype), strides)};
}

memory::desc side(DType dtype, const Shape& shape, const std::optional<Layout>& layout) {
  return layout ? describe(dtype, shape, *layout) : describe_any(dtype, shape);
}

dnnl::primitive_attr attributes_for(const ConvolutionSpec& s) {
  dnnl::primitive_attr attributes = default_attributes();
  if (!s.scales.empty()) attributes.set_output_scales(s.scales.size() == 1 ? 0 : 1 << 1, s.scales);
  if (s.source_zero_point != 0) attributes.set_zero_points(DNNL_ARG_SRC, 0, {s.source_zero_point});
  if (s.destination_zero_point != 0) attributes.set_zero_points(DNNL_ARG_DST, 0, {s.destination_zero_point});
  return attributes;
}

struct Geometry {
  memory::dims strides, dilations, pads_begin, pads_end;
};

// The end pads are recomputed so that oneDNN's size formula gives exactly the destination's shape.
Geometry geometry_of(const ConvolutionSpec& s) {
  Geometry g;
  const int spatial = s.source.rank() - 2;
  for (int i = 0; i < spatial; ++i) {
    const auto u = static_cast<size_t>(i);
    const int64_t span = (s.weights[i + 2] - 1) * s.dilations[u] + 1;
    g.strides.push_back(s.strides[u]);
    g.dilations.push_back(s.dilations[u] - 1);
    g.pads_begin.push_back(s.pads[u]);
    const int64_t in = s.source[i + 2], out = s.destination[i + 2];
    g.pads_end.push_back(s.transposed ? (in - 1) * s.strides[u] + span - s.pads[u] - out
                                      : (out - 1) * s.strides[u] + span - s.pads[u] - in);
  }
  return g;
}

// Everything needed to ask oneDNN for an implementation.
struct Request {
  memory::desc source, weights, bias, destination;
  Geometry geometry;
};

Request request_of(const ConvolutionSpec& s, const WeightsView& weights) {
  Request r;
  r.source = side(s.source_dtype, s.source, s.source_layout);
  r.weights = describe_any(s.weights_dtype, weights.shape);
  if (s.bias_dtype != DType::kUndefined) r.bias = describe_vector(s.bias_dtype, s.destination[1]);
  r.destination = side(s.destination_dtype, s.destination, s.destination_layout);
  r.geometry = geometry_of(s);
  return r;
}

template <typename Primitive>
constexpr dnnl::algorithm algorithm_of() {
  return std::is_same_v<Primitive, dnnl::convolution_forward> ? dnnl::algorithm::convolution_direct
                                                              : dnnl::algorithm::deconvolution_direct;
}

// oneDNN's first choice for one channel per group is a batched product; its older code is about twice as
// fast. To be called while the description that `first` was made of lives: oneDNN reads it again.
template <typename Descriptor>
Descriptor without_batched_depthwise(const Descriptor& first) {
  Descriptor other = first;
  while (std::string(other.impl_info_str()).rfind("brdgmm", 0) == 0)
    if (!other.next_impl()) return first;
  return std::string(other.impl_info_str()).find("ref") == std::string::npos ? other : first;
}

template <typename Primitive>
auto create(const Request& r, const dnnl::primitive_attr& attributes) {
  using Descriptor = typename Primitive::primitive_desc;
  return try_create<Descriptor>([&] {
    const typename Primitive::desc desc(dnnl::prop_kind::forward_inference, algorithm_of<Primitive>(),
                                        r.source, r.weights, r.bias, r.destination, r.geometry.strides,
                                        r.geometry.dilations, r.geometry.pads_begin, r.geometry.pads_end);
    return without_batched_depthwise(Descriptor(desc, attributes, cpu_engine()));
  });
}

bool has_operands(const std::vector<PostOp>& post_ops) {
  for (const PostOp& p : post_ops)
    if (p.kind == PostOp::Kind::kAdd || p.kind == PostOp::Kind::kMul) return true;
  return false;
}

// Left to choose both layouts, oneDNN takes one that only its product over unrolled windows knows, or none of
// ours, before it tries channels-last.
template <typename Primitive>
void prefer_channels_last(const ConvolutionSpec& s, const dnnl::primitive_attr& attributes,
                          Request& request) {
  if (s.source_layout || s.destination_layout) return;
  const auto is_fast = [&](const Request& r) {
    const auto d = create<Primitive>(r, attributes);
    Layout any{};
    return d && std::string(d->impl_info_str()).find("gemm") == std::string::npos &&
           classify(d->src_desc(), s.source_dtype, s.source, any) &&
           classify(d->dst_desc(), s.destination_dtype, s.destination, any);
  };
  if (is_fast(request)) return;
  Request last = request;
  last.source = describe(s.source_dtype, s.source, Layout::kChannelsLast);
  last.destination = describe(s.destination_dtype, s.destination, Layout::kChannelsLast);
  if (is_fast(last)) request = last;
}

template <typename Primitive>
KernelPtr make(const ConvolutionSpec& s) {
  const WeightsView weights = view_weights(s);
  Request request = request_of(s, weights);
  dnnl::primitive_attr attributes = attributes_for(s);
  prefer_channels_last<Primitive>(s, attributes, request);
  if (!s.destination_layout && has_operands(s.post_ops)) {
    // Operands lie as the destination does, which is only known once a descriptor was made without them.
    const auto bare = create<Primitive>(request, attributes);
    if (!bare) return nullptr;
    // The source is fixed too: asked for one side only, oneDNN may find nothing.
    request.source = bare->src_desc();
    request.destination = bare->dst_desc();
  }
  std::vector<KernelArgument> operands;
  attributes.set_post_ops(to_dnnl(s.post_ops, s.destination, request.destination, &operands));
  const auto descriptor = create<Primitive>(request, attributes);
  if (!descriptor) return nullptr;

  using Role = Argument::Role;
  KernelParts parts;
  Layout from{}, to{};
  if (!classify(descriptor->src_desc(), s.source_dtype, s.source, from)) return nullptr;
  if (!classify(descriptor->dst_desc(), s.destination_dtype, s.destination, to)) return nullptr;
  parts.arguments = {argument_of(DNNL_ARG_SRC, descriptor->src_desc(), Role::kSource, from),
                     argument_of(DNNL_ARG_WEIGHTS, descriptor->weights_desc(), Role::kWeights)};
  if (s.bias_dtype != DType::kUndefined)
    parts.arguments.push_back(argument_of(DNNL_ARG_BIAS, request.bias, Role::kBias));
  parts.arguments.insert(parts.arguments.end(), operands.begin(), operands.end());
  parts.arguments.push_back(argument_of(DNNL_ARG_DST, descriptor->dst_desc(), Role::kDestination, to));
  parts.weights_from = weights.plain;
  parts.weights_to = descriptor->weights_desc();
  parts.scratch = descriptor->scratchpad_desc();
  parts.implementation = descriptor->impl_info_str();
  parts.primitive = Primitive(*descriptor);
  return make_kernel(std::move(parts));
}

// Whether images are columns one element wide. oneDNN works along rows, so that these are its slowest.
bool is_column(const ConvolutionSpec& s) {
  return s.source.rank() == 4 && s.source[3] == 1 && s.destination[3] == 1 && s.weights[3] == 1 &&
         s.source[2] > 1 && s.pads[1] == 0 && s.pads[3] == 0;
}

// The same convolution over rows: every value keeps its place in memory, in every layout.
ConvolutionSpec as_row(ConvolutionSpec s) {
  for (PostOp& p : s.post_ops)
    if (p.operand.rank() == 4) std::swap(p.operand[2], p.operand[3]);
  for (Shape* shape : {&s.source, &s.weights, &s.destination}) std::swap((*shape)[2], (*shape)[3]);
  for (auto* values : {&s.strides, &s.dilations}) std::swap((*values)[0], (*values)[1]);
  std::swap(s.pads[0], s.pads[1]);
  std::swap(s.pads[2], s.pads[3]);
  return s;
}

}  // namespace

KernelPtr make_convolution(const ConvolutionSpec& spec) {
  if (is_column(spec)) return make_convolution(as_row(spec));
  return unless_refused([&] {
    return spec.transposed ? make<dnnl::deconvolution_forward>(spec) : make<dnnl::convolution_forward>(spec);
  });
}

}  // namespace precis::runtime::onednn
