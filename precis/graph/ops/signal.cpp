// Signals: window functions, mel filters, discrete Fourier transforms.
#include <cmath>

#include "precis/graph/ops/families.h"
#include "precis/graph/ops/op_helpers.h"

namespace precis::ops {
namespace {

// Longest window or transform: above it a length is a mistake, not a signal.
constexpr double kMaxLength = 1 << 30;

DType output_type(const InferContext& ctx) {
  const DType dtype = dtype_attr(ctx, "output_datatype", DType::kF32);
  ctx.require(((kNumbers >> static_cast<int>(dtype)) & 1u) != 0,
              "attribute 'output_datatype' asks for {}, expected one of {}", dtype_name(dtype),
              type_set_text(kNumbers));
  return dtype;
}

// A scalar length input that must be at least `lo`.
std::optional<int64_t> length_input(const InferContext& ctx, size_t input, const char* what, int64_t lo) {
  require_type(ctx, input, kIndices);
  const auto v = known_scalar(ctx, input, what);
  if (!v) return std::nullopt;
  ctx.require(*v >= static_cast<double>(lo) && *v <= kMaxLength, "{} (input {}) is {}, expected {} to {}",
              what, input, *v, lo, kMaxLength);
  return static_cast<int64_t>(*v);
}

Dim dim_from(const std::optional<int64_t>& v) { return v ? Dim(*v) : Dim(); }

void infer_window(InferContext& ctx) {
  flag_attr(ctx, "periodic", true);
  set_output(ctx, 0, output_type(ctx), std::vector<Dim>{dim_from(length_input(ctx, 0, "size", 0))});
}

void infer_mel_weights(InferContext& ctx) {
  const auto bins = length_input(ctx, 0, "num_mel_bins", 1), length = length_input(ctx, 1, "dft_length", 1);
  length_input(ctx, 2, "sample_rate", 1);
  const auto low = known_scalar(ctx, 3, "lower_edge_hertz"), high = known_scalar(ctx, 4, "upper_edge_hertz");
  for (size_t i : {3, 4}) require_type(ctx, i, kFloats);
  ctx.require(!low || (*low >= 0 && std::isfinite(*low)),
              "lower_edge_hertz (input 3) is {}, expected at least 0", low.value_or(0));
  ctx.require(!low || !high || *low <= *high, "lower_edge_hertz is {}, above upper_edge_hertz ({})",
              low.value_or(0), high.value_or(0));
  set_output(ctx, 0, output_type(ctx),
             std::vector<Dim>{length ? Dim(*length / 2 + 1) : Dim(), dim_from(bins)});
}

// [signal dimensions ..., 1 or 2 (real, imaginary)]
void require_signal(const InferContext& ctx, int lo, int hi) {
  require_type(ctx, 0, kFloats);
  ctx.require_rank(0, lo, hi);
  const SymbolicShape& x = ctx.shape(0);
  ctx.require(!x || !x->back().known() || x->back().value == 1 || x->back().value == 2,
              "the signal has shape {}, expected 1 (real) or 2 (complex) at its end", shape_str(x));
}

void require_real_when_onesided(const InferContext& ctx, bool onesided) {
  const SymbolicShape& x = ctx.shape(0);
  ctx.require(!onesided || !x || x->back().value != 2,
              "attribute 'onesided' is 1 for a complex signal, expected a real one");
}

void infer_dft(InferContext& ctx) {
  require_signal(ctx, 2, kMaxRank);
  const bool inverse = flag_attr(ctx, "inverse", false), onesided = flag_attr(ctx, "onesided", false);
  require_real_when_onesided(ctx, onesided && !inverse);
  const SymbolicShape& x = ctx.shape(0);
  const auto given = length_input(ctx, 1, "dft_length", 1);
  std::optional<int64_t> at = -2;
  if (ctx.has_input(2)) {
    require_type(ctx, 2, kIndices);
    const auto axis = known_scalar(ctx, 2, "axis");
    at = axis ? std::optional<int64_t>(static_cast<int64_t>(*axis)) : std::nullopt;
  }
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!x) return;
  SymbolicShape y = x;
  y->back() = inverse && onesided ? 1 : 2;
  if (!at) {
    for (size_t i = 0; i + 1 < y->size(); ++i) (*y)[i] = Dim();
    ctx.outputs[0].shape = std::move(y);
    return;
  }
  const auto rank = static_cast<int>(x->size());
  const auto axis = static_cast<size_t>(checked_axis(ctx, *at, rank, "axis (input 2)"));
  ctx.require(axis + 1 < x->size(), "axis (input 2) is {}, the dimension of real and imaginary parts", *at);
  const Dim& signal = (*x)[axis];
  ctx.require(signal.value != 0, "the signal has shape {}, with no element along axis {}", shape_str(x),
              axis);
  Dim length = given ? Dim(*given) : ctx.has_input(1) ? Dim() : signal;
  if (inverse && onesided && !ctx.has_input(1) && signal.known()) {
    length = 2 * (signal.value - 1);
    ctx.require(length.value > 0,
                "the one-sided spectrum has one element, expected dft_length (input 1) too");
  } else if (inverse && onesided && !given) {
    length = Dim();
  }
  if (onesided && !inverse) length = length.known() ? Dim(length.value / 2 + 1) : Dim();
  (*y)[axis] = length;
  ctx.outputs[0].shape = std::move(y);
}

void infer_stft(InferContext& ctx) {
  require_signal(ctx, 3, 3);
  const bool onesided = flag_attr(ctx, "onesided", true);
  require_real_when_onesided(ctx, onesided);
  require_same_type(ctx, 0, 2);
  const auto step = length_input(ctx, 1, "frame_step", 1);
  auto length = length_input(ctx, 3, "frame_length", 1);
  ctx.require(ctx.has_input(2) || ctx.has_input(3), "has neither a window nor a frame_length");
  if (ctx.has_input(2)) {
    require_vector(ctx, 2, dim_from(length), "the window");
    const SymbolicShape& w = ctx.shape(2);
    if (!length && w && (*w)[0].known()) length = (*w)[0].value;
  }
  const SymbolicShape& x = ctx.shape(0);
  Dim frames;
  if (x && (*x)[1].known() && length) {
    ctx.require(*length >= 1 && *length <= (*x)[1].value, "frames have {} elements, the signal {}", *length,
                (*x)[1].value);
    if (step) frames = ((*x)[1].value - *length) / *step + 1;
  }
  const Dim bins = !length ? Dim() : Dim(onesided ? *length / 2 + 1 : *length);
  set_output(ctx, 0, ctx.dtype(0), std::vector<Dim>{x ? (*x)[0] : Dim(), frames, bins, Dim(2)});
}

}  // namespace

const std::vector<OpDecl>& signal_ops() {
  static const std::vector<AttrDecl> window_attributes = {{"output_datatype", AttrKind::kInt},
                                                          {"periodic", AttrKind::kInt}};
  static const std::vector<OpDecl> decls = {
      {.op = "BlackmanWindow", .attributes = window_attributes, .infer = infer_window},
      {.op = "HammingWindow", .attributes = window_attributes, .infer = infer_window},
      {.op = "HannWindow", .attributes = window_attributes, .infer = infer_window},
      {.op = "MelWeightMatrix",
       .min_inputs = 5,
       .max_inputs = 5,
       .attributes = {{"output_datatype", AttrKind::kInt}},
       .infer = infer_mel_weights},
      {.op = "DFT",
       .max_inputs = 3,
       .attributes = {{"inverse", AttrKind::kInt}, {"onesided", AttrKind::kInt}},
       .infer = infer_dft},
      {.op = "STFT",
       .min_inputs = 2,
       .max_inputs = 4,
       .attributes = {{"onesided", AttrKind::kInt}},
       .infer = infer_stft},
  };
  return decls;
}

}  // namespace precis::ops
