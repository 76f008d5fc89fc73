// Before:  x[N,K] -> MatMul(w[K,M]) -> Add(b[M]) -> y      After:  x -> Gemm(w, b) -> y
// Only for rank-2 data, a constant w of rank 2 and a constant bias of M values, when nothing else reads the product.
#include "precis/passes/pass_list.h"

namespace precis::passes {
namespace {

bool is_rank2(const Graph& g, ValueId v) { return g.value(v).type.shape && g.value(v).type.shape->size() == 2; }

bool is_row_bias(const Tensor& t, int64_t columns) {
  return t.dtype() == DType::kF32 && t.numel() == columns && t.shape().rank() >= 1 && t.shape().rank() <= 2 &&
         t.shape()[t.shape().rank() - 1] == columns;
}

// The MatMul behind input `side` of an Add, when the pair can become a Gemm.
NodeId matmul_behind(const Graph& g, const Node& add, size_t side) {
  const ValueId product = add.input(side);
  const Tensor* bias = g.constant(add.input(1 - side));
  if (!product || bias == nullptr) return {};
  if (g.value(product).type.encoded() || g.value(add.input(1 - side)).type.encoded()) return {};
  const NodeId id = g.value(product).producer;
  if (!id || !g.node(id).is("MatMul")) return {};
  const Node& mm = g.node(id);
  const Tensor* w = g.constant(mm.input(1));
  const bool fits = w != nullptr && w->shape().rank() == 2 && w->dtype() == DType::kF32 && !g.value(mm.input(1)).type.encoded() &&
                    is_rank2(g, mm.input(0)) && g.value(product).uses.size() == 1 && !g.is_output(product);
  return fits && is_row_bias(*bias, w->shape()[1]) ? id : NodeId{};
}

}  // namespace

PassResult fuse_matmul_add(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    if (!g.node(id).is("Add")) continue;
    for (size_t side = 0; side < 2; ++side) {
      const NodeId mm = matmul_behind(g, g.node(id), side);
      if (!mm) continue;
      const ValueId bias = g.node(id).input(1 - side), out = g.node(id).output(0);
      g.remove_node(id);
      g.node(mm).op = "Gemm";
      g.set_input(mm, 2, bias);
      g.set_output(mm, 0, out);
      ++result.changes;
      break;
    }
  }
  return result;
}

}  // namespace precis::passes
