// Two models over the same samples: outputs by name, and with --layers every value of the same name inside.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/data/metrics.h"
#include "precis/flow/evaluate.h"
#include "precis/flow/sample_loop.h"
#include "precis/quant/quantize.h"

namespace precis::flow {
namespace {

// Index in `candidate` of the output that stands for output i of `reference`: by name, then by position.
size_t matching_output(const Graph& reference, const Graph& candidate, size_t i) {
  const std::string& name = reference.value(reference.outputs()[i]).name;
  for (size_t k = 0; k < candidate.outputs().size(); ++k)
    if (candidate.value(candidate.outputs()[k]).name == name) return k;
  return i;
}

// Unknown ranks and dimensions agree with everything.
bool shapes_agree(const SymbolicShape& a, const SymbolicShape& b) {
  if (!a || !b) return true;
  if (a->size() != b->size()) return false;
  for (size_t i = 0; i < a->size(); ++i)
    if ((*a)[i].known() && (*b)[i].known() && (*a)[i].value != (*b)[i].value) return false;
  return true;
}

void check_same_interface(const Graph& a, const Graph& b) {
  check(a.inputs().size() == b.inputs().size() && a.outputs().size() == b.outputs().size(), ErrorCode::kUsage,
        "the models do not have the same interface: {} inputs and {} outputs against {} and {}", a.inputs().size(), a.outputs().size(),
        b.inputs().size(), b.outputs().size());
  for (size_t i = 0; i < a.inputs().size(); ++i) {
    const Value &x = a.value(a.inputs()[i]), &y = b.value(b.inputs()[i]);
    check(x.type.storage_dtype() == y.type.storage_dtype() && shapes_agree(x.type.shape, y.type.shape), ErrorCode::kUsage,
          "the models do not have the same interface: input {} is '{}' {}{} in the one and '{}' {}{} in the other", i, printable(x.name),
          dtype_name(x.type.storage_dtype()), shape_str(x.type.shape), printable(y.name), dtype_name(y.type.storage_dtype()), shape_str(y.type.shape));
  }
}

Tensor real_of(const Graph& g, const std::string& name, const Tensor& t) {
  const ValueType& type = g.value(g.find_value(name)).type;
  return type.encoded() ? quant::dequantize_tensor(t, type.encoding) : t;
}

// Float values that both graphs compute under one name, outside of constants and inputs.
std::vector<std::string> common_values(const Graph& a, const Graph& b) {
  std::vector<std::string> names;
  for (NodeId id : a.order())
    for (ValueId v : a.node(id).outputs) {
      if (!v || a.value(v).type.dtype != DType::kF32) continue;
      const ValueId other = b.find_value(a.value(v).name);
      if (other && !b.value(other).is_constant() && b.value(other).producer) names.push_back(a.value(v).name);
    }
  return names;
}

struct LayerStats {
  data::OutputError error;
  double share_clipped = 0;  // of the reference's values beyond the candidate's codes
  double reference_max = 0;
  int64_t samples = 0;
};

double clipped_share(const Tensor& reference, const Encoding& e) {
  if (!e.per_tensor()) return 0;
  const float lo = static_cast<float>(e.code_min - e.zero_point()) * e.scale() - e.scale() / 2;
  const float hi = static_cast<float>(e.code_max - e.zero_point()) * e.scale() + e.scale() / 2;
  int64_t out = 0;
  for (float x : reference.data<float>()) out += x < lo || x > hi;
  return static_cast<double>(out) / static_cast<double>(std::max<int64_t>(reference.numel(), 1));
}

// What most likely made a layer bad, told from its encoding and its inputs' quality.
std::string likely_cause(const Graph& candidate, const std::string& name, const LayerStats& s, double worst_input_db) {
  const Value& v = candidate.value(candidate.find_value(name));
  if (s.share_clipped > 0.001) return fmt::format("its range clips {:.2f} % of the values", s.share_clipped * 100);
  const double db = s.error.sqnr_db();
  if (worst_input_db < db + 3) return "error of its inputs passed on";
  if (v.type.encoded() && v.type.encoding.per_tensor() && s.reference_max > 0) {
    const double rms = std::sqrt(s.error.reference_squares / std::max<double>(1.0, static_cast<double>(s.error.values)));
    const double steps = rms / static_cast<double>(v.type.encoding.scale());
    if (steps < 8) return fmt::format("outliers widen its range: a typical value is only {:.1f} steps", steps);
  }
  return "weights and activations rounded to 8 bits";
}

class LayerTable {
 public:
  LayerTable(const Graph& a, const Graph& b, std::vector<std::string> names) : a_(a), b_(b), names_(std::move(names)), stats_(names_.size()) {}

