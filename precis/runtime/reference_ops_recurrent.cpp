// Recurrent networks: RNN, GRU, LSTM, one direction after the other.
#include <cstring>

#include "precis/graph/recurrent.h"
#include "precis/kernels/reference/codes.h"
#include "precis/kernels/reference/recurrent.h"
#include "precis/runtime/recurrent_geometry.h"
#include "precis/runtime/reference_codes.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

void require_shape(const Node& node, const Tensor* t, const Shape& shape, const char* what) {
  if (t != nullptr)
    require(node, t->shape() == shape, "{} has shape {}, expected {}", what, t->shape().str(), shape.str());
}

void check_inputs(const Node& node, Inputs inputs, const RecurrentGeometry& g) {
  const DType dtype = required(node, inputs, 0).dtype();
  for (const size_t i : {1, 2, 3, 5, 6, 7})
    if (optional(inputs, i)) required(node, inputs, i, dtype);
  require_shape(node, &inputs[1], {g.directions, g.rows, g.inputs}, "W");
  require_shape(node, &inputs[2], {g.directions, g.rows, g.hidden}, "R");
  require_shape(node, optional(inputs, 3), {g.directions, 2 * g.rows}, "B");
  require_shape(node, optional(inputs, 5), g.state, "initial_h");
  require_shape(node, optional(inputs, 6), g.state, "initial_c");
  require_shape(node, optional(inputs, 7), {g.directions, 3 * g.hidden}, "P");
  if (optional(inputs, 4) == nullptr) return;
  const Tensor& lengths = required(node, inputs, 4, DType::kI32, g.batch);
  for (const int32_t n : lengths.data<int32_t>())
    require(node, n >= 0 && n <= g.steps, "sequence_lens holds {}, expected 0 to the {} steps of the input",
            n, g.steps);
}

template <typename T>
const T* part(const Tensor* t, int64_t offset) {
  return t ? ptr<T>(*t) + offset : nullptr;
}

Tensors recurrent(const Node& node, Inputs inputs) {
  const RecurrentSpec spec = read_recurrent(node, describe(node));
  const Tensor& x = required(node, inputs, 0);
  const RecurrentGeometry g = recurrent_geometry(node, spec, x.shape(), required(node, inputs, 1).shape(),
                                                 required(node, inputs, 2).shape());
  check_inputs(node, inputs, g);
  const bool lstm = spec.gates == 4;
  Tensor y(x.dtype(), g.y);
  const auto initial = [&](size_t i) {
    const Tensor* given = optional(inputs, i);
    return given ? given->clone() : Tensor(x.dtype(), g.state);
  };
  Tensor h = initial(5), c = lstm ? initial(6) : Tensor();
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t d = 0; d < g.directions; ++d) {
      const ref::RecurrentWeights<T> weights{
          ptr<T>(inputs[1]) + d * g.rows * g.inputs, ptr<T>(inputs[2]) + d * g.rows * g.hidden,
          part<T>(optional(inputs, 3), d * 2 * g.rows), part<T>(optional(inputs, 7), d * 3 * g.hidden)};
      const Tensor* lengths = optional(inputs, 4);
      ref::RecurrentParams p = recurrent_params(spec, g, static_cast<int>(d));
      p.lengths = lengths ? ptr<int32_t>(*lengths) : nullptr;
      ref::recurrent(p, weights, ptr<T>(x), ptr<T>(h) + d * g.state_direction,
                     lstm ? ptr<T>(c) + d * g.state_direction : nullptr, ptr<T>(y) + d * g.y_direction);
    }
  });
  return {std::move(y), std::move(h), std::move(c)};
}

