// The range table's file: round trip, merging, and every way it can be broken.
#include "precis/quant/range_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "precis/core/hash.h"
#include "tests/support/expect_error.h"

namespace precis::quant {
namespace {

RangeTable sample_table() {
  RangeTable t;
  t.graph_hash = "aa";
  t.data_hash = "bb";
  t.entries["conv1"].add_sample(std::vector<float>{-1, 0, 2.5f});
  t.entries["relu/out"].add_sample(std::vector<float>{0, 0, 7});
  t.channels["conv1"].add(Tensor::from<float>({1, 2, 2}, {1, 2, -3, 5}));
  return t;
}

ErrorCode code_of(std::string_view bytes) {
  try {
    RangeTable::from_bytes(bytes, "t");
  } catch (const Error& e) {
    return e.code();
  }
  return ErrorCode::kInternal;
}

TEST(RangeTableFile, RoundTripIsExact) {
  const std::string bytes = sample_table().to_bytes();
  const RangeTable back = RangeTable::from_bytes(bytes, "t");
  EXPECT_EQ(back.to_bytes(), bytes);
  ASSERT_NE(back.find("conv1"), nullptr);
  EXPECT_EQ(back.find("conv1")->max, 2.5f);
  EXPECT_EQ(back.find("nothing"), nullptr);
  ASSERT_NE(back.channels_of("conv1"), nullptr);
  EXPECT_EQ(back.channels_of("conv1")->mean(0), 1.5);
  EXPECT_EQ(back.channels_of("conv1")->mean(1), 1.0);
}

TEST(RangeTableFile, EveryTruncationAndBitFlipIsRefused) {
  RangeTable t;
  t.entries["x"].add_sample(std::vector<float>{1, 1});
  t.channels["x"].add(Tensor::from<float>({1, 2}, {1, 1}));
  const std::string bytes = t.to_bytes();
  for (size_t n = 0; n < bytes.size(); ++n)
    EXPECT_THROW(RangeTable::from_bytes(std::string_view(bytes).substr(0, n), "t"), Error);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string broken = bytes;
    broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_THROW(RangeTable::from_bytes(broken, "t"), Error) << bit;
  }
  EXPECT_EQ(code_of("not a table at all"), ErrorCode::kMalformed);
}

// A checksum is no seal: whoever writes a table can make it right.
TEST(RangeTableFile, AHistogramThatContradictsItsRangeIsRefused) {
  RangeTable t;
  t.entries["x"].add_sample(std::vector<float>{1, 1});
  const std::string bytes = t.to_bytes();
  const size_t stats = 8 + 4 + 4 + 4 + 8 + 4 + 1;  // magic, version, two empty hashes, count, key
  const auto with = [&](size_t at, auto value) {
    std::string changed = bytes;
    std::memcpy(changed.data() + stats + at, &value, sizeof(value));
    const uint64_t sum = xxh3(std::as_bytes(std::span(changed.data(), changed.size() - 8)));
    std::memcpy(changed.data() + changed.size() - 8, &sum, 8);
    return changed;
  };
  EXPECT_NO_THROW(RangeTable::from_bytes(with(4, 1.0f), "t"));
  EXPECT_ERROR(RangeTable::from_bytes(with(4, 9.0f), "t"), ErrorCode::kMalformed, "does not hold its range");
  EXPECT_ERROR(RangeTable::from_bytes(with(8, std::nan("")), "t"), ErrorCode::kMalformed,
               "average is not finite");
  EXPECT_ERROR(RangeTable::from_bytes(with(48, uint64_t{1}), "t"), ErrorCode::kMalformed, "more values than");
  EXPECT_ERROR(RangeTable::from_bytes(with(48, uint64_t{3}), "t"), ErrorCode::kMalformed,
               "fewer values than");
  EXPECT_ERROR(RangeTable::from_bytes(with(56, INT32_MIN), "t"), ErrorCode::kMalformed, "out of bounds");
  EXPECT_ERROR(RangeTable::from_bytes(with(60, INT64_MIN), "t"), ErrorCode::kMalformed, "out of bounds");
}

TEST(RangeTableFile, MergingDifferentModelsIsRefused) {
  RangeTable a = sample_table(), b = sample_table();
  b.graph_hash = "other";
  EXPECT_THROW(a.merge(b), Error);
  RangeTable c = sample_table();
  a.merge(c);
  EXPECT_EQ(a.find("conv1")->samples, 2u);
  EXPECT_EQ(a.channels_of("conv1")->count, 4u);
}

}  // namespace
}  // namespace precis::quant
