// Finds which nodes one step can compute together: a convolution or matrix product with the batch norm, the
// residual sum and the activation that follow it. Works on a graph whose shapes are concrete; changes nothing
// in it.
//
//   Conv -> BatchNormalization -> Add(r) -> Relu      =>   one FusedOp {Conv; affine norm; residual r; Relu}
//
// A value between two fused nodes has one use, is no graph output, carries no encoding and is not tapped.
// Operators on codes are fused exactly where the contract says so (integer_contract.h), tapped or not: taps
// inside such a chain see values computed beside it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "precis/graph/graph.h"
#include "precis/runtime/dynamic_chain.h"
#include "precis/runtime/integer_contract.h"
#include "precis/runtime/onednn/kernel.h"

namespace precis::runtime {

// One function of one input, as oneDNN and our own kernels know it.
struct FunctionStep {
  onednn::Function function = onednn::Function::kRelu;
  float alpha = 0, beta = 0;
};
// An activation: functions applied in order (HardSigmoid is a linear function, then a clip).
using Activation = std::vector<FunctionStep>;

// The node's function when it is element-wise in input 0 with constant parameters.
std::optional<Activation> activation_of(const Graph& graph, const Node& node);

// x * scale + shift, one of each per channel.
struct ChannelAffine {
  std::vector<double> scale, shift;
  bool scales = false;  // some factor is not 1 by construction
};
// What a BatchNormalization, or an Add, Sub, Mul or Div by a constant, does to `value` per channel; nullopt when it is
// nothing of the kind. Channels: dimension 1 of a convolution or norm, the last one of a matrix product.
std::optional<ChannelAffine> channel_affine(const Graph& graph, const Node& node, ValueId value, int64_t channels,
                                            int axis);
// `second` after `first`.
ChannelAffine compose(const ChannelAffine& first, const ChannelAffine& second);

struct FusedOp {
  NodeId node;                        // the main node
  std::vector<NodeId> absorbed;       // computed by the same step, in order
  std::optional<IntegerChain> chain;  // the contract's operation; the members below are then unused
  std::optional<DynamicChain> dynamic;  // a product of codes found at run time; those below are then unused
  std::vector<NodeId> affine;  // of `absorbed`: one factor or summand per output channel; they go into the weights
  ValueId residual;                   // added before the activation; has the result's shape
  Activation activation;
  std::vector<ValueId>
      outputs;  // what the step leaves behind: the last absorbed node's outputs, or the node's
};

// All live nodes of `graph`, each in exactly one op, in an order in which they can run. `kept` values stay
// visible.
std::vector<FusedOp> fuse(const Graph& graph, const std::set<ValueId>& kept);

}  // namespace precis::runtime
