// IDX, CIFAR and label files, gzip and CSV.
#include "precis/data/csv_rows.h"
#include "precis/data/idx.h"
#include "precis/data/inflated_bytes.h"
#include "precis/data/label_file.h"
#include "tests/data/data_test_support.h"

namespace precis::data {
namespace {

using namespace test;
using ::testing::ElementsAre;

BytesPtr bytes_of(const Bytes& b) {
  const auto s = as_bytes(b);
  return memory_bytes({s.begin(), s.end()}, "f");
}

TEST(Gzip, ReadsAnywhereInBoundedMemory) {
  Bytes data;
  for (uint32_t i = 0; i < 900'000; ++i)
    data += static_cast<char>((i * 2654435761u) >> 24), data += static_cast<char>(i >> 12);
  data += data + data;  // 5.4 MB
  const BytesPtr inside = inflate_bytes(bytes_of(gzip(data)), {});
  ASSERT_EQ(inside->size(), data.size());
  for (uint64_t at :
       {data.size() - 100, size_t{0}, data.size() / 2, size_t{1} << 20, (size_t{1} << 20) - 50}) {
    const auto got = inside->read(at, 100);
    EXPECT_EQ(Bytes(reinterpret_cast<const char*>(got.data()), 100), data.substr(at, 100)) << at;
  }
  const auto across = inside->read(1'000'000, 3'000'000);
  EXPECT_EQ(Bytes(reinterpret_cast<const char*>(across.data()), across.size()),
            data.substr(1'000'000, 3'000'000));
}

TEST(Gzip, ReadsSeveralMembers) {
  const BytesPtr inside = inflate_bytes(bytes_of(gzip("hello ") + gzip("world") + Bytes(512, '\0')), {});
  const auto all = inside->read(0, inside->size());
  EXPECT_EQ(Bytes(reinterpret_cast<const char*>(all.data()), all.size()), "hello world");
}

TEST(GzipMalformed, TruncatedDamagedOrFollowedByOtherBytes) {
  const Bytes good = gzip(Bytes(1000, 'x') + "end");
  for (size_t n = 1; n < good.size(); ++n)
    expect_error([&] { inflate_bytes(bytes_of(good.substr(0, n)), {}); }, ErrorCode::kMalformed, {"'f'"});
  Bytes bad = good;
  bad[bad.size() - 6] = static_cast<char>(bad[bad.size() - 6] ^ 1);  // its CRC
  expect_error([&] { inflate_bytes(bytes_of(bad), {}); }, ErrorCode::kMalformed, {"damaged compressed data"});
  expect_error([&] { inflate_bytes(bytes_of(good + "junk"), {}); }, ErrorCode::kMalformed,
               {"bytes after the end"});
}

TEST(GzipMalformed, StopsAtTheLimit) {
  InflateOptions options;
  options.max_size = 1000;
  expect_error([&] { inflate_bytes(bytes_of(gzip(Bytes(10'000'000, '\0'))), options); }, ErrorCode::kLimit,
               {"more than the 1000 bytes"});
}

TEST(Idx, ReadsTypesPlainAndGzip) {
  EXPECT_THAT(floats(read_all(parse_idx(bytes_of(idx(8, {2, 2}, "\x01\x02\x03\x04"))))),
              ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(floats(read_all(parse_idx(bytes_of(gzip(idx(0x0c, {1}, be32(70000))))))), ElementsAre(70000));
  EXPECT_THAT(floats(read_all(parse_idx(bytes_of(idx(0x0d, {1}, Bytes("\x3f\x80\x00\x00", 4)))))),
              ElementsAre(1.0f));
}

void refused_idx(const Bytes& bytes, const std::string& fragment) {
  expect_error([&] { parse_idx(bytes_of(bytes)); }, ErrorCode::kMalformed, {"'f'", fragment});
}

TEST(IdxMalformed, H07WrongMagic) {
  refused_idx(idx(7, {1}, "x"), "no IDX file");
  refused_idx(Bytes("\x00\x01\x08\x01", 4) + be32(1) + "x", "no IDX file");
  refused_idx(idx(8, {}, ""), "no IDX file");
}
TEST(IdxMalformed, H07CountLies) {
  refused_idx(idx(8, {10, 2, 2}, Bytes(39, 'x')), "39 bytes of data");
  refused_idx(idx(8, {10, 2, 2}, Bytes(41, 'x')), "longer than its header");
  refused_idx(idx(8, {0xffffffff, 0xffffffff, 0xffffffff}, "x"), "overflows");
  refused_idx(gzip(idx(8, {10, 2, 2}, Bytes(39, 'x'))), "its header declares 56");
  refused_idx(gzip(idx(8, {10, 2, 2}, Bytes(4000, 'x'))), "more than the 56 bytes");
  refused_idx(idx(8, {1, 2}, "").substr(0, 10), "ends in its IDX header");
}

TEST(IdxSource, PairsImagesWithLabels) {
  const TempFolder folder;
  const std::string images = folder.write("t-images-idx3-ubyte.gz", gzip(idx(8, {3, 2, 2}, "abcdefghijkl")));
  folder.write("t-labels-idx1-ubyte", idx(8, {3}, Bytes("\x04\x00\x09", 3)));
  const SourcePtr source = open(images, {input("x", {1, 1, 2, 2})});
  EXPECT_TRUE(source->labelled());
  ASSERT_EQ(source->size(), 3);
  const Sample last = source->get(2);
  EXPECT_EQ(last.label, 9);
  EXPECT_EQ(last.inputs[0].shape(), (Shape{1, 1, 2, 2}));
  EXPECT_THAT(floats(last.inputs[0]), ElementsAre('i', 'j', 'k', 'l'));
  EXPECT_EQ(last.content_hash, source->content_hash(2));
}

TEST(IdxSource, FollowsTheModelsLayout) {
  const TempFolder folder;
  const std::string images = folder.write("images", idx(8, {1, 2, 3}, "abcdef"));
  const std::vector<std::pair<std::vector<int64_t>, Shape>> cases = {{{-1, 1, 2, 3}, {1, 1, 2, 3}},
                                                                     {{-1, 2, 3, 1}, {1, 2, 3, 1}},
                                                                     {{-1, 3, 2, 3}, {1, 3, 2, 3}},
                                                                     {{-1, 2, 3}, {1, 2, 3}},
                                                                     {{1, 6}, {1, 6}},
                                                                     {{1, 2, 3}, {1, 2, 3}},
                                                                     {{-1, 2, 3, 3}, {1, 2, 3, 3}}};
  for (const auto& [dims, shape] : cases)
    EXPECT_EQ(open(images, {input("x", dims)})->get(0).inputs[0].shape(), shape) << shape.str();
  expect_error(
      [&] {
        open(images, {input("x", {1, 1, 3, 3})})->get(0);
      },
      ErrorCode::kUsage, {"input 'x'", "row 0", "[1,3,2,3]", "the model takes [1,1,3,3]", "--preprocess"});
}

TEST(IdxSource, H07LabelCountDiffers) {
  const TempFolder folder;
  const std::string images = folder.write("a.images-idx3-ubyte", idx(8, {3, 1, 1}, "abc"));
  folder.write("a.labels-idx1-ubyte", idx(8, {2}, Bytes("\x01\x02", 2)));
  expect_error(
      [&] {
        open(images, {input("x", {1, 1, 1, 1})});
      },
      ErrorCode::kMalformed, {"2 labels", "3 pictures"});
}

TEST(Cifar, ReadsTenAndHundredClassesPlainAndGzip) {
  const TempFolder folder;
  Bytes ten, hundred;
  for (char i = 0; i < 3; ++i) {
    ten += static_cast<char>(i + 5) + Bytes(1024, i) + Bytes(1024, static_cast<char>(i + 10)) +
           Bytes(1024, static_cast<char>(i + 20));
    hundred += static_cast<char>(3) + Bytes(1, static_cast<char>(90 + i)) + Bytes(3072, i);
  }
  for (const std::string& path : {folder.write("c.bin", ten), folder.write("c.bin.gz", gzip(ten))}) {
    const SourcePtr source = open(path, {input("x", {-1, 3, 32, 32})});
    ASSERT_EQ(source->size(), 3);
    const Sample sample = source->get(1);
    EXPECT_EQ(sample.label, 6);
    EXPECT_EQ(sample.origin, "record 1");
    const std::vector<float> values = floats(sample.inputs[0]);
    EXPECT_EQ(values[0], 1);
    EXPECT_EQ(values[1024], 11);
    EXPECT_EQ(values[2048], 21);
    EXPECT_EQ(sample.content_hash, source->content_hash(1));
  }
  const SourcePtr source = open(folder.write("h.bin", hundred), {input("x", {-1, 3, 32, 32})});
  EXPECT_EQ(source->get(2).label, 92);
}

TEST(CifarMalformed, LabelOutOfRangeAndOddSize) {
  const TempFolder folder;
  Bytes records = Bytes(20 * 3073, '\0');
  records[18 * 3073] = 77;  // beyond the records that recognition looks at
  const SourcePtr source = open(folder.write("c.bin", records), {input("x", {-1, 3, 32, 32})});
  expect_error([&] { source->get(18); }, ErrorCode::kMalformed, {"c.bin", "record 18", "label 77"});
  expect_error([&] { open(folder.write("d.bin", records.substr(1)), {input("x", {1})}); },
               ErrorCode::kMalformed, {"d.bin"});
  expect_error([&] { open(folder.write("d.gz", gzip("hello")), {input("x", {1})}); }, ErrorCode::kMalformed,
               {"d.gz", "gzip file whose content (5 bytes)"});
}

TEST(Csv, QuotesCrLfBomAndWords) {
  const auto rows = parse_csv(
      "\xef\xbb\xbf"
      "a,\"b,\"\"c\"\"\" , d\r\n\r\n1,2,\"x\ny\"",
      "t.csv");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0].cells, ElementsAre("a", "b,\"c\"", "d"));
  EXPECT_THAT(rows[1].cells, ElementsAre("1", "2", "x\ny"));
  EXPECT_EQ(rows[1].line, 3);
  EXPECT_THAT(parse_csv("a b.jpg 7\n", "t")[0].cells, ElementsAre("a b.jpg", "7"));
  EXPECT_THAT(parse_csv("a;7\n", "t")[0].cells, ElementsAre("a", "7"));
}

TEST(CsvMalformed, H06QuotesAndBytes) {
  expect_error([] { parse_csv("a,b\nc,\"d", "t.csv"); }, ErrorCode::kMalformed,
               {"t.csv", "line 2", "never ends"});
  expect_error([] { parse_csv("a,\"b\"c\n", "t.csv"); }, ErrorCode::kMalformed, {"line 1", "closing quote"});
  expect_error([] { parse_csv(std::string("a,\0b", 4), "t.csv"); }, ErrorCode::kMalformed, {"NUL"});
  expect_error([] { parse_csv("a," + std::string(2u << 20, 'x'), "t.csv"); }, ErrorCode::kMalformed,
               {"longer than 1 MiB"});
}

TEST(Labels, HeadersAndColumns) {
  const LabelList named = parse_label_text("name,wnid,label,file\nx,n1,3,a.jpg\ny,n2,0,b.jpg\n", "l.csv");
  EXPECT_THAT(named.labels, ElementsAre(3, 0));
  EXPECT_THAT(named.files, ElementsAre("a.jpg", "b.jpg"));
  EXPECT_THAT(parse_label_text("a.jpg,1\nb.jpg,2\n", "l").labels, ElementsAre(1, 2));
  EXPECT_THAT(parse_label_text("5\n6\n", "l").labels, ElementsAre(5, 6));
  EXPECT_THAT(parse_label_text("label\n6\n", "l").labels, ElementsAre(6));
}

TEST(Labels, ReadsNpyAndIdx) {
  const TempFolder folder;
  EXPECT_THAT(read_label_file(folder.write("l.npy", npy("<i8", "(2,)", raw<int64_t>({7, 8})))).labels,
              ElementsAre(7, 8));
  EXPECT_THAT(read_label_file(folder.write("l.gz", gzip(idx(8, {2}, "\x01\x02")))).labels, ElementsAre(1, 2));
}

TEST(LabelsMalformed, H06) {
  const auto refused = [](const std::string& text, const std::string& fragment) {
    expect_error([&] { parse_label_text(text, "l.csv"); }, ErrorCode::kMalformed, {"l.csv", fragment});
  };
  refused("a.jpg,1\nb.jpg,cat\n", "line 2: label 'cat' is no whole number");
  refused("a.jpg,1\nb.jpg,1.5\n", "line 2: label '1.5'");
  refused("a.jpg,1\nb.jpg,-3\n", "line 2: label '-3'");
  refused("a.jpg,1\nb.jpg\n", "line 2: 1 columns, expected 2");
  refused("file,label\n", "a header and no rows");
  refused("", "is empty");
  refused("file,label\n,3\n", "line 2: the file name is empty");
  const TempFolder folder;
  expect_error([&] { read_label_file(folder.write("f.npy", npy("<f4", "(1,)", raw<float>({1})))); },
               ErrorCode::kMalformed, {"f.npy", "whole numbers"});
  expect_error([&] { read_label_file(folder.write("g.npy", npy("<i4", "(2, 2)", Bytes(16, '\0')))); },
               ErrorCode::kMalformed, {"one number a row"});
}

}  // namespace
}  // namespace precis::data
