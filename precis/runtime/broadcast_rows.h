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
  // Elements that an operand repeats along a run, at most (one, or the channels of a pixel).
  static constexpr int64_t kMaxTile = 256;

  // nullopt when an operand's elements do not follow each other along the result's rows.
  static std::optional<BroadcastRows> make(const Operand& a, const Operand& b, const Shape& y, Layout y_layout);

  int64_t elements() const { return elements_; }
  // 0: the operand walks along with the result. Else a run reads the same `tile` elements again and again.
  int64_t tile(int operand) const { return tile_[static_cast<size_t>(operand)]; }

  // Calls body(a, b, y, n) for the runs that make up elements [begin, end): offsets in elements; of a tiled
  // operand, that of its tile, whose element y % tile comes first.
  template <typename Body>
  void for_each_run(int64_t begin, int64_t end, const Body& body) const {
    for (int64_t y = begin; y < end;) {
      const int64_t inside = y % extent_[0];
      std::array<int64_t, 2> offset = {tile_[0] == 0 ? inside : 0, tile_[1] == 0 ? inside : 0};
      int64_t rest = y / extent_[0];
      for (size_t d = 1; d < rank_; ++d) {
        const int64_t index = rest % extent_[d];
        rest /= extent_[d];
        for (size_t o = 0; o < 2; ++o) offset[o] += index * step_[o][d];
      }
      const int64_t n = std::min(end - y, extent_[0] - inside);
      body(offset[0], offset[1], y, n);
      y += n;
    }
  }

 private:
  void add_axis(int64_t extent, std::array<int64_t, 2> step);
  bool joins(size_t operand, int64_t step) const;
  bool tiles(size_t operand, int64_t step) const;

  // Innermost dimension first; dimensions that all three walk as one are merged.
  size_t rank_ = 0;
  std::array<int64_t, kMaxRank> extent_ = {};
  std::array<std::array<int64_t, kMaxRank>, 2> step_ = {};
  std::array<int64_t, 2> tile_ = {};
  int64_t elements_ = 1;
};

}  // namespace precis::runtime
