// Functions of two or more broadcast tensors: arithmetic, comparison, logic, Where.
#include "precis/kernels/reference/binary.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;
using ref::BinaryOp;
using ref::BitOp;
using ref::CompareOp;
using ref::LogicOp;

Shape broadcast(const Node& node, const Shape& a, const Shape& b) {
  try {
    return broadcast_shapes(a, b);
  } catch (const Error& e) {
    fail_node(node, ErrorCode::kMalformed, "{}", e.what());
  }
}

void require_same_dtype(const Node& node, const Tensor& a, const Tensor& b) {
  require(node, a.dtype() == b.dtype(), "operands have types {} and {}, expected the same",
          dtype_name(a.dtype()), dtype_name(b.dtype()));
}

template <BinaryOp op>
Tensors binary(const Node& node, Inputs inputs) {
  return one(broadcast_binary(op, node, required(node, inputs, 0), required(node, inputs, 1)));
}

Tensors mod(const Node& node, Inputs inputs) {
  const Tensor& a = required(node, inputs, 0);
  const bool fmod = node.get_int("fmod", 0) != 0;
  require(node, fmod || is_integer(a.dtype()), "operands of type {} need the attribute fmod=1",
          dtype_name(a.dtype()));
  return one(broadcast_binary(fmod ? BinaryOp::kFmod : BinaryOp::kMod, node, a, required(node, inputs, 1)));
}

// The exponent may have another type: both are then computed in f64 (or, for two integers, in the base's
// type).
Tensors pow(const Node& node, Inputs inputs) {
  const Tensor& a = required(node, inputs, 0);
  const Tensor& b = required(node, inputs, 1);
  if (a.dtype() == b.dtype()) return one(broadcast_binary(BinaryOp::kPow, node, a, b));
  if (is_integer(a.dtype()) && is_integer(b.dtype()))
    return one(broadcast_binary(BinaryOp::kPow, node, a, b.cast(a.dtype())));
  if (a.dtype() == DType::kF32 && b.dtype() != DType::kF64)
    return one(broadcast_binary(BinaryOp::kPow, node, a, b.cast(DType::kF32)));
  return one(
      broadcast_binary(BinaryOp::kPow, node, a.cast(DType::kF64), b.cast(DType::kF64)).cast(a.dtype()));
}

Tensors prelu(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  Tensor y = broadcast_binary(BinaryOp::kPRelu, node, x, required(node, inputs, 1));
  require(node, y.shape() == x.shape(), "a slope of shape {} does not broadcast to the input's shape {}",
          inputs[1].shape().str(), x.shape().str());
  return one(std::move(y));
}

template <BinaryOp op>
Tensors variadic(const Node& node, Inputs inputs) {
  Tensor y = required(node, inputs, 0);
  for (size_t i = 1; i < inputs.size(); ++i) y = broadcast_binary(op, node, y, required(node, inputs, i));
  return one(std::move(y));
}

Tensors mean(const Node& node, Inputs inputs) {
  const Tensor sum = variadic<BinaryOp::kAdd>(node, inputs)[0];
  return for_float(node, sum.dtype(), [&](auto t) {
    using T = decltype(t);
    return one(broadcast_binary(BinaryOp::kDiv, node, sum, Tensor::scalar(static_cast<T>(inputs.size()))));
  });
}

template <CompareOp op>
Tensors compare(const Node& node, Inputs inputs) {
  const Tensor& a = required(node, inputs, 0);
  const Tensor& b = required(node, inputs, 1);
  require_same_dtype(node, a, b);
  Tensor y(DType::kBool, broadcast(node, a.shape(), b.shape()));
  const auto walk = ref::broadcast_walk(a.shape(), b.shape(), y.shape());
  if (a.dtype() == DType::kBool && op == CompareOp::kEqual) {
    ref::logic(LogicOp::kXor, walk, bool_ptr(a), bool_ptr(b), bool_ptr(y));
    for (int64_t i = 0; i < y.numel(); ++i) bool_ptr(y)[i] ^= 1;
    return one(std::move(y));
  }
  for_number(node, a.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::compare(op, walk, ptr<T>(a), ptr<T>(b), bool_ptr(y));
  });
  return one(std::move(y));
}

template <LogicOp op>
Tensors logic(const Node& node, Inputs inputs) {
  const Tensor& a = required(node, inputs, 0, DType::kBool);
  const Tensor& b = required(node, inputs, 1, DType::kBool);
  Tensor y(DType::kBool, broadcast(node, a.shape(), b.shape()));
  ref::logic(op, ref::broadcast_walk(a.shape(), b.shape(), y.shape()), bool_ptr(a), bool_ptr(b), bool_ptr(y));
  return one(std::move(y));
}

