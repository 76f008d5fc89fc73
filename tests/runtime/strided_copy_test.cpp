// Strided copies against index arithmetic, for permutations, crops, steps and broadcasts.
#include "precis/runtime/strided_copy.h"

#include <gtest/gtest.h>

#include <numeric>

#include "precis/core/shape.h"

namespace precis::runtime {
namespace {

template <typename T>
void expect_copy(StridedCopy c, int64_t source_size, int64_t destination_size) {
  std::vector<T> source(static_cast<size_t>(source_size)), got(static_cast<size_t>(destination_size), T{77});
  std::iota(source.begin(), source.end(), T{1});
  std::vector<T> want = got;
  const int64_t count = checked_product(c.extents);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, from = c.source_offset, to = c.destination_offset;
    for (size_t d = c.extents.size(); d-- > 0;) {
      from += rest % c.extents[d] * c.source_strides[d];
      to += rest % c.extents[d] * c.destination_strides[d];
      rest /= c.extents[d];
    }
    want[static_cast<size_t>(to)] = source[static_cast<size_t>(from)];
  }
  c.element_bytes = sizeof(T);
  c.simplify();
  c.run(reinterpret_cast<const std::byte*>(source.data()), reinterpret_cast<std::byte*>(got.data()));
  EXPECT_EQ(got, want);
}

StridedCopy permutation(const Shape& source, const std::vector<int>& perm) {
  StridedCopy c;
  const auto strides = source.strides();
  std::vector<int64_t> dims;
  for (int p : perm) {
    dims.push_back(source[p]);
    c.source_strides.push_back(strides[static_cast<size_t>(p)]);
  }
  c.extents = dims;
  c.destination_strides = Shape(dims).strides();
  return c;
}

TEST(StridedCopy, AllPermutationsOfFourDimensions) {
  const Shape shape{2, 19, 3, 70};
  std::vector<int> perm{0, 1, 2, 3};
  do {
    expect_copy<float>(permutation(shape, perm), shape.numel(), shape.numel());
    expect_copy<uint8_t>(permutation(shape, perm), shape.numel(), shape.numel());
  } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST(StridedCopy, MatrixTransposeOfEveryElementSize) {
  expect_copy<uint8_t>(permutation({130, 67}, {1, 0}), 130 * 67, 130 * 67);
  expect_copy<uint16_t>(permutation({130, 67}, {1, 0}), 130 * 67, 130 * 67);
  expect_copy<uint32_t>(permutation({130, 67}, {1, 0}), 130 * 67, 130 * 67);
  expect_copy<uint64_t>(permutation({130, 67}, {1, 0}), 130 * 67, 130 * 67);
}

TEST(StridedCopy, CropWithStepsIntoAPart) {
  StridedCopy c;
  c.extents = {3, 4};
  c.source_strides = {2 * 10, 2};
  c.destination_strides = {9, 1};
  c.source_offset = 11;
  c.destination_offset = 12;
  expect_copy<float>(c, 100, 60);
}

TEST(StridedCopy, NegativeStepsAndBroadcast) {
  StridedCopy c;
  c.extents = {5, 6};
  c.source_strides = {0, -1};
  c.destination_strides = {6, 1};
  c.source_offset = 5;
  expect_copy<float>(c, 6, 30);
}

TEST(StridedCopy, ScalarsAndEmptyBlocks) {
  expect_copy<float>(StridedCopy{}, 1, 1);
  StridedCopy c;
  c.extents = {0, 4};
  c.source_strides = c.destination_strides = {4, 1};
  expect_copy<float>(c, 4, 4);
}

}  // namespace
}  // namespace precis::runtime
