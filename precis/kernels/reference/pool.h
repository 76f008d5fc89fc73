// Pools over windows, channels first: planes = batch * channels. Taps outside the input are skipped.
#pragma once

#include <cstdint>

#include "precis/kernels/reference/window.h"

namespace precis::kernels::reference {

enum class CountPadding { kExclude, kInclude };
enum class IndexOrder { kRowMajor, kColumnMajor };

// The largest element of each window; NaN wins. `indices` (may be null): flat position of the first largest
// element in the whole tensor, counted row-major or (inside a plane) column-major. A window without elements
// gives T's lowest value, index -1.
template <typename T>
void max_pool(const Window& w, int64_t planes, const T* x, T* y, int64_t* indices, IndexOrder order);

// Sum of each window in row-major order. counts (may be null): the number of taps each of the out_size()
// windows divides by: those inside the input, or (kInclude) inside the input and its padding, but never
// beyond the end padding (ceil_mode).
template <typename T>
void sum_pool(const Window& w, int64_t planes, const T* x, T* y);
void window_counts(const Window& w, CountPadding padding, int64_t* counts);

// (sum |x|^p)^(1/p) of each window.
template <typename T>
void lp_pool(const Window& w, int64_t planes, int64_t p, const T* x, T* y);

}  // namespace precis::kernels::reference
