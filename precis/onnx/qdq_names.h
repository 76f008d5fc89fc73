// The names that quantizers give to the parts of a tensor.
#pragma once

#include <string_view>

namespace precis::onnx_io {

// The name a tensor had before a quantizer (ours or ONNX Runtime's) gave this part of it a longer one.
inline std::string_view original_tensor_name(std::string_view name) {
  for (std::string_view suffix : {"_DequantizeLinear_Output", "_QuantizeLinear_Output",
                                  "_QuantizeLinear_Input", "_quantized", "/dequantized", "/quantized"})
    if (name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix)
      return name.substr(0, name.size() - suffix.size());
  return name;
}

}  // namespace precis::onnx_io
