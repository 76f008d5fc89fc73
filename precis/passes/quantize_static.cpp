// Applies a Placement: encodings from ranges, Quantize/Dequantize at the borders of the integer regions, codes for constants.
#include "precis/passes/quantize_static.h"

#include <algorithm>
#include <cmath>

#include "precis/core/check.h"
#include "precis/core/parallel.h"
#include "precis/core/text.h"
#include "precis/graph/builder.h"
#include "precis/graph/op.h"
#include "precis/passes/bias_correction.h"
#include "precis/passes/override_rules.h"
#include "precis/passes/quantize_placement.h"
#include "precis/passes/quantize_weights.h"
#include "precis/passes/round_before_sums.h"
#include "precis/passes/settle_scales.h"
#include "precis/passes/skipped_nodes.h"
#include "precis/quant/quantize.h"

namespace precis::passes {
namespace {

using quant::GridSpec;

class StaticQuantizer {
 public:
  StaticQuantizer(Graph& g, const quant::RangeTable& ranges, const QuantizeOptions& options)
      : g_(g), ranges_(ranges), options_(options), rules_(g, options.rules), place_(place_quantization(g, options)) {}

  QuantizeReport run() {
    report_.skipped = skipped_nodes(g_, place_);
    choose_encodings();
    encode_constants();
    encode_activations();
    if (options_.target == Target::kOnnxRuntime) round_before_sums(g_, place_);
    g_.remove_dead_values();
    g_.sort();
    restore_constant_names();
    infer_types(g_);
    return std::move(report_);
  }

 private:
  // --- ranges -> encodings -------------------------------------------------------------------------------------
  void choose_encodings() {
    encodings_.resize(g_.num_values());
    fixed_.assign(g_.num_values(), 0);
    for (size_t i = 0; i < g_.num_values(); ++i) {
      const ValueId v{static_cast<int32_t>(i)};
      if (place_.is_encoded(v) && !encodings_[primary_index(v)].defined()) encodings_[primary_index(v)] = activation_encoding(place_.primary(v));
    }
    denominators_ = settle_scales(g_, place_, encodings_, fixed_);
  }
  size_t primary_index(ValueId v) const { return static_cast<size_t>(place_.primary(v).index); }
  const Encoding& encoding(ValueId v) const { return encodings_[primary_index(v)]; }

  OverrideRule value_rule(ValueId v) const {
    OverrideRule r;
    if (g_.value(v).producer) r = rules_.for_node(g_.value(v).producer);
    OverrideRule own = rules_.for_value(v);
    if (own.activation_bits) r.activation_bits = own.activation_bits;
    if (own.activation_symmetry) r.activation_symmetry = own.activation_symmetry;
    if (own.observer) r.observer = own.observer;
    r.range_min = own.range_min;
    r.range_max = own.range_max;
    r.scale = own.scale;
    r.zero_point = own.zero_point;
    return r;
  }

  Encoding activation_encoding(ValueId v) {
    const OverrideRule rule = value_rule(v);
    GridSpec grid = options_.activations;
    if (rule.activation_bits) grid.bits = *rule.activation_bits;
    if (rule.activation_symmetry) grid.symmetry = *rule.activation_symmetry;
    const std::string& name = g_.value(v).name;
    if (rule.scale) {
      check(std::isfinite(*rule.scale) && *rule.scale > 0, ErrorCode::kUsage, "tensor '{}': the scale {} set by a rule is not positive",
            printable(name), *rule.scale);
      Encoding e = quant::encoding_from_range({0, 1}, grid);
      e.scales = {*rule.scale};
      e.zero_points = {rule.zero_point.value_or(0)};
      fixed_[primary_index(v)] = 1;
      return e;
    }
    if (rule.range_min && rule.range_max) return quant::encoding_from_range({*rule.range_min, *rule.range_max}, grid);
    const quant::RangeStats* stats = ranges_.find(name);
    check(stats != nullptr, ErrorCode::kUsage, "the calibration ranges have no entry for tensor '{}'; calibrate this model, with these options",
          printable(name));
    if (stats->min == stats->max)
      report_.notes.push_back(fmt::format("tensor '{}' was constant ({}) over the calibration data", printable(name), stats->min));
    quant::ObserverOptions observer = options_.observer;
    if (rule.observer) observer.kind = *rule.observer;
    return quant::encoding_from_range(quant::choose_range(*stats, grid, observer), grid);
  }

  // --- constants -----------------------------------------------------------------------------------------------
  void encode_constants() {
    const std::vector<NodeId> order(g_.order().begin(), g_.order().end());
    std::vector<WeightCodes> weights(order.size());
    parallel_for(static_cast<int64_t>(order.size()), 1, [&](int64_t begin, int64_t end) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
        if (has_weights(order[i])) weights[i] = weight_codes(order[i]);
    });
    for (size_t i = 0; i < order.size(); ++i) {
      if (has_weights(order[i])) replace_weights(order[i], weights[i]);
      if (place_.role(order[i]) == QuantRole::kLight) encode_operands(order[i]);
      if (place_.role(order[i]) != QuantRole::kFloat) ++report_.quantized_nodes;
    }
  }

