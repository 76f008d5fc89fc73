// Symbolic output shapes of sliding windows: see window_infer.h.
#include "precis/graph/ops/window_infer.h"

namespace precis::ops {
namespace {

// Does an unknown length come out as it went in? True when stride 1 meets padding that makes up for the
// kernel.
bool keeps_length(const WindowSpec& s, size_t i) {
  if (s.strides[i] != 1) return false;
  if (s.auto_pad == AutoPad::kSameUpper || s.auto_pad == AutoPad::kSameLower) return true;
  const int64_t pads = s.auto_pad == AutoPad::kValid ? 0 : s.pads[i] + s.pads[i + s.kernel.size()];
  return pads == (s.kernel[i] - 1) * s.dilations[i] + s.output_padding[i];
}

}  // namespace

std::optional<int> spatial_axes(const InferContext& ctx, std::initializer_list<size_t> inputs) {
  std::optional<int> rank;
  for (size_t i : inputs) {
    ctx.require_rank(i, 3, kMaxRank);
    if (!rank) rank = ctx.rank(i);
    if (rank) ctx.require_rank(i, *rank, *rank);
  }
  return rank ? std::optional<int>(*rank - 2) : std::nullopt;
}

SymbolicShape windowed_shape(const InferContext& ctx, const WindowSpec& spec, const SymbolicShape& x,
                             const Dim& channels,
                             WindowAxis (*axis_rule)(const WindowSpec&, int, int64_t, const std::string&)) {
  const std::string where = ctx.where();
  std::vector<Dim> out(spec.kernel.size() + 2);
  out[1] = channels;
  if (x) out[0] = (*x)[0];
  for (size_t i = 0; i < spec.kernel.size(); ++i) {
    const Dim in = x ? (*x)[i + 2] : Dim();
    if (in.known() && spec.kernel[i] >= 0)
      out[i + 2] = axis_rule(spec, static_cast<int>(i), in.value, where).output;
    else if (!spec.output_shape.empty())
      out[i + 2] = spec.output_shape[i];
    else if (spec.kernel[i] >= 0 && keeps_length(spec, i))
      out[i + 2] = in;
  }
  return out;
}

}  // namespace precis::ops
