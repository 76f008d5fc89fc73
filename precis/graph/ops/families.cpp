// The list of families, and the names of the operators of ONNX that none of them declares.
#include "precis/graph/ops/families.h"

#include <algorithm>

namespace precis {
namespace ops {

std::span<const Family> all_families() {
  static constexpr Family kFamilies[] = {
      activation_ops,
      attention_ops,
      cast_ops,
      compare_logic_ops,
      constant_like_ops,
      contract_ops,
      control_ops,
      conv_ops,
      detection_ops,
      elementwise_ops,
      gather_ops,
      loss_ops,
      matmul_ops,
      microsoft_fused_ops,
      microsoft_quantized_ops,
      microsoft_transformer_ops,
      ml_ops,
      movement_ops,
      norm_ops,
      patch_ops,
      pool_ops,
      quantize_ops,
      random_ops,
      recurrent_ops,
      reduce_ops,
      resize_ops,
      sampling_ops,
      select_ops,
      sequence_ops,
      shape_ops,
      signal_ops,
      unary_ops,
  };
  return kFamilies;
}

// The operator list of ONNX up to opset 27, less what is declared; sorted.
std::span<const std::string_view> undeclared_onnx_ops() {
  static constexpr std::string_view kNames[] = {

      "ImageDecoder",
      "RegexFullMatch",
      "Scatter",
      "StringConcat",
      "StringNormalizer",
      "StringSplit",

      "Upsample",
  };
  return kNames;
}

}  // namespace ops

bool is_onnx_op(std::string_view op) {
  const auto names = ops::undeclared_onnx_ops();
  return find_op("", op) != nullptr || std::binary_search(names.begin(), names.end(), op);
}

}  // namespace precis
