// Two operands walked along a result that both are broadcast to, in the memory order of a layout: what element-wise kernels of
// two inputs need. Prepared once for a plan; walking allocates nothing.
#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "precis/runtime/layout.h"

namespace precis::runtime {

class BroadcastRows {
 public:
  // One operand: its shape and the layout it lies in (plain when its rank is less than the result's).
  struct Operand {
    Shape shape;
    Layout layout = Layout::kPlain;
  };
  // nullopt when an operand's elements do not follow each other along the result's rows.
  static std::optional<BroadcastRows> make(const Operand& a, const Operand& b, const Shape& y, Layout y_layout);

  int64_t elements() const { return elements_; }
  // An operand that is read one element a row, not one element an element.
  bool repeats(int operand) const { return step_[static_cast<size_t>(operand)][0] == 0; }

  // Calls body(a, b, y, n) for the runs that make up elements [begin, end): offsets in elements.
  template <typename Body>
  void for_each_run(int64_t begin, int64_t end, const Body& body) const {
    for (int64_t y = begin; y < end;) {
      std::array<int64_t, 2> offset = {};
      int64_t rest = y;
      for (size_t d = 0; d < rank_; ++d) {
        const int64_t index = rest % extent_[d];
        rest /= extent_[d];
        for (size_t o = 0; o < 2; ++o) offset[o] += index * step_[o][d];
      }
      const int64_t n = std::min(end - y, extent_[0] - y % extent_[0]);
      body(offset[0], offset[1], y, n);
      y += n;
    }
  }

 private:
  // Innermost dimension first; dimensions that all three walk as one are merged.
  size_t rank_ = 0;
  std::array<int64_t, kMaxRank> extent_ = {};
  std::array<std::array<int64_t, kMaxRank>, 2> step_ = {};
  int64_t elements_ = 1;
};

}  // namespace precis::runtime
