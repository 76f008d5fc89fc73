// Normalized rows and attention of every instruction set against the scalar reference, and against each other
// bit for bit.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "precis/core/rng.h"
#include "precis/kernels/reference/normalize.h"
#include "precis/kernels/simd/transformer.h"

namespace precis::kernels::simd {
namespace {

std::vector<Isa> isas() {
  std::vector<Isa> all;
  for (Isa isa : {Isa::kAvx2, Isa::kAvx512})
    if (cpu_runs(isa) && transformer_kernels_for(isa) != nullptr) all.push_back(isa);
  return all;
}

std::vector<float> random_values(int64_t n, uint64_t seed, float scale = 1, float shift = 0) {
  Rng rng(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = shift + scale * static_cast<float>(2 * rng.uniform() - 1);
  return v;
}

// Everywhere within `tolerance` of the wanted value or of 1, NaN where it is NaN.
void expect_close(const std::vector<float>& got, const std::vector<float>& want, float tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(want[i]) && std::isnan(got[i])) continue;
    ASSERT_NEAR(got[i], want[i], tolerance * std::max(1.0f, std::fabs(want[i]))) << "at " << i;
  }
}

// The same bits for each instruction set as for the first.
void expect_equal_bits(std::vector<float>& first, const std::vector<float>& got) {
  if (first.empty()) first = got;
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_TRUE(first[i] == got[i] || (std::isnan(first[i]) && std::isnan(got[i]))) << "at " << i;
}

TEST(SimdNormalizedRows, AgreeWithTheReference) {
  for (bool centred : {false, true})
    for (int64_t n : {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 768}) {
      SCOPED_TRACE("n = " + std::to_string(n) + (centred ? ", centred" : ""));
      const int64_t rows = 3;
      const auto x = random_values(rows * n, 1, 2, 5), scale = random_values(n, 2),
                 bias = random_values(n, 3);
      std::vector<float> want(x.size()), first;
      if (centred)
        reference::normalize_rows<float>(rows, n, 1e-5f, x.data(), want.data(), nullptr, nullptr);
      else
        reference::rms_normalize_rows<float>(rows, n, 1e-5f, x.data(), want.data());
      for (size_t i = 0; i < want.size(); ++i)
        want[i] =
            want[i] * scale[i % static_cast<size_t>(n)] + (centred ? bias[i % static_cast<size_t>(n)] : 0);
      for (Isa isa : isas()) {
        SCOPED_TRACE(isa_name(isa));
        std::vector<float> got(x.size());
        const NormalizeParams p{n, 1e-5f, centred, scale.data(), centred ? bias.data() : nullptr};
        transformer_kernels_for(isa)->normalize(p, rows, x.data(), got.data());
        expect_close(got, want, 2e-5f);
        expect_equal_bits(first, got);
      }
    }
}

struct Case {
  int64_t q_heads = 2, kv_heads = 2, queries = 5, keys = 7, size = 8, v_size = 8;
  int64_t past = -1, mask_keys = 0;  // 0: no mask
  double softcap = 0;
  bool packed_heads = false;  // [batch, length, heads * size] instead of [batch, heads, length, size]
  bool hidden_row = false;    // the mask leaves nothing to the second query
};

reference::HeadStrides strides(const Case& c, int64_t heads, int64_t length, int64_t size) {
  if (c.packed_heads) return {heads * length * size, size, heads * size};
  return {heads * length * size, length * size, size};
}

void run_case(const Case& c) {
  const int64_t batch = 2;
  reference::AttentionParams p;
  p.batch = batch, p.q_heads = c.q_heads, p.kv_heads = c.kv_heads, p.queries = c.queries, p.keys = c.keys;
  p.size = c.size, p.v_size = c.v_size, p.past = c.past, p.softcap = c.softcap, p.scale = 0.3;
  p.q = strides(c, c.q_heads, c.queries, c.size), p.k = strides(c, c.kv_heads, c.keys, c.size);
  p.v = strides(c, c.kv_heads, c.keys, c.v_size), p.y = strides(c, c.q_heads, c.queries, c.v_size);
  p.mask_keys = c.mask_keys;
  p.mask.row = c.mask_keys;
  const auto q = random_values(batch * p.q.batch, 1, 2), k = random_values(batch * p.k.batch, 2, 2),
             v = random_values(batch * p.v.batch, 3);
  auto mask = random_values(c.queries * c.mask_keys, 4);
  for (size_t i = 0; i < mask.size(); i += 3) mask[i] = -std::numeric_limits<float>::infinity();
  if (c.hidden_row)
    std::fill_n(mask.begin() + c.mask_keys, c.mask_keys, -std::numeric_limits<float>::infinity());
  const float* added = c.mask_keys > 0 ? mask.data() : nullptr;
  std::vector<float> want(static_cast<size_t>(batch * p.y.batch)), first;
  reference::attention<float, double>(p, q.data(), k.data(), v.data(), added, want.data(), nullptr);
  AttentionCall call;
  call.q_heads = p.q_heads, call.kv_heads = p.kv_heads, call.queries = p.queries, call.keys = p.keys;
  call.size = p.size, call.v_size = p.v_size, call.q = p.q, call.k = p.k, call.v = p.v, call.y = p.y;
  call.mask = p.mask, call.scale = 0.3f, call.softcap = static_cast<float>(p.softcap);
  call.past = p.past, call.mask_keys = p.mask_keys;
  for (Isa isa : isas()) {
    SCOPED_TRACE(isa_name(isa));
    const TransformerKernels& kernels = *transformer_kernels_for(isa);
    for (int64_t range : {int64_t{1000}, kernels.rows_at_once, int64_t{1}}) {  // the cut changes nothing
      std::vector<float> got(want.size(), -100), scratch(static_cast<size_t>(kernels.attention_scratch(call)),
                                                         std::numeric_limits<float>::quiet_NaN());
      const AttentionData data{q.data(), k.data(), v.data(), added, got.data()};
      const int64_t rows = c.q_heads / c.kv_heads * c.queries;
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t h = 0; h < c.kv_heads; ++h)
          for (int64_t r = 0; r < rows; r += range)
            kernels.attend(call, data, b, h, r, std::min(rows, r + range), scratch.data());
      expect_close(got, want, 1e-5f);
      expect_equal_bits(first, got);
    }
  }
}

