// Einsum, as one contraction after another from the left, and Det.
#include <algorithm>
#include <map>

#include "precis/graph/einsum.h"
#include "precis/kernels/reference/contract.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;
using Labels = std::vector<int>;

// A tensor whose dimensions have labels, each of them once.
struct Operand {
  Tensor data;
  std::map<int, int64_t> strides;  // by label
};

bool has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// Diagonals are steps along all dimensions of one label at once; a dimension of 1 under an ellipsis stands
// still.
Operand labelled(const Tensor& t, const Labels& labels, const std::map<int, int64_t>& lengths) {
  Operand o{t, {}};
  const auto strides = t.shape().strides();
  for (size_t d = 0; d < labels.size(); ++d) {
    const bool still = t.shape()[static_cast<int>(d)] == 1 && lengths.at(labels[d]) != 1;
    o.strides[labels[d]] += still ? 0 : strides[d];
  }
  return o;
}

std::map<int, int64_t> lengths_of(const Node& node, const EinsumLabels& labels, Inputs inputs) {
  std::map<int, int64_t> lengths;
  for (size_t i = 0; i < labels.inputs.size(); ++i)
    for (size_t d = 0; d < labels.inputs[i].size(); ++d) {
      const int label = labels.inputs[i][d];
      const int64_t n = inputs[i].shape()[static_cast<int>(d)];
      int64_t& known = lengths.emplace(label, n).first->second;
      const bool broadcasts = label >= EinsumLabels::kFirstOfEllipsis;
      if (broadcasts && known == 1) known = n;
      require(node, known == n || (broadcasts && n == 1), "one label has the lengths {} and {}", known, n);
    }
  return lengths;
}

// Sums a * b over the labels of both that are not kept.
Operand contracted(const Node& node, const Operand& a, const Operand& b, const Labels& kept,
                   const std::map<int, int64_t>& lengths) {
  Labels order = kept;
  for (const Operand* o : {&a, &b})
    for (const auto& [label, stride] : o->strides)
      if (!has(order, label)) order.push_back(label);
  Operand y;
  int64_t size = 1;
  for (auto label = kept.rbegin(); label != kept.rend(); ++label) {
    y.strides[*label] = size;
    size = checked_mul(size, lengths.at(*label));
  }
  y.data = Tensor(a.data.dtype(), {size});
  std::vector<int64_t> dims;
  std::array<std::vector<int64_t>, 3> strides;
  for (int label : order) {
    dims.push_back(lengths.at(label));
    const Operand* operands[] = {&a, &b, &y};
    for (size_t k = 0; k < 3; ++k) {
      const auto at = operands[k]->strides.find(label);
      strides[k].push_back(at == operands[k]->strides.end() ? 0 : at->second);
    }
  }
  const auto walk = ref::make_walk<3>(dims, {strides[0], strides[1], strides[2]});
  for_number(node, y.data.dtype(), [&](auto zero) {
    using T = decltype(zero);
    ref::multiply_add(walk, ptr<T>(a.data), ptr<T>(b.data), ptr<T>(y.data));
  });
  return y;
}

// Labels that only `b` has, and nobody after it, are summed before the contraction with `a`, whose every
// element would else meet every one of them.
template <typename Needed>
Operand summed_alone(const Node& node, const Operand& a, const Operand& b, const Needed& needed_later,
                     const std::map<int, int64_t>& lengths) {
  Labels rest;
  for (const auto& [label, stride] : b.strides)
    if (a.strides.count(label) > 0 || needed_later(label)) rest.push_back(label);
  if (rest.size() == b.strides.size() || a.strides.empty()) return b;
  return contracted(node, Operand{Tensor::scalar(1.0f).cast(b.data.dtype()), {}}, b, rest, lengths);
}

Tensors einsum(const Node& node, Inputs inputs) {
  std::vector<int> ranks;
  for (size_t i = 0; i < inputs.size(); ++i)
    ranks.push_back(required(node, inputs, i, inputs[0].dtype()).shape().rank());
  const EinsumLabels labels = parse_einsum(node.get_string("equation", ""), ranks, describe(node));
  const auto lengths = lengths_of(node, labels, inputs);
  Operand sum{Tensor::scalar(1.0f).cast(inputs[0].dtype()), {}};
  for (size_t i = 0; i < inputs.size(); ++i) {
    Operand next = labelled(inputs[i], labels.inputs[i], lengths);
    Labels kept;
    const auto needed_later = [&](int label) {
      const auto rest = labels.inputs.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      return has(labels.output, label) ||
             std::any_of(rest, labels.inputs.end(), [&](const Labels& l) { return has(l, label); });
    };
    next = summed_alone(node, sum, next, needed_later, lengths);
    for (const Operand* o : {&std::as_const(sum), &std::as_const(next)})
      for (const auto& [label, stride] : o->strides)
        if (!has(kept, label) && needed_later(label)) kept.push_back(label);
    sum = contracted(node, sum, next, i + 1 == inputs.size() ? labels.output : kept, lengths);
  }
  std::vector<int64_t> dims;
  for (int label : labels.output) dims.push_back(lengths.at(label));
  return one(sum.data.reshaped(Shape(std::move(dims))));
}

Tensors det(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const int rank = x.shape().rank();
  require(node, rank >= 2 && x.shape()[rank - 1] == x.shape()[rank - 2],
          "input of shape {} holds no square matrices", x.shape().str());
  const int64_t n = x.shape()[rank - 1];
  Tensor work = x.clone();
  Tensor y(x.dtype(), Shape({x.shape().dims().begin(), x.shape().dims().end() - 2}));
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < y.numel(); ++i) ptr<T>(y)[i] = ref::determinant(n, ptr<T>(work) + i * n * n);
  });
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "Det", widened<det>},
    {"", "Einsum", widened<einsum>},
};

}  // namespace

std::span<const ReferenceOp> contract_ops() { return kOps; }

}  // namespace precis::runtime
