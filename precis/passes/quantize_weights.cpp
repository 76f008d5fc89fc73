// Per channel: scale from the largest weight (raised until bias and accumulator fit int32), codes, bias
// codes, and the bounds:
//   accumulator  sum |w| * max|x - z_x| + |bias| < 2^31            (reliability: N1)
//   int16 pairs  255 * (w_1 + w_2) of the two largest weights of one sign <= 32767  (VPMADDUBSW; reliability:
//   N2)
#include "precis/passes/quantize_weights.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "precis/core/check.h"
#include "precis/core/rounding.h"
#include "precis/quant/quantize.h"
#include "precis/quant/tie_free.h"

namespace precis::passes {
namespace {

constexpr double kMaxBiasCode = 1 << 30;     // leaves half of the int32 range to the sum of products
constexpr int kPairSafeCode = 64;            // two such weights make 255 * 128 = 32640
constexpr int64_t kPairLimit = 32767 / 255;  // 128

struct ChannelStats {
  int64_t sum_abs = 0;
  int64_t largest[2] = {0, 0};   // positive codes
  int64_t smallest[2] = {0, 0};  // negative codes, as magnitudes

  void add(int64_t w) {
    const int64_t m = std::abs(w);
    sum_abs += m;
    int64_t* top = w > 0 ? largest : smallest;
    if (m <= top[1]) return;
    top[1] = std::min(m, top[0]);
    top[0] = std::max(m, top[0]);
  }
  bool pair_saturates() const {
    return largest[0] + largest[1] > kPairLimit || smallest[0] + smallest[1] > kPairLimit;
  }
};

class WeightQuantizer {
 public:
  explicit WeightQuantizer(const WeightRequest& r) : r_(r) {
    input_reach_ = std::max<int64_t>(std::abs(static_cast<int64_t>(r.input.code_min) - r.input.zero_point()),
                                     std::abs(static_cast<int64_t>(r.input.code_max) - r.input.zero_point()));
  }

  WeightCodes run() {
    WeightCodes out;
    out.encoding = quant::weight_encoding(*r_.weights, r_.axis, r_.grid);
    out.proof.channels = static_cast<int64_t>(out.encoding.scales.size());
    raise_for_bias(out);
    quantize(out);
    std::vector<ChannelStats> stats = channel_stats(out);
    if (r_.isa_safe && r_.grid.bits == 8 && reduce_saturating(out, stats)) {
      quantize(out);
      stats = channel_stats(out);
    }
    for (int attempt = 0; attempt < 8 && shrink_overflowing(out, stats); ++attempt) {
      quantize(out);
      stats = channel_stats(out);
    }
    encode_bias(out);
    prove(out, stats);
    return out;
  }

 private:
  size_t scale_of(int64_t channel) const { return r_.axis < 0 ? 0 : static_cast<size_t>(channel); }
  double bias(int64_t c) const { return r_.bias ? std::fabs(static_cast<double>(r_.bias->at_double(c))) : 0; }

  void quantize(WeightCodes& out) const {
    for (float& s : out.encoding.scales) s = raised(s);  // what was proven of it stays true
    out.weights = quant::quantize_tensor(*r_.weights, out.encoding);
  }

  // The next scale whose multiplier rounds everywhere alike; towards a float result the next one of few digits.
  float raised(float s) const {
    if (r_.result_scale > 0 && r_.denominator > 0) {
      const double unit = static_cast<double>(r_.input.scale()) / r_.result_scale;
      if (const auto ratio = quant::tie_free_ratio(s * unit, quant::Shorten::kUp, r_.denominator)) return static_cast<float>(ratio->value() / unit);
    }
    return quant::short_scale(s, quant::Shorten::kUp);
  }

