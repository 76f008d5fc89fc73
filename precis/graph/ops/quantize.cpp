// Quantization: ONNX's QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear on plain integer tensors,
// and our own precis::Quantize, Dequantize and Requantize, whose parameters are the encodings of their input
// and output types.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/quantize_params.h"

namespace precis::ops {
namespace {

// Per tensor, per axis or blocked along an axis, as the shape of the scale (input 1) tells.
void check_granularity(const InferContext& ctx) {
  const int64_t block = int_attr(ctx, "block_size", 0, 0, INT32_MAX);
  const SymbolicShape &x = ctx.shape(0), &scale = ctx.shape(1);
  if (!x || !scale || scale->empty()) return;
  const auto rank = static_cast<int>(x->size());
  if (scale->size() == 1 && ((*scale)[0].value == 1 || rank == 1) && block == 0) {
    const bool fits = (*scale)[0].value == 1 || !fully_known(scale) || !fully_known(x) || *scale == *x;
    ctx.require(fits, "the scale (input 1) has shape {} for data of shape {}", shape_str(scale),
                shape_str(x));
    return;
  }
  const auto axis = static_cast<size_t>(axis_attr(ctx, 1, rank));
  if (block == 0) return require_vector(ctx, 1, (*x)[axis], "the scale of axis quantization");
  ctx.require(scale->size() == x->size(), "the scale (input 1) has shape {}, expected rank {} for blocks",
              shape_str(scale), rank);
  for (size_t i = 0; i < x->size(); ++i) {
    const Dim &d = (*x)[i], &s = (*scale)[i];
    if (!d.known() || !s.known()) continue;
    const int64_t expected = i == axis ? ceil_div(d.value, block) : d.value;
    ctx.require(s.value == expected, "the scale (input 1) has length {} along axis {}, expected {}", s.value,
                i, expected);
  }
}

void infer_quantize_linear(InferContext& ctx) {
  require_type(ctx, 0, kFloats | types({DType::kI32}));
  require_type(ctx, 1, kFloats | types({DType::kI32, DType::kF8E8M0}));
  flag_attr(ctx, "saturate", true);
  const DType precision = dtype_attr(ctx, "precision", DType::kF32);
  ctx.require(((kFloats >> static_cast<int>(precision)) & 1u) != 0,
              "attribute 'precision' asks for {}, expected one of {}", dtype_name(precision),
              type_set_text(kFloats));
  require_scale_values(ctx, 1, "y_scale");
  check_granularity(ctx);
  DType codes = dtype_attr(ctx, "output_dtype", DType::kUndefined);
  if (ctx.has_input(2)) {
    require_type(ctx, 2, kCodes);
    const DType zp = ctx.dtype(2);
    ctx.require(codes == DType::kUndefined || zp == DType::kUndefined || codes == zp,
                "attribute 'output_dtype' asks for {}, but y_zero_point (input 2) has element type {}",
                dtype_name(codes), dtype_name(zp));
    require_zero_point(ctx, 2, 2, 1, "y_zero_point");
    if (codes == DType::kUndefined) codes = zp;
  } else if (codes == DType::kUndefined) {
    codes = DType::kU8;
  }
  ctx.require(codes == DType::kUndefined || ((kCodes >> static_cast<int>(codes)) & 1u) != 0,
              "attribute 'output_dtype' asks for {}, expected one of {}", dtype_name(codes),
              type_set_text(kCodes));
  set_output(ctx, 0, codes, ctx.shape(0));
}

void infer_dequantize_linear(InferContext& ctx) {
  require_type(ctx, 0, kCodes | types({DType::kI32}));
  require_type(ctx, 1, kFloats | types({DType::kF8E8M0}));
  require_scale_values(ctx, 1, "x_scale");
  check_granularity(ctx);
  require_zero_point(ctx, 2, 0, 1, "x_zero_point");
  const DType out = dtype_attr(ctx, "output_dtype", ctx.dtype(1));
  ctx.require(out == DType::kUndefined || is_float(out),
              "attribute 'output_dtype' asks for {}, expected a float type", dtype_name(out));
  set_output(ctx, 0, out, ctx.shape(0));
}

void infer_dynamic_quantize_linear(InferContext& ctx) {
  require_type(ctx, 0, types({DType::kF32}));
  set_output(ctx, 0, DType::kU8, ctx.shape(0));
  set_output(ctx, 1, DType::kF32, std::vector<Dim>{});
  set_output(ctx, 2, DType::kU8, std::vector<Dim>{});
}

// Our own operators: encoded or plain on each side, the same real values and shape.
template <bool kEncodedInput, bool kEncodedOutput>
void infer_encoding_change(InferContext& ctx) {
  const auto side = [](bool encoded) { return encoded ? "an encoded" : "a plain"; };
  const ValueType &in = ctx.input(0), &out = ctx.declared_output(0);
  require_type(ctx, 0, kFloats);
  ctx.require(in.dtype == DType::kUndefined || in.encoded() == kEncodedInput,
              "takes {} value, expected {} one", side(in.encoded()), side(kEncodedInput));
  ctx.require(out.encoded() == kEncodedOutput, "makes {} value, expected {} one", side(out.encoded()),
              side(kEncodedOutput));
  same_as_input(ctx);
}

}  // namespace

const std::vector<OpDecl>& quantize_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "QuantizeLinear",
       .min_inputs = 2,
       .max_inputs = 3,
       .attributes = {{"axis", AttrKind::kInt},
                      {"block_size", AttrKind::kInt},
                      {"output_dtype", AttrKind::kInt},
                      {"precision", AttrKind::kInt},
                      {"saturate", AttrKind::kInt}},
       .infer = infer_quantize_linear},
      {.op = "DequantizeLinear",
       .min_inputs = 2,
       .max_inputs = 3,
       .attributes = {{"axis", AttrKind::kInt},
                      {"block_size", AttrKind::kInt},
                      {"output_dtype", AttrKind::kInt}},
       .infer = infer_dequantize_linear},
      {.op = "DynamicQuantizeLinear",
       .min_outputs = 3,
       .max_outputs = 3,
       .infer = infer_dynamic_quantize_linear},
      {.domain = "precis", .op = "Quantize", .infer = infer_encoding_change<false, true>},
      {.domain = "precis", .op = "Dequantize", .infer = infer_encoding_change<true, false>},
      {.domain = "precis", .op = "Requantize", .infer = infer_encoding_change<true, true>},
  };
  return decls;
}

}  // namespace precis::ops
