// The copy loops: whole runs where both sides are contiguous, square tiles where the source runs across.
#include "precis/runtime/strided_copy.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "precis/core/checked.h"
#include "precis/core/parallel.h"

namespace precis::runtime {
namespace {

constexpr int64_t kTile = 16;           // 16 x 16 elements of 4 bytes: a few cache lines on each side
constexpr int64_t kRowBlock = 64;       // rows of a plane that one work item copies
constexpr int64_t kChunkBytes = 32768;  // work per parallel chunk

// The two innermost dimensions: rows x columns.
struct Plane {
  int64_t rows, columns, source_row, source_column, destination_row, destination_column;
};

// Rows of a length known to the compiler: a move each instead of a call each.
template <size_t Bytes, typename T>
void copy_short_rows(const Plane& p, const T* source, T* destination) {
  for (int64_t r = 0; r < p.rows; ++r)
    std::memcpy(destination + r * p.destination_row, source + r * p.source_row, Bytes);
}

// Both sides run along their rows.
template <typename T>
void copy_rows(const Plane& p, const T* source, T* destination) {
  const size_t bytes = static_cast<size_t>(p.columns) * sizeof(T);
  if (bytes == 4) return copy_short_rows<4>(p, source, destination);
  if (bytes == 8) return copy_short_rows<8>(p, source, destination);
  if (bytes == 16) return copy_short_rows<16>(p, source, destination);
  if (bytes == 32) return copy_short_rows<32>(p, source, destination);
  for (int64_t r = 0; r < p.rows; ++r)
    std::memcpy(destination + r * p.destination_row, source + r * p.source_row, bytes);
}

// Rows of N elements, each out of its own run of the source: interleaved. N is known so that the compiler can
// keep the runs in registers.
template <typename T, int N>
void interleave(const Plane& p, const T* __restrict source, T* __restrict destination) {
  for (int64_t r = 0; r < p.rows; ++r)
    for (int n = 0; n < N; ++n) destination[r * N + n] = source[n * p.source_column + r];
}

template <typename T>
bool interleave_plane(const Plane& p, const T* source, T* destination) {
  if (p.source_row != 1 || p.destination_column != 1 || p.destination_row != p.columns) return false;
  switch (p.columns) {
    case 2:
      interleave<T, 2>(p, source, destination);
      return true;
    case 3:
      interleave<T, 3>(p, source, destination);
      return true;
    case 4:
      interleave<T, 4>(p, source, destination);
      return true;
    case 8:
      interleave<T, 8>(p, source, destination);
      return true;
    default:
      return false;
  }
}

template <typename T>
void copy_plane(const Plane& p, const T* source, T* destination) {
  if (p.source_column == 1 && p.destination_column == 1) return copy_rows(p, source, destination);
  if (interleave_plane(p, source, destination)) return;
  for (int64_t r0 = 0; r0 < p.rows; r0 += kTile) {
    const int64_t r1 = std::min(p.rows, r0 + kTile);
    for (int64_t c0 = 0; c0 < p.columns; c0 += kTile) {
      const int64_t c1 = std::min(p.columns, c0 + kTile);
      for (int64_t r = r0; r < r1; ++r) {
        const T* s = source + r * p.source_row;
        T* d = destination + r * p.destination_row;
        for (int64_t c = c0; c < c1; ++c) d[c * p.destination_column] = s[c * p.source_column];
      }
    }
  }
}

// Work items are blocks of kRowBlock rows of one plane; items [begin, end) of the whole copy.
template <typename T>
void copy_items(const StridedCopy& c, const T* source, T* destination, const Plane& plane, int64_t begin,
                int64_t end) {
  const size_t outer = c.extents.size() - 2;
  const int64_t blocks = ceil_div(plane.rows, kRowBlock);
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = i % blocks * kRowBlock;
    int64_t rest = i / blocks, from = row * plane.source_row, to = row * plane.destination_row;
    for (size_t d = outer; d-- > 0;) {
      const int64_t at = rest % c.extents[d];
      rest /= c.extents[d];
      from += at * c.source_strides[d];
      to += at * c.destination_strides[d];
    }
    Plane part = plane;
    part.rows = std::min(kRowBlock, plane.rows - row);
    copy_plane(part, source + from, destination + to);
  }
}

template <typename T>
struct Job {
  const StridedCopy* copy;
  const T* source;
  T* destination;
  Plane plane;
  static void run(void* context, int64_t begin, int64_t end) {
    const Job& j = *static_cast<Job*>(context);
    copy_items(*j.copy, j.source, j.destination, j.plane, begin, end);
  }
};

template <typename T>
void run_typed(const StridedCopy& c, const std::byte* source, std::byte* destination) {
  const size_t n = c.extents.size();
  const Plane plane{c.extents[n - 2],
                    c.extents[n - 1],
                    c.source_strides[n - 2],
                    c.source_strides[n - 1],
                    c.destination_strides[n - 2],
                    c.destination_strides[n - 1]};
  int64_t items = ceil_div(plane.rows, kRowBlock);
  for (size_t d = 0; d + 2 < n; ++d) items *= c.extents[d];
  Job<T> job{&c, reinterpret_cast<const T*>(source) + c.source_offset,
             reinterpret_cast<T*>(destination) + c.destination_offset, plane};
  const int64_t item_bytes =
      std::min(plane.rows, kRowBlock) * plane.columns * static_cast<int64_t>(sizeof(T));
  parallel_for_raw(items, std::max<int64_t>(1, kChunkBytes / item_bytes), &Job<T>::run, &job);
}

}  // namespace

void StridedCopy::simplify() {
  std::vector<size_t> order;
  for (size_t i = 0; i < extents.size(); ++i)
    if (extents[i] != 1) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return destination_strides[a] > destination_strides[b]; });
  std::vector<int64_t> e, s, d;
  for (size_t i : order) {
    const bool merges = !e.empty() && s.back() == source_strides[i] * extents[i] &&
                        d.back() == destination_strides[i] * extents[i];
    if (merges) {
      e.back() *= extents[i];
      s.back() = source_strides[i];
      d.back() = destination_strides[i];
    } else {
      e.push_back(extents[i]);
      s.push_back(source_strides[i]);
      d.push_back(destination_strides[i]);
    }
  }
  // The source's contiguous dimension becomes the second innermost, so that tiles run along both sides.
  if (!s.empty() && s.back() != 1)
    for (size_t i = 0; i + 2 < e.size(); ++i)
      if (s[i] == 1) {
        std::rotate(e.begin() + static_cast<long>(i), e.begin() + static_cast<long>(i) + 1, e.end() - 1);
        std::rotate(s.begin() + static_cast<long>(i), s.begin() + static_cast<long>(i) + 1, s.end() - 1);
        std::rotate(d.begin() + static_cast<long>(i), d.begin() + static_cast<long>(i) + 1, d.end() - 1);
        break;
      }
  while (e.size() < 2) {
    e.insert(e.begin(), 1);
    s.insert(s.begin(), 0);
    d.insert(d.begin(), 0);
  }
  extents = std::move(e);
  source_strides = std::move(s);
  destination_strides = std::move(d);
}

void StridedCopy::run(const std::byte* source, std::byte* destination) const {
  for (int64_t e : extents)
    if (e == 0) return;
  switch (element_bytes) {
    case 1:
      return run_typed<uint8_t>(*this, source, destination);
    case 2:
      return run_typed<uint16_t>(*this, source, destination);
    case 8:
      return run_typed<uint64_t>(*this, source, destination);
    default:
      return run_typed<uint32_t>(*this, source, destination);
  }
}

}  // namespace precis::runtime
