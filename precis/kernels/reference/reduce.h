// Reductions over any set of axes, and the operators along one axis that pick, rank or accumulate.
// Sums are plain sequential sums per output element, in row-major order of the input, in the element's own
// type (integers wrap modulo 2^n). NaN wins in min and max.
#pragma once

#include <cstdint>

#include "precis/kernels/reference/walk.h"

namespace precis::kernels::reference {

enum class ReduceOp : uint8_t { kSum, kMean, kMax, kMin, kProd, kL1, kL2, kSumSquare, kLogSum, kLogSumExp };

// walk: over the input, operands (input, output), output stride 0 on reduced axes; `outputs` output elements,
// `count` inputs per output. Empty reductions give the operator's identity (sum 0, product 1, max lowest, min
// highest, mean NaN, logs -inf). kLogSumExp uses `scratch` (outputs elements) for the maxima; others ignore
// it.
template <typename T>
void reduce(ReduceOp op, const Walk<2>& walk, int64_t outputs, int64_t count, const T* x, T* y, T* scratch);

enum class Extreme : uint8_t { kMax, kMin };
enum class Ties : uint8_t { kFirst, kLast };
// Index along n of the extreme of each slice of [outer, n, inner]; n > 0. NaN counts as larger than
// everything.
template <typename T>
void arg_extreme(Extreme which, Ties ties, int64_t outer, int64_t n, int64_t inner, const T* x, int64_t* y);

// The k extreme elements of each slice, best first (ties: lower index first), and their indices; k <= n.
// `order` is scratch of n elements.
template <typename T>
void top_k(Extreme which, int64_t outer, int64_t n, int64_t inner, int64_t k, const T* x, T* values,
           int64_t* indices, int64_t* order);

enum class Accumulate : uint8_t { kSum, kProd };
enum class ScanStart : uint8_t { kInclusive, kExclusive };
enum class ScanDirection : uint8_t { kForward, kReverse };
template <typename T>
void scan(Accumulate op, ScanStart start, ScanDirection direction, int64_t outer, int64_t n, int64_t inner,
          const T* x, T* y);

}  // namespace precis::kernels::reference
