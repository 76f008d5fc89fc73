// Panels (VNNI) and depthwise as LinearKernels: constants, and the cut into ranges of pixels or of channels.
#include <algorithm>

#include "precis/core/checked.h"
#include "precis/core/isa.h"
#include "precis/kernels/simd/int8_depthwise.h"
#include "precis/kernels/simd/int8_panels.h"
#include "precis/kernels/simd/int8_sums.h"
#include "precis/runtime/code_linear.h"
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/step_threads.h"

namespace precis::runtime {
namespace {

namespace simd = kernels::simd;

constexpr int64_t kFewPixels = 8;  // of a register tile

struct Constants {
  Tensor weights, offsets, multiplier, bias, shift;
  bool with_bias = false;  // offsets hold the bias; there is none where the input's grid is found at run time
  int passes = 1;
  int64_t slots() const { return multiplier.nbytes() / int64_t{sizeof(float)}; }
  int64_t bytes() const {
    return weights.nbytes() + offsets.nbytes() + multiplier.nbytes() + bias.nbytes() + shift.nbytes();
  }
  void set(simd::Epilogue& e) const {
    e.multiplier = reinterpret_cast<const float*>(multiplier.bytes());
    e.bias = with_bias ? nullptr : reinterpret_cast<const float*>(bias.bytes());
    e.shift = reinterpret_cast<const float*>(shift.bytes());
  }
  // The operands of one call.
  template <typename Data>
  Data data(const CodeLinear& linear) const {
    Data d;
    d.x_type = linear.x_type;
    d.x_zero_point = linear.x_zero_point;
    d.weights = weights.bytes();
    d.offsets = reinterpret_cast<const int32_t*>(offsets.bytes());
    return d;
  }
  // The same for one call, whose scratch memory then begins behind what the input's grid needs.
  template <typename Data>
  Data bind(Data d, LinearKernel::Call& call) const {
    set(call.epilogue);
    d.x = call.x;
    d.y = call.y;
    d.y_stride = call.y_stride;
    if (call.grid == nullptr) return d;
    const RunTimeConstants constants(slots());
    const auto bound =
        constants.bind(*call.grid, d.x_type, call.epilogue.multiplier, d.offsets, call.scratch);
    call.epilogue.multiplier = bound.multiplier;
    d.offsets = bound.offsets;
    d.x_zero_point = call.grid->zero_point;
    call.scratch += constants.bytes();
    return d;
  }
};

// order(values) puts constants per channel in the kernel's order; weights are left to the caller.
template <typename Order>
Constants constants_of(const CodeLinear& linear, const int16_t* centred, Order order) {
  Constants c;
  const simd::CodeType type = linear.dynamic ? simd::CodeType::kU8 : linear.x_type;
  const int32_t zero_point = linear.dynamic ? 1 : linear.x_zero_point;
  c.with_bias =
      linear.dynamic || simd::sums_are_exact(linear.shape, centred, type, zero_point, linear.bias.data());
  const int32_t* bias = c.with_bias && !linear.dynamic ? linear.bias.data() : nullptr;
  c.offsets = as_bytes(order(simd::channel_offsets(linear.shape, centred, type, zero_point, bias)));
  c.multiplier = as_bytes(order(linear.multiplier));
  if (!linear.shift.empty()) c.shift = as_bytes(order(linear.shift));
  if (!c.with_bias) c.bias = as_bytes(order(std::vector<float>(linear.bias.begin(), linear.bias.end())));
  return c;
}

// Null where weights leave what two passes can hold.
std::shared_ptr<const Constants> pack_panels(const CodeLinear& linear, int64_t width) {
  const std::vector<int16_t> centred = centred_weights(linear);
  const int passes = simd::s8_passes(linear.shape, centred.data());
  if (passes == 0) return nullptr;
  Constants c = constants_of(linear, centred.data(), [&](const auto& values) {
    return simd::pack_channels(linear.shape, values.data());
  });
  const simd::PanelPlan plan = simd::plan_panels(linear.shape, linear.x_type, width, passes);
  c.passes = passes;
  c.weights = Tensor(DType::kU8, Shape{plan.weight_bytes});
  simd::pack_panels(plan, centred.data(), c.weights.bytes());
  return std::make_shared<const Constants>(std::move(c));
}

std::shared_ptr<const Constants> pack_depthwise(const CodeLinear& linear, int64_t vector) {
  const std::vector<int16_t> centred = centred_weights(linear);
  const int passes = simd::s8_passes(linear.shape, centred.data());
  if (passes == 0) return nullptr;
  const simd::DepthwisePlan plan = simd::plan_depthwise(linear.shape, vector, passes);
  Constants c = constants_of(linear, centred.data(),
                             [&](const auto& values) { return simd::spread_channels(plan, values.data()); });
  c.passes = passes;
  c.weights = Tensor(DType::kU8, Shape{plan.weight_bytes()});
  simd::pack_depthwise(plan, centred.data(), c.weights.bytes());
  return std::make_shared<const Constants>(std::move(c));
}

class PanelLinearKernel final : public LinearKernel {
 public:
  PanelLinearKernel(const CodeLinear& linear, int64_t threads, simd::PanelPlan plan,
                    std::shared_ptr<const Constants> constants)
      : plan_(std::move(plan)),
        constants_(std::move(constants)),
        kernel_(simd::panel_kernel_for(current_isa())),
        data_(constants_->data<simd::PanelData>(linear)),
        grid_bytes_(linear.dynamic ? RunTimeConstants(constants_->slots()).bytes() : 0) {
    cut(threads);
  }
  const char* name() const override { return "conv_u8s8_panels"; }
  int64_t scratch_bytes() const override { return grid_bytes_ + ranges() * range_bytes_; }

