// Reductions walk the input once in row-major order and fold each element into its output.
#include "precis/kernels/reference/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>

namespace precis::kernels::reference {
namespace {

template <typename T>
using Wrapping = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;

template <typename T>
T add(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
}

template <typename T>
T multiply(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a * b;
  else
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
}

template <typename T>
bool nan(T v) {
  if constexpr (std::is_floating_point_v<T>) return std::isnan(v);
  return false;
}

template <typename T>
T highest() {
  if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::infinity();
  return std::numeric_limits<T>::max();
}

template <typename T>
T lowest() {
  if constexpr (std::is_floating_point_v<T>) return -std::numeric_limits<T>::infinity();
  return std::numeric_limits<T>::lowest();
}

template <typename T, typename F>
void fold(const Walk<2>& walk, int64_t outputs, T initial, const T* x, T* y, F f) {
  std::fill_n(y, outputs, initial);
  for_each_row(walk, [&](const auto& at, int64_t n, const auto& step) {
    const T* px = x + at[0];
    T* py = y + at[1];
    for (int64_t i = 0; i < n; ++i) py[i * step[1]] = f(py[i * step[1]], px[i * step[0]]);
  });
}

template <typename T>
T absolute(T v) {
  if constexpr (std::is_floating_point_v<T>)
    return std::abs(v);
  else
    return v < T{0} ? multiply(v, static_cast<T>(-1)) : v;
}

// f(v) in double, truncated and saturated into T; NaN gives 0.
template <typename T>
T real_function(double (*f)(double), T v) {
  const double r = f(static_cast<double>(v));
  if (!(r > static_cast<double>(std::numeric_limits<T>::lowest())))
    return std::isnan(r) ? T{0} : std::numeric_limits<T>::lowest();
  return r >= static_cast<double>(std::numeric_limits<T>::max()) ? std::numeric_limits<T>::max()
                                                                 : static_cast<T>(r);
}

template <typename T>
void log_sum_exp(const Walk<2>& walk, int64_t outputs, const T* x, T* y, T* scratch) {
  if constexpr (std::is_floating_point_v<T>) {
    fold(walk, outputs, lowest<T>(), x, scratch, [](T a, T v) { return nan(v) || v > a ? v : a; });
    for (int64_t o = 0; o < outputs; ++o)
      if (std::isinf(scratch[o])) scratch[o] = 0;  // exp(x - inf) would be NaN
    std::fill_n(y, outputs, T{0});
    for_each_row(walk, [&](const auto& at, int64_t n, const auto& step) {
      for (int64_t i = 0; i < n; ++i) {
        const int64_t o = at[1] + i * step[1];
        y[o] += std::exp(x[at[0] + i * step[0]] - scratch[o]);
      }
    });
    for (int64_t o = 0; o < outputs; ++o) y[o] = std::log(y[o]) + scratch[o];
  } else {
    fold(walk, outputs, T{0}, x, y, [](T a, T v) { return add(a, real_function<T>(std::exp, v)); });
    for (int64_t o = 0; o < outputs; ++o) y[o] = real_function<T>(std::log, y[o]);
  }
}

// What is left to do on each output after the fold.
template <typename T>
void finish(ReduceOp op, int64_t outputs, int64_t count, T* y) {
  for (int64_t o = 0; o < outputs; ++o) {
    if (op == ReduceOp::kMean) {
      if constexpr (std::is_floating_point_v<T>)
        y[o] /= static_cast<T>(count);
      else
        y[o] = count == 0 ? T{0} : static_cast<T>(static_cast<double>(y[o]) / static_cast<double>(count));
    }
    if (op == ReduceOp::kL2) {
      if constexpr (std::is_floating_point_v<T>)
        y[o] = std::sqrt(y[o]);
      else
        y[o] = real_function<T>(std::sqrt, y[o]);
    }
    if (op == ReduceOp::kLogSum) {
      if constexpr (std::is_floating_point_v<T>)
        y[o] = std::log(y[o]);
      else
        y[o] = y[o] > T{0} ? real_function<T>(std::log, y[o]) : T{0};
    }
  }
}

template <typename T>
void scan_slice(Accumulate op, ScanStart start, ScanDirection direction, int64_t n, int64_t step, const T* x,
                T* y) {
  T total = op == Accumulate::kSum ? T{0} : T{1};
  for (int64_t j = 0; j < n; ++j) {
    const int64_t at = (direction == ScanDirection::kForward ? j : n - 1 - j) * step;
    const T next = op == Accumulate::kSum ? add(total, x[at]) : multiply(total, x[at]);
    y[at] = start == ScanStart::kInclusive ? next : total;
    total = next;
  }
}

// NaN is larger than every number: a strict weak order, whatever the data.
template <typename T>
bool precedes(Extreme which, T a, T b) {
  if (nan(a) || nan(b)) return which == Extreme::kMax ? nan(a) && !nan(b) : !nan(a) && nan(b);
  return which == Extreme::kMax ? a > b : a < b;
}

}  // namespace

template <typename T>
void reduce(ReduceOp op, const Walk<2>& walk, int64_t outputs, int64_t count, const T* x, T* y, T* scratch) {
  switch (op) {
    case ReduceOp::kSum:
    case ReduceOp::kMean:
    case ReduceOp::kLogSum:
      fold(walk, outputs, T{0}, x, y, add<T>);
      break;
    case ReduceOp::kMax:
      return fold(walk, outputs, lowest<T>(), x, y, [](T a, T v) { return nan(v) || v > a ? v : a; });
    case ReduceOp::kMin:
      return fold(walk, outputs, highest<T>(), x, y, [](T a, T v) { return nan(v) || v < a ? v : a; });
    case ReduceOp::kProd:
      return fold(walk, outputs, T{1}, x, y, multiply<T>);
    case ReduceOp::kL1:
      return fold(walk, outputs, T{0}, x, y, [](T a, T v) { return add(a, absolute(v)); });
    case ReduceOp::kL2:
    case ReduceOp::kSumSquare:
      fold(walk, outputs, T{0}, x, y, [](T a, T v) { return add(a, multiply(v, v)); });
      break;
    case ReduceOp::kLogSumExp:
      return log_sum_exp(walk, outputs, x, y, scratch);
  }
  finish(op, outputs, count, y);
}

template <typename T>
void arg_extreme(Extreme which, Ties ties, int64_t outer, int64_t n, int64_t inner, const T* x, int64_t* y) {
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      const T* slice = x + o * n * inner + i;
      int64_t best = 0;
      for (int64_t k = 1; k < n; ++k) {
        const T v = slice[k * inner], b = slice[best * inner];
        if (precedes(which, v, b) || (ties == Ties::kLast && !precedes(which, b, v))) best = k;
      }
      y[o * inner + i] = best;
    }
}

