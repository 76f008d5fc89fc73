// One sample after the other, one step after the other: the sums of all gates, then the cell.
#include "precis/kernels/reference/recurrent.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <type_traits>
#include <vector>

#include "precis/kernels/reference/codes.h"

namespace precis::kernels::reference {
namespace {

template <typename T>
T sigmoid(T x) {
  return T{1} / (T{1} + std::exp(-x));
}

template <typename T>
class Cell {
 public:
  Cell(const RecurrentParams& p, const RecurrentWeights<T>& weights)
      : p_(p),
        weights_(weights),
        rows_((p.kind == CellKind::kRnn   ? 1
               : p.kind == CellKind::kGru ? 3
                                          : 4) *
              p.hidden),
        from_input_(static_cast<size_t>(rows_)),
        from_state_(static_cast<size_t>(rows_)) {}

  // One step of one sample.
  void step(const T* x, T* h, T* c) {
    for (int64_t row = 0; row < rows_; ++row) {
      input(row) = dot(p_.inputs, weights_.w + row * p_.inputs, x) + bias(row);
      state(row) = dot(p_.hidden, weights_.r + row * p_.hidden, h) + bias(rows_ + row);
    }
    finish(h, c);
  }

  // The same from codes.
  void step(const CodeLstmWeights& codes, const int32_t* x, float x_scale, T* h,
            T* c) requires std::is_same_v<T, float> {
    const DynamicGrid grid = dynamic_grid_u8(p_.hidden, h);
    state_codes_.resize(static_cast<size_t>(p_.hidden));
    std::vector<uint8_t> plain(state_codes_.size());
    quantize(p_.hidden, h, grid.scale, {grid.zero_point, 0, 255}, plain.data());
    center_codes(p_.hidden, plain.data(), grid.zero_point, state_codes_.data());
    for (int64_t row = 0; row < rows_; ++row) {
      const auto from_x = static_cast<float>(sum_of_products(p_.inputs, codes.w + row * p_.inputs, x)),
                 from_h = static_cast<float>(
                     sum_of_products(p_.hidden, codes.r + row * p_.hidden, state_codes_.data()));
      input(row) = from_x * (x_scale * codes.w_scale[row]) + bias(row);
      state(row) = from_h * (grid.scale * codes.r_scale[row]) + bias(rows_ + row);
    }
    finish(h, c);
  }

 private:
  void finish(T* h, T* c) {
    switch (p_.kind) {
      case CellKind::kRnn:
        for (int64_t j = 0; j < p_.hidden; ++j) h[j] = activate(p_.f, input(j) + state(j));
        return;
      case CellKind::kGru:
        return gru(h);
      case CellKind::kLstm:
        for (int64_t j = 0; j < p_.hidden; ++j) lstm(j, h, c);
    }
  }
  static int64_t sum_of_products(int64_t n, const int32_t* a, const int32_t* b) {
    int64_t sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += int64_t{a[i]} * b[i];
    return sum;
  }
  static T dot(int64_t n, const T* a, const T* b) {
    T sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
    return sum;
  }
  T& input(int64_t row) { return from_input_[static_cast<size_t>(row)]; }
  T& state(int64_t row) { return from_state_[static_cast<size_t>(row)]; }
  T bias(int64_t row) const { return weights_.bias ? weights_.bias[row] : T{0}; }
  T activate(const GateFunctionParams& f, T x) const {
    if (p_.clip > 0) x = std::clamp(x, static_cast<T>(-p_.clip), static_cast<T>(p_.clip));
    return gate_function(f, x);
  }

  // Rows z, r, h. The candidate of all units needs the old state of all units.
  void gru(T* h) {
    const int64_t n = p_.hidden;
    for (int64_t j = 0; j < n; ++j)
      for (int64_t gate = 0; gate < 2; ++gate)
        input(gate * n + j) = activate(p_.f, input(gate * n + j) + state(gate * n + j));
    if (!p_.linear_before_reset) {
      std::vector<T> reset(static_cast<size_t>(n));
      for (int64_t j = 0; j < n; ++j) reset[static_cast<size_t>(j)] = input(n + j) * h[j];
      for (int64_t j = 0; j < n; ++j)
        state(2 * n + j) = dot(n, weights_.r + (2 * n + j) * n, reset.data()) + bias(rows_ + 2 * n + j);
    }
    for (int64_t j = 0; j < n; ++j) {
      const T scale = p_.linear_before_reset ? input(n + j) : T{1};
      const T candidate = activate(p_.g, input(2 * n + j) + scale * state(2 * n + j)), z = input(j);
      h[j] = (T{1} - z) * candidate + z * h[j];
    }
  }