TEST(SimdAttention, Sizes) {
  for (int64_t queries : {1, 2, 3, 6, 9, 17})
    for (int64_t keys : {1, 2, 15, 16, 17, 33, 70})
      for (int64_t size : {1, 8, 16, 20, 64}) {
        SCOPED_TRACE(std::to_string(queries) + " queries, " + std::to_string(keys) + " keys, size " +
                     std::to_string(size));
        run_case({.queries = queries, .keys = keys, .size = size, .v_size = size});
      }
}

TEST(SimdAttention, ValuesOfAnotherSize) {
  for (int64_t v_size : {1, 7, 8, 9, 16, 24, 31, 33, 48}) run_case({.v_size = v_size});
}

TEST(SimdAttention, HeadsThatShareKeys) {
  run_case({.q_heads = 6, .kv_heads = 2});
  run_case({.q_heads = 8, .kv_heads = 1, .queries = 1, .keys = 40});
  run_case({.q_heads = 6, .kv_heads = 3, .queries = 4, .packed_heads = true});
}

TEST(SimdAttention, MasksAndLimits) {
  run_case({.mask_keys = 7});
  run_case({.mask_keys = 5});
  run_case({.queries = 9, .keys = 9, .past = 0});
  run_case({.queries = 3, .keys = 40, .past = 20});
  run_case({.queries = 9, .keys = 20, .past = 3, .mask_keys = 20});
  run_case({.softcap = 2});
  run_case({.mask_keys = 7, .hidden_row = true});
}

}  // namespace
}  // namespace precis::kernels::simd
