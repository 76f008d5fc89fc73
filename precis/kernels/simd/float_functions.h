// exp, sigmoid and tanh on vectors of floats, written once for every instruction set and with the same
// operations on each, so that results are the same everywhere. `V`: float_lanes_*.h. Included only by files
// compiled for one of them. Errors against the exact values (tests/kernels): at most 4 units in the last
// place.
#pragma once

namespace precis::kernels::simd {
namespace {

// e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln 2 / 2; e^r by a polynomial of degree 6 fitted to the
// smallest relative error (3e-9). Arguments are bounded to where the result is a normal number.
template <typename V>
[[gnu::always_inline]] inline typename V::Vector exponential(typename V::Vector x) {
  x = V::min(V::max(x, V::set(-87.0f)), V::set(88.0f));
  const auto n = V::round(V::multiply(x, V::set(1.44269504f)));
  auto r = V::fma(n, V::set(-0.693145752f),
                  x);  // ln 2 in two parts; the first has few digits, so that its product is exact
  r = V::fma(n, V::set(-1.42860677e-6f), r);
  auto q = V::fma(V::set(0.00138146058f), r, V::set(0.00836871099f));
  q = V::fma(q, r, V::set(0.0416683890f));
  q = V::fma(q, r, V::set(0.166665211f));
  q = V::fma(q, r, V::set(0.499999940f));
  const auto e = V::add(V::fma(V::multiply(r, r), q, r), V::set(1.0f));
  return V::scale_by_power(e, n);
}

template <typename V>
[[gnu::always_inline]] inline typename V::Vector sigmoid(typename V::Vector x) {
  const auto one = V::set(1.0f);
  return V::divide(one, V::add(one, exponential<V>(V::subtract(V::set(0.0f), x))));
}

// Small arguments by x + x^3 P(x^2), the others by 1 - 2 / (e^2|x| + 1).
template <typename V>
[[gnu::always_inline]] inline typename V::Vector tangent(typename V::Vector x) {
  const auto a = V::magnitude(x), z = V::multiply(x, x);
  auto p = V::fma(V::set(-0.00571701163f), z, V::set(0.0206505544f));
  p = V::fma(p, z, V::set(-0.0537434854f));
  p = V::fma(p, z, V::set(0.133314908f));
  p = V::fma(p, z, V::set(-0.333332837f));
  const auto small = V::fma(V::multiply(x, z), p, x);
  const auto one = V::set(1.0f);
  const auto e = exponential<V>(V::add(a, a));
  const auto large = V::subtract(one, V::divide(V::set(2.0f), V::add(e, one)));
  return V::select_less(a, V::set(0.625f), small, V::with_sign_of(large, x));
}

}  // namespace
}  // namespace precis::kernels::simd
