// A convolution or matrix product on 8-bit codes, bound to one of our kernels: packed constants, the cut into
// ranges for the threads, and the call. The integers are those of docs/quantization.md whichever kernel it
// is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "precis/kernels/reference/codes.h"
#include "precis/kernels/simd/int8.h"
#include "precis/runtime/plan_builder.h"

namespace precis::runtime {

// A convolution or product with constant weights as the kernels see it.
struct LinearProblem {
  kernels::simd::ConvShape shape;
  Tensor weights;                         // codes, [out, in / groups, kernel...] order
  Layout layout = Layout::kChannelsLast;  // of data, residual and result
};
// Of Conv, ConvInteger, MatMul, MatMulInteger or Gemm (lower_code_linear.cpp); nullopt where the weights are
// not constant bytes.
std::optional<LinearProblem> linear_problem(const PlanBuilder& builder, const Node& node);

// What an operator says about itself.
struct CodeLinear {
  kernels::simd::ConvShape shape;
  kernels::simd::CodeType x_type = kernels::simd::CodeType::kU8;
  // Scale and zero point of the input are found at run time: every call brings them. Multipliers are then
  // those of scale 1, the result is float, and there is no bias (`shift` takes its place).
  bool dynamic = false;
  int32_t x_zero_point = 0;                      // 0 where dynamic
  Tensor weights;                                // codes, [out, in / groups, kernel...]
  std::vector<int32_t> weight_zero_point, bias;  // per output channel
  std::vector<float> multiplier;
  std::vector<float> shift;  // Epilogue::shift; empty: none
  std::string key;           // of its constants in the weight store
};
// The key of what `linear`, a part of `op`, packs; to be called when everything else is in it.
std::string linear_key(const PlanBuilder& builder, const FusedOp& op, std::string_view what,
                       const CodeLinear& linear);
// Weight codes minus their channel's zero point.
std::vector<int16_t> centred_weights(const CodeLinear& linear);

// Constants of the channels for an input whose grid is found at run time, in the kernel's order, made anew in
// each call: what stands for scale 1 and zero point 1 (as u8), times scale and zero point.
class RunTimeConstants {
 public:
  explicit RunTimeConstants(int64_t slots) : slots_(slots) {}
  int64_t bytes() const;
  struct Bound {
    const float* multiplier;
    const int32_t* offsets;
  };
  // `memory`: bytes() of a call's own; `offsets` may be null.
  Bound bind(const kernels::reference::DynamicGrid& grid, kernels::simd::CodeType type,
             const float* multiplier, const int32_t* offsets, std::byte* memory) const;

 private:
  int64_t slots_;
};

class LinearKernel {
 public:
  struct Call {
    const std::byte* x = nullptr;
    std::byte* y = nullptr;
    int64_t y_stride = 0;              // elements from one pixel to the next
    kernels::simd::Epilogue epilogue;  // but its constants per channel, which the kernel has
    std::byte* scratch = nullptr;
    const kernels::reference::DynamicGrid* grid = nullptr;  // of x, where CodeLinear::dynamic
  };
  virtual ~LinearKernel() = default;
  virtual const char* name() const = 0;
  virtual int64_t scratch_bytes() const = 0;  // of one call
  virtual void run(Call call) const = 0;
};

// The fastest kernel of this CPU that takes the case. There must be one: code_kernels() is not null.
std::unique_ptr<LinearKernel> make_linear_kernel(PlanBuilder& builder, const CodeLinear& linear);

// The kernels behind make_linear_kernel(); null where one does not take the case. code_linear_vnni.cpp:
std::unique_ptr<LinearKernel> make_depthwise_kernel(PlanBuilder& builder, const CodeLinear& linear);
std::unique_ptr<LinearKernel> make_panel_kernel(PlanBuilder& builder, const CodeLinear& linear);
// code_linear_exact.cpp:
std::unique_ptr<LinearKernel> make_quad_kernel(PlanBuilder& builder, const CodeLinear& linear);
std::unique_ptr<LinearKernel> make_pair_kernel(PlanBuilder& builder, const CodeLinear& linear);  // takes all

// A vector as a tensor for the weight store.
template <typename T>
Tensor as_bytes(const std::vector<T>& values) {
  Tensor t(DType::kU8, Shape{static_cast<int64_t>(values.size() * sizeof(T))});
  std::copy_n(reinterpret_cast<const std::byte*>(values.data()), t.nbytes(), t.bytes());
  return t;
}

// Multiplier and bias per channel, in the order in which kernels read them; `order` says which.
struct ChannelConstants {
  Tensor multiplier, bias, shift;  // shift: undefined when there is none
  ChannelConstants() = default;
  ChannelConstants(PlanBuilder& builder, const CodeLinear& linear, const kernels::simd::ConvShape& order);
  void set(kernels::simd::Epilogue& e) const {
    e.multiplier = reinterpret_cast<const float*>(multiplier.bytes());
    e.bias = reinterpret_cast<const float*>(bias.bytes());
    e.shift = reinterpret_cast<const float*>(shift.bytes());
  }
};

}  // namespace precis::runtime
