// Partly known contents of small tensors: what inference knows of shape arithmetic (Shape, Gather, Concat ...
// of dimensions that may be symbols), element by element.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "precis/core/tensor.h"

namespace precis {

struct PartialElement {
  bool known = false;
  int64_t integer = 0;  // integer and bool types
  double real = 0;      // float types
  std::string symbol;   // an unknown element that equals the dimension of this name

  static PartialElement of(int64_t v) { return {true, v, 0, ""}; }
  static PartialElement of_real(double v) { return {true, 0, v, ""}; }
  static PartialElement named(std::string s) { return {false, 0, 0, std::move(s)}; }
};

// Row-major elements of a tensor of at most kMaxElements elements.
struct PartialValue {
  static constexpr int64_t kMaxElements =
      256;  // shapes have at most 16; masks and ranges made of them stay small too

  DType dtype = DType::kUndefined;
  Shape shape;
  std::vector<PartialElement> elements;

  bool fully_known() const;
  static std::optional<PartialValue> from(const Tensor& tensor);  // nullopt when it is too large
  Tensor to_tensor() const;                                       // fully_known() only
};

}  // namespace precis