  // Rows i, o, f, c.
  void lstm(int64_t j, T* h, T* c) {
    const int64_t n = p_.hidden;
    const auto sum = [&](int64_t gate) { return input(gate * n + j) + state(gate * n + j); };
    const auto peep = [&](int64_t gate, T cell) {
      return weights_.peepholes ? weights_.peepholes[gate * n + j] * cell : T{0};
    };
    const T i = activate(p_.f, sum(0) + peep(0, c[j]));
    const T f = p_.input_forget ? T{1} - i : activate(p_.f, sum(2) + peep(2, c[j]));
    const T candidate = activate(p_.g, sum(3));
    c[j] = f * c[j] + i * candidate;
    const T o = activate(p_.f, sum(1) + peep(1, c[j]));
    h[j] = o * gate_function(p_.h, c[j]);
  }

  const RecurrentParams& p_;
  const RecurrentWeights<T>& weights_;
  const int64_t rows_;
  std::vector<T> from_input_, from_state_;
  std::vector<int32_t> state_codes_;
};

}  // namespace

bool find_gate_function(std::string_view name, GateFunction* function) {
  static constexpr std::string_view kNames[] = {"affine",   "elu",        "hardsigmoid",    "leakyrelu",
                                                "relu",     "scaledtanh", "sigmoid",        "softplus",
                                                "softsign", "tanh",       "thresholdedrelu"};
  const auto it = std::find(std::begin(kNames), std::end(kNames), name);
  if (it == std::end(kNames)) return false;
  *function = static_cast<GateFunction>(it - std::begin(kNames));
  return true;
}

template <typename T>
T gate_function(const GateFunctionParams& p, T x) {
  const T alpha = static_cast<T>(p.alpha), beta = static_cast<T>(p.beta);
  switch (p.function) {
    case GateFunction::kAffine:
      return alpha * x + beta;
    case GateFunction::kElu:
      return x >= 0 ? x : alpha * std::expm1(x);
    case GateFunction::kHardSigmoid:
      return std::clamp(alpha * x + beta, T{0}, T{1});
    case GateFunction::kLeakyRelu:
      return x >= 0 ? x : alpha * x;
    case GateFunction::kRelu:
      return std::max(x, T{0});
    case GateFunction::kScaledTanh:
      return alpha * std::tanh(beta * x);
    case GateFunction::kSigmoid:
      return sigmoid(x);
    case GateFunction::kSoftplus:
      return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x)));
    case GateFunction::kSoftsign:
      return x / (T{1} + std::abs(x));
    case GateFunction::kTanh:
      return std::tanh(x);
    case GateFunction::kThresholdedRelu:
      return x >= alpha ? x : T{0};
  }
  return x;
}

// Every sample through its steps; step(x, h, c) takes one.
template <typename T, typename X, typename Step>
void run_steps(const RecurrentParams& p, const X* x, T* h, T* c, T* y, Step step) {
  for (int64_t n = 0; n < p.batch; ++n) {
    const int64_t length = p.lengths ? p.lengths[n] : p.steps;
    T* const hn = h + n * p.state_batch;
    T* const cn = c ? c + n * p.state_batch : nullptr;
    for (int64_t s = 0; s < p.steps; ++s) {
      const int64_t t = s < length && p.reverse ? length - 1 - s : s;
      if (s < length) step(x + t * p.x_step + n * p.x_batch, hn, cn);
      if (y == nullptr) continue;
      T* const out = y + t * p.y_step + n * p.y_batch;
      if (s < length)
        std::copy_n(hn, p.hidden, out);
      else
        std::fill_n(out, p.hidden, T{0});
    }
  }
}

template <typename T>
void recurrent(const RecurrentParams& p, const RecurrentWeights<T>& weights, const T* x, T* h, T* c, T* y) {
  Cell<T> cell(p, weights);
  run_steps(p, x, h, c, y, [&](const T* xt, T* hn, T* cn) { cell.step(xt, hn, cn); });
}

void recurrent_codes(const RecurrentParams& p, const CodeLstmWeights& weights, const int32_t* x,
                     float x_scale, float* h, float* c, float* y) {
  const RecurrentWeights<float> reals{nullptr, nullptr, weights.bias, weights.peepholes};
  Cell<float> cell(p, reals);
  run_steps(p, x, h, c, y,
            [&](const int32_t* xt, float* hn, float* cn) { cell.step(weights, xt, x_scale, hn, cn); });
}

template float gate_function(const GateFunctionParams&, float);
template double gate_function(const GateFunctionParams&, double);
template void recurrent(const RecurrentParams&, const RecurrentWeights<float>&, const float*, float*, float*,
                        float*);
template void recurrent(const RecurrentParams&, const RecurrentWeights<double>&, const double*, double*,
                        double*, double*);

}  // namespace precis::kernels::reference
