// Shape arithmetic that is too long for the header: strides, printing, axis and broadcasting rules.
#include "precis/core/shape.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "precis/core/check.h"

namespace precis {

std::vector<int64_t> Shape::strides() const {
  std::vector<int64_t> s(dims_.size(), 1);
  for (int i = rank() - 2; i >= 0; --i)
    s[static_cast<size_t>(i)] = checked_mul(s[static_cast<size_t>(i) + 1], (*this)[i + 1]);
  return s;
}

std::string Shape::str() const { return fmt::format("[{}]", fmt::join(dims_, ",")); }

int normalize_axis(int64_t axis, int rank, const char* where) {
  check(axis >= -rank && axis < rank, ErrorCode::kMalformed,
        "{}: axis {} is outside [{}, {}] of a rank-{} tensor", where, axis, -rank, rank - 1, rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::vector<int64_t> dims(static_cast<size_t>(rank));
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank());
    const int ib = i - (rank - b.rank());
    const int64_t da = ia < 0 ? 1 : a[ia];
    const int64_t db = ib < 0 ? 1 : b[ib];
    check(da == db || da == 1 || db == 1, ErrorCode::kMalformed,
          "shapes {} and {} do not broadcast: dimension {} is {} and {}", a.str(), b.str(), i, da, db);
    dims[static_cast<size_t>(i)] = da == 1 ? db : da;
  }
  return Shape(std::move(dims));
}

}  // namespace precis
