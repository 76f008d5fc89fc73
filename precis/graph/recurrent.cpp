// Reads the attributes of recurrent operators.
#include "precis/graph/recurrent.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis {
namespace {

// The activations of ONNX with the defaults of their factors; only those that take a factor use one up from
// activation_alpha and activation_beta.
struct ActivationFact {
  const char* name;
  bool takes_alpha, takes_beta;
  float alpha, beta;
};
constexpr ActivationFact kActivations[] = {
    {"affine", true, true, 1, 0},
    {"elu", true, false, 1, 0},
    {"hardsigmoid", true, true, 0.2f, 0.5f},
    {"leakyrelu", true, false, 0.01f, 0},
    {"relu", false, false, 0, 0},
    {"scaledtanh", true, true, 1, 1},
    {"sigmoid", false, false, 0, 0},
    {"softplus", false, false, 0, 0},
    {"softsign", false, false, 0, 0},
    {"tanh", false, false, 0, 0},
    {"thresholdedrelu", true, false, 1, 0},
};

struct Kind {
  const char* op;
  int gates;
  std::vector<std::string> activations;
};
const Kind* find_kind(const Node& node) {
  static const Kind kKinds[] = {
      {"RNN", 1, {"Tanh"}}, {"GRU", 3, {"Sigmoid", "Tanh"}}, {"LSTM", 4, {"Sigmoid", "Tanh", "Tanh"}}};
  if (node.is_microsoft("DynamicQuantizeLSTM")) return &kKinds[2];
  for (const Kind& kind : kKinds)
    if (node.is(kind.op)) return &kind;
  return nullptr;
}

class Reader {
 public:
  Reader(const Node& node, const std::string& where) : node_(node), where_(where) {}

  template <typename... Args>
  void require(bool condition, fmt::format_string<Args...> format, Args&&... args) const {
    if (!condition)
      throw Error(ErrorCode::kMalformed, where_ + ": " + fmt::format(format, std::forward<Args>(args)...));
  }
  bool flag(const char* name) const {
    const int64_t v = node_.get_int(name, 0);
    require(v == 0 || v == 1, "attribute '{}' is {}, expected 0 or 1", name, v);
    return v == 1;
  }
  RecurrentDirection direction() const {
    const std::string text = node_.get_string("direction", "forward");
    static constexpr const char* kNames[] = {"forward", "reverse", "bidirectional"};
    const auto it = std::find(std::begin(kNames), std::end(kNames), text);
    require(it != std::end(kNames),
            "attribute 'direction' is '{}', expected one of forward, reverse, bidirectional",
            printable(text));
    return static_cast<RecurrentDirection>(it - std::begin(kNames));
  }
  int64_t hidden() const {
    if (!node_.has("hidden_size")) return -1;
    const int64_t v = node_.get_int("hidden_size", 0);
    require(v >= 1, "attribute 'hidden_size' is {}, expected at least 1", v);
    return v;
  }
  float clip() const {
    if (!node_.has("clip")) return 0;
    const float v = node_.get_float("clip", 0);
    require(std::isfinite(v) && v >= 0, "attribute 'clip' is {}, expected a finite number of at least 0", v);
    return v;
  }
  std::vector<std::vector<GateActivation>> activations(const Kind& kind, int directions) const;

 private:
  const ActivationFact& fact(const std::string& name) const {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const auto it = std::find_if(std::begin(kActivations), std::end(kActivations),
                                 [&](const ActivationFact& f) { return lower == f.name; });
    require(it != std::end(kActivations),
            "attribute 'activations' holds '{}', which is no activation of ONNX", printable(name));
    return *it;
  }

  const Node& node_;
  const std::string& where_;
};

std::vector<std::string> strings(const Node& node, const char* key) {
  const Attribute* a = node.find(key);
  const auto* list = a ? std::get_if<std::vector<std::string>>(a) : nullptr;
  return list ? *list : std::vector<std::string>();
}

std::vector<std::vector<GateActivation>> Reader::activations(const Kind& kind, int directions) const {
  std::vector<std::string> names = strings(node_, "activations");
  if (names.empty())
    for (int d = 0; d < directions; ++d)
      names.insert(names.end(), kind.activations.begin(), kind.activations.end());
  const size_t each = kind.activations.size(), wanted = each * static_cast<size_t>(directions);
  require(names.size() == wanted, "attribute 'activations' has {} names, expected {}", names.size(), wanted);
  const auto alphas = node_.get_floats("activation_alpha"), betas = node_.get_floats("activation_beta");
  for (const auto& [list, what] :
       {std::pair(&alphas, "activation_alpha"), std::pair(&betas, "activation_beta")})
    for (float v : *list)
      require(std::isfinite(v), "attribute '{}' holds {}, expected finite numbers", what, v);
  size_t alpha = 0, beta = 0;
  std::vector<std::vector<GateActivation>> all(static_cast<size_t>(directions));
  for (size_t i = 0; i < names.size(); ++i) {
    const ActivationFact& f = fact(names[i]);
    GateActivation a{f.name, f.alpha, f.beta};
    if (f.takes_alpha && alpha < alphas.size()) a.alpha = alphas[alpha++];
    if (f.takes_beta && beta < betas.size()) a.beta = betas[beta++];
    all[i / each].push_back(std::move(a));
  }
  return all;
}

}  // namespace

RecurrentSpec read_recurrent(const Node& node, const std::string& where) {
  const Kind* kind = find_kind(node);
  check(kind != nullptr, ErrorCode::kInternal, "{}: not a recurrent operator", where);
  const Reader reader(node, where);
  RecurrentSpec spec;
  spec.gates = kind->gates;
  spec.direction = reader.direction();
  spec.hidden = reader.hidden();
  spec.clip = reader.clip();
  spec.batch_first = reader.flag("layout");
  spec.linear_before_reset = reader.flag("linear_before_reset");
  spec.input_forget = reader.flag("input_forget");
  spec.activations = reader.activations(*kind, spec.directions());
  return spec;
}

}  // namespace precis