template <typename T>
void top_k(Extreme which, int64_t outer, int64_t n, int64_t inner, int64_t k, const T* x, T* values,
           int64_t* indices, int64_t* order) {
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i) {
      const T* slice = x + o * n * inner + i;
      std::iota(order, order + n, int64_t{0});
      std::partial_sort(order, order + k, order + n, [&](int64_t a, int64_t b) {
        const T va = slice[a * inner], vb = slice[b * inner];
        return precedes(which, va, vb) || (!precedes(which, vb, va) && a < b);
      });
      for (int64_t j = 0; j < k; ++j) {
        values[(o * k + j) * inner + i] = slice[order[j] * inner];
        indices[(o * k + j) * inner + i] = order[j];
      }
    }
}

template <typename T>
void scan(Accumulate op, ScanStart start, ScanDirection direction, int64_t outer, int64_t n, int64_t inner,
          const T* x, T* y) {
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i)
      scan_slice(op, start, direction, n, inner, x + o * n * inner + i, y + o * n * inner + i);
}

#define PRECIS_NUMERIC(T)                                                                             \
  template void reduce(ReduceOp, const Walk<2>&, int64_t, int64_t, const T*, T*, T*);                 \
  template void arg_extreme(Extreme, Ties, int64_t, int64_t, int64_t, const T*, int64_t*);            \
  template void top_k(Extreme, int64_t, int64_t, int64_t, int64_t, const T*, T*, int64_t*, int64_t*); \
  template void scan(Accumulate, ScanStart, ScanDirection, int64_t, int64_t, int64_t, const T*, T*);
PRECIS_NUMERIC(float)
PRECIS_NUMERIC(double)
PRECIS_NUMERIC(int8_t)
PRECIS_NUMERIC(int16_t)
PRECIS_NUMERIC(int32_t)
PRECIS_NUMERIC(int64_t)
PRECIS_NUMERIC(uint8_t)
PRECIS_NUMERIC(uint16_t)
PRECIS_NUMERIC(uint32_t)
PRECIS_NUMERIC(uint64_t)
#undef PRECIS_NUMERIC

}  // namespace precis::kernels::reference
