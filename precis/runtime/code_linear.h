// A convolution or matrix product on 8-bit codes, bound to one of our kernels: packed constants, the cut into
// ranges for the threads, and the call. The integers are those of docs/quantization.md whichever kernel it
// is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "precis/kernels/simd/int8.h"
#include "precis/runtime/plan_builder.h"

namespace precis::runtime {

// What an operator says about itself.
struct CodeLinear {
  kernels::simd::ConvShape shape;
  kernels::simd::CodeType x_type = kernels::simd::CodeType::kU8;
  int32_t x_zero_point = 0;
  Tensor weights;                                // codes, [out, in / groups, kernel...]
  std::vector<int32_t> weight_zero_point, bias;  // per output channel
  std::vector<float> multiplier;
  std::string key;  // of its constants in the weight store
};
// Weight codes minus their channel's zero point.
std::vector<int16_t> centred_weights(const CodeLinear& linear);

class LinearKernel {
 public:
  struct Call {
    const std::byte* x = nullptr;
    std::byte* y = nullptr;
    int64_t y_stride = 0;              // elements from one pixel to the next
    kernels::simd::Epilogue epilogue;  // but its constants per channel, which the kernel has
    std::byte* scratch = nullptr;
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
  Tensor multiplier, bias;
  ChannelConstants() = default;
  ChannelConstants(PlanBuilder& builder, const CodeLinear& linear, const kernels::simd::ConvShape& order);
  void set(kernels::simd::Epilogue& e) const {
    e.multiplier = reinterpret_cast<const float*>(multiplier.bytes());
    e.bias = reinterpret_cast<const float*>(bias.bytes());
  }
};

}  // namespace precis::runtime
