// One node of domain com.microsoft on its way to ONNX's own operators: what its rule asks and builds with.
// Private to the rules (microsoft_*.cpp).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "precis/core/check.h"
#include "precis/onnx/node_site.h"

namespace precis::onnx_io {

class MicrosoftSite : public NodeSite {
 public:
  using NodeSite::NodeSite;

  // A constant input; kUnsupported when it is computed.
  const Tensor& required_constant(size_t i) const;
  // kUnsupported where the model does not tell.
  int rank(size_t i) const;
  template <typename... Args>
  [[noreturn]] void unsupported(fmt::format_string<Args...> format, Args&&... args) const {
    throw Error(ErrorCode::kUnsupported,
                describe(g, node()) + ": " + fmt::format(format, std::forward<Args>(args)...));
  }
  ValueId add_if(ValueId x, ValueId summand) { return summand ? op("Add", {x, summand}) : x; }
  // Attributes of the node with these names, as they are.
  GraphBuilder::Attributes kept(std::initializer_list<const char*> names) const;
};

// A rule gives the values that replace the node's outputs; {} for one that nobody can have asked for.
using MicrosoftRule = std::vector<ValueId> (*)(MicrosoftSite& site);
struct MicrosoftEntry {
  const char* op;
  MicrosoftRule rule;
};
std::span<const MicrosoftEntry> microsoft_fused_rules();
std::span<const MicrosoftEntry> microsoft_quantized_rules();
std::span<const MicrosoftEntry> microsoft_transformer_rules();

// A product of codes as it was written: real = float(a x b) * (a_scale * b_scale) + bias.
struct CodeProduct {
  ValueId a, a_scale, a_zero, b, b_scale, b_zero, bias;
};
ValueId code_product(MicrosoftSite& site, const CodeProduct& p);

}  // namespace precis::onnx_io
