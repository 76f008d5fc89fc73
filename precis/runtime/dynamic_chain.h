// Products of codes whose input is quantized at run time, as quantizers write them in ONNX's operators:
//
//   MatMulInteger | ConvInteger(x, w, z_x, z_w) -> Cast(f32) -> Mul(s_x * s_w)  [-> Add(bias)] [-> Relu |
//   Clip]
//
// z_x and s_x are computed (by DynamicQuantizeLinear) or constant, everything else is constant, weights and
// bias are per tensor or per output channel. Fusing changes no number: float(acc) * float(s_x * s_w[c]), then
// + bias[c], each rounded once, as the operators say.
#pragma once

#include <limits>
#include <optional>
#include <set>
#include <vector>

#include "precis/graph/graph.h"

namespace precis::runtime {

struct DynamicChain {
  NodeId main;
  std::vector<NodeId> absorbed;  // in an order in which they can run
  ValueId scale;                 // s_x: one f32; {}: 1
  ValueId zero_point;            // z_x: one code; {}: 0
  std::vector<float> weight_scale;
  std::vector<int32_t> weight_zero_point;
  std::vector<float> bias;  // empty: none
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
  ValueId output;
};

// nullopt where the operators do not have this form, a value inside is in `kept` or read by others, or an
// accumulator lacks the proof sum |w - z_w| * 255 < 2^31. Shapes must be concrete.
std::optional<DynamicChain> match_dynamic_chain(const Graph& graph, NodeId main,
                                                const std::set<ValueId>& kept);

}  // namespace precis::runtime