Tensor apply_bits(BitOp op, const Node& node, Inputs inputs) {
  const Tensor& a = required(node, inputs, 0);
  const Tensor& b = required(node, inputs, 1);
  require_same_dtype(node, a, b);
  Tensor y(a.dtype(), broadcast(node, a.shape(), b.shape()));
  const auto walk = ref::broadcast_walk(a.shape(), b.shape(), y.shape());
  for_integer(node, a.dtype(), [&](auto t) {
    using U = std::make_unsigned_t<decltype(t)>;
    ref::bitwise(op, walk, reinterpret_cast<const U*>(a.bytes()), reinterpret_cast<const U*>(b.bytes()),
                 reinterpret_cast<U*>(y.bytes()));
  });
  return y;
}

template <BitOp op>
Tensors bitwise(const Node& node, Inputs inputs) {
  return one(apply_bits(op, node, inputs));
}

Tensors bit_shift(const Node& node, Inputs inputs) {
  const std::string direction = node.get_string("direction", "");
  require(node, direction == "LEFT" || direction == "RIGHT",
          "attribute 'direction' is '{}', expected LEFT or RIGHT", direction);
  require(node, !is_signed(required(node, inputs, 0).dtype()), "operands must be unsigned integers");
  return one(apply_bits(direction == "LEFT" ? BitOp::kShiftLeft : BitOp::kShiftRight, node, inputs));
}

Tensors where(const Node& node, Inputs inputs) {
  const Tensor& condition = required(node, inputs, 0, DType::kBool);
  const Tensor& a = required(node, inputs, 1);
  const Tensor& b = required(node, inputs, 2);
  require_same_dtype(node, a, b);
  Tensor y(a.dtype(), broadcast(node, condition.shape(), broadcast(node, a.shape(), b.shape())));
  const auto walk = ref::broadcast_walk(condition.shape(), a.shape(), b.shape(), y.shape());
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    ref::where(walk, bool_ptr(condition), reinterpret_cast<const T*>(a.bytes()),
               reinterpret_cast<const T*>(b.bytes()), reinterpret_cast<T*>(y.bytes()));
  };
  switch (element_size(node, a.dtype())) {
    case 1:
      run(uint8_t{});
      break;
    case 2:
      run(uint16_t{});
      break;
    case 4:
      run(uint32_t{});
      break;
    default:
      run(uint64_t{});
      break;
  }
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "Add", widened<binary<BinaryOp::kAdd>>},
    {"", "And", logic<LogicOp::kAnd>},
    {"", "BitShift", bit_shift},
    {"", "BitwiseAnd", bitwise<BitOp::kAnd>},
    {"", "BitwiseOr", bitwise<BitOp::kOr>},
    {"", "BitwiseXor", bitwise<BitOp::kXor>},
    {"", "Div", widened<binary<BinaryOp::kDiv>>},
    {"", "Equal", widened<compare<CompareOp::kEqual>>},
    {"", "Greater", widened<compare<CompareOp::kGreater>>},
    {"", "GreaterOrEqual", widened<compare<CompareOp::kGreaterOrEqual>>},
    {"", "Less", widened<compare<CompareOp::kLess>>},
    {"", "LessOrEqual", widened<compare<CompareOp::kLessOrEqual>>},
    {"", "Max", widened<variadic<BinaryOp::kMax>>},
    {"", "Mean", widened<mean>},
    {"", "Min", widened<variadic<BinaryOp::kMin>>},
    {"", "Mod", widened<mod>},
    {"", "Mul", widened<binary<BinaryOp::kMul>>},
    {"", "Or", logic<LogicOp::kOr>},
    {"", "PRelu", widened<prelu>},
    {"", "Pow", widened<pow>},
    {"", "Sub", widened<binary<BinaryOp::kSub>>},
    {"", "Sum", widened<variadic<BinaryOp::kAdd>>},
    {"", "Where", where},
    {"", "Xor", logic<LogicOp::kXor>},
};

}  // namespace

Tensor broadcast_binary(BinaryOp op, const Node& node, const Tensor& a, const Tensor& b) {
  require_same_dtype(node, a, b);
  Tensor y(a.dtype(), broadcast(node, a.shape(), b.shape()));
  const auto walk = ref::broadcast_walk(a.shape(), b.shape(), y.shape());
  for_number(node, a.dtype(), [&](auto t) {
    using T = decltype(t);
    ref::binary(op, walk, ptr<T>(a), ptr<T>(b), ptr<T>(y));
  });
  return y;
}

std::span<const ReferenceOp> arithmetic_ops() { return kOps; }

}  // namespace precis::runtime
