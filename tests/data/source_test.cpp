// Sources over arrays and folders, data specifications, rows, batches and splits.
#include "precis/data/source.h"

#include <filesystem>
#include <thread>

#include "precis/data/npy.h"
#include "tests/data/data_test_support.h"

namespace precis::data {
namespace {

using namespace test;
using ::testing::ElementsAre;

Bytes float_rows(int64_t rows, const std::string& rest, int64_t row_size, float start = 0) {
  std::vector<float> values;
  for (int64_t i = 0; i < rows * row_size; ++i) values.push_back(start + static_cast<float>(i));
  return npy("<f4", "(" + std::to_string(rows) + ", " + rest + ")", raw(values));
}

const std::vector<InputSpec> kX2 = {input("x", {-1, 2})};

TEST(DataSpec, ParsesOptions) {
  const DataSpec s = spec("a,b/c.npz,rows=3:10,count=4,labels=l.csv,preprocess=unit,cast=model,seed=7");
  EXPECT_EQ(s.path, "a,b/c.npz");
  EXPECT_EQ(s.first, 3);
  EXPECT_EQ(s.last, 10);
  EXPECT_EQ(s.count, 4);
  EXPECT_EQ(s.labels, "l.csv");
  EXPECT_EQ(s.preprocess->name, "unit");
  EXPECT_EQ(s.cast, DataSpec::Cast::kModel);
  EXPECT_EQ(s.seed, 7u);
  EXPECT_EQ(spec("x,rows=:5").last, 5);
  EXPECT_EQ(spec("x,rows=5:").first, 5);
  EXPECT_FALSE(spec("x").rows_given());
  EXPECT_EQ(spec("x,targets=a,b.npy").targets, "a,b.npy");
}

TEST(DataSpec, RefusesWhatItDoesNotKnow) {
  expect_error([] { spec("x,row=1:2"); }, ErrorCode::kUsage,
               {"unknown data option 'row'", "did you mean 'rows'"});
  expect_error([] { spec("x,rows=5"); }, ErrorCode::kUsage, {"expected FIRST:END"});
  expect_error([] { spec("x,rows=5:5"); }, ErrorCode::kUsage, {"holds no row"});
  expect_error([] { spec("x,rows=-1:5"); }, ErrorCode::kUsage, {"0 or more"});
  expect_error([] { spec("x,count=0"); }, ErrorCode::kUsage, {"leaves no sample"});
  expect_error([] { spec("x,count=many"); }, ErrorCode::kUsage, {"'many'"});
  expect_error([] { spec(",count=1"); }, ErrorCode::kUsage, {"names no path"});
  expect_error([] { spec("x,cast=f32"); }, ErrorCode::kUsage, {"expected 'model'"});
}

TEST(ArraySource, RowsAlongAxis0) {
  const TempFolder folder;
  const std::string path = folder.write("x.npy", float_rows(3, "2", 2));
  const SourcePtr source = open(path, kX2);
  ASSERT_EQ(source->size(), 3);
  const Sample sample = source->get(1);
  EXPECT_EQ(sample.inputs[0].shape(), (Shape{1, 2}));
  EXPECT_THAT(floats(sample.inputs[0]), ElementsAre(2, 3));
  EXPECT_EQ(sample.origin, "row 1");
  EXPECT_EQ(sample.label, -1);
  EXPECT_FALSE(source->labelled());
  EXPECT_EQ(open(path, {input("x", {1, 2})})->get(2).inputs[0].shape(),
            (Shape{1, 2}));  // a fixed batch of 1 fits too
}

TEST(ArraySource, UnitDimensionsAdapt) {
  const TempFolder folder;
  const std::string path = folder.write("x.npy", float_rows(4, "2, 3", 6));
  EXPECT_EQ(open(path, {input("x", {-1, 1, 2, 3})})->get(3).inputs[0].shape(), (Shape{1, 1, 2, 3}));
  EXPECT_EQ(open(path, {input("x", {-1, -1, 3})})->size(), 4);
  EXPECT_EQ(open(path, {input("x", {1, 4, 2, 3})})->size(), 1);  // the array is one sample
  EXPECT_EQ(open(path, {input("x", {2, 3})})->size(), 4);        // items without a batch dimension
  EXPECT_EQ(open(path, {input("x", {2, 3})})->get(1).inputs[0].shape(), (Shape{2, 3}));
}

TEST(ArraySource, H03WrongShapeAndType) {
  const TempFolder folder;
  const std::string path = folder.write("x.npy", float_rows(3, "5", 5));
  expect_error([&] { open(path, kX2); }, ErrorCode::kUsage,
               {"input 'x'", "x.npy", "[3,5]", "the model takes [?,2]"});
  const std::string doubles = folder.write("d.npy", npy("<f8", "(2, 2)", raw<double>({0.1, 2, 3, 4})));
  expect_error([&] { open(doubles, kX2)->get(0); }, ErrorCode::kUsage,
               {"holds f64", "takes f32", "cast=model"});
  EXPECT_EQ(floats(open(doubles + ",cast=model", kX2)->get(0).inputs[0])[0], 0.1f);
  const std::string ids = folder.write("i.npy", npy("<i8", "(1, 2)", raw<int64_t>({5, 1LL << 40})));
  expect_error(
      [&] {
        open(ids, {input("x", {-1, 2}, DType::kI32)})->get(0);
      },
      ErrorCode::kUsage, {"holds i64", "takes i32"});
  expect_error(
      [&] {
        open(ids + ",cast=model", {input("x", {-1, 2}, DType::kI32)})->get(0);
      },
      ErrorCode::kUsage, {"element 1", "i32 cannot hold"});
  const std::string bytes = folder.write("u.npy", npy("|u1", "(1, 2)", Bytes("\x05\xff", 2)));
  EXPECT_THAT(floats(open(bytes, kX2)->get(0).inputs[0]), ElementsAre(5, 255));  // u8 -> f32 loses nothing
}

TEST(ArraySource, NpzByInputName) {
  const TempFolder folder;
  const Bytes a = float_rows(3, "2", 2), b = float_rows(3, "1", 1, 100);
  const std::string path = folder.write(
      "s.npz",
      zip({{"b.npy", b}, {"a.npy", a, true}, {"labels.npy", npy("<i4", "(3,)", raw<int32_t>({4, 5, 6}))}}));
  const SourcePtr source = open(path, {input("a", {-1, 2}), input("b", {-1, 1})});
  const Sample sample = source->get(2);
  EXPECT_THAT(floats(sample.inputs[0]), ElementsAre(4, 5));
  EXPECT_THAT(floats(sample.inputs[1]), ElementsAre(102));
  EXPECT_EQ(sample.label, 6);
  expect_error(
      [&] {
        open(path, {input("a", {-1, 2}), input("c", {-1, 1})});
      },
      ErrorCode::kUsage, {"no array for the model's input 'c'", "found: b, a"});
  const std::string uneven = folder.write("u.npz", zip({{"b.npy", float_rows(2, "1", 1)}, {"a.npy", a}}));
  expect_error(
      [&] {
        open(uneven, {input("a", {-1, 2}), input("b", {-1, 1})});
      },
      ErrorCode::kUsage, {"3 rows", "2"});
}

TEST(ArraySource, ScalarsAreConstant) {
  const TempFolder folder;
  const std::string path = folder.write(
      "s.npz", zip({{"x.npy", float_rows(3, "2", 2)}, {"sr.npy", npy("<i8", "()", raw<int64_t>({16000}))}}));
  const SourcePtr source = open(path, {input("x", {-1, 2}), input("sr", {}, DType::kI64)});
  EXPECT_EQ(source->size(), 3);
  EXPECT_EQ(source->get(2).inputs[1].at_int(0), 16000);
}

TEST(ArrayFolder, FilesNamedAfterInputs) {
  const TempFolder folder;
  folder.write("d/in_a_0.npy", float_rows(2, "2", 2));
  folder.write("d/b.npy", float_rows(2, "1", 1));
  folder.write("d/readme.md", "x");
  const SourcePtr source = open(folder.at("d"), {input("in/a:0", {-1, 2}), input("b", {-1, 1})});
  EXPECT_EQ(source->size(), 2);
  expect_error(
      [&] {
        open(folder.at("d"), {input("q", {-1, 2}), input("b", {-1, 1})});
      },
      ErrorCode::kUsage, {"input 'q'"});
}

TEST(ArrayFolder, OneFileASampleOrSeveralRows) {
  const TempFolder folder;
  folder.write("d/s0.npy", npy("<f4", "(2,)", raw<float>({1, 2})));
  folder.write("d/s1.npy", float_rows(2, "2", 2, 10));
  folder.write("d/s2.npy", npy("<f4", "(1, 2)", raw<float>({7, 8})));
  folder.write("d/labels.npy", npy("|u1", "(4,)", Bytes("\x00\x01\x02\x03", 4)));
  const SourcePtr source = open(folder.at("d"), kX2);
  ASSERT_EQ(source->size(), 4);
  EXPECT_THAT(floats(source->get(0).inputs[0]), ElementsAre(1, 2));
  EXPECT_THAT(floats(source->get(2).inputs[0]), ElementsAre(12, 13));
  EXPECT_EQ(source->get(2).origin, "s1.npy row 1");
  EXPECT_EQ(source->get(3).label, 3);
}

TEST(PictureArrays, GoThroughPreprocessing) {
  const TempFolder folder;
  Bytes pixels;
  for (int i = 0; i < 2 * 2 * 2 * 3; ++i) pixels += static_cast<char>(i);
  const std::string path = folder.write("x.npy", npy("|u1", "(2, 2, 2, 3)", pixels));
  const SourcePtr source = open(path + ",preprocess=unit", {input("x", {-1, 3, 2, 2})});
  EXPECT_EQ(floats(source->get(1).inputs[0])[0], 12 / 255.0f);
  EXPECT_EQ(open(path, {input("x", {-1, 3, 2, 2})})->get(0).inputs[0].shape(),
            (Shape{1, 3, 2, 2}));  // turned by itself
}

TEST(ImageFolder, ClassFoldersInByteOrder) {
  const TempFolder folder;
  folder.write("d/zebra/1.png", png(test_picture(2, 2, 3)));
  folder.write("d/ant/b.jpg", jpeg(test_picture(2, 2, 3)));
  folder.write("d/ant/a.png", png(test_picture(2, 2, 1)));
  folder.write("d/ant/.hidden", "x");
  folder.write("d/ant/notes.txt", "x");
  const SourcePtr source = open(folder.at("d"), {input("x", {-1, 3, 2, 2})});
  ASSERT_EQ(source->size(), 3);
  EXPECT_EQ(source->get(0).origin, "ant/a.png");
  EXPECT_EQ(source->get(0).label, 0);
  EXPECT_EQ(source->get(2).label, 1);
  EXPECT_EQ(source->get(0).content_hash, source->content_hash(0));
  EXPECT_THAT(source->describe(), ::testing::HasSubstr("3 files in 2 class folders"));
}

TEST(ImageFolder, TablesInsideOrGiven) {
  const TempFolder folder;
  folder.write("d/images/a.png", png(test_picture(2, 2, 3)));
  folder.write("d/images/b.png", png(test_picture(2, 2, 3)));
  folder.write("d/labels.csv",
               "\xef\xbb\xbf"
               "file,label,name\r\nimages/b.png,7,\"x, y\"\r\nimages/a.png,3,z\r\n");
  folder.write("plain.txt", "5\n6\n");
  const std::vector<InputSpec> inputs = {input("x", {-1, 3, 2, 2})};
  const SourcePtr inside = open(folder.at("d"), inputs);
  EXPECT_EQ(inside->get(0).label, 7);
  EXPECT_EQ(inside->get(1).origin, "images/a.png");
  EXPECT_EQ(open(folder.at("d/labels.csv"), inputs)->get(1).label, 3);
  EXPECT_EQ(open(folder.at("d/images") + ",labels=" + folder.at("plain.txt"), inputs)->get(1).label, 6);
  EXPECT_EQ(open(folder.at("d/images") + ",labels=" + folder.at("d/labels.csv"), inputs)->get(0).label, 7);
  EXPECT_FALSE(open(folder.at("d/images"), inputs)->labelled());
  folder.write("three.txt", "1\n2\n3\n");
  expect_error([&] { open(folder.at("d/images") + ",labels=" + folder.at("three.txt"), inputs); },
               ErrorCode::kMalformed, {"3 labels", "2 files"});
  folder.write("gone.csv", "nowhere.png,1\n");
  expect_error([&] { open(folder.at("gone.csv"), inputs); }, ErrorCode::kUsage, {"nowhere.png"});
}

TEST(ImageFolder, H05EmptyOrUnreadable) {
  const TempFolder folder;
  std::filesystem::create_directories(folder.at("empty"));
  const std::vector<InputSpec> inputs = {input("x", {-1, 3, 2, 2})};
  expect_error([&] { open(folder.at("empty"), inputs); }, ErrorCode::kUsage,
               {"holds nothing that is read", "JPEG, PNG or WAV"});
  expect_error([&] { open(folder.at("missing"), inputs); }, ErrorCode::kIo, {"does not exist"});
  folder.write("bad/a.jpg", "no picture");
  expect_error([&] { open(folder.at("bad"), inputs)->get(0); }, ErrorCode::kMalformed, {"bad/a.jpg"});
  std::filesystem::create_symlink("loop.jpg", folder.at("bad/loop.jpg"));
  expect_error([&] { open(folder.at("bad"), inputs)->get(1); }, ErrorCode::kIo, {"loop.jpg"});
  folder.write("odd/\xff\x01.png", png(test_picture(2, 2, 3)));
  EXPECT_EQ(open(folder.at("odd"), inputs)->get(0).origin, "\\xff\\x01.png");
}

TEST(ImageFolder, H12PicturesOfOtherSizesAreNamed) {
  const TempFolder folder;
  folder.write("d/a.png", png(test_picture(2, 2, 3)));
  folder.write("d/b.png", png(test_picture(2, 5, 3)));
  const SourcePtr source = open(folder.at("d"), {input("x", {-1, 3, 2, 2})});
  source->get(0);
  expect_error([&] { source->get(1); }, ErrorCode::kUsage, {"b.png", "[1,3,2,5]", "[?,3,2,2]"});
  EXPECT_EQ(open(folder.at("d"), {input("x", {-1, 3, -1, -1})})->get(1).inputs[0].shape(),
            (Shape{1, 3, 2, 5}));
}

TEST(ImageFolder, ChannelsMustMatch) {
  const TempFolder folder;
  folder.write("d/a.png", png(test_picture(2, 2, 3)));
  folder.write("gray.yaml", "color: gray\n");
  expect_error(
      [&] {
        open(folder.at("d"), {input("x", {-1, 1, 2, 2})})->get(0);
      },
      ErrorCode::kUsage, {"in colour", "color: gray"});
  const SourcePtr gray =
      open(folder.at("d") + ",preprocess=" + folder.at("gray.yaml"), {input("x", {-1, 1, 2, 2})});
  EXPECT_EQ(gray->get(0).inputs[0].shape(), (Shape{1, 1, 2, 2}));
  expect_error(
      [&] {
        open(folder.at("d"), {input("x", {1}), input("y", {1})});
      },
      ErrorCode::kUsage, {"2 inputs"});
}

TEST(ImageFolder, IntegerInputsTakePixels) {
  const TempFolder folder;
  folder.write("d/a.png", png(test_picture(2, 2, 3)));
  const std::vector<InputSpec> inputs = {input("x", {-1, 3, 2, 2}, DType::kU8)};
  EXPECT_EQ(open(folder.at("d"), inputs)->get(0).inputs[0].dtype(), DType::kU8);
  expect_error([&] { open(folder.at("d") + ",preprocess=unit", inputs); }, ErrorCode::kUsage,
               {"takes u8", "scaled floats"});
  const std::vector<InputSpec> half = {input("x", {-1, 3, 2, 2}, DType::kF16)};
  EXPECT_EQ(open(folder.at("d") + ",preprocess=unit", half)->get(0).inputs[0].dtype(), DType::kF16);
}

TEST(OpenSource, NamesForeignForms) {
  const TempFolder folder;
  const auto refused = [&](const Bytes& bytes, ErrorCode code, const std::string& fragment) {
    const std::string path = folder.write("f", bytes);
    expect_error([&] { open(path, kX2); }, code, {fragment});
  };
  refused("PAR1" + Bytes(10, '\0'), ErrorCode::kUnsupported, "Parquet");
  refused("ARROW1" + Bytes(10, '\0'), ErrorCode::kUnsupported, "Arrow");
  refused("", ErrorCode::kMalformed, "0 bytes");
  refused(Bytes(40, '\x02'), ErrorCode::kMalformed, "of no form that is read");
  refused("GIF89a" + Bytes(40, '\0'), ErrorCode::kUnsupported, "GIF picture");
}

TEST(OpenSource, H11RowsAndCounts) {
  const TempFolder folder;
  const std::string path = folder.write("x.npy", float_rows(10, "2", 2));
  const auto first_values = [&](const std::string& options) {
    const SourcePtr source = open(path + options, kX2);
    std::vector<float> values;
    for (int64_t i = 0; i < source->size(); ++i) values.push_back(floats(source->get(i).inputs[0])[0]);
    return values;
  };
  EXPECT_THAT(first_values(",rows=2:4"), ElementsAre(4, 6));
  EXPECT_THAT(first_values(",count=3"), ElementsAre(0, 6, 12));       // rows 0, 3, 6
  EXPECT_THAT(first_values(",rows=4:,count=2"), ElementsAre(8, 14));  // rows 4, 7
  EXPECT_EQ(first_values(",count=50").size(), 10u);
  expect_error([&] { open(path + ",rows=5:11", kX2); }, ErrorCode::kUsage, {"10 rows (0 to 9)", "rows=5:11"});
  expect_error([&] { open(path + ",rows=10:", kX2); }, ErrorCode::kUsage, {"rows=10:"});
  const std::string none = folder.write("n.npy", npy("<f4", "(0, 2)", ""));
  expect_error([&] { open(none, kX2); }, ErrorCode::kUsage, {"holds no samples"});
  EXPECT_EQ(open(folder.write("o.npy", float_rows(1, "2", 2)), kX2)->size(), 1);
}

TEST(OpenSource, H11FixedBatchesAreFilled) {
  const TempFolder folder;
  const std::string path =
      folder.write("x.npz", zip({{"x.npy", float_rows(5, "2", 2)},
                                 {"y.npy", npy("|u1", "(5,)", Bytes("\x00\x01\x02\x03\x04", 5))}}));
  const SourcePtr source = open(path, {input("x", {2, 2})});
  ASSERT_EQ(source->size(), 3);
  EXPECT_THAT(floats(source->get(1).inputs[0]), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(source->get(1).labels, ElementsAre(2, 3));
  EXPECT_THAT(floats(source->get(2).inputs[0]), ElementsAre(8, 9, 8, 9));
  EXPECT_THAT(source->get(2).labels, ElementsAre(4, -1));
  EXPECT_EQ(source->get(2).content_hash, source->content_hash(2));
}

TEST(OpenSource, LabelsAndTargetsFromFiles) {
  const TempFolder folder;
  const std::string path = folder.write("x.npy", float_rows(3, "2", 2));
  const std::string labels = folder.write("l.txt", "1\n0\n2\n");
  const std::string targets = folder.write("t.npy", float_rows(3, "4", 4, 50));
  const SourcePtr source = open(path + ",labels=" + labels + ",targets=" + targets + ",rows=1:3", kX2);
  EXPECT_TRUE(source->labelled());
  EXPECT_EQ(source->get(1).label, 2);
  EXPECT_THAT(floats(source->get(0).targets[0]), ElementsAre(54, 55, 56, 57));
  expect_error([&] { open(path + ",labels=" + folder.write("m.txt", "1\n2\n"), kX2); }, ErrorCode::kMalformed,
               {"2 labels for 3 samples"});
  expect_error([&] { open(path + ",targets=" + folder.write("u.npy", float_rows(2, "4", 4)), kX2); },
               ErrorCode::kMalformed, {"[2,4] for 3 samples"});
}

// H10: a set whose file was cut off is an error at opening, not a shorter set.
TEST(OpenSource, H10TruncatedSet) {
  const TempFolder folder;
  const Bytes whole = float_rows(100, "2", 2);
  expect_error([&] { open(folder.write("x.npy", whole.substr(0, whole.size() - 300)), kX2); },
               ErrorCode::kMalformed, {"x.npy", "truncated"});
}

TEST(OpenSource, GetIsThreadSafe) {
  const TempFolder folder;
  Bytes records;
  for (int i = 0; i < 600; ++i)
    records += static_cast<char>(i % 10) + Bytes(3072, static_cast<char>(i % 251));
  const SourcePtr source = open(folder.write("c.gz", gzip(records)), {input("x", {-1, 3, 32, 32})});
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = t; i < 600; i += 4)
        if (source->get(599 - i).inputs[0].at_double(5) != (599 - i) % 251) ++wrong;
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Random, OnlyByItsWordAndByTheSeed) {
  const std::vector<InputSpec> inputs = {input("x", {-1, 50}), input("b", {4}, DType::kU8)};
  const SourcePtr a = open("random,count=3,seed=1", inputs), b = open("random,count=3,seed=2", inputs);
  ASSERT_EQ(a->size(), 3);
  EXPECT_EQ(open("random", inputs)->size(), 32);
  EXPECT_EQ(floats(a->get(1).inputs[0]), floats(open("random,count=9,seed=1", inputs)->get(1).inputs[0]));
  EXPECT_NE(floats(a->get(1).inputs[0]), floats(b->get(1).inputs[0]));
  EXPECT_NE(floats(a->get(1).inputs[0]), floats(a->get(2).inputs[0]));
  expect_error([&] { open("random", {input("x", {-1, -1})}); }, ErrorCode::kUsage, {"free dimensions"});
}

Split split(const std::string& calib, const std::string& data) {
  return open_calib_and_data(spec(calib), spec(data), kX2);
}

float first_value(const SourcePtr& source, int64_t i) { return floats(source->get(i).inputs[0])[0]; }

TEST(Splits, OneSetIsSplitByItself) {
  const TempFolder folder;
  const std::string path = folder.write("x.npy", float_rows(300, "2", 2));
  const Split s = split(path, path);
  EXPECT_TRUE(s.split_by_itself);
  EXPECT_EQ(s.calib->size(), 100);
  EXPECT_EQ(s.data->size(), 200);
  EXPECT_EQ(first_value(s.calib, 99), 198);
  EXPECT_EQ(first_value(s.data, 0), 200);
  EXPECT_EQ(s.overlap, 0);
  EXPECT_EQ(split(path + ",count=10", path).data->size(), 290);
  EXPECT_EQ(first_value(split(path + ",count=10", path + ",rows=0:100").calib, 0),
            200);  // outside of data's rows
  const Split rows = split(path + ",rows=50:60", path + ",rows=40:70");
  EXPECT_EQ(rows.data->size(), 20);
  EXPECT_TRUE(rows.split_by_itself);
  EXPECT_FALSE(split(path + ",rows=0:100", path + ",rows=100:300").split_by_itself);
  expect_error([&] { split(path + ",rows=0:300", path); }, ErrorCode::kUsage, {"takes all of its 300 rows"});
}

TEST(Splits, SmallSetsAreHalved) {
  const TempFolder folder;
  const std::string path = folder.write("x.npy", float_rows(7, "2", 2));
  const Split s = split(path, path);
  EXPECT_EQ(s.calib->size(), 3);
  EXPECT_EQ(s.data->size(), 4);
  const std::string one = folder.write("o.npy", float_rows(1, "2", 2));
  expect_error([&] { split(one, one); }, ErrorCode::kUsage, {"takes all of its 1 rows"});
}

TEST(Splits, OverlapIsFoundByContent) {
  const TempFolder folder;
  const std::string a = folder.write("a.npy", float_rows(10, "2", 2)),
                    b = folder.write("b.npy", float_rows(10, "2", 2, 14));
  const Split s = split(a, b);  // rows 7, 8, 9 of a are rows 0, 1, 2 of b
  EXPECT_EQ(s.overlap, 3);
  EXPECT_FALSE(s.split_by_itself);
  EXPECT_EQ(s.data->size(), 10);
  EXPECT_EQ(split("random,count=4", a).overlap, 0);
}

}  // namespace
}  // namespace precis::data
