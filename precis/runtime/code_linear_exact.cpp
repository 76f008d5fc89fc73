// The kernels that run without VNNI: pairs of K in 16 bits, and quads with exact lists.
#include <algorithm>

#include "precis/core/checked.h"
#include "precis/core/isa.h"
#include "precis/kernels/simd/int8_quads.h"
#include "precis/runtime/code_linear.h"
#include "precis/runtime/codes.h"
#include "precis/runtime/kernel_step.h"

namespace precis::runtime {
namespace {

namespace simd = kernels::simd;

// Output pixels in ranges of whole blocks, one for each thread, each with its own scratch memory.
class RangedKernel : public LinearKernel {
 public:
  int64_t scratch_bytes() const override {
    return grid_bytes() + ceil_div(shape_.rows(), rows_per_range_) * range_bytes_;
  }
  void run(Call call) const override {
    constants_.set(call.epilogue);
    const int32_t* const offsets = offsets_.empty() ? nullptr : offsets_.data();
    Input input{x_zero_point_, offsets};
    if (call.grid != nullptr) {
      const auto bound = RunTimeConstants(slots()).bind(*call.grid, x_type_, call.epilogue.multiplier,
                                                        offsets, call.scratch);
      call.epilogue.multiplier = bound.multiplier;
      call.scratch += grid_bytes();
      input = {call.grid->zero_point, bound.offsets};
    }
    run_chunks(shape_.rows(), rows_per_range_, [&](int64_t first, int64_t last) {
      run_range(call, input, first, last, call.scratch + first / rows_per_range_ * range_bytes_);
    });
  }

 protected:
  RangedKernel(const CodeLinear& linear, ChannelConstants constants)
      : shape_(linear.shape),
        x_type_(linear.x_type),
        dynamic_(linear.dynamic),
        x_zero_point_(linear.x_zero_point),
        constants_(std::move(constants)) {}
  // Not more rows in a block than a fair share: small images have few blocks.
  void cut(int64_t threads, int64_t rows_per_block, int64_t scratch) {
    const int64_t block = std::min(rows_per_block, round_up(ceil_div(shape_.rows(), threads), 4));
    rows_per_range_ = std::max<int64_t>(ceil_div(ceil_div(shape_.rows(), block), threads) * block, 1);
    range_bytes_ = round_up(scratch, kArenaAlignment);
  }
  // Of the input of one call.
  struct Input {
    int32_t zero_point;
    const int32_t* offsets;
  };
  virtual void run_range(const Call& call, const Input& input, int64_t first, int64_t last,
                         std::byte* scratch) const = 0;
  int64_t slots() const { return constants_.multiplier.nbytes() / int64_t{sizeof(float)}; }
  int64_t grid_bytes() const { return dynamic_ ? RunTimeConstants(slots()).bytes() : 0; }

  simd::ConvShape shape_;
  simd::CodeType x_type_;
  bool dynamic_;
  int32_t x_zero_point_;
  ChannelConstants constants_;
  std::vector<int32_t> offsets_;  // what accumulators start from; empty: from 0
  int64_t rows_per_range_ = 1, range_bytes_ = 0;
};

class PairKernel final : public RangedKernel {
 public:
  PairKernel(PlanBuilder& b, const CodeLinear& linear)
      : RangedKernel(linear, ChannelConstants(b, linear, linear.shape)) {
    weights_ = b.packed(linear.key + "pairs", [&] {
      return as_bytes(simd::pack_conv_weights(linear.shape, centred_weights(linear).data()));
    });
    cut(b.threads(), simd::conv_rows_per_block(shape_),
        simd::conv_scratch_elements(shape_) * static_cast<int64_t>(sizeof(int16_t)));
  }
  const char* name() const override { return "conv_codes"; }

 private:
  void run_range(const Call& call, const Input& input, int64_t first, int64_t last,
                 std::byte* scratch) const override {
    const simd::ConvData data{call.x,           x_type_,
                              input.zero_point, reinterpret_cast<const int16_t*>(weights_.bytes()),
                              call.y,        call.y_stride};
    code_kernels()->conv(shape_, data, call.epilogue, first, last, reinterpret_cast<int16_t*>(scratch));
  }
  Tensor weights_;
};

class QuadKernel final : public RangedKernel {
 public:
  QuadKernel(PlanBuilder& b, const CodeLinear& linear, std::shared_ptr<const simd::QuadWeights> weights)
      : RangedKernel(linear, ChannelConstants(b, linear, linear.shape)),
        weights_(std::move(weights)) {
    offsets_ = dynamic_ ? simd::quad_offsets(*weights_, simd::CodeType::kU8, 1)
                        : simd::quad_offsets(*weights_, x_type_, x_zero_point_);
    cut(b.threads(), simd::quad_rows_per_block(shape_), simd::quad_scratch_bytes(shape_));
  }
  const char* name() const override { return "conv_u8s8_exact"; }

 private:
  void run_range(const Call& call, const Input& input, int64_t first, int64_t last,
                 std::byte* scratch) const override {
    const simd::QuadData data{call.x,        x_type_, input.zero_point, weights_.get(),
                              input.offsets, call.y,  call.y_stride};
    simd::quad_kernel_for(current_isa())(shape_, data, call.epilogue, first, last, scratch);
  }
  std::shared_ptr<const simd::QuadWeights> weights_;
};

}  // namespace

std::unique_ptr<LinearKernel> make_pair_kernel(PlanBuilder& b, const CodeLinear& linear) {
  return std::make_unique<PairKernel>(b, linear);
}

std::unique_ptr<LinearKernel> make_quad_kernel(PlanBuilder& b, const CodeLinear& linear) {
  if (simd::quad_kernel_for(current_isa()) == nullptr) return nullptr;
  auto weights = b.weights().get_object<simd::QuadWeights>(
      linear.key + "quads", [&]() -> std::shared_ptr<const simd::QuadWeights> {
        auto packed = simd::pack_quad_weights(linear.shape, centred_weights(linear).data());
        return packed ? std::make_shared<const simd::QuadWeights>(std::move(*packed)) : nullptr;
      });
  if (!weights) return nullptr;
  return std::make_unique<QuadKernel>(b, linear, std::move(weights));
}

}  // namespace precis::runtime
