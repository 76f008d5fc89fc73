// `--set` rules as text: MATCH.key=value, where MATCH may itself contain dots, colons and '=': the last '.key=' that names a
// known key splits it.
#include <algorithm>
#include <array>
#include <cmath>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/flow/run.h"

namespace precis::flow {
namespace {

using passes::OverrideRule;
using quant::GridSpec;

constexpr const char* kKeys = "quantize, weight_bits, activation_bits, observer, activations, per_channel, range, scale, zero_point";

[[noreturn]] void bad_value(const std::string& text, const char* expected) {
  fail(ErrorCode::kUsage, "rule '{}': expected {}", printable(text), expected);
}

bool parse_bool(const std::string& v, const std::string& text) {
  if (v == "true" || v == "yes" || v == "1") return true;
  if (v == "false" || v == "no" || v == "0") return false;
  bad_value(text, "true or false");
}

int parse_bits(const std::string& v, const std::string& text) {
  int64_t bits = 0;
  if (!parse_int(v, bits) || bits < 2 || bits > 8) bad_value(text, "a number of bits from 2 to 8");
  return static_cast<int>(bits);
}

float parse_float(std::string_view v, const std::string& text) {
  double d = 0;
  if (!parse_double(v, d) || !std::isfinite(d)) bad_value(text, "a finite number");
  return static_cast<float>(d);
}

void set_observer(OverrideRule& r, const std::string& v, const std::string& text) {
  r.observer = quant::observer_from_name(v);
  if (!r.observer) bad_value(text, "an observer: minmax, moving-average, percentile, mse or entropy");
}

void set_symmetry(OverrideRule& r, const std::string& v, const std::string& text) {
  if (v == "symmetric") r.activation_symmetry = GridSpec::Symmetry::kSymmetric;
  else if (v == "affine") r.activation_symmetry = GridSpec::Symmetry::kAffine;
  else bad_value(text, "symmetric or affine");
}

void set_range(OverrideRule& r, const std::string& v, const std::string& text) {
  const size_t colon = v.find(':', 1);
  if (colon == std::string::npos) bad_value(text, "range=MIN:MAX");
  r.range_min = parse_float(v.substr(0, colon), text);
  r.range_max = parse_float(v.substr(colon + 1), text);
  if (*r.range_min > *r.range_max) bad_value(text, "MIN <= MAX");
}

void set_zero_point(OverrideRule& r, const std::string& v, const std::string& text) {
  int64_t z = 0;
  if (!parse_int(v, z) || z < -128 || z > 255) bad_value(text, "a zero point from -128 to 255");
  r.zero_point = static_cast<int32_t>(z);
}

struct Key {
  const char* name;
  void (*set)(OverrideRule&, const std::string&, const std::string&);
};

const std::array<Key, 9> kSetters = {{
    {"quantize", [](OverrideRule& r, const std::string& v, const std::string& t) { r.quantize = parse_bool(v, t); }},
    {"weight_bits", [](OverrideRule& r, const std::string& v, const std::string& t) { r.weight_bits = parse_bits(v, t); }},
    {"activation_bits", [](OverrideRule& r, const std::string& v, const std::string& t) { r.activation_bits = parse_bits(v, t); }},
    {"observer", set_observer},
    {"activations", set_symmetry},
    {"per_channel", [](OverrideRule& r, const std::string& v, const std::string& t) { r.per_channel = parse_bool(v, t); }},
    {"range", set_range},
    {"scale", [](OverrideRule& r, const std::string& v, const std::string& t) { r.scale = parse_float(v, t); }},
    {"zero_point", set_zero_point},
}};

}  // namespace

passes::OverrideRule parse_rule(const std::string& text) {
  for (size_t dot = text.rfind('.'); dot != std::string::npos && dot > 0; dot = text.rfind('.', dot - 1)) {
    const size_t equals = text.find('=', dot);
    if (equals == std::string::npos) continue;
    const std::string key = text.substr(dot + 1, equals - dot - 1);
    const auto it = std::find_if(kSetters.begin(), kSetters.end(), [&](const Key& k) { return key == k.name; });
    if (it == kSetters.end()) continue;
    OverrideRule rule;
    rule.match = text.substr(0, dot);
    it->set(rule, text.substr(equals + 1), text);
    return rule;
  }
  fail(ErrorCode::kUsage, "rule '{}': expected MATCH.key=value with one of the keys {}", printable(text), kKeys);
}

std::vector<std::string> print_rules(const passes::OverrideRule& r) {
  std::vector<std::string> lines;
  const auto line = [&](const char* key, const std::string& value) { lines.push_back(fmt::format("{}.{}={}", r.match, key, value)); };
  const auto yes_no = [](bool b) { return std::string(b ? "true" : "false"); };
  if (r.quantize) line("quantize", yes_no(*r.quantize));
  if (r.weight_bits) line("weight_bits", std::to_string(*r.weight_bits));
  if (r.activation_bits) line("activation_bits", std::to_string(*r.activation_bits));
  if (r.observer) line("observer", quant::observer_name(*r.observer));
  if (r.activation_symmetry) line("activations", *r.activation_symmetry == GridSpec::Symmetry::kSymmetric ? "symmetric" : "affine");
  if (r.per_channel) line("per_channel", yes_no(*r.per_channel));
  if (r.range_min && r.range_max) line("range", fmt::format("{}:{}", *r.range_min, *r.range_max));
  if (r.scale) line("scale", fmt::format("{}", *r.scale));
  if (r.zero_point) line("zero_point", std::to_string(*r.zero_point));
  return lines;
}

}  // namespace precis::flow
