// Recurrent networks, one direction at a time: RNN, GRU and LSTM as ONNX defines them. For f32 and f64. Every
// sum is sequential: the input's products, then the state's, then the biases.
#pragma once

#include <cstdint>
#include <string_view>

namespace precis::kernels::reference {

enum class CellKind : uint8_t { kRnn, kGru, kLstm };

// ONNX's activations of gates.
enum class GateFunction : uint8_t {
  kAffine,       // alpha x + beta
  kElu,          // x >= 0 ? x : alpha (e^x - 1)
  kHardSigmoid,  // clamp(alpha x + beta, 0, 1)
  kLeakyRelu,    // x >= 0 ? x : alpha x
  kRelu,
  kScaledTanh,  // alpha tanh(beta x)
  kSigmoid,
  kSoftplus,  // ln(1 + e^x)
  kSoftsign,  // x / (1 + |x|)
  kTanh,
  kThresholdedRelu,  // x >= alpha ? x : 0
};
// By its ONNX name in lower case; false when there is no such activation.
bool find_gate_function(std::string_view name, GateFunction* function);

struct GateFunctionParams {
  GateFunction function = GateFunction::kTanh;
  float alpha = 0, beta = 0;
};
template <typename T>
T gate_function(const GateFunctionParams& p, T x);

struct RecurrentParams {
  CellKind kind = CellKind::kLstm;
  int64_t steps = 0, batch = 0, inputs = 0, hidden = 0;
  int64_t x_step = 0, x_batch = 0;  // strides of x; its features are contiguous
  int64_t y_step = 0, y_batch = 0;  // strides of y
  int64_t state_batch = 0;          // stride of h and c
  bool reverse = false;             // from each sample's last step to its first
  float clip = 0;                   // bound of the gates' sums (not of the cell that goes through h); 0: none
  bool linear_before_reset = false, input_forget = false;
  GateFunctionParams f, g, h;        // RNN takes f; GRU f, g; LSTM f, g, h
  const int32_t* lengths = nullptr;  // steps per sample; null: all
};

template <typename T>
struct RecurrentWeights {
  const T* w = nullptr;          // [gates * hidden, inputs]
  const T* r = nullptr;          // [gates * hidden, hidden]
  const T* bias = nullptr;       // [2 * gates * hidden]: of the input, of the state; null: none
  const T* peepholes = nullptr;  // [3 * hidden]: i, o, f; null: none
};

// h and c hold the initial states and get the last ones (c of LSTM only); y (null: not wanted) gets the
// output of every step and zeros behind a sample's last one.
template <typename T>
void recurrent(const RecurrentParams& p, const RecurrentWeights<T>& weights, const T* x, T* h, T* c, T* y);

// LSTM with weights in codes, whose inputs are quantized at run time (u8, over all of x; the state by itself
// in every step): gates = float(sum of products of centred codes) * (scale of the data * scale of the row)
// + bias.
struct CodeLstmWeights {
  const int32_t* w = nullptr;      // [4 * hidden, inputs] codes less their zero points
  const int32_t* r = nullptr;      // [4 * hidden, hidden]
  const float* w_scale = nullptr;  // [4 * hidden]
  const float* r_scale = nullptr;
  const float* bias = nullptr;       // as above
  const float* peepholes = nullptr;  // as above
};
// x: centred codes of one scale, laid out as p says.
void recurrent_codes(const RecurrentParams& p, const CodeLstmWeights& weights, const int32_t* x,
                     float x_scale, float* h, float* c, float* y);

}  // namespace precis::kernels::reference
