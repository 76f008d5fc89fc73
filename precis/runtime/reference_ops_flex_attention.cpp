// FlexAttention: attention whose scores and weights go through subgraphs of the node.
#include <cmath>

#include "precis/graph/onnx_dtype.h"
#include "precis/kernels/reference/matmul.h"
#include "precis/kernels/reference/softmax.h"
#include "precis/runtime/reference_engine.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

// Runs the subgraph of an attribute on a tensor of type `dtype`, and back; nothing happens when it is not
// there.
Tensor modified(const Node& node, const char* attribute, const Tensor& t, DType dtype) {
  const Attribute* a = node.find(attribute);
  if (a == nullptr) return t;
  const auto* body = std::get_if<SubgraphPtr>(a);
  require(node, body != nullptr && (*body)->inputs().size() == 1 && (*body)->outputs().size() == 1,
          "attribute '{}' is no graph of one input and one output", attribute);
  const Tensor given = t.cast(dtype);
  const Tensor result = run_reference(**body, std::span(&given, 1))[0];
  require(node, result.shape() == t.shape() && result.dtype() == dtype,
          "attribute '{}' makes {}{} of {}{}, expected the same type and shape", attribute,
          dtype_name(result.dtype()), result.shape().str(), dtype_name(dtype), t.shape().str());
  return result.cast(t.dtype());
}

// One product per sample and head: a [batch, heads, m, k] by b, whose heads are shared by groups of a's.
// `transposed`: b is [batch, kv heads, n, k], else [batch, kv heads, k, n].
template <typename T>
Tensor head_products(const Tensor& a, const Tensor& b, bool transposed) {
  const Shape &sa = a.shape(), &sb = b.shape();
  ref::MatmulParams p;
  p.m = sa[2], p.k = sa[3], p.n = sb[transposed ? 2 : 3];
  p.a_row = p.k, p.a_col = 1;
  p.b_row = transposed ? 1 : p.n, p.b_col = transposed ? p.k : 1;
  Tensor y(a.dtype(), {sa[0], sa[1], p.m, p.n});
  const int64_t group = sa[1] / sb[1];
  for (int64_t i = 0; i < sa[0] * sa[1]; ++i) {
    const int64_t other = i / sa[1] * sb[1] + i % sa[1] / group;
    ref::matmul(p, ptr<T>(a) + i * p.m * p.k, ptr<T>(b) + other * p.k * p.n, ptr<T>(y) + i * p.m * p.n);
  }
  return y;
}

template <typename T>
Tensor modified_attention(const Node& node, const Tensor& q, const Tensor& k, const Tensor& v,
                          DType precision) {
  const double fallback = 1 / std::sqrt(static_cast<double>(q.shape()[3]));
  const T scale =
      static_cast<T>(node.has("scale") ? static_cast<double>(node.get_float("scale", 1)) : fallback);
  Tensor scores = head_products<T>(q, k, true);
  for (T& s : scores.data<T>()) s *= scale;
  scores = modified(node, "score_mod", scores, precision);
  Tensor weights(scores.dtype(), scores.shape());
  ref::softmax(ref::SoftmaxOp::kSoftmax, scores.shape().outer(3), scores.shape()[3], 1,
               ptr<T>(std::as_const(scores)), ptr<T>(weights));
  return head_products<T>(modified(node, "prob_mod", weights, precision), v, false);
}

// Without modifiers it is plain attention.
Tensors flex_attention(const Node& node, Inputs inputs) {
  if (!node.has("score_mod") && !node.has("prob_mod"))
    return {find_reference_op("", "Attention")->run(node, inputs)[0]};
  for (size_t i = 0; i < 3; ++i)
    require(node, required(node, inputs, i).shape().rank() == 4,
            "input {} has shape {}, expected four dimensions", i, inputs[i].shape().str());
  const Shape &q = inputs[0].shape(), &k = inputs[1].shape(), &v = inputs[2].shape();
  require(node,
          q[0] == k[0] && k[0] == v[0] && q[3] == k[3] && k[1] == v[1] && k[2] == v[2] && k[1] > 0 &&
              q[1] % k[1] == 0,
          "Q, K and V of shapes {}, {} and {} do not fit", q.str(), k.str(), v.str());
  const DType type = inputs[0].dtype(), fallback = type == DType::kF64 ? DType::kF64 : DType::kF32;
  const DType precision =
      node.has("softmax_precision") ? dtype_from_onnx_code(node.get_int("softmax_precision", 1)) : fallback;
  const DType dtype = precision == DType::kF64 ? DType::kF64 : fallback;
  return for_float(node, dtype, [&](auto zero) {
    using T = decltype(zero);
    return one(modified_attention<T>(node, inputs[0].cast(dtype), inputs[1].cast(dtype),
                                     inputs[2].cast(dtype), precision)
                   .cast(type));
  });
}

constexpr ReferenceOp kOps[] = {{"ai.onnx.preview", "FlexAttention", flex_attention}};

}  // namespace

std::span<const ReferenceOp> flex_attention_ops() { return kOps; }

}  // namespace precis::runtime