  void add(const Tapped& tapped) {
    std::map<std::string_view, const Tensor*> candidate;
    for (const auto& [name, t] : tapped[1]) candidate[name] = &t;
    for (const auto& [name, t] : tapped[0]) {
      const auto it = candidate.find(name);
      const auto at = std::find(names_.begin(), names_.end(), name);
      if (it == candidate.end() || at == names_.end()) continue;
      LayerStats& s = stats_[static_cast<size_t>(at - names_.begin())];
      const Tensor reference = real_of(a_, name, t), value = real_of(b_, name, *it->second);
      if (reference.shape() != value.shape()) continue;
      s.error.add(reference, value);
      const Encoding& e = b_.value(b_.find_value(name)).type.encoding;
      if (e.defined()) s.share_clipped += clipped_share(reference, e);
      for (float x : reference.data<float>()) s.reference_max = std::max(s.reference_max, std::fabs(static_cast<double>(x)));
      ++s.samples;
    }
  }

  std::vector<LayerComparison> finish() {
    std::map<std::string, double> db;
    for (size_t i = 0; i < names_.size(); ++i)
      if (stats_[i].samples > 0) db[names_[i]] = stats_[i].error.sqnr_db();
    std::vector<LayerComparison> layers;
    for (size_t i = 0; i < names_.size(); ++i) {
      LayerStats& s = stats_[i];
      if (s.samples == 0) continue;
      s.share_clipped /= static_cast<double>(s.samples);
      const Node* producer = a_.producer(a_.find_value(names_[i]));
      double worst_input = 1e9;
      for (ValueId v : producer->inputs)
        if (v && db.count(a_.value(v).name)) worst_input = std::min(worst_input, db[a_.value(v).name]);
      layers.push_back({names_[i], producer->op, likely_cause(b_, names_[i], s, worst_input), db[names_[i]]});
    }
    std::stable_sort(layers.begin(), layers.end(), [](const LayerComparison& x, const LayerComparison& y) { return x.sqnr_db < y.sqnr_db; });
    return layers;
  }

 private:
  const Graph& a_;
  const Graph& b_;
  std::vector<std::string> names_;
  std::vector<LayerStats> stats_;
};

}  // namespace

CompareResult compare(const Graph& reference, const Graph& candidate, const data::DataSource& source, const CompareOptions& options) {
  check(source.size() > 0, ErrorCode::kUsage, "the data has no samples ({})", source.describe());
  check_same_interface(reference, candidate);
  std::vector<std::string> names;
  if (options.layers == CompareOptions::Layers::kAll) names = common_values(reference, candidate);
  LayerTable layers(reference, candidate, names);
  std::vector<data::OutputError> errors(reference.outputs().size());
  SampleLoop loop({&reference, &candidate}, runtime::Engine::kFast, {names, names});
  CompareResult result;
  loop.run_tapped(source, "compare", options.progress,
                  [&](int64_t, const data::Sample&, const std::vector<std::vector<Tensor>>& r, const Tapped& tapped) {
                    for (size_t i = 0; i < errors.size(); ++i) errors[i].add(r[0][i], r[1][matching_output(reference, candidate, i)]);
                    if (!names.empty()) layers.add(tapped);
                    ++result.samples;
                  });
  for (size_t i = 0; i < errors.size(); ++i) {
    const data::OutputError& e = errors[i];
    result.outputs.push_back({reference.value(reference.outputs()[i]).name, e.sqnr_db(), e.cosine(), e.max_abs, e.divergence()});
  }
  if (!errors.empty() && errors[0].rows > 0) result.top1_agreement = errors[0].agreement();
  result.layers = layers.finish();
  return result;
}

}  // namespace precis::flow
