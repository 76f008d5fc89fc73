// Classical models (domain ai.onnx.ml): ArrayFeatureExtractor, Binarizer, TreeEnsemble.
#include <algorithm>
#include <cmath>
#include <set>

#include "precis/kernels/reference/move.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

Tensors array_feature_extractor(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto indices = int_list(node, inputs, 1, "the indices");
  require(node, x.shape().rank() >= 1, "a scalar has no features");
  std::vector<int64_t> dims = x.shape().dims();
  const int64_t features = dims.back();
  for (int64_t i : indices) require(node, i >= 0 && i < features, "index {} is outside [0, {})", i, features);
  if (dims.size() == 1) dims.insert(dims.begin(), 1);
  dims.back() = static_cast<int64_t>(indices.size());
  Tensor y(x.dtype(), Shape(std::move(dims)));
  ref::gather(x.shape().outer(x.shape().rank() - 1), features, 1, indices, element_size(node, x.dtype()),
              x.bytes(), y.bytes());
  return one(std::move(y));
}

Tensors binarizer(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const double threshold = node.get_float("threshold", 0);
  Tensor y(DType::kU8, x.shape());
  for (int64_t i = 0; i < x.numel(); ++i) ptr<uint8_t>(y)[i] = x.at_double(i) > threshold;
  return one(y.cast(x.dtype()));
}

// --- TreeEnsemble

enum Mode : uint8_t { kLessEqual, kLess, kGreaterEqual, kGreater, kEqual, kNotEqual, kMember };
enum class Aggregate : uint8_t { kAverage, kSum, kMin, kMax };
enum class Transform : uint8_t { kNone, kSoftmax, kLogistic, kSoftmaxOfNonZero, kProbit };

const Tensor& tensor_attribute(const Node& node, const char* name) {
  const Attribute* a = node.find(name);
  require(node, a != nullptr && std::holds_alternative<Tensor>(*a), "attribute '{}' is missing", name);
  return std::get<Tensor>(*a);
}

struct Branch {
  int64_t to = 0;
  bool leaf = false;
};

struct TreeNode {
  Mode mode = kLessEqual;
  double split = 0;
  int64_t feature = 0;
  bool missing_is_true = false;
  Branch yes, no;
  std::set<double> members;

  bool holds(double v) const {
    if (std::isnan(v)) return missing_is_true || mode == kNotEqual;
    switch (mode) {
      case kLessEqual:
        return v <= split;
      case kLess:
        return v < split;
      case kGreaterEqual:
        return v >= split;
      case kGreater:
        return v > split;
      case kEqual:
        return v == split;
      case kNotEqual:
        return v != split;
      case kMember:
        break;
    }
    return members.count(v) != 0;
  }
};

// The members of each kMember node, one after another, with a NaN behind each set.
void read_members(const Node& node, std::vector<TreeNode>& nodes) {
  int64_t at = 0;
  for (TreeNode& n : nodes) {
    if (n.mode != kMember) continue;
    const Tensor& values = tensor_attribute(node, "membership_values");
    for (; at < values.numel() && !std::isnan(values.at_double(at)); ++at)
      n.members.insert(values.at_double(at));
    require(node, at < values.numel(), "membership_values has fewer sets than nodes that test membership");
    ++at;
  }
}

std::vector<TreeNode> read_nodes(const Node& node) {
  const Tensor &splits = tensor_attribute(node, "nodes_splits"),
               &modes = tensor_attribute(node, "nodes_modes");
  const auto features = node.get_ints("nodes_featureids"),
             missing = node.get_ints("nodes_missing_value_tracks_true");
  const auto yes = node.get_ints("nodes_truenodeids"), yes_leaf = node.get_ints("nodes_trueleafs");
  const auto no = node.get_ints("nodes_falsenodeids"), no_leaf = node.get_ints("nodes_falseleafs");
  const auto count = static_cast<size_t>(splits.numel());
  const bool fits = static_cast<size_t>(modes.numel()) == count && features.size() == count &&
                    yes.size() == count && yes_leaf.size() == count && no.size() == count &&
                    no_leaf.size() == count && (missing.empty() || missing.size() == count);
  require(node, fits, "the attributes of the {} nodes have different lengths", count);
  std::vector<TreeNode> nodes(count);
  for (size_t i = 0; i < count; ++i) {
    TreeNode& n = nodes[i];
    const int64_t mode = modes.at_int(static_cast<int64_t>(i));
    require(node, mode >= 0 && mode <= kMember, "nodes_modes holds {}", mode);
    n.mode = static_cast<Mode>(mode);
    n.split = splits.at_double(static_cast<int64_t>(i));
    n.feature = features[i];
    n.missing_is_true = !missing.empty() && missing[i] != 0;
    n.yes = {yes[i], yes_leaf[i] != 0};
    n.no = {no[i], no_leaf[i] != 0};
  }
  read_members(node, nodes);
  return nodes;
}

