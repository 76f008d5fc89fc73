// Matching arrays with inputs.
#include "precis/data/array_input.h"

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/text.h"
#include "precis/data/model_fit.h"

namespace precis::data {
namespace {

Shape one_row(const Shape& shape) {
  std::vector<int64_t> dims = shape.dims();
  dims[0] = 1;
  return Shape(std::move(dims));
}

Shape without_first(const Shape& shape) {
  return Shape(std::vector<int64_t>(shape.begin() + 1, shape.end()));
}

Shape with_batch(const Shape& shape) {
  std::vector<int64_t> dims = {1};
  dims.insert(dims.end(), shape.begin(), shape.end());
  return Shape(std::move(dims));
}

}  // namespace

ArrayInput::ArrayInput(StoredArray array, InputSpec input, DataSpec::Cast cast)
    : array_(std::move(array)), input_(std::move(input)), cast_(cast), mode_(find_mode()) {
  if (mode_ == Rows::kBatch && input_.dims[0] > 1) input_.dims[0] = 1;
}

ArrayInput::Rows ArrayInput::find_mode() const {
  const Shape& found = array_.shape;
  const std::vector<int64_t>& wanted = input_.dims;
  if (wanted.empty() && found.rank() == 0) return Rows::kConstant;
  if (found.rank() == static_cast<int>(wanted.size()) + 1 && shape_fits(without_first(found), wanted))
    return Rows::kItems;
  std::vector<int64_t> row_dims = wanted;
  if (!row_dims.empty() && row_dims[0] > 1) row_dims[0] = 1;
  // Unit dimensions are adapted only below the batch: an array without a batch axis is one sample.
  const bool has_rows = found.rank() >= 1 && !row_dims.empty();
  if (has_rows && found.rank() == static_cast<int>(wanted.size()) && shape_fits(one_row(found), row_dims))
    return Rows::kBatch;
  if (shape_fits(with_batch(found), row_dims)) return Rows::kWhole;
  if (has_rows && fitted_shape(one_row(found), row_dims, Flatten::kNo)) return Rows::kBatch;
  fail_shape(input_, "'" + array_.name() + "'", found,
             "rows along axis 0 must have the model's shape behind its batch");
}

Tensor ArrayInput::row(int64_t index) const {
  const Tensor values =
      mode_ == Rows::kConstant || mode_ == Rows::kWhole ? read_all(array_) : read_rows(array_, index, 1);
  Shape shape = values.shape();
  switch (mode_) {
    case Rows::kConstant:
      break;
    case Rows::kWhole:
      shape = with_batch(shape);
      break;
    case Rows::kItems:
      shape = without_first(shape);
      break;
    case Rows::kBatch:
      shape = *fitted_shape(shape, input_.dims, Flatten::kNo);
      break;
  }
  return fitted_dtype(values.reshaped(std::move(shape)), input_, cast_, "'" + array_.name() + "'");
}

uint64_t ArrayInput::content_hash(int64_t index) const {
  if (!single()) return row_hash(array_, index);
  const Tensor values = read_all(array_);
  return xxh3(std::span(values.bytes(), static_cast<size_t>(values.nbytes())));
}

}  // namespace precis::data
