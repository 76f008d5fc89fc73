// Losses: NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss.
#include "precis/kernels/reference/loss.h"
#include "precis/kernels/reference/softmax.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

Tensor checked_labels(const Node& node, const Tensor& given, int64_t classes) {
  require(node, given.dtype() == DType::kI32 || given.dtype() == DType::kI64,
          "labels have type {}, expected i32 or i64", dtype_name(given.dtype()));
  const Tensor labels = given.cast(DType::kI64);
  const bool skips = node.has("ignore_index");
  const int64_t ignored = node.get_int("ignore_index", 0);
  for (int64_t i = 0; i < labels.numel(); ++i) {
    const int64_t v = ptr<int64_t>(labels)[i];
    require(node, (skips && v == ignored) || (v >= 0 && v < classes), "label {} at {} is outside [0, {})", v,
            i, classes);
  }
  return labels;
}

template <typename T>
Tensor reduced(const Node& node, const Tensor& loss, const Tensor& used) {
  const std::string how = node.get_string("reduction", "mean");
  if (how == "none") return loss;
  T sum = 0, weight = 0;
  for (T v : loss.data<T>()) sum += v;
  for (T v : used.data<T>()) weight += v;
  return Tensor::scalar(how == "mean" ? sum / weight : sum);
}

// Of log probabilities.
Tensor loss_of(const Node& node, const Tensor& x, Inputs inputs) {
  const Shape& s = x.shape();
  require(node, s.rank() >= 2, "scores of shape {} have no classes", s.str());
  const Tensor labels = checked_labels(node, required(node, inputs, 1), s[1]);
  std::vector<int64_t> dims = s.dims();
  dims.erase(dims.begin() + 1);
  require(node, labels.shape() == Shape(dims), "labels have shape {}, expected {}", labels.shape().str(),
          Shape(dims).str());
  Tensor loss(x.dtype(), labels.shape()), used(x.dtype(), labels.shape());
  return for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    ref::NllParams<T> p;
    p.outer = s[0];
    p.classes = s[1];
    p.inner = s.inner(2);
    p.has_ignored = node.has("ignore_index");
    p.ignored = node.get_int("ignore_index", 0);
    if (optional(inputs, 2)) p.weights = ptr<T>(required(node, inputs, 2, x.dtype(), s[1]));
    ref::negative_log_likelihood(p, ptr<T>(x), ptr<int64_t>(labels), ptr<T>(loss), ptr<T>(used));
    return reduced<T>(node, loss, used);
  });
}

Tensors negative_log_likelihood(const Node& node, Inputs inputs) {
  return one(loss_of(node, required(node, inputs, 0), inputs));
}

Tensors softmax_cross_entropy(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Shape& s = x.shape();
  require(node, s.rank() >= 2, "scores of shape {} have no classes", s.str());
  Tensor log_probabilities(x.dtype(), s);
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    ref::softmax(ref::SoftmaxOp::kLogSoftmax, s[0], s[1], s.inner(2), ptr<T>(x), ptr<T>(log_probabilities));
  });
  Tensors outputs = one(loss_of(node, log_probabilities, inputs));
  if (wants_output(node, 1)) outputs.push_back(std::move(log_probabilities));
  return outputs;
}

constexpr ReferenceOp kOps[] = {
    {"", "NegativeLogLikelihoodLoss", widened<negative_log_likelihood>},
    {"", "SoftmaxCrossEntropyLoss", widened<softmax_cross_entropy>},
};

}  // namespace

std::span<const ReferenceOp> loss_ops() { return kOps; }

}  // namespace precis::runtime
