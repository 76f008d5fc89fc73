// Element moves, instantiated per element size.
#include "precis/kernels/reference/move.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

namespace precis::kernels::reference {
namespace {

// Calls f(T{}) with the unsigned type of the element size.
template <typename F>
void for_size(size_t element_size, F f) {
  switch (element_size) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

template <typename T>
void map_axis(std::span<const std::vector<int64_t>> maps, size_t axis, int64_t base, const T* src, T value,
              T*& dst) {
  const bool last = axis + 1 == maps.size();
  for (int64_t offset : maps[axis]) {
    const int64_t at = base < 0 || offset < 0 ? -1 : base + offset;
    if (last)
      *dst++ = at < 0 ? value : src[at];
    else
      map_axis(maps, axis + 1, at, src, value, dst);
  }
}

template <typename T>
T combine(Reduction op, T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (op == Reduction::kAdd) return a + b;
    if (op == Reduction::kMul) return a * b;
    if (std::isnan(a) || std::isnan(b)) return a + b;
  } else {
    using U = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;
    if (op == Reduction::kAdd) return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
    if (op == Reduction::kMul) return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
  }
  return op == Reduction::kMin ? std::min(a, b) : std::max(a, b);
}

}  // namespace

void copy_strided(const Walk<2>& walk, size_t element_size, const std::byte* src, std::byte* dst) {
  for_size(element_size, [&](auto zero) {
    using T = decltype(zero);
    const T* from = reinterpret_cast<const T*>(src);
    T* to = reinterpret_cast<T*>(dst);
    for_each_row(walk, [&](const auto& at, int64_t n, const auto& step) {
      const T* ps = from + at[0];
      T* pd = to + at[1];
      if (step[0] == 1 && step[1] == 1)
        std::copy_n(ps, n, pd);
      else
        for (int64_t i = 0; i < n; ++i) pd[i * step[1]] = ps[i * step[0]];
    });
  });
}

void fill(size_t element_size, int64_t n, const std::byte* value, std::byte* dst) {
  for_size(element_size, [&](auto zero) {
    using T = decltype(zero);
    T v;
    std::memcpy(&v, value, sizeof v);
    std::fill_n(reinterpret_cast<T*>(dst), n, v);
  });
}

void map_axes(std::span<const std::vector<int64_t>> maps, size_t element_size, const std::byte* src,
              const std::byte* value, std::byte* dst) {
  for_size(element_size, [&](auto zero) {
    using T = decltype(zero);
    T v;
    std::memcpy(&v, value, sizeof v);
    const T* from = reinterpret_cast<const T*>(src);
    T* to = reinterpret_cast<T*>(dst);
    if (maps.empty())
      *to = *from;
    else
      map_axis(maps, 0, 0, from, v, to);
  });
}

void gather(int64_t outer, int64_t n, int64_t inner, std::span<const int64_t> indices, size_t element_size,
            const std::byte* src, std::byte* dst) {
  const size_t block = static_cast<size_t>(inner) * element_size;
  if (block == 0) return;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t index : indices) {
      std::memcpy(dst, src + static_cast<size_t>(o * n + index) * block, block);
      dst += block;
    }
}

template <typename T>
void scatter(Reduction op, std::span<const int64_t> offsets, int64_t block, const T* updates, T* dst) {
  for (int64_t offset : offsets)
    for (int64_t i = 0; i < block; ++i) {
      T& target = dst[offset + i];
      target = op == Reduction::kNone ? *updates : combine(op, target, *updates);
      ++updates;
    }
}

#define PRECIS_SCATTER(T) template void scatter(Reduction, std::span<const int64_t>, int64_t, const T*, T*);
PRECIS_SCATTER(float)
PRECIS_SCATTER(double)
PRECIS_SCATTER(int8_t)
PRECIS_SCATTER(int16_t)
PRECIS_SCATTER(int32_t)
PRECIS_SCATTER(int64_t)
PRECIS_SCATTER(uint8_t)
PRECIS_SCATTER(uint16_t)
PRECIS_SCATTER(uint32_t)
PRECIS_SCATTER(uint64_t)
#undef PRECIS_SCATTER

}  // namespace precis::kernels::reference
