// Quantized operators of domain com.microsoft, as ONNX Runtime's quantizers and optimizers write them. The
// reader writes most of them out in ONNX's own operators and encodings (precis/onnx/microsoft_expand.h),
// whose rules then hold; what is checked here is what the longer form would not show.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/microsoft_decl.h"
#include "precis/graph/ops/quantize_params.h"
#include "precis/graph/recurrent.h"

namespace precis::ops {
namespace {

// Inputs that must be there although some before them may be omitted.
void require_inputs(const InferContext& ctx, std::initializer_list<size_t> inputs) {
  for (const size_t i : inputs) ctx.require(ctx.has_input(i), "input {} is omitted but required", i);
}

// An operand (codes, scale, zero point) whose codes are input `at`; the scale may be one per `length`.
void require_operand(const InferContext& ctx, size_t at, const Dim& length = 1) {
  require_type(ctx, at, kBytes);
  require_scale(ctx, at + 1, length, "the scale");
  require_zero_point(ctx, at + 2, at, at + 1, "the zero point");
}
// Scale and zero point of the result; gives the type of its codes.
DType result_codes(const InferContext& ctx, size_t scale, size_t operand) {
  require_scale(ctx, scale, Dim(1), "the scale of the result");
  if (!ctx.has_input(scale + 1)) return ctx.dtype(operand);
  require_type(ctx, scale + 1, kBytes);
  require_scalar(ctx, scale + 1, "the zero point of the result");
  return ctx.dtype(scale + 1);
}

void infer_binary(InferContext& ctx) {
  require_inputs(ctx, {3, 4, 6});
  require_operand(ctx, 0);
  require_operand(ctx, 3);
  require_same_type(ctx, 0, 3);
  set_output(ctx, 0, result_codes(ctx, 6, 0), broadcast(ctx, ctx.shape(0), ctx.shape(3)));
}

void infer_unary(InferContext& ctx) {
  require_inputs(ctx, {3});
  require_operand(ctx, 0);
  set_output(ctx, 0, result_codes(ctx, 3, 0), ctx.shape(0));
}

void infer_softmax(InferContext& ctx) {
  infer_unary(ctx);
  const int64_t opset = int_attr(ctx, "opset", 13, 1, INT32_MAX);
  if (const auto rank = ctx.rank(0)) axis_attr(ctx, opset < 13 ? 1 : -1, *rank);
}

// Pools and means: the lengths follow from the operator it becomes.
void infer_window(InferContext& ctx) {
  require_inputs(ctx, {3});
  flag_attr(ctx, "channels_last", false);
  require_operand(ctx, 0);
  const auto rank = ctx.rank(0);
  const bool same_rank = ctx.node().get_int("keepdims", 1) != 0;
  set_output(ctx, 0, result_codes(ctx, 3, 0), rank && same_rank ? unknown_dims(*rank) : std::nullopt);
}

void infer_concat(InferContext& ctx) {
  const DType codes = result_codes(ctx, 0, 1);
  ctx.require((ctx.num_inputs() - 2) % 3 == 0,
              "has {} inputs behind the result's parameters, expected three for each operand",
              ctx.num_inputs() - 2);
  for (size_t i = 2; i < ctx.num_inputs(); i += 3) require_operand(ctx, i);
  const auto rank = ctx.rank(2);
  if (rank) axis_attr(ctx, 0, *rank);
  set_output(ctx, 0, codes, rank ? unknown_dims(*rank) : std::nullopt);
}

void infer_where(InferContext& ctx) {
  require_type(ctx, 0, kBools);
  require_operand(ctx, 1);
  require_operand(ctx, 4);
  const SymbolicShape both = broadcast(ctx, ctx.shape(1), ctx.shape(4));
  set_output(ctx, 0, result_codes(ctx, 7, 1), broadcast(ctx, ctx.shape(0), both));
}

void infer_gemm(InferContext& ctx) {
  const size_t ta = flag_attr(ctx, "transA", false) ? 1 : 0, tb = flag_attr(ctx, "transB", false) ? 1 : 0;
  finite_attr(ctx, "alpha", 1);
  ctx.require_rank(0, 2, 2);
  ctx.require_rank(3, 2, 2);
  const SymbolicShape &a = ctx.shape(0), &b = ctx.shape(3);
  equal_dims(ctx, dim_at(a, 1 - ta), dim_at(b, tb), "the inner dimension of the product");
  require_operand(ctx, 0);
  require_operand(ctx, 3, dim_at(b, 1 - tb));
  if (ctx.has_input(6)) require_type(ctx, 6, types({DType::kI32}));
  const DType codes = ctx.has_input(7) ? result_codes(ctx, 7, 0) : DType::kF32;
  set_output(ctx, 0, codes, std::vector<Dim>{dim_at(a, ta), dim_at(b, 1 - tb)});
}

void infer_conv(InferContext& ctx) {
  flag_attr(ctx, "channels_last", false);
  const Dim channels = dim_at(ctx.shape(3), 0);
  require_operand(ctx, 0);
  require_operand(ctx, 3, channels);
  if (ctx.has_input(8)) {
    require_type(ctx, 8, types({DType::kI32}));
    require_vector(ctx, 8, channels, "the bias");
  }
  const auto rank = ctx.rank(0);
  set_output(ctx, 0, result_codes(ctx, 6, 0), rank ? unknown_dims(*rank) : std::nullopt);
}

// The result of a product of input 0 by [inner, columns] weights at input `w`.
SymbolicShape product_shape(const InferContext& ctx, size_t w) {
  ctx.require_rank(0, 1, kMaxRank);
  ctx.require_rank(w, 2, kMaxRank);
  const SymbolicShape &a = ctx.shape(0), &b = ctx.shape(w);
  if (!a || !b) return std::nullopt;
  equal_dims(ctx, a->back(), (*b)[b->size() - 2], "the inner dimension of the product");
  if (b->size() > 2) return unknown_dims(static_cast<int>(std::max(a->size(), b->size())));
  std::vector<Dim> y(*a);
  y.back() = b->back();
  return y;
}

void require_weights(const InferContext& ctx, size_t w, size_t scale, size_t zero, size_t bias) {
  const SymbolicShape& b = ctx.shape(w);
  const Dim columns = b && !b->empty() ? b->back() : Dim();
  require_type(ctx, w, kBytes);
  require_type(ctx, scale, kFloats);
  require_scale_values(ctx, scale, "the scale of the weights");
  if (b && b->size() == 2) require_scalar_or_vector(ctx, scale, columns, "the scale of the weights");
  require_zero_point(ctx, zero, w, scale, "the zero point of the weights");
  if (ctx.has_input(bias)) require_vector(ctx, bias, columns, "the bias");
}

void infer_dynamic_matmul(InferContext& ctx) {
  require_type(ctx, 0, types({DType::kF32}));
  require_weights(ctx, 1, 2, 3, 4);
  set_output(ctx, 0, DType::kF32, product_shape(ctx, 1));
}

void infer_matmul_to_float(InferContext& ctx) {
  require_type(ctx, 0, kBytes);
  require_type(ctx, 2, kFloats);
  require_scale_values(ctx, 2, "a_scale");
  if (ctx.has_input(4)) require_same_type(ctx, 0, 4);
  require_weights(ctx, 1, 3, 5, 6);
  set_output(ctx, 0, ctx.dtype(2), product_shape(ctx, 1));
}

int64_t bits_attr(const InferContext& ctx) {
  const int64_t bits = int_attr(ctx, "bits", 4, 2, 8);
  ctx.require(bits == 2 || bits == 4 || bits == 8, "attribute 'bits' is {}, expected 2, 4 or 8", bits);
  return bits;
}
int64_t block_attr(const InferContext& ctx, int64_t fallback) {
  const int64_t block = int_attr(ctx, "block_size", fallback, 16, 1 << 20);
  ctx.require((block & (block - 1)) == 0, "attribute 'block_size' is {}, expected a power of two", block);
  return block;
}

void require_count(const InferContext& ctx, size_t input, int64_t count, const char* what) {
  const SymbolicShape& s = ctx.shape(input);
  if (!ctx.has_input(input) || !fully_known(s)) return;
  const int64_t found = to_shape(s).numel();
  ctx.require(found == count, "{} (input {}) has {} elements, expected {}", what, input, found, count);
}

void infer_matmul_nbits(InferContext& ctx) {
  const int64_t bits = bits_attr(ctx), block = block_attr(ctx, 0);
  const int64_t n = int_attr(ctx, "N", 0, 1, INT32_MAX), k = int_attr(ctx, "K", 0, 1, INT32_MAX);
  ctx.require(ctx.node().get_int("weight_prepacked", 0) == 0,
              "attribute 'weight_prepacked' is set: the weights are laid out for another runtime");
  const int64_t blocks = ceil_div(k, block), block_bytes = block * bits / 8;
  require_type(ctx, 0, kFloats);
  require_type(ctx, 1, types({DType::kU8}));
  require_same_type(ctx, 0, 2);
  require_count(ctx, 1, checked_times(ctx, checked_times(ctx, n, blocks), block_bytes), "B");
  require_count(ctx, 2, checked_times(ctx, n, blocks), "scales");
  if (ctx.has_input(3)) {
    const bool packed = ctx.dtype(3) == DType::kU8;
    require_type(ctx, 3, kFloats | types({DType::kU8}));
    require_count(ctx, 3, checked_times(ctx, n, packed ? ceil_div(blocks * bits, 8) : blocks), "zero_points");
  }
  if (ctx.has_input(4)) {
    require_type(ctx, 4, types({DType::kI32}));
    require_count(ctx, 4, k, "g_idx");
  }
  if (ctx.has_input(5)) require_vector(ctx, 5, n, "the bias");
  SymbolicShape y = ctx.shape(0);
  ctx.require_rank(0, 1, kMaxRank);
  if (y) {
    equal_dims(ctx, y->back(), Dim(k), "the inner dimension of the product");
    y->back() = n;
  }
  set_output(ctx, 0, ctx.dtype(0), std::move(y));
}

int64_t matmul_nbits_macs(const Node& node, std::span<const Shape>, std::span<const Shape> out) {
  return checked_mul(out[0].numel(), node.get_int("K", 0));
}

void infer_gather_blocks(InferContext& ctx) {
  bits_attr(ctx);
  block_attr(ctx, 128);
  require_type(ctx, 0, kBytes | types({DType::kI4, DType::kU4}));
  require_type(ctx, 1, kIndices);
  require_type(ctx, 2, kFloats);
  if (ctx.has_input(3)) require_same_type(ctx, 0, 3);
  ctx.require_rank(0, 1, kMaxRank);
  const auto rank = ctx.rank(0), indices = ctx.rank(1);
  if (rank) {
    checked_axis(ctx, ctx.node().get_int("gather_axis", 0), *rank, "attribute 'gather_axis'");
    checked_axis(ctx, ctx.node().get_int("quantize_axis", 1), *rank, "attribute 'quantize_axis'");
  }
  set_output(ctx, 0, ctx.dtype(2), rank && indices ? unknown_dims(*rank + *indices - 1) : std::nullopt);
}

// As LSTM, with weights [D, I, 4H] and [D, H, 4H] in codes.
void infer_dynamic_lstm(InferContext& ctx) {
  require_inputs(ctx, {8, 9, 10, 11});
  require_type(ctx, 0, types({DType::kF32}));
  const RecurrentSpec spec = read_recurrent(ctx.node(), ctx.where());
  for (const size_t i : {0, 1, 2}) ctx.require_rank(i, 3, 3);
  const Dim h = spec.hidden >= 0 ? Dim(spec.hidden) : dim_at(ctx.shape(2), 1), d = spec.directions();
  const Dim rows = h.known() ? Dim(checked_times(ctx, h.value, 4)) : Dim();
  equal_dims(ctx, dim_at(ctx.shape(0), 2), dim_at(ctx.shape(1), 1), "the features of X and W");
  for (const size_t i : {1, 2}) {
    require_type(ctx, i, kBytes);
    equal_dims(ctx, dim_at(ctx.shape(i), 0), d, "the directions of the weights");
    equal_dims(ctx, dim_at(ctx.shape(i), 2), rows, "the gates of the weights");
  }
  equal_dims(ctx, dim_at(ctx.shape(2), 1), h, "the hidden units of R");
  for (const size_t i : {8, 10}) {
    require_type(ctx, i, types({DType::kF32}));
    require_scale_values(ctx, i, i == 8 ? "W_scale" : "R_scale");
    ctx.require_rank(i, 1, 2);
    require_zero_point(ctx, i + 1, i == 8 ? 1 : 2, i, i == 8 ? "W_zero_point" : "R_zero_point");
  }
  const Dim steps = dim_at(ctx.shape(0), 0), batch = dim_at(ctx.shape(0), 1);
  if (ctx.has_input(4)) {
    require_type(ctx, 4, types({DType::kI32}));
    require_vector(ctx, 4, batch, "sequence_lens");
  }
  for (const size_t i : {3, 5, 6, 7})
    if (ctx.has_input(i)) require_same_type(ctx, 0, i);
  set_output(ctx, 0, DType::kF32, std::vector<Dim>{steps, d, batch, h});
  for (size_t i = 1; i < ctx.num_outputs(); ++i)
    set_output(ctx, i, DType::kF32, std::vector<Dim>{d, batch, h});
}

int64_t dynamic_lstm_macs(const Node&, std::span<const Shape> in, std::span<const Shape>) {
  return checked_mul(checked_mul(in[0][0], in[0][1]), checked_add(in[1].numel(), in[2].numel()));
}

std::vector<AttrDecl> window_attributes(std::vector<AttrDecl> more) {
  more.insert(more.end(), {{"auto_pad", AttrKind::kString},
                           {"channels_last", AttrKind::kInt},
                           {"pads", AttrKind::kInts},
                           {"strides", AttrKind::kInts}});
  return more;
}

std::vector<OpDecl> codes_in_and_out() {
  return {
      microsoft_decl("QLinearAdd", 2, 8, 1, infer_binary),
      microsoft_decl("QLinearMul", 2, 8, 1, infer_binary),
      microsoft_decl("QLinearSigmoid", 2, 5, 1, infer_unary),
      microsoft_decl("QLinearLeakyRelu", 2, 5, 1, infer_unary, {{"alpha", AttrKind::kFloat}}),
      microsoft_decl("QLinearSoftmax", 2, 5, 1, infer_softmax,
                     {{"axis", AttrKind::kInt}, {"opset", AttrKind::kInt, true}}),
      microsoft_decl("QLinearAveragePool", 2, 5, 1, infer_window,
                     window_attributes({{"ceil_mode", AttrKind::kInt},
                                        {"count_include_pad", AttrKind::kInt},
                                        {"kernel_shape", AttrKind::kInts, true}})),
      microsoft_decl("QLinearGlobalAveragePool", 2, 5, 1, infer_window, {{"channels_last", AttrKind::kInt}}),
      microsoft_decl("QLinearReduceMean", 2, 5, 1, infer_window,
                     {{"axes", AttrKind::kInts}, {"keepdims", AttrKind::kInt}}),
      microsoft_decl("QLinearConcat", 5, -1, 1, infer_concat, {{"axis", AttrKind::kInt, true}}),
      microsoft_decl("QLinearWhere", 9, 9, 1, infer_where),
      microsoft_decl("QLinearConv", 8, 9, 1, infer_conv,
                     window_attributes({{"dilations", AttrKind::kInts},
                                        {"group", AttrKind::kInt},
                                        {"kernel_shape", AttrKind::kInts}})),
      microsoft_decl("QGemm", 6, 9, 1, infer_gemm,
                     {{"alpha", AttrKind::kFloat}, {"transA", AttrKind::kInt}, {"transB", AttrKind::kInt}})};
}

}  // namespace

const std::vector<OpDecl>& microsoft_quantized_ops() {
  static const std::vector<OpDecl> decls = [] {
    std::vector<OpDecl> all = codes_in_and_out();
    all.push_back(microsoft_decl("DynamicQuantizeMatMul", 3, 5, 1, infer_dynamic_matmul));
    all.push_back(microsoft_decl("MatMulIntegerToFloat", 4, 7, 1, infer_matmul_to_float));
    all.push_back(microsoft_decl("MatMulNBits", 3, 6, 1, infer_matmul_nbits,
                                 {{"K", AttrKind::kInt, true},
                                  {"N", AttrKind::kInt, true},
                                  {"accuracy_level", AttrKind::kInt},
                                  {"bits", AttrKind::kInt},
                                  {"block_size", AttrKind::kInt, true},
                                  {"weight_prepacked", AttrKind::kInt}}));
    all.back().macs = matmul_nbits_macs;
    all.push_back(microsoft_decl("GatherBlockQuantized", 3, 4, 1, infer_gather_blocks,
                                 {{"bits", AttrKind::kInt},
                                  {"block_size", AttrKind::kInt},
                                  {"gather_axis", AttrKind::kInt},
                                  {"quantize_axis", AttrKind::kInt}}));
    all.push_back(microsoft_decl("DynamicQuantizeLSTM", 3, 12, 3, infer_dynamic_lstm,
                                 {{"activation_alpha", AttrKind::kFloats},
                                  {"activation_beta", AttrKind::kFloats},
                                  {"activations", AttrKind::kStrings},
                                  {"clip", AttrKind::kFloat},
                                  {"direction", AttrKind::kString},
                                  {"hidden_size", AttrKind::kInt},
                                  {"input_forget", AttrKind::kInt}}));
    OpDecl& lstm = all.back();
    lstm.min_outputs = 0;
    lstm.macs = dynamic_lstm_macs;
    return all;
  }();
  return decls;
}

}  // namespace precis::ops
