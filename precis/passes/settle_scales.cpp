// In topological order, so that a sum's scale is settled before the next sum reads it.
#include "precis/passes/settle_scales.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "precis/quant/tie_free.h"

namespace precis::passes {
namespace {

constexpr double kMostChange = 1.0 / 256;
constexpr int kMostBits = 8;                           // wider codes exhaust the digits of a float
constexpr int64_t kSmallestQ = 511, kLargestQ = 1023;  // of sums
constexpr int64_t kLargestResidualQ = 127;  // the convolution's multiplier needs the rest of the digits
constexpr double kMostResidualChange = 1.0 / 100;

class Settler {
 public:
  Settler(const Graph& g, const Placement& place, std::vector<Encoding>& encodings, std::vector<char> fixed)
      : g_(g),
        place_(place),
        encodings_(encodings),
        settled_(std::move(fixed)),
        denominators_(g.num_node_slots(), 1) {}

  std::vector<int64_t> run() {
    shorten();
    for (NodeId id : g_.order()) {
      const Node& n = g_.node(id);
      const bool light = place_.role(id) == QuantRole::kLight;
      if (light && (n.is("Add") || n.is("Sub"))) settle_sum(n);
      if ((light && n.is("Mul")) || (place_.role(id) == QuantRole::kHeavy && weight_slot(g_, n) < 0))
        settle_product(n);
    }
    for (NodeId id : g_.order()) {
      const Node& n = g_.node(id);
      const QuantRole role = place_.role(id);
      if (role == QuantRole::kTable) settle_result(n.input(0), n.output(0), 1);
      if (role == QuantRole::kPool) settle_result(n.input(0), n.output(0), averaged(n));
      if (role == QuantRole::kLight && n.is("Concat"))
        for (ValueId v : n.inputs) settle_result(v, n.output(0), 1);
    }
    return std::move(denominators_);
  }

 private:
  size_t index(ValueId v) const { return static_cast<size_t>(place_.primary(v).index); }
  double scale(ValueId v) const { return static_cast<double>(encodings_[index(v)].scale()); }
  void set(ValueId v, double s) { encodings_[index(v)].scales = {static_cast<float>(s)}; }
  bool settled(ValueId v) const { return settled_[index(v)] != 0; }
  bool takes_part(ValueId v) const { return place_.is_encoded(v) && encodings_[index(v)].bits <= kMostBits; }
  void settle(std::initializer_list<ValueId> values) {
    for (ValueId v : values) settled_[index(v)] = 1;
  }

  // Short scales on both sides of a sum or a mean would put its results half way between codes often.
  void shorten() {
    std::vector<char> keep = settled_;
    for (NodeId id : g_.order()) {
      const Node& n = g_.node(id);
      const bool sum = place_.role(id) == QuantRole::kLight && (n.is("Add") || n.is("Sub"));
      if (!sum && place_.role(id) != QuantRole::kPool) continue;
      if (const ValueId y = coded_result(g_, place_, n.output(0))) keep[index(y)] = 1;
    }
    for (size_t i = 0; i < encodings_.size(); ++i)
      if (encodings_[i].defined() && !keep[i])
        encodings_[i].scales = {quant::short_scale(encodings_[i].scale(), quant::Shorten::kDown)};
  }

  void settle_sum(const Node& n) {
    const ValueId y = coded_result(g_, place_, n.output(0));
    ValueId a = n.input(0), b = n.input(1);
    if (!y || !takes_part(y) || settled(y)) return forbid(a), forbid(b);
    if (!place_.is_encoded(a) && !g_.constant(a)) return settle_residual(a, b, y);
    if (!place_.is_encoded(b) && !g_.constant(b)) return settle_residual(b, a, y);
    if (!takes_part(a) || !takes_part(b)) return;
    if (settled(a)) std::swap(a, b);
    if (settled(a) && index(a) != index(b)) return;
    if (index(a) == index(y) || index(b) == index(y)) return;
    settle_operands(a, b, y);
  }

  // s_b stays, s_y = s_b q / p_b, s_a = s_y p_a / q: the q that changes them least.
  void settle_operands(ValueId a, ValueId b, ValueId y) {
    const double sa = scale(a), sb = scale(b), sy = scale(y);
    const bool same = index(a) == index(b);
    double least = kMostChange, best_a = 0, best_y = 0;
    for (int64_t q = kSmallestQ; q <= kLargestQ; q += 2) {
      const double dq = static_cast<double>(q);
      const double fresh_y = sb * dq / std::ceil(sb / sy * dq);
      const double fresh_a = same ? sa : fresh_y * std::floor(sa / fresh_y * dq) / dq;
      const double change = std::max(1 - fresh_y / sy, 1 - fresh_a / sa);
      if (!(change < least)) continue;
      least = change;
      best_a = fresh_a;
      best_y = fresh_y;
    }
    if (best_y == 0) return;
    set(a, best_a);
    set(y, best_y);
    settle({a, b, y});
  }

