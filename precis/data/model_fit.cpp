// Shapes and types of stored values against those of the model.
#include "precis/data/model_fit.h"

#include <algorithm>
#include <cmath>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis::data {
namespace {

bool is_lossless(DType from, DType to) {
  if (from == to) return true;
  if (to == DType::kBool || to == DType::kF8E8M0) return false;   // the latter has no zero and no sign
  if (from == DType::kF8E8M0 && to == DType::kF16) return false;  // its powers of two reach further
  if (is_float(from))
    return is_float(to) && exact_integer_bits(from) < exact_integer_bits(to) && dtype_bits(from) < dtype_bits(to);
  if (is_float(to)) return exact_integer_bits(from) <= exact_integer_bits(to);
  if (is_signed(from) && !is_signed(to)) return false;
  return exact_integer_bits(from) <= exact_integer_bits(to);
}

// Whether the value survives the conversion up to the rounding of floats.
bool fits_value(double value, DType to) {
  if (to == DType::kF8E8M0 && value <= 0) return false;
  if (is_float(to)) {
    const double most = is_narrow_float(to) ? narrow_to_double(to, double_to_narrow(to, INFINITY))
                        : to == DType::kF16 ? 65504.0
                        : to == DType::kF64 ? INFINITY
                                            : 3.3895e38;  // bf16 is the smallest
    return !std::isfinite(value) || std::fabs(value) <= most;
  }
  if (value != std::trunc(value)) return false;  // NaN too
  if (to == DType::kBool) return value == 0.0 || value == 1.0;
  const double low = is_signed(to) ? -std::ldexp(1.0, exact_integer_bits(to)) : 0.0;
  return value >= low && value < std::ldexp(1.0, exact_integer_bits(to));
}

// The dims that are no unit dimension, batch excluded.
std::vector<int64_t> squeezed(std::vector<int64_t> dims) {
  if (!dims.empty()) dims.erase(dims.begin());
  dims.erase(std::remove(dims.begin(), dims.end(), 1), dims.end());
  return dims;
}

std::optional<Shape> with_unit_dims(const Shape& row, const std::vector<int64_t>& dims) {
  const std::vector<int64_t> from = squeezed(row.dims()), to = squeezed(dims);
  if (dims.empty() || dims[0] > 1 || !shape_fits(Shape(from), to)) return std::nullopt;
  std::vector<int64_t> result = {1};
  size_t at = 0;
  for (size_t i = 1; i < dims.size(); ++i) result.push_back(dims[i] == 1 ? 1 : from[at++]);
  return Shape(std::move(result));
}

}  // namespace

std::string dims_text(const std::vector<int64_t>& dims) {
  std::string text;
  for (int64_t d : dims) text += (text.empty() ? "" : ",") + (d < 0 ? std::string("?") : std::to_string(d));
  return "[" + text + "]";
}

bool shape_fits(const Shape& shape, const std::vector<int64_t>& dims) {
  return std::equal(shape.begin(), shape.end(), dims.begin(), dims.end(),
                    [](int64_t found, int64_t wanted) { return wanted < 0 || found == wanted; });
}

std::optional<Shape> fitted_shape(const Shape& row, const std::vector<int64_t>& dims, Flatten flatten) {
  if (shape_fits(row, dims)) return row;
  const Shape unbatched(std::vector<int64_t>(row.begin() + 1, row.end()));
  if (shape_fits(unbatched, dims)) return unbatched;
  if (std::optional<Shape> shape = with_unit_dims(row, dims)) return shape;
  const bool vector = dims.size() == 2 && dims[0] <= 1 && dims[1] == row.numel();
  if (flatten == Flatten::kYes && vector) return Shape{1, dims[1]};
  return std::nullopt;
}

Tensor fitted_dtype(const Tensor& values, const InputSpec& input, DataSpec::Cast cast,
                    const std::string& where) {
  if (values.dtype() == input.dtype) return values;
  if (is_lossless(values.dtype(), input.dtype)) return values.cast(input.dtype);
  check(cast == DataSpec::Cast::kModel, ErrorCode::kUsage,
        "input '{}': {} holds {}, the model takes {}; save it as {}, or add ',cast=model' to the data to "
        "convert it",
        printable(input.name), where, dtype_name(values.dtype()), dtype_name(input.dtype),
        dtype_name(input.dtype));
  for (int64_t i = 0; i < values.numel(); ++i)
    check(fits_value(values.at_double(i), input.dtype), ErrorCode::kUsage,
          "input '{}': {} holds the value {} at element {}, which {} cannot hold", printable(input.name),
          where, values.at_double(i), i, dtype_name(input.dtype));
  return values.cast(input.dtype);
}

void fail_shape(const InputSpec& input, const std::string& where, const Shape& found, const char* hint) {
  fail(ErrorCode::kUsage, "input '{}': {} has shape {}, the model takes {}; {}", printable(input.name), where,
       found.str(), dims_text(input.dims), hint);
}

}  // namespace precis::data