  bool has_weights(NodeId id) const { return place_.role(id) == QuantRole::kHeavy && weight_slot(g_, g_.node(id)) >= 0; }

  const Tensor* int32_bias(const Node& n) const {
    return n.is("MatMul") || options_.target == Target::kTensorRt ? nullptr : g_.constant(n.input(2));
  }

  // Changes nothing: several nodes' are made at once.
  WeightCodes weight_codes(NodeId id) const {
    const Node& n = g_.node(id);
    const int slot = weight_slot(g_, n);
    const OverrideRule rule = rules_.for_node(id);
    WeightRequest r;
    r.weights = g_.constant(n.input(static_cast<size_t>(slot)));
    r.axis = rule.per_channel.value_or(options_.per_channel) ? weight_axis(g_, n, slot) : -1;
    r.bias = int32_bias(n);
    r.channels = r.bias != nullptr ? r.bias->numel() : r.axis < 0 ? 1 : r.weights->shape()[r.axis];
    r.input = encoding(n.input(slot == 0 ? 1 : 0));
    const ValueId result = coded_result(g_, place_, n.output(0));
    if (result && g_.value(n.inputs[static_cast<size_t>(slot)]).uses.size() == 1) r.result_scale = encoding(result).scale();  // shared weights have one scale
    r.denominator = denominators_[static_cast<size_t>(id.index)];
    r.grid = options_.weights;
    if (rule.weight_bits) r.grid.bits = *rule.weight_bits;
    r.isa_safe = options_.isa_safe;
    const quant::ChannelSums* means =
        options_.bias_correction && r.bias != nullptr && can_correct_bias(g_, n) ? ranges_.channels_of(g_.value(n.inputs[0]).name) : nullptr;
    if (means != nullptr)
      r.mean_shift = [&](const Tensor& c, const Encoding& e) { return mean_shift(g_, n, *r.weights, c, e, *means); };
    return quantize_checked(r, n);
  }

  void replace_weights(NodeId id, WeightCodes& codes) {
    const Node& n = g_.node(id);
    codes.proof.node = n.name;
    report_.proofs.push_back(codes.proof);
    const bool has_bias = int32_bias(n) != nullptr;
    replace_constant(id, static_cast<size_t>(weight_slot(g_, n)), codes.weights, codes.encoding);
    if (has_bias) replace_constant(id, 2, codes.bias, codes.bias_encoding);
  }

  static WeightCodes quantize_checked(const WeightRequest& r, const Node& n) {
    try {
      return quantize_weights(r);
    } catch (const Error& e) {
      throw Error(e.code(), fmt::format("node '{}' ({}): {}", printable(n.name), n.op, e.what()));
    }
  }

  // Constant operands of Add, Mul, Concat ...: one encoding from their own extremes.
  void encode_operands(NodeId id) {
    for (size_t i = 0; i < g_.node(id).inputs.size(); ++i) {
      const Tensor* t = g_.constant(g_.node(id).input(i));
      if (t == nullptr) continue;
      const Tensor values = t->dtype() == DType::kF32 ? *t : t->cast(DType::kF32);
      const quant::SampleSummary s = quant::summarize(values.data<float>());
      const Encoding e = quant::encoding_from_range({s.min, s.max}, options_.activations);
      replace_constant(id, i, quant::quantize_tensor(values, e), e);
    }
  }

  void replace_constant(NodeId id, size_t slot, const Tensor& codes, const Encoding& e) {
    const ValueId old = g_.node(id).inputs[slot];
    for (const Renamed& r : renamed_)  // a weight shared by several nodes stays shared where its codes agree
      if (r.from == old && g_.value(r.to).type.encoding == e) return g_.set_input(id, slot, r.to);
    ValueType type;
    type.dtype = DType::kF32;
    type.shape = symbolic(codes.shape());
    type.encoding = e;
    const ValueId fresh = g_.add_encoded_constant(g_.unique_value_name(g_.value(old).name + "/codes"), codes, type);
    g_.set_input(id, slot, fresh);
    renamed_.push_back({old, fresh, g_.value(old).name});
  }

  // The first replacement of a constant that has gone takes over its name.
  void restore_constant_names() {
    for (const Renamed& r : renamed_)
      if (!g_.find_value(r.name)) g_.rename_value(r.to, r.name);
  }

  // --- activations ---------------------------------------------------------------------------------------------
  bool reads_codes(const Use& use) const {
    switch (place_.role(use.node)) {
      case QuantRole::kFloat: return false;
      case QuantRole::kHeavy: return use.slot < 2;
      case QuantRole::kLight: return true;
      default: return use.slot == 0;
    }
  }

  void encode_activations() {
    const size_t count = encodings_.size();
    for (size_t i = 0; i < count; ++i) {
      const ValueId v{static_cast<int32_t>(i)};
      if (!g_.value(v).alive || !place_.is_encoded(v)) continue;
      const NodeId producer = g_.value(v).producer;
      if (producer && place_.role(producer) != QuantRole::kFloat)
        encode_produced(v, producer);
      else
        encode_float_source(v);
    }
  }

