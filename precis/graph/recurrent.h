// Recurrent networks (RNN, GRU, LSTM): the attributes of the three operators, checked once, with every
// default filled in. One source for inference and kernels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "precis/graph/graph.h"

namespace precis {

enum class RecurrentDirection { kForward, kReverse, kBidirectional };

// An activation by its ONNX name in lower case ("sigmoid", "hardsigmoid") with the factors that it takes.
struct GateActivation {
  std::string name;
  float alpha = 0, beta = 0;
  bool operator==(const GateActivation&) const = default;
};

struct RecurrentSpec {
  int gates = 1;  // rows of W and R are gates * hidden: RNN 1, GRU 3 (z r h), LSTM 4 (i o f c)
  RecurrentDirection direction = RecurrentDirection::kForward;
  int64_t hidden = -1;               // -1: not given, the weights tell
  float clip = 0;                    // 0: none
  bool batch_first = false;          // layout = 1
  bool linear_before_reset = false;  // GRU
  bool input_forget = false;         // LSTM
  // Per direction as many as the operator has: RNN f; GRU f, g; LSTM f, g, h.
  std::vector<std::vector<GateActivation>> activations;

  int directions() const { return direction == RecurrentDirection::kBidirectional ? 2 : 1; }
  bool reversed(int d) const { return direction == RecurrentDirection::kReverse || d == 1; }
};

// `where` opens the messages of Error(kMalformed).
RecurrentSpec read_recurrent(const Node& node, const std::string& where);

}  // namespace precis
