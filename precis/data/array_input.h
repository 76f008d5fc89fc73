// One model input fed from a stored array: how rows of the array become samples.
#pragma once

#include <cstdint>
#include <string>

#include "precis/data/source.h"
#include "precis/data/stored_array.h"

namespace precis::data {

class ArrayInput {
 public:
  enum class Rows {
    kBatch,     // the array's axis 0 is the model's batch: row i is array[i:i+1], unit dimensions adapted
    kItems,     // the array has one axis more than the model: row i is array[i], batch included
    kWhole,     // the array is one sample without its batch dimension
    kConstant,  // a scalar: the same in every sample
  };
  // Error(kUsage) naming both shapes when rows of the array cannot be fed to the input.
  ArrayInput(StoredArray array, InputSpec input, DataSpec::Cast cast);

  Rows mode() const { return mode_; }
  int64_t size() const { return mode_ == Rows::kWhole || mode_ == Rows::kConstant ? 1 : array_.rows(); }
  const StoredArray& array() const { return array_; }
  Tensor row(int64_t index) const;
  uint64_t content_hash(int64_t index) const;

 private:
  Rows find_mode() const;
  bool single() const { return mode_ == Rows::kWhole || mode_ == Rows::kConstant; }
  StoredArray array_;
  InputSpec input_;  // dims: what one row must fit (a fixed batch counts as 1 in mode kBatch)
  DataSpec::Cast cast_;
  Rows mode_;
};

}  // namespace precis::data
