// The last digits of the activations' scales, so that runtimes that compute in float round the results alike
// (precis/quant/tie_free.h). Weights follow from them, channel by channel. Internal to precis/passes.
#pragma once

#include <vector>

#include "precis/core/encoding.h"
#include "precis/graph/graph.h"
#include "precis/passes/quantize_placement.h"

namespace precis::passes {

// The value whose codes a node's result `v` becomes: itself, or what a folded activation or a sum with a
// fused residual makes of it.
// {} where it stays float.
ValueId coded_result(const Graph& graph, const Placement& place, ValueId v);

// Sums: both scales over the result's are fractions of one odd denominator. Products: so is the product of
// both over the result's. All other scales get 12 significant bits. Scales shrink (by less than 1/256, sums
// with a fused residual by less than 1/100), so that a range stays inside what an activation leaves; those
// marked in `fixed` stay, and so do those that an earlier sum or product has settled. `encodings` and `fixed`
// are by ValueId::index of primaries. Returns by NodeId::index, for nodes whose result is summed unrounded,
// the denominator of the residual's fraction; 0 where there is none; else 1.
std::vector<int64_t> settle_scales(const Graph& graph, const Placement& place,
                                   std::vector<Encoding>& encodings, std::vector<char> fixed);

}  // namespace precis::passes