  void run(Call call) const override {
    const simd::PanelData data = constants_->bind(data_, call);
    run_chunks(ranges(), 1, [&](int64_t i, int64_t) {
      const int64_t pixel = i / panel_ranges() * pixels_per_range_;
      const int64_t panel = i % panel_ranges() * panels_per_range_;
      const simd::PanelRange range{pixel, std::min(pixel + pixels_per_range_, plan_.rows()), panel,
                                   std::min(panel + panels_per_range_, panels())};
      kernel_(plan_, data, call.epilogue, range, call.scratch + i * range_bytes_);
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
    if (threads == 1) return;
    const int64_t input_bytes = s.batch * s.in[0] * s.in[1] * s.in[2] * s.in_channels;
    if (panels() >= threads && (rows < kFewPixels * threads || plan_.weight_bytes > input_bytes)) {
      panels_per_range_ = range_length(panels(), threads);
    } else {
      const bool lines = s.rows() >= s.out[2] * threads;
      pixels_per_range_ = range_length(rows, threads, lines ? s.out[2] : kFewPixels);
    }
  }

  simd::PanelPlan plan_;
  std::shared_ptr<const Constants> constants_;
  simd::PanelKernel kernel_;
  simd::PanelData data_;
  int64_t grid_bytes_, pixels_per_range_ = 1, panels_per_range_ = 1, range_bytes_ = 0;
};

class DepthwiseLinearKernel final : public LinearKernel {
 public:
  DepthwiseLinearKernel(const CodeLinear& linear, int64_t threads, simd::DepthwisePlan plan,
                        std::shared_ptr<const Constants> constants)
      : plan_(std::move(plan)),
        constants_(std::move(constants)),
        kernel_(simd::depthwise_kernel_for(current_isa())),
        data_(constants_->data<simd::DepthwiseData>(linear)),
        grid_bytes_(linear.dynamic ? RunTimeConstants(constants_->slots()).bytes() : 0),
        range_bytes_(round_up(plan_.scratch_bytes, kArenaAlignment)) {
    const simd::ConvShape& s = plan_.shape;
    pixels_per_range_ = range_length(s.rows(), threads, s.out[2]);
  }
  const char* name() const override { return "depthwise_u8s8"; }
  int64_t scratch_bytes() const override {
    return grid_bytes_ + ceil_div(plan_.shape.rows(), pixels_per_range_) * range_bytes_;
  }

  void run(Call call) const override {
    const simd::DepthwiseData data = constants_->bind(data_, call);
    run_chunks(plan_.shape.rows(), pixels_per_range_, [&](int64_t first, int64_t last) {
      kernel_(plan_, data, call.epilogue, first, last,
              call.scratch + first / pixels_per_range_ * range_bytes_);
    });
  }

 private:
  simd::DepthwisePlan plan_;
  std::shared_ptr<const Constants> constants_;
  simd::DepthwiseKernel kernel_;
  simd::DepthwiseData data_;
  int64_t grid_bytes_, range_bytes_ = 0, pixels_per_range_ = 1;
};

}  // namespace

std::unique_ptr<LinearKernel> make_panel_kernel(PlanBuilder& b, const CodeLinear& linear) {
  const int64_t width = simd::panel_width(current_isa());
  if (width == 0) return nullptr;
  auto constants =
      b.weights().get_object<Constants>(linear.key + "panels", [&] { return pack_panels(linear, width); });
  if (!constants) return nullptr;
  simd::PanelPlan plan = simd::plan_panels(linear.shape, linear.x_type, width, constants->passes);
  return std::make_unique<PanelLinearKernel>(linear, b.threads(), std::move(plan), std::move(constants));
}

std::unique_ptr<LinearKernel> make_depthwise_kernel(PlanBuilder& b, const CodeLinear& linear) {
  if (!simd::is_depthwise(linear.shape) || simd::depthwise_kernel_for(current_isa()) == nullptr)
    return nullptr;
  const int64_t vector = simd::depthwise_vector(current_isa());
  auto constants = b.weights().get_object<Constants>(linear.key + "depthwise",
                                                     [&] { return pack_depthwise(linear, vector); });
  if (!constants) return nullptr;
  simd::DepthwisePlan plan = simd::plan_depthwise(linear.shape, vector, constants->passes);
  return std::make_unique<DepthwiseLinearKernel>(linear, b.threads(), std::move(plan), std::move(constants));
}

}  // namespace precis::runtime
