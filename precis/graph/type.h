// Types of graph values: element type, dimensions that may be symbolic, and the encoding of values held as
// integer codes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "precis/core/dtype.h"
#include "precis/core/encoding.h"
#include "precis/core/shape.h"

namespace precis {

// One dimension: a known length, a named symbol ("batch"), or unknown (neither).
struct Dim {
  int64_t value = -1;  // >= 0 when known
  std::string symbol;  // may be set when value < 0

  Dim() = default;
  Dim(int64_t v) : value(v) {}  // NOLINT: lengths convert to dimensions
  static Dim named(std::string s) {
    Dim d;
    d.symbol = std::move(s);
    return d;
  }
  bool known() const { return value >= 0; }
  bool operator==(const Dim&) const = default;
  std::string str() const;  // "3", "batch" or "?"
};

// nullopt = unknown rank.
using SymbolicShape = std::optional<std::vector<Dim>>;

SymbolicShape symbolic(const Shape& shape);
bool fully_known(const SymbolicShape& shape);
Shape to_shape(const SymbolicShape& shape);         // Error(kInternal) unless fully known
std::string shape_str(const SymbolicShape& shape);  // "[batch,3,224,224]" or "[...]"

// The type of a value. dtype is the *expressed* type: an f32 value with an encoding is held as encoding.code
// integers. A value without encoding and with an integer dtype is a plain integer tensor.
struct ValueType {
  DType dtype = DType::kUndefined;
  SymbolicShape shape = std::nullopt;
  Encoding encoding = {};  // !defined() for plain values
  // What a sequence or an optional holds; null when unknown, and for tensors.
  std::shared_ptr<const ValueType> element = nullptr;
  bool encoded() const { return encoding.defined(); }
  DType storage_dtype() const { return encoded() ? encoding.code : dtype; }
};

}  // namespace precis
