// A place is a few taps along each dimension; their products are the pixels it reads, the same for all
// channels.
#include "precis/kernels/reference/grid_sample.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace precis::kernels::reference {
namespace {

template <typename T>
struct Tap {
  int64_t at = 0;  // in elements of the image; negative: nothing
  T weight = 0;
};
template <typename T>
using Taps = std::vector<Tap<T>>;

// Back and forth between lo and hi.
template <typename T>
T reflected(T x, T lo, T hi) {
  const T range = hi - lo;
  if (range <= 0) return lo;
  const T past = std::fmod(std::abs(x - lo), 2 * range);
  return lo + (past <= range ? past : 2 * range - past);
}

template <typename T>
class Axis {
 public:
  Axis(const GridParams& p, int64_t length)
      : p_(p),
        length_(length),
        lo_(p.align_corners ? T{0} : T{-0.5}),
        hi_(p.align_corners ? static_cast<T>(length - 1) : static_cast<T>(length) - T{0.5}) {}

  Taps<T> taps(T normalized) const {
    const T place = inside(pixel(normalized));
    if (p_.mode == SampleMode::kNearest) return {{index(static_cast<int64_t>(std::nearbyint(place))), T{1}}};
    const T base = std::floor(place), t = place - base;
    const auto i = static_cast<int64_t>(base);
    if (p_.mode == SampleMode::kLinear) return {{index(i), 1 - t}, {index(i + 1), t}};
    return {{index(i - 1), outer(1 + t)},
            {index(i), inner(t)},
            {index(i + 1), inner(1 - t)},
            {index(i + 2), outer(2 - t)}};
  }

 private:
  T pixel(T n) const {
    const auto length = static_cast<T>(length_);
    return p_.align_corners ? (n + 1) / 2 * (length - 1) : ((n + 1) * length - 1) / 2;
  }

  // Beyond the border as the padding says. What is no number, or far away, counts as just out of reach.
  T inside(T x) const {
    constexpr T kBeyond = 8;
    const T most = static_cast<T>(length_ - 1);
    if (!std::isfinite(x)) return p_.padding == SamplePadding::kZeros ? -kBeyond : T{0};
    const T v = p_.mode == SampleMode::kNearest ? std::nearbyint(x) : x;
    if (v >= lo_ && v <= hi_) return v;
    // Cubic taps are held at the border one by one, as PyTorch does it.
    if (p_.padding == SamplePadding::kBorder && p_.mode != SampleMode::kCubic)
      return std::clamp(v, T{0}, most);
    if (p_.padding == SamplePadding::kReflection) return reflected(v, lo_, hi_);
    return std::clamp(v, -kBeyond, most + kBeyond);
  }

  // The pixel that a tap at `i` reads; -1 for none.
  int64_t index(int64_t i) const {
    if (i >= 0 && i < length_) return i;
    if (p_.padding == SamplePadding::kZeros) return -1;
    if (p_.padding == SamplePadding::kBorder) return std::clamp<int64_t>(i, 0, length_ - 1);
    const auto mirrored = static_cast<int64_t>(reflected(static_cast<T>(i), lo_, hi_));
    return std::clamp<int64_t>(mirrored, 0, length_ - 1);
  }

  // Cubic convolution (Keys 1981) with a = -0.75, at distances 0 to 1 and 1 to 2.
  static T inner(T d) { return (T{1.25} * d - T{2.25}) * d * d + 1; }
  static T outer(T d) { return ((T{-0.75} * d + T{3.75}) * d - 6) * d + 3; }

  const GridParams& p_;
  int64_t length_;
  T lo_, hi_;
};

// All pixels of a place: the products of the taps of each dimension.
template <typename T>
Taps<T> pixels(const GridParams& p, const std::vector<Axis<T>>& axes, const T* place) {
  Taps<T> all = {{0, T{1}}};
  for (size_t d = 0; d < axes.size(); ++d) {
    const Taps<T> along = axes[d].taps(place[axes.size() - 1 - d]);
    Taps<T> next;
    for (const Tap<T>& a : all)
      for (const Tap<T>& b : along)
        next.push_back({a.at < 0 || b.at < 0 ? -1 : a.at * p.dims[d] + b.at, a.weight * b.weight});
    all = std::move(next);
  }
  return all;
}

}  // namespace

template <typename T>
void grid_sample(const GridParams& p, const T* x, const T* grid, T* y) {
  std::vector<Axis<T>> axes;
  int64_t plane = 1;
  for (int64_t d : p.dims) {
    axes.emplace_back(p, d);
    plane *= d;
  }
  for (int64_t i = 0; i < p.points; ++i, grid += p.dims.size()) {
    const Taps<T> taps = pixels(p, axes, grid);
    for (int64_t c = 0; c < p.channels; ++c) {
      T sum = 0;
      for (const Tap<T>& t : taps)
        if (t.at >= 0) sum += x[c * plane + t.at] * t.weight;
      y[c * p.points + i] = sum;
    }
  }
}

template <typename T>
void affine_grid(const std::vector<int64_t>& dims, bool align_corners, const T* theta, T* grid) {
  const size_t rank = dims.size();
  std::vector<int64_t> position(rank, 0);
  std::vector<T> place(rank + 1, T{1});  // the last dimension's coordinate first, then 1
  int64_t count = 1;
  for (int64_t d : dims) count *= d;
  for (int64_t i = 0; i < count; ++i) {
    for (size_t d = 0; d < rank; ++d) {
      const auto at = static_cast<T>(position[d]), length = static_cast<T>(dims[d]);
      T& v = place[rank - 1 - d];
      if (align_corners)
        v = dims[d] == 1 ? T{0} : 2 * at / (length - 1) - 1;
      else
        v = (2 * at + 1) / length - 1;
    }
    for (size_t r = 0; r < rank; ++r) {
      T sum = 0;
      for (size_t k = 0; k <= rank; ++k) sum += theta[r * (rank + 1) + k] * place[k];
      *grid++ = sum;
    }
    for (size_t d = rank; d-- > 0 && ++position[d] == dims[d];) position[d] = 0;
  }
}

#define PRECIS_FLOATS(T)                                                \
  template void grid_sample(const GridParams&, const T*, const T*, T*); \
  template void affine_grid(const std::vector<int64_t>&, bool, const T*, T*);
PRECIS_FLOATS(float)
PRECIS_FLOATS(double)
#undef PRECIS_FLOATS

}  // namespace precis::kernels::reference
