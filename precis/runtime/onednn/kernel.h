// A compiled oneDNN primitive behind plain structs. This folder is the only one that includes dnnl headers,
// and none of its headers shows a dnnl type. A Kernel is immutable and shared by threads; each caller binds
// its own arguments.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "precis/core/tensor.h"
#include "precis/runtime/layout.h"

namespace precis::runtime::onednn {

// Functions that oneDNN can apply to a result in registers, or alone. alpha and beta as stated.
enum class Function : uint8_t {
  kRelu,  // x < 0 ? alpha * x : x
  kClip,  // min(max(x, alpha), beta)
  kElu,   // x < 0 ? alpha * (exp(x) - 1) : x
  kSigmoid,
  kTanh,
  kGelu,  // exact, by erf
  kGeluTanh,
  kHardSwish,
  kSwish,  // x / (1 + exp(-alpha * x))
  kSoftplus,
  kLinear,  // alpha * x + beta
  kRound,   // half to even
  kAbs,
  kSqrt,
  kExp,
  kLog,
};

struct PostOp {
  enum class Kind : uint8_t { kFunction, kAdd, kMul, kSum };
  Kind kind = Kind::kFunction;
  Function function = Function::kRelu;
  float alpha = 0, beta = 0;
  // kAdd, kMul: the other operand, broadcast where its dimension is 1; its layout is the destination's when
  // the shapes are equal, else plain. It becomes one more input of the kernel, in the order of the post-ops.
  Shape operand;
  // kSum: destination = result + sum_scale * (old destination - sum_zero_point), read as `sum_dtype` codes.
  float sum_scale = 1;
  int32_t sum_zero_point = 0;
  DType sum_dtype = DType::kF32;
};

// What one argument of a kernel must look like. Order: sources, weights, bias, post-op operands, destination.
struct Argument {
  enum class Role : uint8_t { kSource, kWeights, kBias, kOperand, kDestination };
  Role role = Role::kSource;
  Layout layout = Layout::kPlain;  // meaningless for weights: those are made by pack_weights()
  int64_t bytes = 0;
};

// One caller's view of a kernel: argument handles that are kept between runs.
class BoundKernel {
 public:
  virtual ~BoundKernel() = default;
  // Pointers in the order of Kernel::arguments(), then the scratch memory (null when scratch_bytes() is 0).
  virtual void run(std::span<void* const> pointers) = 0;
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual std::span<const Argument> arguments() const = 0;
  virtual int64_t scratch_bytes() const = 0;
  virtual const std::string& implementation() const = 0;  // "jit:avx2"
  virtual std::unique_ptr<BoundKernel> bind() const = 0;
  // The weights in the form this kernel reads, and a key that is equal for kernels with the same form.
  virtual Tensor pack_weights(const Tensor& weights) const = 0;
  virtual const std::string& weights_key() const = 0;

  const Argument& argument(Argument::Role role) const;  // the first with this role
};
using KernelPtr = std::shared_ptr<const Kernel>;

// All factories return null when oneDNN has no optimised implementation for the request (its slow generic
// ones do not count); the caller then uses another kernel. They are to be called under the thread count of
// the later runs.

// Is there a oneDNN type for elements of `dtype`?
bool takes(DType dtype);
// True when this CPU multiplies u8 x s8 without saturating intermediate sums (VNNI).
bool has_exact_u8s8();
// "avx2", "avx512_core_vnni" ...: what oneDNN dispatches to.
std::string isa_name();

}  // namespace precis::runtime::onednn
