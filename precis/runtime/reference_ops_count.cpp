// Operators that find equal things and count them: Unique, TfIdfVectorizer (of integers).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>

#include "precis/kernels/reference/move.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

// --- Unique: slices along an axis of [outer, n, inner]

// NaN equals NaN and comes last.
template <typename T>
int compared(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(a) || std::isnan(b))
      return static_cast<int>(std::isnan(a)) - static_cast<int>(std::isnan(b));
  return a < b ? -1 : b < a ? 1 : 0;
}

struct Slices {
  int64_t outer = 1, n = 1, inner = 1;
};

template <typename T>
int compared(const Slices& s, const T* x, int64_t a, int64_t b) {
  for (int64_t o = 0; o < s.outer; ++o)
    for (int64_t i = 0; i < s.inner; ++i)
      if (const int c = compared(x[(o * s.n + a) * s.inner + i], x[(o * s.n + b) * s.inner + i]); c != 0)
        return c;
  return 0;
}

struct Groups {
  std::vector<int64_t> first, counts;  // per group: its first slice, how many are equal
  std::vector<int64_t> group_of;       // per slice
};

template <typename T>
Groups equal_slices(const Slices& s, const T* x) {
  std::vector<int64_t> order(static_cast<size_t>(s.n));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return compared(s, x, a, b) < 0; });
  Groups g;
  g.group_of.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compared(s, x, order[i - 1], order[i]) != 0) {
      g.first.push_back(order[i]);
      g.counts.push_back(0);
    }
    ++g.counts.back();
    g.group_of[static_cast<size_t>(order[i])] = static_cast<int64_t>(g.first.size()) - 1;
  }
  return g;
}

// The groups by first occurrence.
Groups by_occurrence(const Groups& g) {
  std::vector<size_t> order(g.first.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return g.first[a] < g.first[b]; });
  Groups r;
  std::vector<int64_t> place(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    r.first.push_back(g.first[order[i]]);
    r.counts.push_back(g.counts[order[i]]);
    place[order[i]] = static_cast<int64_t>(i);
  }
  for (int64_t group : g.group_of) r.group_of.push_back(place[static_cast<size_t>(group)]);
  return r;
}

Tensor vector_of(const std::vector<int64_t>& v) {
  return Tensor::from<int64_t>(Shape{static_cast<int64_t>(v.size())}, std::span<const int64_t>(v));
}

Tensors unique(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  Slices s{1, x.numel(), 1};
  Shape shape{0};
  int axis = 0;
  if (node.has("axis")) {
    axis = axis_of(node, node.get_int("axis", 0), x.shape().rank());
    shape = x.shape();
    s = {shape.outer(axis), shape[axis], shape.inner(axis + 1)};
  }
  Groups g;
  if (x.dtype() == DType::kBool)
    g = equal_slices(s, bool_ptr(x));
  else
    for_number(node, x.dtype(), [&](auto zero) { g = equal_slices(s, ptr<decltype(zero)>(x)); });
  if (node.get_int("sorted", 1) == 0) g = by_occurrence(g);
  shape[axis] = static_cast<int64_t>(g.first.size());
  Tensors outputs;
  Tensor& y = outputs.emplace_back(x.dtype(), shape);
  ref::gather(s.outer, s.n, s.inner, g.first, element_size(node, x.dtype()), x.bytes(), y.bytes());
  outputs.push_back(vector_of(g.first));
  outputs.push_back(vector_of(g.group_of));
  outputs.push_back(vector_of(g.counts));
  return outputs;
}

// --- TfIdfVectorizer

constexpr double kStepsPerItem = 20;  // copied, looked up in a tree

// The grams of the pool: ngram_counts[i] is where those of i + 1 items start.
std::map<std::vector<int64_t>, size_t> grams_of(const Node& node, const std::vector<int64_t>& pool) {
  const auto starts = node.get_ints("ngram_counts");
  std::map<std::vector<int64_t>, size_t> grams;
  size_t number = 0;
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto size = static_cast<int64_t>(pool.size()), length = static_cast<int64_t>(i) + 1;
    const int64_t begin = starts[i], end = i + 1 < starts.size() ? starts[i + 1] : size;
    require(node, begin >= 0 && begin <= end && end <= size && (end - begin) % length == 0,
            "ngram_counts {} to {} hold no grams of {} items in a pool of {}", begin, end, length, size);
    for (int64_t at = begin; at < end; at += length)
      grams.emplace(std::vector<int64_t>(pool.begin() + at, pool.begin() + at + length), number++);
  }
  return grams;
}

Tensors tf_idf(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto items = int_list(node, inputs, 0, "the items");
  if (node.has("pool_strings")) fail_node(node, ErrorCode::kUnsupported, "a pool of strings");
  require(node, x.shape().rank() <= 2, "input of shape {}, expected rank 1 or 2", x.shape().str());
  const auto grams = grams_of(node, node.get_ints("pool_int64s"));
  const auto places = node.get_ints("ngram_indexes");
  const auto weights = node.get_floats("weights");
  require(node, places.size() >= grams.size() && !places.empty(), "{} ngram_indexes for {} grams",
          places.size(), grams.size());
  for (int64_t p : places) require(node, p >= 0 && p < INT32_MAX, "ngram_indexes contains {}", p);
  require(node, weights.empty() || weights.size() >= grams.size(), "{} weights for {} grams", weights.size(),
          grams.size());
  const std::string mode = node.get_string("mode", "TF");
  const int64_t columns = *std::max_element(places.begin(), places.end()) + 1;
  const bool batched = x.shape().rank() == 2;
  const int64_t rows = batched ? x.shape()[0] : 1, length = rows == 0 ? 0 : x.numel() / rows;
  Tensor y(DType::kF32, batched ? Shape{rows, columns} : Shape{columns});
  const int64_t shortest = node.get_int("min_gram_length", 1), longest = node.get_int("max_gram_length", 1),
                skips = node.get_int("max_skip_count", 0);
  // Longer grams than those of the pool are never found.
  const int64_t most =
      std::min({longest, length, static_cast<int64_t>(node.get_ints("ngram_counts").size())});
  double items_read = 0;
  std::vector<int64_t> gram;
  for (int64_t r = 0; r < rows; ++r) {
    float* out = ptr<float>(y) + r * columns;
    for (int64_t n = std::max<int64_t>(shortest, 1); n <= most; ++n)
      for (int64_t step = 1; step <= (n == 1 ? 1 : skips + 1) && (n - 1) * step < length; ++step) {
        require_steps(node, items_read += kStepsPerItem * static_cast<double>(n * (length - (n - 1) * step)));
        for (int64_t at = 0; at + (n - 1) * step < length; ++at) {
          gram.clear();
          for (int64_t k = 0; k < n; ++k)
            gram.push_back(items[static_cast<size_t>(r * length + at + k * step)]);
          const auto found = grams.find(gram);
          if (found == grams.end()) continue;
          float& count = out[places[found->second]];
          const float weight = mode == "TF" || weights.empty() ? 1 : weights[found->second];
          count = mode == "IDF" ? weight : count + weight;
        }
      }
  }
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "TfIdfVectorizer", tf_idf},
    {"", "Unique", unpacked<widened<unique>>},
};

}  // namespace

std::span<const ReferenceOp> count_ops() { return kOps; }

}  // namespace precis::runtime
