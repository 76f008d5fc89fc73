// A loop over constants: arrays of vectors that are indexed by them stay in registers. Everything is inlined
// into the per-ISA file that uses it.
#pragma once

#include <utility>

namespace precis::kernels::simd {
namespace {

template <typename F, int... I>
[[gnu::always_inline]] inline void call_each(const F& f, std::integer_sequence<int, I...>) {
  (f(std::integral_constant<int, I>{}), ...);
}

// f(std::integral_constant<int, 0>{}), ..., f(... N - 1).
template <int N, typename F>
[[gnu::always_inline]] inline void unroll(const F& f) {
  call_each(f, std::make_integer_sequence<int, N>{});
}

}  // namespace
}  // namespace precis::kernels::simd
