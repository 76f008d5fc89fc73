// The list; see conformance_left_out.h. Whoever makes an operator run deletes its line.
#include "tests/runtime/conformance_left_out.h"

namespace precis::test {

const std::map<std::string, std::string>& left_out() {
  static const char* const kText = "text is no input of a network that is quantized";
  static const char* const kTraining = "steps of training; Precis is for inference";
  static const std::map<std::string, std::string> kList = {
      {"type STRING", kText},
      {"ImageDecoder", "pictures are decoded by the program's own readers, before the model"},
      {"ai.onnx.preview.training::Adagrad", kTraining},
      {"ai.onnx.preview.training::Adam", kTraining},
      {"ai.onnx.preview.training::Gradient", kTraining},
      {"ai.onnx.preview.training::Momentum", kTraining},
  };
  return kList;
}

}  // namespace precis::test
