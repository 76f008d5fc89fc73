// Operators that draw random numbers. The draws are those of core/rng.h: the attribute `seed` names the
// sequence; without one it is fixed, so that runs repeat, and differs from node to node.
#include <algorithm>
#include <bit>
#include <cmath>

#include "precis/core/hash.h"
#include "precis/core/rng.h"
#include "precis/graph/onnx_dtype.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

Rng rng_of(const Node& node) {
  if (const Attribute* a = node.find("seed")) {
    if (const float* seed = std::get_if<float>(a)) return Rng(std::bit_cast<uint32_t>(*seed));
    return Rng(static_cast<uint64_t>(node.get_int("seed", 0)));
  }
  return Rng(0, xxh3(std::as_bytes(std::span(node.name))));
}

DType drawn_type(const Node& node, DType fallback) {
  const int64_t code = node.get_int("dtype", 0);
  return code == 0 ? fallback : dtype_from_onnx_code(code);
}

Shape given_shape(const Node& node) {
  const Shape shape(node.get_ints("shape"));
  for (int64_t d : shape) require(node, d >= 0, "attribute 'shape' holds {}", d);
  return shape;
}

Tensors uniform(const Node& node, const Shape& shape, DType dtype) {
  const float low = node.get_float("low", 0), high = node.get_float("high", 1);
  Rng rng = rng_of(node);
  Tensor y(DType::kF32, shape);
  for (float& v : y.data<float>()) v = rng.uniform(low, high);
  return one(y.cast(dtype));
}

Tensors normal(const Node& node, const Shape& shape, DType dtype) {
  const float mean = node.get_float("mean", 0), scale = node.get_float("scale", 1);
  Rng rng = rng_of(node);
  Tensor y(DType::kF32, shape);
  for (float& v : y.data<float>()) v = mean + scale * rng.normal();
  return one(y.cast(dtype));
}

Tensors random_uniform(const Node& node, Inputs) {
  return uniform(node, given_shape(node), drawn_type(node, DType::kF32));
}
Tensors random_normal(const Node& node, Inputs) {
  return normal(node, given_shape(node), drawn_type(node, DType::kF32));
}
Tensors random_uniform_like(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  return uniform(node, x.shape(), drawn_type(node, x.dtype()));
}
Tensors random_normal_like(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  return normal(node, x.shape(), drawn_type(node, x.dtype()));
}

Tensors bernoulli(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  Rng rng = rng_of(node);
  Tensor y(DType::kU8, x.shape());
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double p = x.at_double(i);
    require(node, p >= 0 && p <= 1, "the probability {} at {} is outside [0, 1]", p, i);
    ptr<uint8_t>(y)[i] = static_cast<double>(rng.uniform()) < p;
  }
  return one(y.cast(drawn_type(node, x.dtype())));
}

// Sums of the probabilities up to each class, of unnormalized log probabilities.
std::vector<double> cumulated(const Node& node, const Tensor& x, int64_t row, int64_t classes) {
  double largest = -INFINITY, sum = 0;
  for (int64_t c = 0; c < classes; ++c) largest = std::max(largest, x.at_double(row * classes + c));
  require(node, std::isfinite(largest), "row {} has no class that can be drawn", row);
  std::vector<double> sums;
  for (int64_t c = 0; c < classes; ++c)
    sums.push_back(sum += std::exp(x.at_double(row * classes + c) - largest));
  return sums;
}

Tensors multinomial(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  require(node, x.shape().rank() == 2, "input of shape {}, expected [batch, classes]", x.shape().str());
  const int64_t batch = x.shape()[0], classes = x.shape()[1], samples = node.get_int("sample_size", 1);
  require(node, samples >= 1 && classes >= 1, "{} samples of {} classes", samples, classes);
  Rng rng = rng_of(node);
  Tensor y(DType::kI64, {batch, samples});
  for (int64_t b = 0; b < batch; ++b) {
    const std::vector<double> sums = cumulated(node, x, b, classes);
    for (int64_t s = 0; s < samples; ++s) {
      const auto at =
          std::upper_bound(sums.begin(), sums.end(), static_cast<double>(rng.uniform()) * sums.back());
      ptr<int64_t>(y)[b * samples + s] = std::min<int64_t>(at - sums.begin(), classes - 1);
    }
  }
  return one(y.cast(drawn_type(node, DType::kI32)));
}

// At inference the identity; in training each element is dropped with probability `ratio` and the others are
// scaled up.
Tensors dropout(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Tensor* training = optional(inputs, 2);
  const Tensor* given = optional(inputs, 1);
  const double ratio = given != nullptr && given->numel() == 1 ? given->at_double(0) : 0.5;
  require(node, ratio >= 0 && ratio < 1, "the ratio is {}, expected 0 <= ratio < 1", ratio);
  const bool drops = training != nullptr && training->numel() == 1 && training->at_int(0) != 0 && ratio > 0;
  Tensor mask(DType::kBool, x.shape());
  Tensor y = x;
  if (drops) {
    Rng rng = rng_of(node);
    for (int64_t i = 0; i < mask.numel(); ++i)
      bool_ptr(mask)[i] = static_cast<double>(rng.uniform()) >= ratio;
    y = Tensor(x.dtype(), x.shape());
    for_float(node, x.dtype(), [&](auto zero) {
      using T = decltype(zero);
      const T scale = static_cast<T>(1 / (1 - ratio));
      for (int64_t i = 0; i < x.numel(); ++i) ptr<T>(y)[i] = bool_ptr(mask)[i] ? ptr<T>(x)[i] * scale : T{0};
    });
  } else {
    std::fill_n(bool_ptr(mask), mask.numel(), uint8_t{1});
  }
  Tensors outputs = one(std::move(y));
  if (wants_output(node, 1)) outputs.push_back(std::move(mask));
  return outputs;
}

constexpr ReferenceOp kOps[] = {
    {"", "Bernoulli", bernoulli},
    {"", "Dropout", widened<dropout>},
    {"", "Multinomial", multinomial},
    {"", "RandomNormal", random_normal},
    {"", "RandomNormalLike", random_normal_like},
    {"", "RandomUniform", random_uniform},
    {"", "RandomUniformLike", random_uniform_like},
};

}  // namespace

std::span<const ReferenceOp> random_ops() { return kOps; }

}  // namespace precis::runtime
