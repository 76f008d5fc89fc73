// The candidate runs first: its values of a sample are kept as codes, a quarter of the size; the reference's
// are compared as they come.
#include "precis/flow/layer_probe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "precis/core/check.h"
#include "precis/quant/quantize.h"
#include "precis/runtime/integer_contract.h"

namespace precis::flow {
namespace {

// Values inside the fused integer operations of `g`.
std::set<std::string> inner_values(const Graph& g) {
  std::set<std::string> names;
  for (NodeId id : g.order()) {
    const auto chain = runtime::match_integer_chain(g, id);
    if (!chain) continue;
    std::vector<NodeId> nodes{chain->main};
    nodes.insert(nodes.end(), chain->absorbed.begin(), chain->absorbed.end());
    for (NodeId n : nodes)
      for (ValueId v : g.node(n).outputs)
        if (v && v != chain->output) names.insert(g.value(v).name);
  }
  return names;
}

// Float values that both graphs compute under one name, outside of constants and inputs.
std::vector<std::string> common_values(const Graph& a, const Graph& b) {
  const std::set<std::string> inner = inner_values(b);
  std::vector<std::string> names;
  for (NodeId id : a.order())
    for (ValueId v : a.node(id).outputs) {
      if (!v || a.value(v).type.dtype != DType::kF32 || inner.count(a.value(v).name) != 0) continue;
      const ValueId other = b.find_value(a.value(v).name);
      const bool real = other && b.value(other).type.dtype == DType::kF32;
      if (real && !b.value(other).is_constant() && b.value(other).producer) names.push_back(a.value(v).name);
    }
  return names;
}

const ValueType& type_of(const Graph& g, const std::string& name) { return g.value(g.find_value(name)).type; }

bool byte_codes(const ValueType& type, const Tensor& t) {
  return type.encoded() && type.encoding.per_tensor() && (t.dtype() == DType::kU8 || t.dtype() == DType::kI8);
}

constexpr size_t kBlock = 4096;  // codes made real at once

using CodeTable = std::array<float, 256>;

// What the 256 values of a byte stand for.
CodeTable code_table(const ValueType& type, DType dtype) {
  CodeTable table;
  const int32_t zero = type.encoding.zero_point();
  for (int i = 0; i < 256; ++i) {
    const int32_t code = dtype == DType::kU8 ? i : static_cast<int8_t>(i);
    table[static_cast<size_t>(i)] = static_cast<float>(code - zero) * type.encoding.scale();
  }
  return table;
}

void add_codes(data::SquaredError& error, std::span<const float> reference, const uint8_t* codes,
               const CodeTable& table) {
  float real[kBlock];
  for (size_t at = 0; at < reference.size(); at += kBlock) {
    const size_t n = std::min(kBlock, reference.size() - at);
    for (size_t i = 0; i < n; ++i) real[i] = table[codes[at + i]];
    error.add(reference.subspan(at, n), std::span(real, n));
  }
}

Tensor real_of(const ValueType& type, const Tensor& t) {
  return type.encoded() ? quant::dequantize_tensor(t, type.encoding) : t;
}

double clipped_share(std::span<const float> reference, const Encoding& e) {
  if (!e.per_tensor()) return 0;
  const float lo = static_cast<float>(e.code_min - e.zero_point()) * e.scale() - e.scale() / 2;
  const float hi = static_cast<float>(e.code_max - e.zero_point()) * e.scale() + e.scale() / 2;
  int64_t out = 0;
  for (float x : reference) out += static_cast<int64_t>(x < lo) | static_cast<int64_t>(x > hi);
  return static_cast<double>(out) / static_cast<double>(std::max<size_t>(reference.size(), 1));
}

// What most likely made a layer bad, told from its encoding and its inputs' quality.
std::string likely_cause(const ValueType& type, const LayerStats& s, double worst_input_db) {
  if (s.share_clipped > 0.001)
    return fmt::format("its range clips {:.2f} % of the values", s.share_clipped * 100);
  const double db = s.error.sqnr_db();
  if (worst_input_db < db + 3) return "error of its inputs passed on";
  if (type.encoded() && type.encoding.per_tensor() && s.error.reference_max > 0) {
    const double rms =
        std::sqrt(s.error.reference_squares / std::max<double>(1.0, static_cast<double>(s.error.values)));
    const double steps = rms / static_cast<double>(type.encoding.scale());
    if (steps < 8)
      return fmt::format("outliers widen its range: a typical value is only {:.1f} steps", steps);
  }
  return "weights and activations rounded to 8 bits";
}

}  // namespace

void LayerStats::merge(const LayerStats& later) {
  error.merge(later.error);
  share_clipped += later.share_clipped;
  samples += later.samples;
}

LayerProbe::LayerProbe(const Graph& reference, const Graph& candidate)
    : a_(reference), b_(candidate), names_(common_values(reference, candidate)) {
  for (size_t i = 0; i < names_.size(); ++i) positions_[names_[i]] = i;
}

LayerStats LayerProbe::compare_value(const std::string& name, const Tensor& reference,
                                     const Tensor& candidate) const {
  LayerStats s;
  if (reference.shape() != candidate.shape()) return s;
  const ValueType& type = type_of(b_, name);
  const Tensor real = real_of(type_of(a_, name), reference);
  const std::span<const float> values = real.data<float>();
  if (byte_codes(type, candidate))
    add_codes(s.error, values, reinterpret_cast<const uint8_t*>(candidate.bytes()),
              code_table(type, candidate.dtype()));
  else
    s.error.add(values, real_of(type, candidate).data<float>());
  if (type.encoding.defined()) s.share_clipped = clipped_share(values, type.encoding);
  s.samples = 1;
  return s;
}

std::vector<LayerStats> LayerProbe::sample(runtime::Session& reference, runtime::Session& candidate,
                                           std::span<const Tensor> inputs,
                                           std::vector<std::vector<Tensor>>& outputs) const {
  std::vector<Tensor> kept(names_.size());
  candidate.set_tap([&](const std::string& name, const Tensor& t) {
    const auto it = positions_.find(name);
    if (it != positions_.end()) kept[it->second] = t.clone();
  });
  outputs[1] = candidate.run(inputs);
  candidate.set_tap({});
  std::vector<LayerStats> stats(names_.size());
  reference.set_tap([&](const std::string& name, const Tensor& t) {
    const auto it = positions_.find(name);
    if (it == positions_.end() || !kept[it->second].defined()) return;
    stats[it->second] = compare_value(name, t, kept[it->second]);
    kept[it->second] = {};
  });
  outputs[0] = reference.run(inputs);
  reference.set_tap({});
  return stats;
}

std::vector<LayerComparison> LayerProbe::finish(const std::vector<LayerStats>& totals) const {
  std::map<std::string, double> db;
  for (size_t i = 0; i < names_.size(); ++i)
    if (totals[i].samples > 0) db[names_[i]] = totals[i].error.sqnr_db();
  std::vector<LayerComparison> layers;
  for (size_t i = 0; i < names_.size(); ++i) {
    LayerStats s = totals[i];
    if (s.samples == 0) continue;
    s.share_clipped /= static_cast<double>(s.samples);
    const Node* producer = a_.producer(a_.find_value(names_[i]));
    double worst_input = 1e9;
    for (ValueId v : producer->inputs)
      if (v && db.count(a_.value(v).name)) worst_input = std::min(worst_input, db[a_.value(v).name]);
    layers.push_back(
        {names_[i], producer->op, likely_cause(type_of(b_, names_[i]), s, worst_input), db[names_[i]]});
  }
  std::stable_sort(layers.begin(), layers.end(),
                   [](const LayerComparison& x, const LayerComparison& y) { return x.sqnr_db < y.sqnr_db; });
  return layers;
}

}  // namespace precis::flow
