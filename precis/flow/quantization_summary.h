// What of a model is quantized, and how: the encodings of its values, what is found at run time, and the
// share of the work and of the weights that is integer.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "precis/graph/graph.h"

namespace precis::flow {

// One encoded value.
struct EncodedValue {
  std::string name;
  std::string code;         // "u8"
  bool constant = false;    // a weight or bias; else an activation
  std::string granularity;  // "tensor", "channel" or "block"
  int axis = -1;            // of channels or blocks; -1: none, or blocks along several
  int64_t block = 0;        // values along `axis` that share a scale; 0: not in blocks
  std::string zero_point;   // "symmetric" (0 everywhere) or "affine"
  bool dynamic = false;
  std::string kind() const;  // "u8 per tensor, affine", "s8 per channel (axis 0), symmetric", "u4 in blocks
                             // of 32 (axis 0), affine"
};

struct QuantizationSummary {
  std::vector<EncodedValue> values;  // in the graph's order
  int64_t run_time = 0;              // activations that are quantized at run time
  int64_t integer = 0;               // convolutions, products and recurrent networks on codes
  int64_t weight_only = 0;           // those with real inputs and encoded weights
  int64_t real = 0;                  // all others
  int64_t macs = 0, integer_macs = 0;
  uint64_t weight_bytes = 0, code_bytes = 0;  // of all constants; of those that are codes
  bool any() const { return !values.empty() || run_time > 0 || integer > 0; }
  // How many values there are of each kind.
  std::map<std::string, int64_t> kinds(bool constants) const;
};

// Types must be inferred. Bodies of control flow are not looked into.
QuantizationSummary summarize_quantization(const Graph& graph);

}  // namespace precis::flow
