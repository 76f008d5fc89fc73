// The real data sets, where they are there: counts, labels and a few pixels.
#include <filesystem>
#include <set>

#include "precis/data/input_statistics.h"
#include "tests/data/data_test_support.h"

namespace precis::data {
namespace {

using namespace test;

class SharedData : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = shared_data();
    if (folder_.empty()) GTEST_SKIP() << "no real data at PRECIS_SHARED_DATA";
  }
  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  std::string folder_;
};

TEST_F(SharedData, Imagenet) {
  const SourcePtr source =
      open(at("imagenet500") + ",preprocess=imagenet", {input("data", {-1, 3, 224, 224})});
  ASSERT_EQ(source->size(), 500);
  EXPECT_EQ(source->get(0).label, 0);
  EXPECT_EQ(source->get(1).label, 2);
  EXPECT_EQ(source->get(499).label, 998);
  EXPECT_EQ(source->get(0).origin, "images/n01440764.jpg");
  const auto s = input_statistics(*source, {input("data", {-1, 3, 224, 224})}, 4);
  EXPECT_NEAR(s[0].min, -2.1179, 1e-3);
  EXPECT_NEAR(s[0].max, 2.64, 1e-3);
  std::set<uint64_t> hashes;
  for (int64_t i = 0; i < 50; ++i) hashes.insert(source->content_hash(i));
  EXPECT_EQ(hashes.size(), 50u);
  const Split split = open_calib_and_data(spec(at("imagenet500")), spec(at("imagenet500/")),
                                          {input("data", {-1, 3, 224, 224})});
  EXPECT_EQ(split.calib->size(), 100);
  EXPECT_EQ(split.data->size(), 400);
  EXPECT_EQ(split.overlap, 0);
}

TEST_F(SharedData, Cifar) {
  const std::vector<InputSpec> inputs = {input("x", {-1, 3, 32, 32})};
  const SourcePtr test = open(at("cifar10jpeg/test2500.bin.gz") + ",preprocess=cifar10", inputs);
  ASSERT_EQ(test->size(), 2500);
  std::vector<int> counts(10);
  for (int64_t i = 0; i < test->size(); i += 5) ++counts.at(static_cast<size_t>(test->get(i).label));
  for (int count : counts) EXPECT_GT(count, 20);
  const Split split = open_calib_and_data(spec(at("cifar10jpeg/train5000.bin.gz") + ",rows=0:500"),
                                          spec(at("cifar10jpeg/test2500.bin.gz")), inputs);
  EXPECT_EQ(split.overlap, 0);
}

TEST_F(SharedData, Mnist) {
  const SourcePtr source = open(at("mnist/test5000-images-idx3-ubyte.gz"), {input("Input3", {1, 1, 28, 28})});
  ASSERT_EQ(source->size(), 5000);
  EXPECT_TRUE(source->labelled());
  EXPECT_EQ(source->get(0).label, 8);
  EXPECT_EQ(source->get(1).label, 5);
  EXPECT_EQ(source->get(4999).inputs[0].shape(), (Shape{1, 1, 28, 28}));
}

TEST_F(SharedData, SpeechFeaturesAndTokens) {
  const SourcePtr speech =
      open(at("speech_commands/mfcc_49x10_f32.npy") + ",labels=" + at("speech_commands/labels_u8.npy"),
           {input("x", {-1, 49, 10})});
  EXPECT_EQ(speech->size(), 2143);
  EXPECT_LT(speech->get(2142).label, 12);
  const SourcePtr tokens =
      open(at("text/tinystories_tok512_seq129_i64.npy"), {input("ids", {-1, -1}, DType::kI64)});
  EXPECT_EQ(tokens->size(), 100);
  EXPECT_EQ(tokens->get(0).inputs[0].shape(), (Shape{1, 129}));
}

TEST(FashionMnist, DebianPackage) {
  const std::string path = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "package dataset-fashion-mnist is not installed";
  const SourcePtr source =
      open(path + ",preprocess=fashion-mnist,count=10", {input("image", {-1, 1, 28, 28})});
  EXPECT_EQ(source->size(), 10);
  EXPECT_EQ(source->get(0).label, 9);
}

}  // namespace
}  // namespace precis::data
