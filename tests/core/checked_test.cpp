// Size arithmetic: exact at the edge of 63 bits, an error one past it.
#include "precis/core/checked.h"

#include <cstdint>
#include <vector>

#include "tests/support/expect_error.h"

namespace precis {
namespace {

constexpr int64_t kMax = INT64_MAX;

TEST(Checked, ProductsAtTheEdge) {
  EXPECT_EQ(checked_mul(kMax, 1), kMax);
  EXPECT_EQ(checked_mul(int64_t{1} << 31, int64_t{1} << 31), int64_t{1} << 62);
  EXPECT_EQ(checked_mul(kMax, 0), 0);
  EXPECT_ERROR(checked_mul(int64_t{1} << 33, int64_t{1} << 33), ErrorCode::kLimit, "size overflow");
  EXPECT_ERROR(checked_mul(int64_t{1} << 62, 2), ErrorCode::kLimit, "x 2");      // exactly 2^63
  EXPECT_ERROR(checked_mul(int64_t{1} << 62, 4), ErrorCode::kLimit, "63 bits");  // 2^64 wraps to 0
}

TEST(Checked, SumsAndDifferences) {
  EXPECT_EQ(checked_add(kMax - 1, 1), kMax);
  EXPECT_ERROR(checked_add(kMax, 1), ErrorCode::kLimit, "+ 1");
  EXPECT_EQ(checked_sub(INT64_MIN + 1, 1), INT64_MIN);
  EXPECT_ERROR(checked_sub(INT64_MIN, 1), ErrorCode::kLimit, "- 1");
}

TEST(Checked, ProductOfDimensions) {
  EXPECT_EQ(checked_product(std::vector<int64_t>{}), 1);
  EXPECT_EQ(checked_product(std::vector<int64_t>{2, 3, 5}), 30);
  // A zero anywhere empties the tensor, even beside dimensions whose product would overflow.
  EXPECT_EQ(checked_product(std::vector<int64_t>{kMax, kMax, 0}), 0);
  EXPECT_ERROR(checked_product(std::vector<int64_t>{kMax, 2}), ErrorCode::kLimit, "size overflow");
}

TEST(Checked, Rounding) {
  EXPECT_EQ(ceil_div(0, 4), 0);
  EXPECT_EQ(ceil_div(4, 4), 1);
  EXPECT_EQ(ceil_div(5, 4), 2);
  EXPECT_EQ(round_up(65, 64), 128);
}

TEST(Error, EveryCodeHasItsExitNumberAndName) {
  EXPECT_EQ(static_cast<int>(ErrorCode::kUsage), 2);
  EXPECT_EQ(static_cast<int>(ErrorCode::kMalformed), 3);
  EXPECT_EQ(static_cast<int>(ErrorCode::kUnsupported), 4);
  EXPECT_EQ(static_cast<int>(ErrorCode::kBudget), 5);
  EXPECT_EQ(static_cast<int>(ErrorCode::kIo), 6);
  EXPECT_EQ(static_cast<int>(ErrorCode::kLimit), 7);
  EXPECT_EQ(static_cast<int>(ErrorCode::kVerify), 8);
  for (int code : {1, 2, 3, 4, 5, 6, 7, 8, 130, 143})
    EXPECT_STRNE(error_code_name(static_cast<ErrorCode>(code)), "") << code;
}

}  // namespace
}  // namespace precis