  // y = rne(accumulator * p / (q k) + r * p_r / q): q as small as serves, the weights find p and k.
  void settle_residual(ValueId unrounded, ValueId r, ValueId y) {
    forbid(unrounded);
    if (!takes_part(r) || index(r) == index(y)) return;
    for (int64_t q = 1; q <= kLargestResidualQ; q += 2) {
      const double dq = static_cast<double>(q);
      const double fresh = scale(r) * dq / std::ceil(scale(r) / scale(y) * dq);
      if (!(1 - fresh / scale(y) < kMostResidualChange)) continue;
      set(y, fresh);
      settle({r, y});
      denominators_[static_cast<size_t>(g_.value(unrounded).producer.index)] = q;
      return;
    }
  }

  void forbid(ValueId v) {
    if (v && !place_.is_encoded(v) && g_.value(v).producer)
      denominators_[static_cast<size_t>(g_.value(v).producer.index)] = 0;
  }

  void settle_product(const Node& n) {
    const ValueId y = coded_result(g_, place_, n.output(0)), a = n.input(0), b = n.input(1);
    if (!y || !takes_part(y) || !takes_part(a) || !takes_part(b) || settled(y) || index(a) == index(y) ||
        index(b) == index(y))
      return;
    const double product = scale(a) * scale(b);
    const auto ratio = quant::tie_free_ratio(product / scale(y), quant::Shorten::kUp);
    if (!ratio) return;
    set(y, product / ratio->value());
    settle({a, b, y});
  }

  // y = rne(sum of x * s_x / (s_y n)); moved onto another grid, functions that are the identity somewhere
  // (Relu, HardSwish): n = 1.
  void settle_result(ValueId x, ValueId y, int64_t count) {
    if (count < 1 || !takes_part(x) || !takes_part(y) || index(x) == index(y)) return;
    const bool from_y = settled(y);
    if (from_y && settled(x)) return;
    const double dn = static_cast<double>(count);
    const auto ratio = quant::tie_free_ratio(scale(x) / (scale(y) * dn),
                                             from_y ? quant::Shorten::kDown : quant::Shorten::kUp);
    if (!ratio) return;
    if (from_y)
      set(x, ratio->value() * scale(y) * dn);
    else
      set(y, scale(x) / (ratio->value() * dn));
    settle({x, y});
  }

  struct Elements {
    int64_t known = 0;  // product of the known lengths
    int64_t unknown = 0;
  };
  Elements elements(ValueId v) const {
    const SymbolicShape& shape = g_.value(v).type.shape;
    if (!shape) return {};
    Elements e{1, 0};
    for (const Dim& d : *shape)
      if (!d.known())
        ++e.unknown;
      else if (__builtin_mul_overflow(e.known, d.value, &e.known))
        return {};
    return e;
  }

  // Elements that every mean is taken of; 0 where that is unknown or differs from place to place.
  int64_t averaged(const Node& n) const {
    if (n.is("AveragePool")) {
      for (int64_t p : n.get_ints("pads"))
        if (p != 0) return 0;
      if (n.get_string("auto_pad", "NOTSET") != "NOTSET" || n.get_int("ceil_mode", 0) != 0) return 0;
      int64_t count = 1;
      for (int64_t k : n.get_ints("kernel_shape"))
        if (__builtin_mul_overflow(count, k, &count)) return 0;
      return count;
    }
    const Elements all = elements(n.input(0)), means = elements(n.output(0));
    return all.unknown == means.unknown && means.known > 0 ? all.known / means.known
                                                           : 0;  // what is averaged over is known, then
  }

  const Graph& g_;
  const Placement& place_;
  std::vector<Encoding>& encodings_;
  std::vector<char> settled_;  // by ValueId::index: scales that others rest upon
  std::vector<int64_t> denominators_;
};

}  // namespace

ValueId coded_result(const Graph& graph, const Placement& place, ValueId v) {
  while (v && !place.is_encoded(v)) {
    const Value& value = graph.value(v);
    if (value.uses.size() != 1 || graph.is_output(v)) return {};
    const NodeId reader = value.uses[0].node;
    if (place.role(reader) != QuantRole::kFolded &&
        !(place.role(reader) == QuantRole::kLight && graph.node(reader).is("Add")))
      return {};
    v = graph.node(reader).output(0);
  }
  return v;
}

std::vector<int64_t> settle_scales(const Graph& graph, const Placement& place,
                                   std::vector<Encoding>& encodings, std::vector<char> fixed) {
  return Settler(graph, place, encodings, std::move(fixed)).run();
}

}  // namespace precis::passes
