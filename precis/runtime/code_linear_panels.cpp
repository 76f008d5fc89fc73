// The panel kernels (VNNI) as a LinearKernel: packing, and the cut into ranges of pixels or of channels.
#include <algorithm>

#include "precis/core/checked.h"
#include "precis/core/isa.h"
#include "precis/kernels/simd/int8_panels.h"
#include "precis/runtime/code_linear.h"
#include "precis/runtime/kernel_step.h"

namespace precis::runtime {
namespace {

namespace simd = kernels::simd;

// Multiply-adds that are done sooner than a second thread has started.
constexpr int64_t kSerialWork = 1 << 20;
constexpr int64_t kRangesPerThread = 2;  // a thread that was held up leaves the rest to the others
constexpr int64_t kFewPixels = 8;

struct PanelWeights {
  Tensor weights, offsets;
  bool with_bias = false;  // offsets hold the bias
  int64_t bytes() const { return weights.nbytes() + offsets.nbytes(); }
};

std::shared_ptr<const PanelWeights> pack(const CodeLinear& linear, const simd::PanelPlan& plan) {
  const std::vector<int16_t> centred = centred_weights(linear);
  if (!simd::fits_panels(plan.shape, centred.data())) return nullptr;
  PanelWeights p;
  p.weights = Tensor(DType::kU8, Shape{plan.weight_bytes});
  simd::pack_panels(plan, centred.data(), p.weights.bytes());
  p.with_bias = simd::sums_are_exact(plan.shape, centred.data(), linear.x_type, linear.x_zero_point,
                                     linear.bias.data());
  p.offsets = as_bytes(simd::panel_offsets(plan, centred.data(), linear.x_type, linear.x_zero_point,
                                           p.with_bias ? linear.bias.data() : nullptr));
  return std::make_shared<const PanelWeights>(std::move(p));
}

class PanelLinearKernel final : public LinearKernel {
 public:
  PanelLinearKernel(PlanBuilder& b, const CodeLinear& linear, simd::PanelPlan plan,
                    std::shared_ptr<const PanelWeights> weights)
      : plan_(std::move(plan)),
        weights_(std::move(weights)),
        constants_(b, linear, linear.shape),
        kernel_(simd::panel_kernel_for(current_isa())) {
    data_.x_type = linear.x_type;
    data_.x_zero_point = linear.x_zero_point;
    data_.weights = weights_->weights.bytes();
    data_.offsets = reinterpret_cast<const int32_t*>(weights_->offsets.bytes());
    cut(b.threads());
  }
  const char* name() const override { return "conv_u8s8_panels"; }
  int64_t scratch_bytes() const override { return ranges() * range_bytes_; }

  void run(Call call) const override {
    constants_.set(call.epilogue);
    if (weights_->with_bias) call.epilogue.bias = nullptr;
    simd::PanelData data = data_;
    data.x = call.x;
    data.y = call.y;
    data.y_stride = call.y_stride;
    run_chunks(ranges(), 1, [&](int64_t i, int64_t) {
      const int64_t first = i / panel_ranges() * pixels_per_range_,
                    panel = i % panel_ranges() * panels_per_range_;
      kernel_(plan_, data, call.epilogue,
              {first, std::min(first + pixels_per_range_, plan_.rows()), panel,
               std::min(panel + panels_per_range_, panels())},
              call.scratch + i * range_bytes_);
    });
  }

 private:
  int64_t panels() const { return static_cast<int64_t>(plan_.panels.size()); }
  int64_t panel_ranges() const { return ceil_div(panels(), panels_per_range_); }
  int64_t ranges() const { return ceil_div(plan_.rows(), pixels_per_range_) * panel_ranges(); }

  // Channels are cut where the weights are the larger part of what is read, pixels (by whole lines) where the
  // input is.
  void cut(int64_t threads) {
    const simd::ConvShape& s = plan_.shape;
    const int64_t rows = std::max<int64_t>(plan_.rows(), 1);
    pixels_per_range_ = rows;
    panels_per_range_ = std::max<int64_t>(panels(), 1);
    range_bytes_ = round_up(plan_.scratch_bytes, kArenaAlignment);
    if (threads == 1 || rows * s.depth() * s.out_channels < kSerialWork) return;
    const int64_t input_bytes = s.batch * s.in[0] * s.in[1] * s.in[2] * s.in_channels;
    if (panels() >= threads && (rows < kFewPixels * threads || plan_.weight_bytes > input_bytes)) {
      panels_per_range_ = ceil_div(panels(), threads * kRangesPerThread);
    } else {
      pixels_per_range_ = round_up(ceil_div(rows, threads * kRangesPerThread), kFewPixels);
      if (pixels_per_range_ > s.out[2]) pixels_per_range_ = round_up(pixels_per_range_, s.out[2]);
    }
  }

  simd::PanelPlan plan_;
  std::shared_ptr<const PanelWeights> weights_;
  ChannelConstants constants_;
  simd::PanelKernel kernel_;
  simd::PanelData data_;
  int64_t pixels_per_range_ = 1, panels_per_range_ = 1, range_bytes_ = 0;
};

}  // namespace

std::unique_ptr<LinearKernel> make_panel_kernel(PlanBuilder& b, const CodeLinear& linear) {
  const int64_t width = simd::panel_width(current_isa());
  if (width == 0) return nullptr;
  simd::PanelPlan plan = simd::plan_panels(linear.shape, linear.x_type, width);
  auto weights =
      b.weights().get_object<PanelWeights>(linear.key + "panels", [&] { return pack(linear, plan); });
  if (!weights) return nullptr;
  return std::make_unique<PanelLinearKernel>(b, linear, std::move(plan), std::move(weights));
}

}  // namespace precis::runtime
