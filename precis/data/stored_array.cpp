// Reading rows of stored arrays.
#include "precis/data/stored_array.h"

#include <algorithm>
#include <cstring>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/data/byte_order.h"

namespace precis::data {
namespace {

constexpr uint64_t kMaxFortranBytes = uint64_t{1} << 30;

size_t width_of(const StoredArray& array) { return static_cast<size_t>(dtype_bits(array.dtype)) / 8; }

int64_t row_elements(const StoredArray& array) { return array.shape.rank() == 0 ? 1 : array.shape.inner(1); }

void check_bools(const Tensor& values, const StoredArray& array) {
  const auto bytes = std::span(values.bytes(), static_cast<size_t>(values.nbytes()));
  const bool valid = std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b <= std::byte{1}; });
  check(valid, ErrorCode::kMalformed, "'{}' holds a bool that is neither 0 nor 1", array.name());
}

}  // namespace

Tensor read_rows(const StoredArray& array, int64_t first, int64_t count) {
  std::vector<int64_t> dims = array.shape.dims();
  if (!dims.empty()) dims[0] = count;
  Tensor rows(array.dtype, Shape(std::move(dims)));
  const auto out = std::span(rows.bytes(), static_cast<size_t>(rows.nbytes()));
  const uint64_t row_bytes = static_cast<uint64_t>(row_elements(array)) * width_of(array);
  array.bytes->read(array.data_offset + static_cast<uint64_t>(first) * row_bytes, out);
  if (array.big_endian) swap_elements(out, width_of(array));
  if (array.dtype == DType::kBool) check_bools(rows, array);
  return rows;
}

Tensor read_all(const StoredArray& array) { return read_rows(array, 0, array.rows()); }

uint64_t row_hash(const StoredArray& array, int64_t row) {
  const Tensor values = read_rows(array, row, 1);
  return xxh3(std::span(values.bytes(), static_cast<size_t>(values.nbytes())));
}

void check_stored_size(const StoredArray& array) {
  uint64_t bytes = width_of(array);
  bool overflow = array.shape.rank() > kMaxRank;
  check(!overflow, ErrorCode::kMalformed, "'{}' has {} dimensions; at most {} are read", array.name(),
        array.shape.rank(), kMaxRank);
  const bool empty = std::find(array.shape.begin(), array.shape.end(), 0) != array.shape.end();
  for (int64_t d : array.shape)
    overflow = overflow || d < 0 || d > limits().max_tensor_elements ||
               (!empty && __builtin_mul_overflow(bytes, static_cast<uint64_t>(d), &bytes));
  if (empty) bytes = 0;
  check(!overflow && bytes <= INT64_MAX, ErrorCode::kMalformed,
        "'{}' declares shape {} of {}, which overflows; the header is damaged", array.name(),
        array.shape.str(), dtype_name(array.dtype));
  const uint64_t found = array.bytes->size() - std::min(array.bytes->size(), array.data_offset);
  check(found == bytes, ErrorCode::kMalformed,
        "'{}' has {} bytes of data, its shape {} of {} needs {}: it is {}", array.name(), found,
        array.shape.str(), dtype_name(array.dtype), bytes,
        found < bytes ? "truncated; copy it again" : "longer than its header says");
}

StoredArray reorder_fortran(const StoredArray& array) {
  const int rank = array.shape.rank();
  const uint64_t size = array.bytes->size() - array.data_offset;
  if (rank < 2 || size == 0) return array;
  check(size <= kMaxFortranBytes, ErrorCode::kLimit,
        "'{}' is a Fortran-order array of {}; such arrays are reordered in memory up to {}: save it with "
        "numpy.ascontiguousarray",
        array.name(), format_bytes(size), format_bytes(kMaxFortranBytes));
  const std::vector<std::byte> from = array.bytes->read(array.data_offset, size);
  std::vector<std::byte> to(from.size());
  const size_t width = width_of(array);
  std::vector<int64_t> step(static_cast<size_t>(rank), 1);  // Fortran: the first axis is the fastest
  for (int i = 1; i < rank; ++i)
    step[static_cast<size_t>(i)] = step[static_cast<size_t>(i - 1)] * array.shape[i - 1];
  std::vector<int64_t> index(static_cast<size_t>(rank), 0);
  int64_t source = 0;
  for (size_t at = 0; at < to.size(); at += width) {
    std::memcpy(to.data() + at, from.data() + static_cast<size_t>(source) * width, width);
    for (int axis = rank - 1; axis >= 0; --axis) {
      const auto a = static_cast<size_t>(axis);
      source += step[a];
      if (++index[a] < array.shape[axis]) break;
      source -= step[a] * array.shape[axis];
      index[a] = 0;
    }
  }
  StoredArray ordered = array;
  ordered.data_offset = 0;
  ordered.bytes = memory_bytes(std::move(to), array.name());
  return ordered;
}

}  // namespace precis::data
