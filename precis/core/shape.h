// Shape: the concrete dimensions of a tensor, row-major. Dimensions are never negative; element counts are checked.
// (Symbolic dimensions live in the graph's value types: precis/graph/type.h.)
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "precis/core/checked.h"

namespace precis {

inline constexpr int kMaxRank = 16;

class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<int64_t> dims) : dims_(std::move(dims)) {}

  int rank() const { return static_cast<int>(dims_.size()); }
  int64_t operator[](int axis) const { return dims_[static_cast<size_t>(axis)]; }
  int64_t& operator[](int axis) { return dims_[static_cast<size_t>(axis)]; }
  const std::vector<int64_t>& dims() const { return dims_; }
  auto begin() const { return dims_.begin(); }
  auto end() const { return dims_.end(); }
  bool operator==(const Shape&) const = default;

  int64_t numel() const { return checked_product(dims_); }  // Error(kLimit) on overflow
  // Elements before / from `axis` on: the outer and inner extents of a flattened view.
  int64_t outer(int axis) const { return checked_product(std::span(dims_).first(static_cast<size_t>(axis))); }
  int64_t inner(int axis) const { return checked_product(std::span(dims_).subspan(static_cast<size_t>(axis))); }
  std::vector<int64_t> strides() const;  // row-major, in elements
  std::string str() const;               // "[1,3,224,224]"

 private:
  std::vector<int64_t> dims_;
};

// Maps a possibly negative axis into [0, rank); Error(kMalformed) naming `where` when it is out of range.
int normalize_axis(int64_t axis, int rank, const char* where);

// NumPy broadcasting of two shapes; Error(kMalformed) naming both when they do not fit.
Shape broadcast_shapes(const Shape& a, const Shape& b);

}  // namespace precis
