// How stored values meet a model input: shapes may differ by unit dimensions only, types are converted only
// where nothing is lost (or where the user allowed it), everything else is an error that names both sides.
#pragma once

#include <optional>
#include <string>

#include "precis/core/tensor.h"
#include "precis/data/source.h"

namespace precis::data {

enum class Flatten { kNo, kYes };

std::string dims_text(const std::vector<int64_t>& dims);  // "[?,3,224,224]"
bool shape_fits(const Shape& shape, const std::vector<int64_t>& dims);
// The model's shape for one row of shape [1, ...]: the shape itself; without its leading 1; with unit
// dimensions added or dropped; with Flatten::kYes also [1, all]. nullopt when nothing fits.
std::optional<Shape> fitted_shape(const Shape& row, const std::vector<int64_t>& dims, Flatten flatten);
// `values` in the type of the input. Error(kUsage) naming `where`, the types and the next step; under
// Cast::kModel also naming the first value that does not fit.
Tensor fitted_dtype(const Tensor& values, const InputSpec& input, DataSpec::Cast cast,
                    const std::string& where);

[[noreturn]] void fail_shape(const InputSpec& input, const std::string& where, const Shape& found,
                             const char* hint);

}  // namespace precis::data
