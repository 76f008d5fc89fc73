// ONNX Runtime's tensor_quant_overrides JSON: {"tensor": [{"quant_type": "QUInt8", "scale": s, "zero_point": z} | {"rmin", "rmax"} |
// {"symmetric", "reduce_range", "axis"}]}. Only what changes a result here becomes a rule; keys that cannot be honoured are errors.
#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <limits>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/flow/run.h"

namespace precis::flow {
namespace {

using nlohmann::json;
using quant::GridSpec;

constexpr float kLargestCode = 65535;  // of 16-bit codes

class OverrideReader {
 public:
  explicit OverrideReader(const std::string& path) : path_(printable(path)) {}

  std::vector<passes::OverrideRule> read(const json& document) {
    require(document.is_object(), "the document", "an object of tensor names");
    std::vector<passes::OverrideRule> rules;
    for (const auto& [tensor, list] : document.items()) {
      tensor_ = printable(tensor);
      require(list.is_array(), "the entry", "a list of objects");
      if (list.empty()) continue;
      require(list.size() == 1, "a list of several objects (per-channel values)", "one object: per-channel scales of weights are computed from the weights");
      require(list[0].is_object(), "the list's element", "an object");
      passes::OverrideRule r;
      r.match = tensor;
      for (const auto& [key, value] : list[0].items()) set(r, key, value);
      require(!r.scale == !r.zero_point, "scale or zero_point alone", "both");
      require(!r.range_min == !r.range_max, "rmin or rmax alone", "both");
      rules.push_back(r);
    }
    return rules;
  }

 private:
  void require(bool ok, const char* found, const std::string& expected) const {
    check(ok, ErrorCode::kUsage, "tensor overrides {}, tensor '{}': found {}, expected {}", path_, tensor_, found, expected);
  }

  float number(const json& v, const char* key) const {
    // ONNX Runtime's own runner writes scalars as one-element lists.
    const json& n = v.is_array() && v.size() == 1 ? v[0] : v;
    require(n.is_number() && std::isfinite(n.get<double>()) && std::fabs(n.get<double>()) <= std::numeric_limits<float>::max(), key,
            "a finite number that float can hold");
    return n.get<float>();
  }

  int32_t code(const json& v) const {
    const float c = number(v, "zero_point");
    require(c == std::floor(c) && std::fabs(c) <= kLargestCode, "zero_point", "a whole number between -65535 and 65535");
    return static_cast<int32_t>(c);
  }

  void set(passes::OverrideRule& r, const std::string& key, const json& v) const {
    if (key == "scale") r.scale = number(v, "scale");
    else if (key == "zero_point") r.zero_point = code(v);
    else if (key == "rmin") r.range_min = number(v, "rmin");
    else if (key == "rmax") r.range_max = number(v, "rmax");
    else if (key == "symmetric") {
      require(v.is_boolean(), "symmetric", "true or false");
      r.activation_symmetry = v.get<bool>() ? GridSpec::Symmetry::kSymmetric : GridSpec::Symmetry::kAffine;
    } else if (key == "quant_type") {
      require(v == "QUInt8" || v == "QInt8" || v == "QuantType.QUInt8" || v == "QuantType.QInt8", "quant_type", "\"QUInt8\" or \"QInt8\"");
    } else if (key == "axis" || key == "reduce_range") {
      // Weights are per channel on their output axis and full range; --isa-safe reduces where it matters.
    } else {
      fail(ErrorCode::kUnsupported, "tensor overrides {}, tensor '{}': the key '{}' is not supported; known are scale, zero_point, rmin, rmax, symmetric, quant_type",
           path_, tensor_, printable(key));
    }
  }

  std::string path_, tensor_;
};

}  // namespace

std::vector<passes::OverrideRule> read_tensor_overrides(const std::string& path) {
  const std::string text = read_text_file(path, limits().max_json_bytes);
  json document;
  try {
    document = json::parse(text);
  } catch (const json::exception& e) {
    fail(ErrorCode::kUsage, "tensor overrides {}: not valid JSON ({})", printable(path), printable(e.what()));
  }
  return OverrideReader(path).read(document);
}

}  // namespace precis::flow
