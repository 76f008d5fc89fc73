// Tensors: ownership and views, typed access, 4-bit storage, casts with saturation.
#include "precis/core/tensor.h"

#include <array>
#include <cmath>
#include <limits>

#include "tests/support/expect_error.h"
#include "tests/support/tensor_compare.h"

namespace precis {
namespace {

using test::tensors_equal;

TEST(Tensor, OwnsZeroedAlignedMemory) {
  const Tensor t(DType::kF32, {3, 5});
  EXPECT_EQ(t.nbytes(), 60);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(t.bytes()) % 64, 0u);
  for (float v : t.data<float>()) EXPECT_EQ(v, 0.0f);
  const Tensor empty(DType::kF32, {0, 7});
  EXPECT_EQ(empty.numel(), 0);
  EXPECT_NE(empty.bytes(), nullptr);
  EXPECT_FALSE(Tensor().defined());
}

TEST(Tensor, CopiesShareClonesDoNot) {
  Tensor a = Tensor::from<int32_t>({2}, {1, 2});
  Tensor shared = a;
  const Tensor copy = a.clone();
  shared.data<int32_t>()[0] = 9;
  EXPECT_EQ(a.data<int32_t>()[0], 9);
  EXPECT_EQ(copy.data<int32_t>()[0], 1);
}

TEST(Tensor, ViewsKeepTheirOwnerAlive) {
  auto memory = std::make_shared<std::array<float, 4>>(std::array<float, 4>{1, 2, 3, 4});
  const std::weak_ptr<std::array<float, 4>> watch = memory;
  {
    const Tensor view = Tensor::view(DType::kF32, {2, 2}, memory->data(), memory);
    memory.reset();
    EXPECT_FALSE(watch.expired());
    EXPECT_EQ(view.reshaped({4}).data<float>()[3], 4.0f);
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Tensor, WrongUseIsAnError) {
  Tensor t(DType::kF32, {2, 3});
  EXPECT_ERROR((void)t.data<int32_t>(), ErrorCode::kInternal, "f32 read as i32");
  EXPECT_ERROR((void)t.bits16(), ErrorCode::kInternal, "16-bit float");
  EXPECT_ERROR((void)t.reshaped({7}), ErrorCode::kMalformed, "[2,3] as [7]");
  EXPECT_ERROR((void)(Tensor::from<float>({3}, {1, 2})), ErrorCode::kUsage, "needs 3 values, got 2");
  EXPECT_ERROR((void)Tensor().at_int(0), ErrorCode::kInternal, "undefined");
  EXPECT_ERROR((void)to_int64s(t, "axes of 'r'"), ErrorCode::kMalformed, "axes of 'r'");
}

TEST(Tensor, HugeSizesAreRefused) {
  const int64_t big = int64_t{1} << 33;
  EXPECT_ERROR(Tensor(DType::kU8, {big, big}), ErrorCode::kLimit, "size overflow");
  EXPECT_ERROR(Tensor(DType::kF64, {int64_t{1} << 58}), ErrorCode::kLimit, "");  // bits overflow 63
  EXPECT_ERROR(Tensor(DType::kU8, {int64_t{1} << 59}), ErrorCode::kLimit, "out of memory");
}

TEST(Tensor, FourBitTypesLieTwoPerByteLowNibbleFirst) {
  const Tensor t = Tensor::from<int8_t>({3}, {-8, 7, -1}).cast(DType::kI4);
  EXPECT_EQ(t.nbytes(), 2);
  EXPECT_EQ(std::to_integer<int>(t.bytes()[0]), 0x78);
  EXPECT_EQ(std::to_integer<int>(t.bytes()[1]), 0x0f);
  EXPECT_TRUE(tensors_equal(t.cast(DType::kI8), Tensor::from<int8_t>({3}, {-8, 7, -1})));
  EXPECT_EQ(dense_bytes(DType::kU4, 5), 3);
  EXPECT_EQ(dense_bytes(DType::kU4, 0), 0);
}

TEST(TensorCast, FloatToIntegerTruncatesAndSaturates) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const Tensor t = Tensor::from<float>({7}, {1.9f, -1.9f, 300.0f, -300.0f, inf, -inf, NAN});
  EXPECT_TRUE(tensors_equal(t.cast(DType::kI8), Tensor::from<int8_t>({7}, {1, -1, 127, -128, 127, -128, 0})));
  EXPECT_TRUE(tensors_equal(t.cast(DType::kU8), Tensor::from<uint8_t>({7}, {1, 0, 255, 0, 255, 0, 0})));
  EXPECT_EQ(t.cast(DType::kI64).at_int(4), INT64_MAX);
  EXPECT_EQ(t.cast(DType::kI64).at_int(5), INT64_MIN);
  EXPECT_EQ(t.cast(DType::kI32).at_int(4), INT32_MAX);
  EXPECT_EQ(t.cast(DType::kI4).at_int(2), -4);  // 4-bit casts keep the low bits
  EXPECT_EQ(t.cast(DType::kU4).at_int(3), 4);
}

TEST(TensorCast, FourBitFromNanIsZero) {
  const Tensor t = Tensor::from<float>({1}, {NAN});
  EXPECT_EQ(t.cast(DType::kI4).at_int(0), 0);
  EXPECT_EQ(t.cast(DType::kU4).at_int(0), 0);
}

TEST(TensorCast, IntegersWrapLikeConversions) {
  const Tensor t = Tensor::from<int64_t>({3}, {300, -1, int64_t{1} << 40});
  EXPECT_TRUE(tensors_equal(t.cast(DType::kU8), Tensor::from<uint8_t>({3}, {44, 255, 0})));
  EXPECT_TRUE(tensors_equal(t.cast(DType::kI32), Tensor::from<int32_t>({3}, {300, -1, 0})));
  EXPECT_EQ(t.cast(DType::kBool).at_int(2), 1);
}

TEST(TensorCast, WideIntegersStayExact) {
  const Tensor t = Tensor::from<int64_t>({1}, {(int64_t{1} << 53) + 1});
  EXPECT_EQ(t.cast(DType::kU64).at_int(0), (int64_t{1} << 53) + 1);
  const Tensor u = Tensor::from<uint64_t>({1}, {UINT64_MAX});
  EXPECT_EQ(u.cast(DType::kF64).at_double(0), 18446744073709551616.0);
}

TEST(TensorCast, SixteenBitFloats) {
  const Tensor t = Tensor::from<float>({3}, {1.0f, 65536.0f, 1e-8f});
  const Tensor half = t.cast(DType::kF16);
  EXPECT_EQ(half.bits16()[0], 0x3c00);
  EXPECT_EQ(half.bits16()[1], 0x7c00);
  EXPECT_EQ(half.bits16()[2], 0);
  EXPECT_EQ(t.cast(DType::kBF16).bits16()[0], 0x3f80);
}

// A double just off the middle of two f16 values must not be rounded twice (double -> f32 -> f16).
TEST(TensorCast, DoubleToHalfRoundsOnce) {
  const double just_above_tie = 1.0 + 0x1p-11 + 0x1p-40;
  const Tensor t = Tensor::from<double>({2}, {just_above_tie, 1.0 + 0x1p-8 + 0x1p-40});
  EXPECT_EQ(t.cast(DType::kF16).bits16()[0], 0x3c01);
  EXPECT_EQ(t.cast(DType::kBF16).bits16()[1], 0x3f81);
}

TEST(Tensor, SequencesAndOptionalsHoldTensors) {
  const Tensor s = Tensor::sequence({Tensor::scalar<float>(1), Tensor::from<int64_t>({2}, {3, 4})});
  EXPECT_EQ(s.dtype(), DType::kSequence);
  EXPECT_EQ(s.shape(), Shape{2});
  EXPECT_EQ(s.nbytes(), 0);
  EXPECT_EQ(s.clone().items()[1].at_int(1), 4);
  EXPECT_EQ(Tensor::sequence({}).items().size(), 0u);
  EXPECT_EQ(Tensor::optional({s}).items()[0].items().size(), 2u);
  EXPECT_THROW(Tensor::optional({s, s}), Error);
  EXPECT_THROW(Tensor::scalar<float>(1).items(), Error);
}

TEST(Tensor, ScalarAndIntegerReading) {
  EXPECT_EQ(Tensor::scalar<float>(2.5f).shape().rank(), 0);
  EXPECT_EQ(to_int64s(Tensor::from<int32_t>({2}, {-1, 7}), "axes"), (std::vector<int64_t>{-1, 7}));
}

}  // namespace
}  // namespace precis