  void raise_for_bias(WeightCodes& out) {
    for (int64_t c = 0; r_.bias && c < r_.channels; ++c) {
      check(std::isfinite(bias(c)), ErrorCode::kMalformed, "the bias at index {} is not finite", c);
      float& s = out.encoding.scales[scale_of(c)];
      const double needed = bias(c) / (static_cast<double>(r_.input.scale()) * kMaxBiasCode);
      if (needed <= static_cast<double>(s)) continue;
      s = std::nextafter(static_cast<float>(needed), INFINITY);
      ++out.proof.bias_scale_raised;
    }
  }

  std::vector<ChannelStats> channel_stats(const WeightCodes& out) const {
    std::vector<ChannelStats> stats(out.encoding.scales.size());
    const std::span<const int8_t> all = std::as_const(out.weights).data<int8_t>();
    const size_t row = r_.axis < 0 ? all.size() : static_cast<size_t>(r_.weights->shape().inner(r_.axis + 1));
    for (size_t at = 0, channel = 0; at < all.size(); at += row, ++channel)
      for (int8_t w : all.subspan(at, row)) stats[channel % stats.size()].add(w);
    return stats;
  }

  bool reduce_saturating(WeightCodes& out, const std::vector<ChannelStats>& stats) {
    bool changed = false;
    for (size_t c = 0; c < stats.size(); ++c) {
      if (!stats[c].pair_saturates()) continue;
      out.encoding.scales[c] *= static_cast<float>(r_.grid.bits == 8 ? 127.0 / kPairSafeCode : 1.0);
      ++out.proof.reduced_to_7_bits;
      changed = true;
    }
    return changed;
  }

  bool shrink_overflowing(WeightCodes& out, const std::vector<ChannelStats>& stats) {
    bool changed = false;
    const double room = 2147483647.0 - (r_.bias ? kMaxBiasCode : 0);
    for (size_t c = 0; c < stats.size(); ++c) {
      const double worst = static_cast<double>(stats[c].sum_abs) * static_cast<double>(input_reach_);
      if (worst <= room) continue;
      out.encoding.scales[c] *= static_cast<float>(worst / room * 1.01);
      changed = true;
    }
    return changed;
  }

  void encode_bias(WeightCodes& out) {
    if (!r_.bias) return;
    out.bias = Tensor(DType::kI32, r_.bias->shape());
    std::vector<float> scales(static_cast<size_t>(r_.channels));
    std::vector<double> shift;
    if (r_.mean_shift) shift = r_.mean_shift(out.weights, out.encoding);
    shift.resize(static_cast<size_t>(r_.channels), 0.0);
    for (int64_t c = 0; c < r_.channels; ++c) {
      const double s =
          static_cast<double>(r_.input.scale()) * static_cast<double>(out.encoding.scales[scale_of(c)]);
      scales[static_cast<size_t>(c)] = static_cast<float>(s);
      // A correction that would leave the bound (ranges of another model, a wrong rule) is none.
      double code = (r_.bias->at_double(c) - shift[static_cast<size_t>(c)]) / s;
      if (!(std::fabs(code) <= kMaxBiasCode)) code = r_.bias->at_double(c) / s;
      out.bias.data<int32_t>()[static_cast<size_t>(c)] = static_cast<int32_t>(round_half_even(code));
    }
    out.bias_encoding = Encoding::per_axis_uniform(DType::kI32, r_.bias->shape(), r_.bias->shape().rank() - 1,
                                                   std::move(scales));
  }

  void prove(WeightCodes& out, const std::vector<ChannelStats>& stats) const {
    ChannelProof& p = out.proof;
    for (int64_t c = 0; c < r_.channels; ++c) {
      const int64_t b = out.bias.defined() ? std::abs(out.bias.at_int(c)) : 0;
      p.worst_accumulator = std::max(p.worst_accumulator, stats[scale_of(c)].sum_abs * input_reach_ + b);
    }
    for (const ChannelStats& s : stats) p.pair_saturating += s.pair_saturates();
  }

  const WeightRequest& r_;
  int64_t input_reach_ = 255;
};

}  // namespace

WeightCodes quantize_weights(const WeightRequest& request) { return WeightQuantizer(request).run(); }

}  // namespace precis::passes
