// Philox 4x32-10 and the distributions made from it. Only + - * / and sqrt are used, so every CPU and C
// library gives the same bits.
#include "precis/core/rng.h"

#include <bit>
#include <cmath>

namespace precis {
namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;

// Natural logarithm of a normal, positive x: x = m * 2^e with m in [sqrt(1/2), sqrt(2)), then the series
// log(m) = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.1716, whose terms beyond s^21 are below 2^-53.
double plain_log(double x) {
  constexpr double kLn2 = 0.693147180559945309417;
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 1.41421356237309504880) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double s2 = s * s;
  double sum = 0.0;
  for (int k = 21; k >= 1; k -= 2) sum = sum * s2 + 1.0 / k;
  return exponent * kLn2 + 2.0 * s * sum;
}

double ratio(const double (&p)[8], const double (&q)[7], double x) {
  double a = 0.0, b = 0.0;
  for (int i = 7; i >= 0; --i) a = a * x + p[i];
  for (int i = 6; i >= 0; --i) b = b * x + q[i];
  return a / (b * x + 1.0);
}

// Inverse of the standard normal distribution function: Wichura 1988, algorithm AS 241 (PPND16), accurate to
// 1e-16.
double inverse_normal(double p) {
  constexpr double a[8] = {3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427,
                           13731.693765509461125, 45921.953931549871457, 67265.770927008700853,
                           33430.575583588128105, 2509.0809287301226727};
  constexpr double b[7] = {42.313330701600911252, 687.18700749205790830, 5394.1960214247511077,
                           21213.794301586595867, 39307.895800092710610, 28729.085735721942674,
                           5226.4952788528545610};
  constexpr double c[8] = {1.42343711074968357734,   4.63033784615654529590,   5.76949722146069140550,
                           3.64784832476320460504,   1.27045825245236838258,   0.241780725177450611770,
                           0.0227238449892691845833, 7.74545014278341407640e-4};
  constexpr double d[7] = {2.05319162663775882187,   1.67638483018380384940,   0.689767334985100004550,
                           0.148103976427480074590,  0.0151986665636164571966, 5.47593808499534494600e-4,
                           1.05075007164441684324e-9};
  constexpr double e[8] = {6.65790464350110377720,    5.46378491116411436990,   1.78482653991729133580,
                           0.296560571828504891230,   0.0265321895265761230930, 0.00124266094738807843860,
                           2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr double f[7] = {0.599832206555887937690,   0.136929880922735805310,   0.0148753612908506148525,
                           7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
                           2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) return q * ratio(a, b, 0.180625 - q * q);
  const double r = std::sqrt(-plain_log(q < 0 ? p : 1.0 - p));
  const double tail = r <= 5.0 ? ratio(c, d, r - 1.6) : ratio(e, f, r - 5.0);
  return q < 0 ? -tail : tail;
}

}  // namespace

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> c, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(kMultiplier0) * c[0];
    const uint64_t p1 = static_cast<uint64_t>(kMultiplier1) * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ key[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ key[1], static_cast<uint32_t>(p0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return c;
}

uint32_t Rng::next_u32() {
  if (left_ == 0) {
    block_ = philox4x32({static_cast<uint32_t>(counter_), static_cast<uint32_t>(counter_ >> 32),
                         static_cast<uint32_t>(stream_), static_cast<uint32_t>(stream_ >> 32)},
                        {static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32)});
    ++counter_;
    left_ = 4;
  }
  return block_[static_cast<size_t>(4 - left_--)];
}

uint64_t Rng::next_u64() {
  const uint64_t low = next_u32();
  return low | (static_cast<uint64_t>(next_u32()) << 32);
}

// Lemire 2019 ("Fast random integer generation in an interval"): the high half of a product, rejecting the
// few low halves that would make some results more likely.
uint64_t Rng::below(uint64_t n) {
  const uint64_t reject_below = (0 - n) % n;
  for (;;) {
    const auto product = static_cast<unsigned __int128>(next_u64()) * n;
    if (static_cast<uint64_t>(product) >= reject_below) return static_cast<uint64_t>(product >> 64);
  }
}

float Rng::uniform() { return static_cast<float>(next_u32() >> 8) * 0x1p-24f; }

float Rng::uniform(float lo, float hi) { return lo + (hi - lo) * uniform(); }

// The middle of one of 2^52 equal cells of (0, 1): never 0 or 1, and symmetric.
float Rng::normal() {
  const double cell = static_cast<double>(next_u64() >> 12) + 0.5;
  return static_cast<float>(inverse_normal(cell * 0x1p-52));
}

}  // namespace precis
