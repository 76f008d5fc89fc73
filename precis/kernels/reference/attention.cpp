// One query row, one step, one channel at a time.
#include "precis/kernels/reference/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "precis/kernels/reference/softmax.h"

namespace precis::kernels::reference {
namespace {

template <typename T>
T dot(int64_t n, const T* a, const T* b) {
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// One query of one head: its scores over all keys, then the weighted sum of the values.
template <typename T, typename S>
class Row {
 public:
  explicit Row(const AttentionParams& p)
      : p_(p), scores_(static_cast<size_t>(p.keys)), weights_(scores_.size()) {}

  void products(const T* q, const T* k) {
    for (int64_t j = 0; j < p_.keys; ++j)
      score(j) = dot(p_.size, q, k + j * p_.k.row) * static_cast<T>(p_.scale);
  }
  void cap() {
    const T limit = static_cast<T>(p_.softcap);
    if (limit > 0)
      for (T& s : scores_) s = limit * std::tanh(s / limit);
  }
  void mask(const T* mask, int64_t query, int64_t length) {
    constexpr T kNever = -std::numeric_limits<T>::infinity();
    for (int64_t j = 0; j < p_.keys; ++j) {
      if (mask) score(j) = j < p_.mask_keys ? score(j) + mask[j] : kNever;
      if (j >= length || (p_.past >= 0 && j > p_.past + query)) score(j) = kNever;
    }
  }
  void normalize() {
    std::copy(scores_.begin(), scores_.end(), weights_.begin());
    softmax(SoftmaxOp::kSoftmax, 1, p_.keys, 1, weights_.data(), weights_.data());
    std::transform(weights_.begin(), weights_.end(), scores_.begin(), [](S w) { return static_cast<T>(w); });
  }
  void values(const T* v, T* y) {
    std::fill_n(y, p_.v_size, T{0});
    for (int64_t j = 0; j < p_.keys; ++j)
      for (int64_t e = 0; e < p_.v_size; ++e) y[e] += score(j) * v[j * p_.v.row + e];
  }
  void show(AttentionParams::Scores state, T* to) const {
    if (to != nullptr && state == p_.scores) std::copy(scores_.begin(), scores_.end(), to);
  }

 private:
  T& score(int64_t j) { return scores_[static_cast<size_t>(j)]; }
  const AttentionParams& p_;
  std::vector<T> scores_;
  std::vector<S> weights_;
};

int64_t offset(const HeadStrides& s, int64_t batch, int64_t head, int64_t row = 0) {
  return batch * s.batch + head * s.head + row * s.row;
}

template <typename T>
void rotate_row(const RotaryParams& p, const T* x, const T* cosines, const T* sines, T* y) {
  const int64_t half = p.rotated / 2;
  for (int64_t i = 0; i < half; ++i) {
    const int64_t a = p.interleaved ? 2 * i : i, b = p.interleaved ? 2 * i + 1 : half + i;
    y[a] = cosines[i] * x[a] - sines[i] * x[b];
    y[b] = sines[i] * x[a] + cosines[i] * x[b];
  }
  std::copy(x + p.rotated, x + p.size, y + p.rotated);
}

}  // namespace

template <typename T, typename S>
void attention(const AttentionParams& p, const T* q, const T* k, const T* v, const T* mask, T* y, T* scores) {
  using Scores = AttentionParams::Scores;
  if (p.keys == 0) {
    for (int64_t b = 0; b < p.batch; ++b)
      for (int64_t h = 0; h < p.q_heads; ++h)
        for (int64_t i = 0; i < p.queries; ++i) std::fill_n(y + offset(p.y, b, h, i), p.v_size, T{0});
    return;
  }
  Row<T, S> row(p);
  const int64_t group = p.q_heads / p.kv_heads;
  for (int64_t b = 0; b < p.batch; ++b)
    for (int64_t h = 0; h < p.q_heads; ++h)
      for (int64_t i = 0; i < p.queries; ++i) {
        T* const shown = scores ? scores + ((b * p.q_heads + h) * p.queries + i) * p.keys : nullptr;
        row.products(q + offset(p.q, b, h, i), k + offset(p.k, b, h / group));
        row.show(Scores::kProducts, shown);
        row.cap();
        row.show(Scores::kCapped, shown);
        row.mask(mask ? mask + offset(p.mask, b, h, i) : nullptr, i, p.lengths ? p.lengths[b] : p.keys);
        row.show(Scores::kMasked, shown);
        row.normalize();
        row.show(Scores::kWeights, shown);
        row.values(v + offset(p.v, b, h / group), y + offset(p.y, b, h, i));
      }
}

template <typename T>
void rotary_embedding(const RotaryParams& p, const T* x, const T* cosines, const T* sines, T* y) {
  for (int64_t b = 0; b < p.batch; ++b)
    for (int64_t t = 0; t < p.length; ++t) {
      const int64_t row = p.positions ? p.positions[b * p.length + t] : t;
      const int64_t angle = b * p.angle_batch + row * (p.rotated / 2);
      for (int64_t h = 0; h < p.heads; ++h)
        rotate_row(p, x + offset(p.x, b, h, t), cosines + angle, sines + angle, y + offset(p.x, b, h, t));
    }
}

namespace {

// One step of one head: the state decays, takes the new pair of key and value in, and stays.
template <typename T>
void update_state(const LinearAttentionParams& p, const T* k, const T* v, const T* decay, int64_t decay_step,
                  const T* beta, T* state) {
  for (int64_t d = 0; decay && d < p.size; ++d) {
    const T factor = std::exp(decay[d * decay_step]);
    for (int64_t e = 0; e < p.v_size; ++e) state[d * p.v_size + e] *= factor;
  }
  for (int64_t e = 0; e < p.v_size; ++e) {
    T value = v[e];
    if (beta) {
      T known = 0;
      for (int64_t d = 0; d < p.size; ++d) known += state[d * p.v_size + e] * k[d];
      value = *beta * (value - known);
    }
    for (int64_t d = 0; d < p.size; ++d) state[d * p.v_size + e] += k[d] * value;
  }
}

template <typename T>
void read_state(const LinearAttentionParams& p, const T* q, const T* state, T* y) {
  for (int64_t e = 0; e < p.v_size; ++e) {
    T sum = 0;
    for (int64_t d = 0; d < p.size; ++d) sum += q[d] * state[d * p.v_size + e];
    y[e] = static_cast<T>(p.scale) * sum;
  }
}

}  // namespace

template <typename T>
void linear_attention(const LinearAttentionParams& p, const T* q, const T* k, const T* v, const T* decay,
                      const T* beta, T* state, T* y) {
  const int64_t group = p.q_heads / p.kv_heads;
  const bool per_element = p.decays == p.kv_heads * p.size && p.size != 1;
  for (int64_t b = 0; b < p.batch; ++b)
    for (int64_t t = 0; t < p.steps; ++t)
      for (int64_t h = 0; h < p.kv_heads; ++h) {
        const int64_t at = b * p.steps + t, kv = at * p.kv_heads + h;
        T* const s = state + (b * p.kv_heads + h) * p.size * p.v_size;
        const T* const g = decay ? decay + at * p.decays + h * (per_element ? p.size : 1) : nullptr;
        const T* const rate = beta ? beta + at * p.betas + (p.betas == 1 ? 0 : h) : nullptr;
        update_state(p, k + kv * p.size, v + kv * p.v_size, g, per_element ? 1 : 0, rate, s);
        for (int64_t j = h * group; j < (h + 1) * group; ++j)
          read_state(p, q + (at * p.q_heads + j) * p.size, s, y + (at * p.q_heads + j) * p.v_size);
      }
}

template <typename T>
void causal_conv(const CausalConvParams& p, const T* x, const T* w, const T* bias, const T* past, T* y,
                 T* next) {
  const int64_t carried = p.kernel - 1;
  std::vector<T> padded(static_cast<size_t>(carried + p.length));
  for (int64_t row = 0; row < p.batch * p.channels; ++row) {
    const int64_t c = row % p.channels;
    if (past)
      std::copy_n(past + row * carried, carried, padded.begin());
    else
      std::fill_n(padded.begin(), carried, T{0});
    std::copy_n(x + row * p.length, p.length, padded.begin() + carried);
    for (int64_t t = 0; t < p.length; ++t) {
      const T sum = dot(p.kernel, w + c * p.kernel, padded.data() + t) + (bias ? bias[c] : T{0});
      y[row * p.length + t] = p.silu ? sum / (T{1} + std::exp(-sum)) : sum;
    }
    if (next) std::copy_n(padded.end() - carried, carried, next + row * carried);
  }
}

#define PRECIS_ATTENTION(T, S) \
  template void attention<T, S>(const AttentionParams&, const T*, const T*, const T*, const T*, T*, T*);
PRECIS_ATTENTION(float, float)
PRECIS_ATTENTION(float, double)
PRECIS_ATTENTION(double, double)
#undef PRECIS_ATTENTION

#define PRECIS_FLOATS(T)                                                                               \
  template void rotary_embedding(const RotaryParams&, const T*, const T*, const T*, T*);               \
  template void linear_attention(const LinearAttentionParams&, const T*, const T*, const T*, const T*, \
                                 const T*, T*, T*);                                                    \
  template void causal_conv(const CausalConvParams&, const T*, const T*, const T*, const T*, T*, T*);
PRECIS_FLOATS(float)
PRECIS_FLOATS(double)
#undef PRECIS_FLOATS

}  // namespace precis::kernels::reference
