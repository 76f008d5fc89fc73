// Convolutions: Conv, ConvTranspose, ConvInteger, QLinearConv (ONNX opset 22, 10).
// Shapes: x [N, C, spatial...], w [M, C/group, kernel...] (ConvTranspose: [C, M/group, kernel...]), y [N, M,
// spatial...].
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/quantize_params.h"
#include "precis/graph/ops/window_infer.h"

namespace precis::ops {
namespace {

constexpr int64_t kMaxGroups = (int64_t{1} << 31) - 1;

std::vector<int64_t> kernel_dims(const SymbolicShape& w, int spatial) {
  std::vector<int64_t> kernel(static_cast<size_t>(spatial), -1);
  if (w)
    for (size_t i = 0; i < kernel.size(); ++i) kernel[i] = (*w)[i + 2].value;
  return kernel;
}

// y's shape of a forward convolution with x and w at the given inputs; all attributes are checked first.
SymbolicShape conv_shape(const InferContext& ctx, size_t xi, size_t wi) {
  const int64_t group = int_attr(ctx, "group", 1, 1, kMaxGroups);
  const std::optional<int> spatial = spatial_axes(ctx, {xi, wi});
  if (!spatial) return std::nullopt;
  const SymbolicShape &x = ctx.shape(xi), &w = ctx.shape(wi);
  const WindowSpec spec = read_window(ctx.node(), *spatial, kernel_dims(w, *spatial), ctx.where());
  const Dim channels = dim_at(x, 1), out = dim_at(w, 0), per_group = dim_at(w, 1);
  if (out.known())
    ctx.require(out.value % group == 0,
                "attribute 'group' is {}, which does not divide the {} output channels of the weights", group,
                out.value);
  if (channels.known() && per_group.known())
    ctx.require(channels.value == checked_times(ctx, per_group.value, group),
                "the input has {} channels, expected {}: the weights {} take {} in each of {} groups",
                channels.value, per_group.value * group, shape_str(w), per_group.value, group);
  return windowed_shape(ctx, spec, x, out, window_axis);
}

void infer_conv(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_same_type(ctx, 0, 1);
  if (ctx.has_input(2)) {
    require_same_type(ctx, 0, 2);
    require_vector(ctx, 2, dim_at(ctx.shape(1), 0), "the bias");
  }
  SymbolicShape y = conv_shape(ctx, 0, 1);
  set_output(ctx, 0, ctx.dtype(0), std::move(y));
}

void infer_conv_transpose(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  require_same_type(ctx, 0, 1);
  const int64_t group = int_attr(ctx, "group", 1, 1, kMaxGroups);
  const std::optional<int> spatial = spatial_axes(ctx, {0, 1});
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!spatial) return;
  const SymbolicShape &x = ctx.shape(0), &w = ctx.shape(1);
  const WindowSpec spec = read_window(ctx.node(), *spatial, kernel_dims(w, *spatial), ctx.where());
  const Dim channels = equal_dims(ctx, dim_at(x, 1), dim_at(w, 0),
                                  "the number of channels (input dimension 1, weights dimension 0)");
  if (channels.known())
    ctx.require(channels.value % group == 0,
                "attribute 'group' is {}, which does not divide the {} input channels", group,
                channels.value);
  const Dim per_group = dim_at(w, 1);
  const Dim out = per_group.known() ? Dim(checked_times(ctx, per_group.value, group)) : Dim();
  if (ctx.has_input(2)) {
    require_same_type(ctx, 0, 2);
    require_vector(ctx, 2, out, "the bias");
  }
  ctx.outputs[0].shape = windowed_shape(ctx, spec, x, out, transposed_window_axis);
}

void infer_conv_integer(InferContext& ctx) {
  require_type(ctx, 0, kBytes);
  require_type(ctx, 1, kBytes);
  if (ctx.has_input(2)) {
    require_same_type(ctx, 0, 2);
    require_scalar(ctx, 2, "x_zero_point");
  }
  if (ctx.has_input(3)) {
    require_same_type(ctx, 1, 3);
    require_scalar_or_vector(ctx, 3, dim_at(ctx.shape(1), 0), "w_zero_point");
  }
  SymbolicShape y = conv_shape(ctx, 0, 1);
  set_output(ctx, 0, DType::kI32, std::move(y));
}

void infer_qlinear_conv(InferContext& ctx) {
  const Dim channels = ctx.rank(3).value_or(0) > 0 ? dim_at(ctx.shape(3), 0) : Dim();
  require_scale(ctx, 1, Dim(1), "x_scale");
  require_zero_point(ctx, 2, 0, 1, "x_zero_point");
  require_scale(ctx, 4, channels, "w_scale");
  require_same_type(ctx, 3, 5);
  require_scalar_or_vector(ctx, 5, channels, "w_zero_point");
  require_scale(ctx, 6, Dim(1), "y_scale");
  require_scalar(ctx, 7, "y_zero_point");
  for (const size_t i : {0, 3, 7}) require_type(ctx, i, kBytes);
  if (ctx.has_input(8)) {
    require_type(ctx, 8, types({DType::kI32}));
    require_vector(ctx, 8, channels, "the bias");
  }
  SymbolicShape y = conv_shape(ctx, 0, 3);
  set_output(ctx, 0, ctx.dtype(7), std::move(y));
}

// Every output element sums kernel x channels-per-group products.
int64_t window_macs(const Shape& weights, const Shape& counted) {
  return checked_mul(counted.numel(), weights.inner(1));
}

int64_t conv_macs(const Node&, std::span<const Shape> in, std::span<const Shape> out) {
  return window_macs(in[1], out[0]);
}
int64_t qlinear_conv_macs(const Node&, std::span<const Shape> in, std::span<const Shape> out) {
  return window_macs(in[3], out[0]);
}
// Every input element meets M/group x kernel weights.
int64_t conv_transpose_macs(const Node&, std::span<const Shape> in, std::span<const Shape>) {
  return window_macs(in[1], in[0]);
}

std::vector<AttrDecl> conv_attributes() {
  return {{"auto_pad", AttrKind::kString},   {"dilations", AttrKind::kInts}, {"group", AttrKind::kInt},
          {"kernel_shape", AttrKind::kInts}, {"pads", AttrKind::kInts},      {"strides", AttrKind::kInts}};
}

std::vector<AttrDecl> conv_transpose_attributes() {
  std::vector<AttrDecl> a = conv_attributes();
  a.push_back({"output_padding", AttrKind::kInts});
  a.push_back({"output_shape", AttrKind::kInts});
  return a;
}

}  // namespace

const std::vector<OpDecl>& conv_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "Conv",
       .min_inputs = 2,
       .max_inputs = 3,
       .attributes = conv_attributes(),
       .infer = infer_conv,
       .macs = conv_macs},
      {.op = "ConvTranspose",
       .min_inputs = 2,
       .max_inputs = 3,
       .attributes = conv_transpose_attributes(),
       .infer = infer_conv_transpose,
       .macs = conv_transpose_macs},
      {.op = "ConvInteger",
       .min_inputs = 2,
       .max_inputs = 4,
       .attributes = conv_attributes(),
       .infer = infer_conv_integer,
       .macs = conv_macs},
      {.op = "QLinearConv",
       .min_inputs = 8,
       .max_inputs = 9,
       .attributes = conv_attributes(),
       .infer = infer_qlinear_conv,
       .macs = qlinear_conv_macs},
  };
  return decls;
}

}  // namespace precis::ops
