// Attention (transformer.h), written once for every instruction set over FloatLanes. Included only by files
// compiled for one of them.
//
// The keys of a head are packed so that a vector holds one element of consecutive keys; scores are then sums
// over the elements in order, several queries and keys at a time. Weights stay in scratch memory, a row of
// them per query, and the values are summed over the keys in order, several queries at a time. With few
// queries packing would cost as much as it saves: scores are then sums of 16 stripes, one key at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "precis/kernels/simd/float_functions.h"
#include "precis/kernels/simd/float_stripes.h"
#include "precis/kernels/simd/transformer_tables.h"

namespace precis::kernels::simd {
namespace {

constexpr int kRowsAtOnce = FloatLanes::kSums / 2;       // queries that share a load of keys or values
constexpr int64_t kKeysAtOnce = 2 * FloatLanes::kCount;  // keys of a packed block
constexpr int64_t kPackedRows = 4;                       // rows from which packing the keys is worth it
constexpr float kNever = -std::numeric_limits<float>::infinity();

int64_t whole_blocks(int64_t n, int64_t block) { return (n + block - 1) / block * block; }

// Where the parts of the scratch memory lie.
struct AttentionScratch {
  explicit AttentionScratch(const AttentionCall& c)
      : padded_keys(whole_blocks(c.keys, std::max(kKeysAtOnce, kStripes))),
        padded_values(whole_blocks(c.v_size, FloatLanes::kCount)),
        packs_values(padded_values != c.v_size),
        weights(padded_keys * c.size),
        values(weights + kRowsAtOnce * padded_keys),
        queries(values + (packs_values ? c.keys * padded_values : 0)),
        sums(queries + kRowsAtOnce * c.size),
        end(sums + kRowsAtOnce * padded_values) {}
  int64_t padded_keys, padded_values;
  bool packs_values;
  int64_t weights, values, queries, sums, end;
};

int64_t attention_scratch(const AttentionCall& c) { return AttentionScratch(c).end; }

// k [keys][size] as [block][element][key of the block], zero behind the last key.
void pack_keys(const AttentionCall& c, const float* k, float* to) {
  for (int64_t first = 0; first < c.keys; first += kKeysAtOnce)
    for (int64_t d = 0; d < c.size; ++d)
      for (int64_t j = first; j < first + kKeysAtOnce; ++j) *to++ = j < c.keys ? k[j * c.k.row + d] : 0.0f;
}

void pack_values(const AttentionCall& c, const float* v, int64_t padded, float* to) {
  for (int64_t j = 0; j < c.keys; ++j, to += padded) {
    std::copy_n(v + j * c.v.row, c.v_size, to);
    std::fill(to + c.v_size, to + padded, 0.0f);
  }
}

// Queries that go through the keys together. Rows that there are too few for repeat the last one.
template <int kRows>
class AttentionTile {
  using V = FloatLanes;
  using Vector = V::Vector;

 public:
  AttentionTile(const AttentionCall& c, const AttentionData& d, int64_t batch, int64_t kv_head,
                float* scratch)
      : c_(c), d_(d), s_(c), batch_(batch), kv_head_(kv_head), scratch_(scratch) {}

  void run(int64_t first, int64_t last, bool packed) {
    find_rows(first, last);
    if (packed)
      for (int64_t block = 0; block < s_.padded_keys; block += kKeysAtOnce) packed_products(block);
    else
      for (int r = 0; r < kRows; ++r) striped_products(r);
    for (int r = 0; r < kRows; ++r) weigh(r);
    for (int64_t e = 0; e < s_.padded_values; e += 2 * V::kCount)
      e + V::kCount < s_.padded_values ? add_values<2>(e) : add_values<1>(e);
    for (int r = 0; r < last - first; ++r)
      std::copy_n(scratch_ + s_.sums + r * s_.padded_values, c_.v_size, y_[r]);
  }

 private:
  float* weights(int r) const { return scratch_ + s_.weights + r * s_.padded_keys; }
  float* query(int r) const { return scratch_ + s_.queries + r * c_.size; }

  // Where each row's data lie; its query times the scale goes into scratch memory.
  void find_rows(int64_t first, int64_t last) {
    const int64_t group = c_.q_heads / c_.kv_heads;
    for (int r = 0; r < kRows; ++r) {
      const int64_t row = std::min(first + r, last - 1);
      const int64_t head = kv_head_ * group + row / c_.queries, i = row % c_.queries;
      const auto at = [&](const HeadStrides& s) { return batch_ * s.batch + head * s.head + i * s.row; };
      y_[r] = d_.y + at(c_.y);
      mask_[r] = d_.mask ? d_.mask + at(c_.mask) : nullptr;
      seen_[r] = c_.past >= 0 ? std::min(c_.keys, c_.past + i + 1) : c_.keys;
      if (d_.mask) seen_[r] = std::min(seen_[r], c_.mask_keys);
      const float* q = d_.q + at(c_.q);
      for (int64_t d = 0; d < c_.size; ++d) query(r)[d] = q[d] * c_.scale;
    }
  }

  void packed_products(int64_t block) const {
    Vector sums[kRows][2];
    unroll<kRows>([&](auto r) { sums[r][0] = sums[r][1] = V::set(0.0f); });
    const float* k = scratch_ + block * c_.size;
    const float* q = query(0);
    for (int64_t d = 0; d < c_.size; ++d, k += kKeysAtOnce) {
      const Vector low = V::load(k), high = V::load(k + V::kCount);
      unroll<kRows>([&](auto r) {
        const Vector x = V::set(q[r * c_.size + d]);
        sums[r][0] = V::fma(x, low, sums[r][0]);
        sums[r][1] = V::fma(x, high, sums[r][1]);
      });
    }
    unroll<kRows>([&](auto r) {
      V::store(weights(r) + block, sums[r][0]);
      V::store(weights(r) + block + V::kCount, sums[r][1]);
    });
  }

