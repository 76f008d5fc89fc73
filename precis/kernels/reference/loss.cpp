// Losses label by label.
#include "precis/kernels/reference/loss.h"

namespace precis::kernels::reference {

template <typename T>
void negative_log_likelihood(const NllParams<T>& p, const T* x, const int64_t* labels, T* loss, T* used) {
  for (int64_t o = 0; o < p.outer; ++o)
    for (int64_t i = 0; i < p.inner; ++i) {
      const int64_t at = o * p.inner + i, label = labels[at];
      const bool ignored = p.has_ignored && label == p.ignored;
      used[at] = ignored ? T{0} : p.weights ? p.weights[label] : T{1};
      loss[at] = ignored ? T{0} : -x[(o * p.classes + label) * p.inner + i] * used[at];
    }
}

#define PRECIS_FLOATS(T) \
  template void negative_log_likelihood(const NllParams<T>&, const T*, const int64_t*, T*, T*);
PRECIS_FLOATS(float)
PRECIS_FLOATS(double)
#undef PRECIS_FLOATS

}  // namespace precis::kernels::reference
