// TensorProto files, by the reader of models and by the reader of data, which must agree on what they both
// read.
#include <cstring>

#include "fuzz/targets/targets.h"
#include "precis/data/tensor_proto.h"
#include "precis/onnx/onnx_io.h"

namespace precis::fuzz {

void tensor_target(Bytes input) {
  const SmallLimits small;
  Chooser choose(input);
  constexpr DType kTypes[] = {DType::kF32, DType::kSequence, DType::kOptional};
  const DType type = kTypes[choose.below(std::size(kTypes))];
  const std::string path = as_file(choose.rest(), "tensor.pb");
  if (type != DType::kF32) {
    accepts([&] { onnx_io::read_value_file(path, type); });
    return;
  }
  Tensor of_models, of_data;
  const bool first = accepts([&] { of_models = onnx_io::read_tensor_file(path); });
  const bool second = accepts([&] { of_data = data::parse_tensor_proto(choose.rest(), "tensor.pb").tensor; });
  if (!first || !second) return;
  promise(of_models.dtype() == of_data.dtype() && of_models.shape() == of_data.shape(),
          "both readers see the same tensor");
  promise(of_models.nbytes() == 0 ||
              std::memcmp(of_models.bytes(), of_data.bytes(), static_cast<size_t>(of_models.nbytes())) == 0,
          "both readers see the same values");
}

}  // namespace precis::fuzz
