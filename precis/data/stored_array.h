// StoredArray: a typed n-dimensional array that lies in a file (npy, a member of an npz, IDX), read by rows
// of axis 0. Rows are converted to this CPU's byte order and C order when they are read; the set itself is
// never held in memory (Fortran-order arrays are the exception: they are reordered once at opening, up to 1
// GiB).
#pragma once

#include <cstdint>
#include <string>

#include "precis/core/tensor.h"
#include "precis/data/byte_source.h"

namespace precis::data {

struct StoredArray {
  DType dtype = DType::kUndefined;
  Shape shape;
  bool big_endian = false;
  uint64_t data_offset = 0;
  BytesPtr bytes;

  const std::string& name() const { return bytes->name(); }
  int64_t rows() const { return shape.rank() == 0 ? 1 : shape[0]; }
};

// Rows [first, first + count) as [count, ...]; a scalar array has one row, itself.
// Errors: kIo; kMalformed for a bool that is neither 0 nor 1.
Tensor read_rows(const StoredArray& array, int64_t first, int64_t count);
Tensor read_all(const StoredArray& array);
// XXH3 of one row's values in this CPU's order.
uint64_t row_hash(const StoredArray& array, int64_t row);

// Checks that `array` describes exactly `bytes->size() - data_offset` bytes; kMalformed naming both sizes.
// Products that overflow or dimensions above 2^40 are kMalformed as well.
void check_stored_size(const StoredArray& array);
// The same values in C order, when the file has them in Fortran order. kLimit above 1 GiB.
StoredArray reorder_fortran(const StoredArray& array);

}  // namespace precis::data