// The leaf that a row reaches from a root.
int64_t leaf_of(const Node& node, const std::vector<TreeNode>& nodes, int64_t root, const Tensor& x,
                int64_t row) {
  const int64_t features = x.shape()[1];
  Branch at{root, false};
  for (size_t steps = 0; !at.leaf; ++steps) {
    require(node, steps <= nodes.size(), "the tree of root {} goes round in circles", root);
    require(node, at.to >= 0 && at.to < static_cast<int64_t>(nodes.size()), "there is no tree node {}",
            at.to);
    const TreeNode& n = nodes[static_cast<size_t>(at.to)];
    require(node, n.feature >= 0 && n.feature < features, "feature {} of {}", n.feature, features);
    at = n.holds(x.at_double(row * features + n.feature)) ? n.yes : n.no;
  }
  return at.to;
}

void softmax_over(std::span<double> v, bool skip_zeros) {
  double most = -INFINITY, sum = 0;
  for (double s : v) most = std::max(most, s);
  for (double& s : v) sum += s = skip_zeros && s == 0 ? 0 : std::exp(s - most);
  for (double& s : v) s = sum == 0 ? s : s / sum;
}

void transform(const Node& node, std::span<double> scores) {
  switch (static_cast<Transform>(node.get_int("post_transform", 0))) {
    case Transform::kNone:
      return;
    case Transform::kSoftmax:
      return softmax_over(scores, false);
    case Transform::kSoftmaxOfNonZero:
      return softmax_over(scores, true);
    case Transform::kLogistic:
      for (double& s : scores) s = 1 / (1 + std::exp(-s));
      return;
    default:
      fail_node(node, ErrorCode::kUnsupported, "post_transform {}", node.get_int("post_transform", 0));
  }
}

void aggregate(Aggregate how, double weight, bool first, double& score) {
  if (first || how == Aggregate::kSum || how == Aggregate::kAverage)
    score += weight;
  else
    score = how == Aggregate::kMin ? std::min(score, weight) : std::max(score, weight);
}

Tensors tree_ensemble(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  require(node, x.shape().rank() == 2, "input of shape {}, expected [rows,features]", x.shape().str());
  const std::vector<TreeNode> nodes = read_nodes(node);
  const Tensor& weights = tensor_attribute(node, "leaf_weights");
  const auto targets = node.get_ints("leaf_targetids"), roots = node.get_ints("tree_roots");
  const int64_t rows = x.shape()[0], n_targets = node.get_int("n_targets", 1);
  const auto how = static_cast<Aggregate>(node.get_int("aggregate_function", 1));
  require(node, n_targets >= 1, "{} targets", n_targets);
  Tensor y(DType::kF64, {rows, n_targets});
  for (int64_t r = 0; r < rows; ++r) {
    const std::span<double> scores(ptr<double>(y) + r * n_targets, static_cast<size_t>(n_targets));
    std::vector<bool> reached(scores.size(), false);
    for (int64_t root : roots) {
      const int64_t leaf = leaf_of(node, nodes, root, x, r);
      require(node, leaf >= 0 && leaf < weights.numel() && leaf < static_cast<int64_t>(targets.size()),
              "there is no leaf {}", leaf);
      const int64_t target = targets[static_cast<size_t>(leaf)];
      require(node, target >= 0 && target < n_targets, "target {} of {}", target, n_targets);
      const auto t = static_cast<size_t>(target);
      aggregate(how, weights.at_double(leaf), !reached[t], scores[t]);
      reached[t] = true;
    }
    if (how == Aggregate::kAverage)
      for (double& s : scores) s /= static_cast<double>(std::max<size_t>(roots.size(), 1));
    transform(node, scores);
  }
  return one(y.cast(x.dtype()));
}

constexpr ReferenceOp kOps[] = {
    {"ai.onnx.ml", "ArrayFeatureExtractor", array_feature_extractor},
    {"ai.onnx.ml", "Binarizer", binarizer},
    {"ai.onnx.ml", "TreeEnsemble", tree_ensemble},
};

}  // namespace

std::span<const ReferenceOp> ml_ops() { return kOps; }

}  // namespace precis::runtime