  void striped_products(int r) const {
    const float *k = d_.k + batch_ * c_.k.batch + kv_head_ * c_.k.head, *q = query(r);
    for (int64_t j = 0; j < c_.keys; ++j, k += c_.k.row) {
      Stripes s = Stripes::of(0);
      const int64_t whole = c_.size / kStripes * kStripes;
      s.over(k, whole, 0, [&](auto sum, auto v, int64_t at) { return V::fma(v, V::load(q + at), sum); });
      float rest = 0;
      for (int64_t d = whole; d < c_.size; ++d) rest += q[d] * k[d];
      weights(r)[j] = s.sum() + rest;
    }
  }

  // Scores to weights: cap, mask, exponentials, divided by their sum.
  void weigh(int r) const {
    float* const w = weights(r);
    if (c_.softcap > 0) cap(w);
    if (mask_[r]) add_mask(mask_[r], seen_[r], w);
    std::fill(w + seen_[r], w + s_.padded_keys, kNever);
    Stripes top = Stripes::of(kNever);
    top.over(w, s_.padded_keys, kNever, [](auto most, auto v, int64_t) { return V::max(most, v); });
    const Vector largest = V::set(top.joined([](float a, float b) { return std::max(a, b); }));
    Stripes sum = Stripes::of(0);
    sum.over(w, s_.padded_keys, kNever, [&](auto total, auto v, int64_t at) {
      const Vector x = V::subtract(v, largest);
      const Vector e = V::select_less(x, V::set(-87.0f), V::set(0.0f), exponential<V>(x));
      V::store(w + at, e);
      return V::add(total, e);
    });
    const Vector factor = V::set(1.0f / sum.sum());
    for (int64_t j = 0; j < s_.padded_keys; j += V::kCount)
      V::store(w + j, V::multiply(V::load(w + j), factor));
  }
  void cap(float* w) const {
    const Vector limit = V::set(c_.softcap);
    for (int64_t j = 0; j < s_.padded_keys; j += V::kCount)
      V::store(w + j, V::multiply(limit, tangent<V>(V::divide(V::load(w + j), limit))));
  }
  static void add_mask(const float* mask, int64_t n, float* w) {
    int64_t j = 0;
    for (; j + V::kCount <= n; j += V::kCount) V::store(w + j, V::add(V::load(w + j), V::load(mask + j)));
    for (; j < n; ++j) w[j] += mask[j];
  }

  template <int kVectors>
  void add_values(int64_t e) const {
    Vector sums[kRows][kVectors];
    unroll<kRows>([&](auto r) { unroll<kVectors>([&](auto i) { sums[r][i] = V::set(0.0f); }); });
    const float* v =
        s_.packs_values ? scratch_ + s_.values + e : d_.v + batch_ * c_.v.batch + kv_head_ * c_.v.head + e;
    const int64_t step = s_.packs_values ? s_.padded_values : c_.v.row;
    const int64_t keys = *std::max_element(seen_, seen_ + kRows);
    const float* const w = weights(0);
    for (int64_t j = 0; j < keys; ++j, v += step) {
      Vector x[kVectors];
      unroll<kVectors>([&](auto i) { x[i] = V::load(v + i * V::kCount); });
      unroll<kRows>([&](auto r) {
        const Vector weight = V::set(w[r * s_.padded_keys + j]);
        unroll<kVectors>([&](auto i) { sums[r][i] = V::fma(weight, x[i], sums[r][i]); });
      });
    }
    unroll<kRows>([&](auto r) {
      float* const y = scratch_ + s_.sums + r * s_.padded_values + e;
      unroll<kVectors>([&](auto i) { V::store(y + i * V::kCount, sums[r][i]); });
    });
  }

  const AttentionCall& c_;
  const AttentionData& d_;
  const AttentionScratch s_;
  const int64_t batch_, kv_head_;
  float* const scratch_;
  float* y_[kRows];
  const float* mask_[kRows];
  int64_t seen_[kRows];  // keys that each row may look at
};

void attend(const AttentionCall& c, const AttentionData& d, int64_t batch, int64_t kv_head, int64_t first,
            int64_t last, float* scratch) {
  const AttentionScratch s(c);
  // By all of the head's rows, not by those of this range: the order of sums must not depend on the cut.
  const bool packed = c.q_heads / c.kv_heads * c.queries >= kPackedRows;
  if (packed) pack_keys(c, d.k + batch * c.k.batch + kv_head * c.k.head, scratch);
  if (s.packs_values)
    pack_values(c, d.v + batch * c.v.batch + kv_head * c.v.head, s.padded_values, scratch + s.values);
  constexpr int kFew = kRowsAtOnce / 2;
  for (int64_t row = first; row < last;) {
    const int64_t left = last - row, taken = std::min<int64_t>(left, kRowsAtOnce);
    if (taken > kFew)
      AttentionTile<kRowsAtOnce>(c, d, batch, kv_head, scratch).run(row, row + taken, packed);
    else if (taken > 1)
      AttentionTile<kFew>(c, d, batch, kv_head, scratch).run(row, row + taken, packed);
    else
      AttentionTile<1>(c, d, batch, kv_head, scratch).run(row, row + taken, packed);
    row += taken;
  }
}

}  // namespace
}  // namespace precis::kernels::simd