  ValueType encoded_type(ValueId v) const {
    ValueType t = g_.value(v).type;
    t.encoding = encoding(v);
    return t;
  }

  // v is made by a quantized node: v itself holds codes; float readers and graph outputs get a Dequantize.
  void encode_produced(ValueId v, NodeId producer) {
    std::vector<Use> float_uses;
    for (const Use& u : g_.value(v).uses)
      if (!reads_codes(u)) float_uses.push_back(u);
    g_.value(v).type.encoding = encoding(v);
    const bool is_output = g_.is_output(v);
    if (float_uses.empty() && !is_output) return;
    ValueType real = g_.value(v).type;
    real.encoding = {};
    const std::string name = g_.value(v).name;
    if (is_output) g_.rename_value(v, g_.unique_value_name(name + "/codes"));
    const ValueId f = g_.add_value(g_.unique_value_name(is_output ? name : name + "/real"), real);
    g_.insert_node_after(producer, conversion_node(g_, "Dequantize", v, f));
    for (const Use& u : float_uses) g_.set_input(u.node, static_cast<size_t>(u.slot), f);
    if (!is_output) return;
    std::vector<ValueId> outputs(g_.outputs().begin(), g_.outputs().end());
    std::replace(outputs.begin(), outputs.end(), v, f);
    g_.set_outputs(std::move(outputs));
  }

  // v is a graph input or made in float: an explicit Quantize makes the codes for those who read them.
  void encode_float_source(ValueId v) {
    std::vector<Use> code_uses;
    for (const Use& u : g_.value(v).uses)
      if (reads_codes(u)) code_uses.push_back(u);
    if (code_uses.empty()) return;
    const ValueId q = g_.add_value(g_.unique_value_name(g_.value(v).name + "/codes"), encoded_type(v));
    Node n = conversion_node(g_, "Quantize", v, q);
    const NodeId producer = g_.value(v).producer;
    if (producer)
      g_.insert_node_after(producer, std::move(n));
    else
      g_.insert_node_before(g_.order().front(), std::move(n));
    for (const Use& u : code_uses) g_.set_input(u.node, static_cast<size_t>(u.slot), q);
  }

  struct Renamed {
    ValueId from, to;
    std::string name;
  };
  Graph& g_;
  const quant::RangeTable& ranges_;
  const QuantizeOptions& options_;
  RuleMatcher rules_;
  Placement place_;
  std::vector<Encoding> encodings_;  // by value index, set for primaries
  std::vector<char> fixed_;          // by value index: scales that a rule sets
  std::vector<int64_t> denominators_;
  std::vector<Renamed> renamed_;
  QuantizeReport report_;
};

}  // namespace

void apply_target(QuantizeOptions& o) {
  if (o.target != Target::kTensorRt) return;
  o.activations = {DType::kI8, 8, GridSpec::Symmetry::kSymmetric, GridSpec::CodeRange::kRestricted};
}

std::vector<std::string> values_to_observe(const Graph& prepared, const QuantizeOptions& options) {
  const Placement place = place_quantization(prepared, options);
  std::vector<char> wanted(prepared.num_values(), 0);
  for (size_t i = 0; i < prepared.num_values(); ++i) {
    const ValueId v{static_cast<int32_t>(i)};
    if (place.is_encoded(v)) wanted[static_cast<size_t>(place.primary(v).index)] = 1;
  }
  std::vector<std::string> names;
  for (size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i]) names.push_back(prepared.value(ValueId{static_cast<int32_t>(i)}).name);
  return names;
}

std::vector<std::string> values_to_average(const Graph& prepared, const QuantizeOptions& options) {
  std::vector<std::string> names;
  if (!options.bias_correction || options.target == Target::kTensorRt) return names;
  const Placement place = place_quantization(prepared, options);
  for (NodeId id : prepared.order()) {
    const Node& n = prepared.node(id);
    if (place.role(id) != QuantRole::kHeavy || !can_correct_bias(prepared, n)) continue;
    const std::string& name = prepared.value(n.inputs[0]).name;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

QuantizeReport quantize_static(Model& model, const quant::RangeTable& ranges, const QuantizeOptions& options) {
  return StaticQuantizer(model.graph, ranges, options).run();
}

bool is_quantized(const Graph& graph) {
  for (NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    if (n.domain == "precis" || n.is("QuantizeLinear") || n.is("DequantizeLinear") || n.is("DynamicQuantizeLinear") || n.is("ConvInteger") ||
        n.is("MatMulInteger") || n.op.rfind("QLinear", 0) == 0)
      return true;
    for (ValueId v : n.outputs)
      if (v && graph.value(v).type.encoded()) return true;
  }
  const std::vector<ValueId> constants = graph.initializers();
  return std::any_of(constants.begin(), constants.end(), [&](ValueId v) { return graph.value(v).type.encoded(); });
}

}  // namespace precis::passes
