// Functions of one element: elementary functions, activations, Clip, IsNaN, IsInf, Not, BitwiseNot.
#include <limits>
#include <type_traits>

#include "precis/kernels/reference/unary.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;
using ref::UnaryOp;
using ref::UnaryParams;

UnaryParams params_of(UnaryOp op, const Node& n) {
  switch (op) {
    case UnaryOp::kLeakyRelu:
      return {n.get_float("alpha", 0.01f)};
    case UnaryOp::kElu:
    case UnaryOp::kCelu:
    case UnaryOp::kThresholdedRelu:
    case UnaryOp::kSwish:
      return {n.get_float("alpha", 1.0f)};
    case UnaryOp::kSelu:
      return {n.get_float("alpha", 1.67326319217681884765625f), 0,
              n.get_float("gamma", 1.05070102214813232421875f)};
    case UnaryOp::kHardSigmoid:
      return {n.get_float("alpha", 0.2f), n.get_float("beta", 0.5f)};
    case UnaryOp::kShrink:
      return {n.get_float("lambd", 0.5f), n.get_float("bias", 0.0f)};
    default:
      return {};
  }
}

constexpr bool takes_integers(UnaryOp op) {
  return op == UnaryOp::kAbs || op == UnaryOp::kNeg || op == UnaryOp::kSign || op == UnaryOp::kRelu;
}

Tensors apply(UnaryOp op, const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  Tensor y(x.dtype(), x.shape());
  const UnaryParams params = params_of(op, node);
  if (takes_integers(op) && is_integer(x.dtype()))
    for_integer(node, x.dtype(),
                [&](auto t) { ref::unary_int(op, x.numel(), ptr<decltype(t)>(x), ptr<decltype(t)>(y)); });
  else
    for_float(node, x.dtype(),
              [&](auto t) { ref::unary(op, params, x.numel(), ptr<decltype(t)>(x), ptr<decltype(t)>(y)); });
  return one(std::move(y));
}

template <UnaryOp op>
Tensors unary(const Node& node, Inputs inputs) {
  return run_widened([](const Node& n, Inputs in) { return apply(op, n, in); }, node, inputs);
}

Tensors gelu(const Node& node, Inputs inputs) {
  const std::string approximate = node.get_string("approximate", "none");
  require(node, approximate == "none" || approximate == "tanh",
          "attribute 'approximate' is '{}', expected none or tanh", approximate);
  return apply(approximate == "tanh" ? UnaryOp::kGeluTanh : UnaryOp::kGelu, node, inputs);
}

Tensors clip(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  Tensor y(x.dtype(), x.shape());
  for_number(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T lo =
        std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
    T hi = std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
    if (optional(inputs, 1)) lo = ptr<T>(required(node, inputs, 1, x.dtype(), 1))[0];
    if (optional(inputs, 2)) hi = ptr<T>(required(node, inputs, 2, x.dtype(), 1))[0];
    ref::clip(x.numel(), ptr<T>(x), lo, hi, ptr<T>(y));
  });
  return one(std::move(y));
}

Tensors is_nan(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  Tensor y(DType::kBool, x.shape());
  for_float(node, x.dtype(), [&](auto t) { ref::is_nan(x.numel(), ptr<decltype(t)>(x), bool_ptr(y)); });
  return one(std::move(y));
}

Tensors is_inf(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  Tensor y(DType::kBool, x.shape());
  const int which =
      (node.get_int("detect_negative", 1) != 0 ? static_cast<int>(ref::Infinities::kNegative) : 0) |
      (node.get_int("detect_positive", 1) != 0 ? static_cast<int>(ref::Infinities::kPositive) : 0);
  for_float(node, x.dtype(), [&](auto t) {
    ref::is_inf(x.numel(), static_cast<ref::Infinities>(which), ptr<decltype(t)>(x), bool_ptr(y));
  });
  return one(std::move(y));
}

Tensors logical_not(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0, DType::kBool);
  Tensor y(DType::kBool, x.shape());
  for (int64_t i = 0; i < x.numel(); ++i) bool_ptr(y)[i] = bool_ptr(x)[i] == 0;
  return one(std::move(y));
}

Tensors bitwise_not(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  Tensor y(x.dtype(), x.shape());
  for_integer(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < x.numel(); ++i) ptr<T>(y)[i] = static_cast<T>(~ptr<T>(x)[i]);
  });
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "Abs", unary<UnaryOp::kAbs>},
    {"", "Acos", unary<UnaryOp::kAcos>},
    {"", "Acosh", unary<UnaryOp::kAcosh>},
    {"", "Asin", unary<UnaryOp::kAsin>},
    {"", "Asinh", unary<UnaryOp::kAsinh>},
    {"", "Atan", unary<UnaryOp::kAtan>},
    {"", "Atanh", unary<UnaryOp::kAtanh>},
    {"", "BitwiseNot", bitwise_not},
    {"", "Ceil", unary<UnaryOp::kCeil>},
    {"", "Celu", unary<UnaryOp::kCelu>},
    {"", "Clip", widened<clip>},
    {"", "Cos", unary<UnaryOp::kCos>},
    {"", "Cosh", unary<UnaryOp::kCosh>},
    {"", "Elu", unary<UnaryOp::kElu>},
    {"", "Erf", unary<UnaryOp::kErf>},
    {"", "Exp", unary<UnaryOp::kExp>},
    {"", "Floor", unary<UnaryOp::kFloor>},
    {"", "Gelu", widened<gelu>},
    {"", "HardSigmoid", unary<UnaryOp::kHardSigmoid>},
    {"", "HardSwish", unary<UnaryOp::kHardSwish>},
    {"", "IsInf", widened<is_inf>},
    {"", "IsNaN", widened<is_nan>},
    {"", "LeakyRelu", unary<UnaryOp::kLeakyRelu>},
    {"", "Log", unary<UnaryOp::kLog>},
    {"", "Mish", unary<UnaryOp::kMish>},
    {"", "Neg", unary<UnaryOp::kNeg>},
    {"", "Not", logical_not},
    {"", "Reciprocal", unary<UnaryOp::kReciprocal>},
    {"", "Relu", unary<UnaryOp::kRelu>},
    {"", "Round", unary<UnaryOp::kRound>},
    {"", "Selu", unary<UnaryOp::kSelu>},
    {"", "Shrink", unary<UnaryOp::kShrink>},
    {"", "Sigmoid", unary<UnaryOp::kSigmoid>},
    {"", "Sign", unary<UnaryOp::kSign>},
    {"", "Sin", unary<UnaryOp::kSin>},
    {"", "Sinh", unary<UnaryOp::kSinh>},
    {"", "Softplus", unary<UnaryOp::kSoftplus>},
    {"", "Softsign", unary<UnaryOp::kSoftsign>},
    {"", "Sqrt", unary<UnaryOp::kSqrt>},
    {"", "Swish", unary<UnaryOp::kSwish>},
    {"", "Tan", unary<UnaryOp::kTan>},
    {"", "Tanh", unary<UnaryOp::kTanh>},
    {"", "ThresholdedRelu", unary<UnaryOp::kThresholdedRelu>},
};

}  // namespace

std::span<const ReferenceOp> activation_ops() { return kOps; }

}  // namespace precis::runtime
