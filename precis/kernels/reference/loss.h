// Negative log likelihood of labels; for f32 and f64.
#pragma once

#include <cstdint>

namespace precis::kernels::reference {

// x [outer, classes, inner] log probabilities, labels [outer, inner]. Labels equal to `ignored` count nothing
// (only when has_ignored); the others must lie in [0, classes).
template <typename T>
struct NllParams {
  int64_t outer = 1, classes = 1, inner = 1;
  bool has_ignored = false;
  int64_t ignored = 0;
  const T* weights = nullptr;  // [classes], or null: all 1
};

// loss = -weight[label] * x[label] for each label; `used`: the weight that counted, 0 for ignored labels.
template <typename T>
void negative_log_likelihood(const NllParams<T>& p, const T* x, const int64_t* labels, T* loss, T* used);

}  // namespace precis::kernels::reference
