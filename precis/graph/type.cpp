// Printing and conversion of symbolic shapes.
#include "precis/graph/type.h"

#include "precis/core/check.h"

namespace precis {

std::string Dim::str() const {
  if (known()) return fmt::to_string(value);
  return symbol.empty() ? "?" : symbol;
}

SymbolicShape symbolic(const Shape& shape) { return std::vector<Dim>(shape.begin(), shape.end()); }

bool fully_known(const SymbolicShape& shape) {
  if (!shape) return false;
  for (const Dim& d : *shape)
    if (!d.known()) return false;
  return true;
}

Shape to_shape(const SymbolicShape& shape) {
  check(fully_known(shape), ErrorCode::kInternal, "shape {} is not fully known", shape_str(shape));
  std::vector<int64_t> dims;
  dims.reserve(shape->size());
  for (const Dim& d : *shape) dims.push_back(d.value);
  return Shape(std::move(dims));
}

std::string shape_str(const SymbolicShape& shape) {
  if (!shape) return "[...]";
  std::string text = "[";
  for (size_t i = 0; i < shape->size(); ++i) {
    if (i > 0) text += ',';
    text += (*shape)[i].str();
  }
  return text + "]";
}

}  // namespace precis