// [D, features, rows] codes -> [D, rows, features] less their zero points, and one scale a row.
struct CenteredWeights {
  std::vector<int32_t> codes;
  std::vector<float> scales;
};
CenteredWeights centred(const Node& node, Inputs inputs, size_t weights, size_t scale) {
  const Tensor &w = required(node, inputs, weights), &s = required(node, inputs, scale, DType::kF32),
               &z = required(node, inputs, scale + 1, w.dtype());
  require(node, w.shape().rank() == 3, "weights have shape {}, expected three dimensions", w.shape().str());
  const int64_t d = w.shape()[0], features = w.shape()[1], rows = w.shape()[2];
  require(node, (s.numel() == d || s.numel() == d * rows) && s.numel() == z.numel(),
          "{} scales and {} zero points for {} directions of {} gates", s.numel(), z.numel(), d, rows);
  CenteredWeights c;
  c.codes.resize(static_cast<size_t>(w.numel()));
  for (int64_t i = 0; i < d * rows; ++i) {
    const int64_t at = s.numel() == d ? i / rows : i;
    const auto zero = static_cast<int32_t>(z.at_int(at));
    c.scales.push_back(ptr<float>(s)[at]);
    for (int64_t f = 0; f < features; ++f)
      c.codes[static_cast<size_t>(i * features + f)] =
          static_cast<int32_t>(w.at_int((i / rows * features + f) * rows + i % rows)) - zero;
  }
  return c;
}

Tensors dynamic_quantize_lstm(const Node& node, Inputs inputs) {
  const RecurrentSpec spec = read_recurrent(node, describe(node));
  const Tensor& x = required(node, inputs, 0, DType::kF32);
  const CenteredWeights w = centred(node, inputs, 1, 8), r = centred(node, inputs, 2, 10);
  const auto turned = [](const Shape& s) { return Shape{s[0], s[2], s[1]}; };
  const RecurrentGeometry g =
      recurrent_geometry(node, spec, x.shape(), turned(inputs[1].shape()), turned(inputs[2].shape()));
  Tensors reals(inputs.begin(), inputs.begin() + 8);  // checked as LSTM's
  reals[1] = Tensor(DType::kF32, turned(inputs[1].shape())),
  reals[2] = Tensor(DType::kF32, turned(inputs[2].shape()));
  check_inputs(node, reals, g);
  const ref::DynamicGrid grid = ref::dynamic_grid_u8(x.numel(), ptr<float>(x));
  const Tensor codes =
      encoded(node, x, Encoding::per_tensor_uniform(DType::kU8, grid.scale, grid.zero_point));
  std::vector<int32_t> x_codes(static_cast<size_t>(x.numel()));
  ref::center_codes(x.numel(), ptr<uint8_t>(codes), grid.zero_point, x_codes.data());
  Tensor y(DType::kF32, g.y);
  const auto initial = [&](size_t i) {
    return optional(inputs, i) ? inputs[i].clone() : Tensor(DType::kF32, g.state);
  };
  Tensor h = initial(5), c = initial(6);
  for (int64_t d = 0; d < g.directions; ++d) {
    const ref::CodeLstmWeights weights{w.codes.data() + d * g.rows * g.inputs,
                                       r.codes.data() + d * g.rows * g.hidden,
                                       w.scales.data() + d * g.rows,
                                       r.scales.data() + d * g.rows,
                                       part<float>(optional(inputs, 3), d * 2 * g.rows),
                                       part<float>(optional(inputs, 7), d * 3 * g.hidden)};
    ref::RecurrentParams p = recurrent_params(spec, g, static_cast<int>(d));
    p.lengths = optional(inputs, 4) ? ptr<int32_t>(inputs[4]) : nullptr;
    ref::recurrent_codes(p, weights, x_codes.data(), grid.scale, ptr<float>(h) + d * g.state_direction,
                         ptr<float>(c) + d * g.state_direction, ptr<float>(y) + d * g.y_direction);
  }
  return {std::move(y), std::move(h), std::move(c)};
}

constexpr ReferenceOp kOps[] = {
    {"", "GRU", widened<recurrent>},
    {"", "LSTM", widened<recurrent>},
    {"", "RNN", widened<recurrent>},
    {kMicrosoft, "DynamicQuantizeLSTM", dynamic_quantize_lstm},
};

}  // namespace

std::span<const ReferenceOp> recurrent_ops() { return kOps; }

}  // namespace precis::runtime
