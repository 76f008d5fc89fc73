// placeholder
#include "precis/onnx/qoperator_lower.h"
namespace precis::onnx_io {
void lower_qoperators(Model&) {}
}  // namespace precis::onnx_io
