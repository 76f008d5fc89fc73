// Conversions between tensors and partly known values.
#include "precis/graph/partial_value.h"

namespace precis {

bool PartialValue::fully_known() const {
  for (const PartialElement& e : elements)
    if (!e.known) return false;
  return true;
}

std::optional<PartialValue> PartialValue::from(const Tensor& tensor) {
  if (!tensor.defined() || tensor.numel() > kMaxElements) return std::nullopt;
  PartialValue v;
  v.dtype = tensor.dtype();
  v.shape = tensor.shape();
  v.elements.reserve(static_cast<size_t>(tensor.numel()));
  for (int64_t i = 0; i < tensor.numel(); ++i)
    v.elements.push_back(is_float(v.dtype) ? PartialElement::of_real(tensor.at_double(i))
                                           : PartialElement::of(tensor.at_int(i)));
  return v;
}

Tensor PartialValue::to_tensor() const {
  if (is_float(dtype)) {
    Tensor wide(DType::kF64, shape);
    for (size_t i = 0; i < elements.size(); ++i) wide.data<double>()[i] = elements[i].real;
    return wide.cast(dtype);
  }
  Tensor wide(DType::kI64, shape);
  for (size_t i = 0; i < elements.size(); ++i) wide.data<int64_t>()[i] = elements[i].integer;
  return wide.cast(dtype);
}

}  // namespace precis
