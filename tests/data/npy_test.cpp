// npy and npz reading and writing, good files and broken ones.
#include "precis/data/npy.h"

#include "tests/data/data_test_support.h"

namespace precis::data {
namespace {

using namespace test;
using ::testing::ElementsAre;

StoredArray parse(const Bytes& bytes) {
  const auto b = as_bytes(bytes);
  return parse_npy(memory_bytes({b.begin(), b.end()}, "a.npy"));
}

std::vector<NamedArray> parse_archive(const Bytes& bytes) {
  const auto b = as_bytes(bytes);
  return parse_npz(memory_bytes({b.begin(), b.end()}, "a.npz"));
}

void refused(const Bytes& bytes, const std::string& fragment) {
  expect_error([&] { parse(bytes); }, ErrorCode::kMalformed, {"a.npy", fragment});
}

void refused_archive(const Bytes& bytes, const std::string& fragment,
                     ErrorCode code = ErrorCode::kMalformed) {
  expect_error([&] { parse_archive(bytes); }, code, {"a.npz", fragment});
}

TEST(Npy, ReadsEveryType) {
  const struct {
    const char* descr;
    DType dtype;
    int width;
  } types[] = {{"<f2", DType::kF16, 2}, {"<f4", DType::kF32, 4}, {"<f8", DType::kF64, 8},
               {"|i1", DType::kI8, 1},  {"<i2", DType::kI16, 2}, {"<i4", DType::kI32, 4},
               {"<i8", DType::kI64, 8}, {"|u1", DType::kU8, 1},  {"<u2", DType::kU16, 2},
               {"<u4", DType::kU32, 4}, {"<u8", DType::kU64, 8}, {"|b1", DType::kBool, 1}};
  for (const auto& t : types) {
    const StoredArray a = parse(npy(t.descr, "(2, 3)", Bytes(static_cast<size_t>(6 * t.width), '\0')));
    EXPECT_EQ(a.dtype, t.dtype) << t.descr;
    EXPECT_EQ(a.shape, (Shape{2, 3}));
  }
}

TEST(Npy, ReadsBothByteOrders) {
  const std::vector<float> values = {1.5f, -2.0f};
  Bytes big = raw(values);
  for (size_t i = 0; i < big.size(); i += 4)
    std::reverse(big.begin() + static_cast<long>(i), big.begin() + static_cast<long>(i) + 4);
  EXPECT_THAT(floats(read_all(parse(npy("<f4", "(2,)", raw(values))))), ElementsAre(1.5f, -2.0f));
  EXPECT_THAT(floats(read_all(parse(npy(">f4", "(2,)", big)))), ElementsAre(1.5f, -2.0f));
}

TEST(Npy, ReordersFortranArrays) {
  // [[1, 2, 3], [4, 5, 6]] column by column, and a 2 x 2 x 2 cube whose value is 100 i + 10 j + k.
  const StoredArray a = parse(npy("<i4", "(2, 3)", raw<int32_t>({1, 4, 2, 5, 3, 6}), "True"));
  EXPECT_THAT(floats(read_all(a)), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(floats(read_rows(a, 1, 1)), ElementsAre(4, 5, 6));
  const StoredArray cube =
      parse(npy("<i2", "(2, 2, 2)", raw<int16_t>({0, 100, 10, 110, 1, 101, 11, 111}), "True"));
  EXPECT_THAT(floats(read_all(cube)), ElementsAre(0, 1, 10, 11, 100, 101, 110, 111));
}

TEST(Npy, ReadsVersions2And3) {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}";
  for (char version : {2, 3}) {
    const Bytes file =
        std::string("\x93NUMPY") + version + '\0' + le32(header.size()) + header + raw<float>({7.0f});
    EXPECT_THAT(floats(read_all(parse(file))), ElementsAre(7.0f));
  }
}

TEST(Npy, ReadsScalarsAndEmptyArrays) {
  EXPECT_EQ(parse(npy("<f4", "()", raw<float>({1.0f}))).rows(), 1);
  EXPECT_EQ(parse(npy("<f4", "(0, 5)", "")).rows(), 0);
  EXPECT_EQ(parse(npy("<f4", "(1099511627776, 1099511627776, 0)", "", "True")).shape.numel(), 0);
}

TEST(Npy, WritesWhatNumpyWrites) {
  const std::string header = npy_header(DType::kF32, Shape{2, 3});
  EXPECT_EQ(header.size() % 64, 0u);
  EXPECT_THAT(header, ::testing::HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"));
  EXPECT_THAT(npy_header(DType::kU8, Shape{4}),
              ::testing::HasSubstr("'descr': '|u1', 'fortran_order': False, 'shape': (4,), }"));
  EXPECT_THAT(npy_header(DType::kU8, Shape{}), ::testing::HasSubstr("'shape': (), }"));
}

TEST(Npy, RoundTripsThroughAFile) {
  const TempFolder folder;
  const Tensor values = Tensor::from<float>({2, 2}, {1, 2, 3, 4});
  write_npy(folder.at("x.npy"), values, Overwrite::kRefuse);
  const Tensor back = read_npy(folder.at("x.npy"));
  EXPECT_EQ(back.shape(), values.shape());
  EXPECT_THAT(floats(back), ElementsAre(1, 2, 3, 4));
  write_npy(folder.at("b.npy"), values.cast(DType::kBF16), Overwrite::kRefuse);
  EXPECT_EQ(read_npy(folder.at("b.npy")).dtype(), DType::kF32);
  for (DType narrow : {DType::kF8E5M2, DType::kF4E2M1, DType::kU4}) {  // exact in the type that NumPy has
    write_npy(folder.at("n.npy"), values.cast(narrow), Overwrite::kReplace);
    EXPECT_THAT(floats(read_npy(folder.at("n.npy")).cast(DType::kF32)), ElementsAre(1, 2, 3, 4));
  }
  expect_error([&] { write_npy(folder.at("x.npy"), values, Overwrite::kRefuse); }, ErrorCode::kUsage,
               {"x.npy"});
}

// H01: every way an npy file can lie.
TEST(NpyMalformed, H01BadMagic) { refused("\x93NUMPX" + Bytes(20, '\0'), "does not start with"); }
TEST(NpyMalformed, H01Version9) {
  refused(std::string("\x93NUMPY\x09\x00", 8) + Bytes(20, '\0'), "version 9.0");
}
TEST(NpyMalformed, H01HeaderNotADict) { refused(npy_with_header("hello world", ""), "plain dict"); }
TEST(NpyMalformed, H01HeaderWithCode) {
  refused(
      npy_with_header("{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': ()}", ""),
      "plain dict");
  refused(npy_with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2*3,)}", Bytes(24, '\0')),
          "plain dict");
}
TEST(NpyMalformed, H01HeaderOf4GiB) {
  refused(std::string("\x93NUMPY\x02\x00", 8) + le32(0xffffffff) + "{", "header of 4294967295 bytes");
}
TEST(NpyMalformed, H01HeaderCutOff) {
  refused(std::string("\x93NUMPY\x01\x00", 8) + le16(500) + "{'descr'", "ends in its npy header");
}
TEST(NpyMalformed, H01Object) { refused(npy("|O", "(1,)", Bytes(8, '\0')), "Python objects"); }
TEST(NpyMalformed, H01Structured) {
  refused(npy_with_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", Bytes(4, '\0')),
          "structured");
}
TEST(NpyMalformed, H01OtherTypes) {
  for (const char* descr : {"<c8", "<U4", "|S3", "|V2", "<f16", "<M8[s]", "", "f"})
    refused(npy(descr, "(1,)", Bytes(16, '\0')), "element type that is not read");
}
TEST(NpyMalformed, H01BigEndianIsRead) {
  EXPECT_EQ(parse(npy(">f4", "(1,)", Bytes(4, '\0'))).dtype, DType::kF32);
}
TEST(NpyMalformed, H01ShapeOverflow) {
  refused(npy("<f4", "(4294967296, 4294967296)", ""), "overflows");
  refused(npy("<f8", "(1099511627776, 1048576)", ""), "overflows");
  refused(npy("<f4", "(99999999999999999999,)", ""), "no number of 63 bits");
}
TEST(NpyMalformed, H01NegativeShape) { refused(npy("<f4", "(-1,)", ""), "no number"); }
TEST(NpyMalformed, H01Rank17) {
  refused(npy("<f4", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)", Bytes(4, '\0')), "17 dimensions");
}
TEST(NpyMalformed, H01DataShort) { refused(npy("<f4", "(2, 2)", Bytes(15, '\0')), "15 bytes of data"); }
TEST(NpyMalformed, H01DataLong) { refused(npy("<f4", "(2, 2)", Bytes(17, '\0')), "longer than its header"); }
TEST(NpyMalformed, H01Keys) {
  refused(npy_with_header("{'descr': '<f4', 'shape': (1,)}", Bytes(4, '\0')),
          "lacks the key 'fortran_order'");
  refused(npy_with_header("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}",
                          Bytes(4, '\0')),
          "twice");
  refused(npy_with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 'y'}", Bytes(4, '\0')),
          "unknown key 'x'");
  refused(npy_with_header("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", Bytes(4, '\0')),
          "neither True nor False");
}
TEST(NpyMalformed, H01BoolOf7) {
  const StoredArray a = parse(npy("|b1", "(2,)", Bytes("\x01\x07", 2)));
  expect_error([&] { read_all(a); }, ErrorCode::kMalformed, {"bool that is neither 0 nor 1"});
}
TEST(NpyMalformed, H01EveryTruncation) {
  const Bytes good = npy("<f4", "(2, 2)", Bytes(16, '\0'));
  for (size_t n = 0; n < good.size(); ++n)
    expect_error([&] { parse(good.substr(0, n)); }, ErrorCode::kMalformed, {"a.npy"});
}

Bytes member(const std::vector<float>& values) {
  return npy("<f4", "(" + std::to_string(values.size()) + ",)", raw(values));
}

TEST(Npz, ReadsStoredAndDeflated) {
  const auto arrays = parse_archive(
      zip({{"a.npy", member({1, 2})}, {"b.npy", member(std::vector<float>(1000, 3.0f)), true}}));
  ASSERT_EQ(arrays.size(), 2u);
  EXPECT_EQ(arrays[0].name, "a");
  EXPECT_THAT(floats(read_all(arrays[0].array)), ElementsAre(1, 2));
  EXPECT_EQ(floats(read_all(arrays[1].array)), std::vector<float>(1000, 3.0f));
}

TEST(Npz, ReadsLargeDeflatedMembersFromAnywhere) {
  std::vector<float> values(700'000);  // 2.8 MB: several check points
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 9973);
  const StoredArray array = parse_archive(zip({{"x.npy", member(values), true}}))[0].array;
  for (int64_t row : {699'999, 0, 350'000, 349'999, 600'000, 3})
    EXPECT_EQ(floats(read_rows(array, row, 1))[0], values[static_cast<size_t>(row)]) << row;
}

// H02: archives that lie.
TEST(NpzMalformed, H02Bomb) {
  ZipMember bomb{"x.npy", Bytes(100000, '\0'), true};
  bomb.declared_size = 0xfffffff0;
  refused_archive(zip({bomb}), "zip bomb");
}
TEST(NpzMalformed, H02DeclaredSizeTooSmall) {
  ZipMember m{"x.npy", member({1, 2, 3}), true};
  m.declared_size = 20;
  refused_archive(zip({m}), "decodes to more than the 20 bytes");
}
TEST(NpzMalformed, H02DeclaredSizeTooLarge) {
  ZipMember m{"x.npy", member({1, 2, 3}), true};
  m.declared_size = 5000;
  refused_archive(zip({m}), "its header declares 5000");
}
TEST(NpzMalformed, H02StoredSizeDiffers) {
  ZipMember m{"x.npy", member({1})};
  m.declared_size = 10;
  refused_archive(zip({m}), "stored entry");
}
TEST(NpzMalformed, H02Names) {
  refused_archive(zip({{"/etc/x.npy", member({1})}}), "absolute path");
  refused_archive(zip({{"C:x.npy", member({1})}}), "absolute path");
  refused_archive(zip({{"a/../../x.npy", member({1})}}), "'..'");
  refused_archive(zip({{"a\\x.npy", member({1})}}), "backslash");
  refused_archive(zip({{"", member({1})}}), "empty");
  refused_archive(zip({{std::string("a\0b", 3), member({1})}}), "NUL");
}
TEST(NpzMalformed, H02Duplicate) {
  refused_archive(zip({{"x.npy", member({1})}, {"x.npy", member({2})}}), "two entries named 'x.npy'");
}
TEST(NpzMalformed, H02Encrypted) {
  ZipMember m{"x.npy", member({1})};
  m.flags = 1;
  refused_archive(zip({m}), "encrypted");
}
TEST(NpzMalformed, H02WrongChecksum) {
  for (bool deflate : {false, true}) {
    ZipMember m{"x.npy", member({1, 2, 3}), deflate};
    m.wrong_crc = true;
    refused_archive(zip({m}), "checksum");
  }
}
TEST(NpzMalformed, H02DamagedData) {
  Bytes file = zip({{"x.npy", member(std::vector<float>(500, 1.0f)), true}});
  file[30 + 5 + 3] = static_cast<char>(file[30 + 5 + 3] ^ 0xff);
  refused_archive(file, "damaged");
}
TEST(NpzMalformed, H02NoDirectory) {
  refused_archive(zip({{"x.npy", member({1})}}).substr(0, 60), "no directory");
}
TEST(NpzMalformed, H02OverlappingEntries) {
  // Two directory entries that point at one local header.
  Bytes file = zip({{"a.npy", member({1})}, {"b.npy", member({1})}});
  const size_t second = file.rfind("b.npy") - 46;
  file.replace(second + 42, 4, le32(0));
  refused_archive(file, "overlaps");
}
TEST(NpzMalformed, H02LocalHeaderDiffers) {
  Bytes file = zip({{"a.npy", member({1})}});
  file[30] = 'b';
  refused_archive(file, "does not match the directory");
}
TEST(NpzMalformed, H02Zip64Lies) {
  Bytes file = zip({{"a.npy", member({1})}});
  const size_t central = file.rfind("a.npy") - 46;
  Bytes saturated = file;
  saturated.replace(central + 24, 4, le32(0xffffffff));
  refused_archive(saturated, "needs a zip64 field");
  Bytes end = file;
  end.replace(end.size() - 6, 4, le32(0xffffffff));
  refused_archive(end, "zip64 directory");
}
TEST(NpzMalformed, H02Zip64LocatorOutside) {
  const Bytes file = zip({{"a.npy", member({1})}});
  const Bytes body = file.substr(0, file.size() - 22);
  const Bytes locator = le32(0x07064b50) + le32(0) + le64(0x7fffffffffff) + le32(1);
  const Bytes end = le32(0x06054b50) + le16(0) + le16(0) + le16(0xffff) + le16(0xffff) + le32(0xffffffff) +
                    le32(0xffffffff) + le16(0);
  refused_archive(body + Bytes(56, '\0') + locator + end, "outside the file");
}
TEST(Npz, ReadsZip64Directories) {
  const Bytes file = zip({{"a.npy", member({4})}});
  const size_t directory = file.rfind("a.npy") - 46;
  const Bytes body = file.substr(0, file.size() - 22);
  const Bytes end64 = le32(0x06064b50) + le64(44) + le16(45) + le16(45) + le32(0) + le32(0) + le64(1) +
                      le64(1) + le64(body.size() - directory) + le64(directory);
  const Bytes locator = le32(0x07064b50) + le32(0) + le64(body.size()) + le32(1);
  const Bytes end = le32(0x06054b50) + le16(0) + le16(0) + le16(0xffff) + le16(0xffff) + le32(0xffffffff) +
                    le32(0xffffffff) + le16(0);
  EXPECT_THAT(floats(read_all(parse_archive(body + end64 + locator + end)[0].array)), ElementsAre(4));
}
TEST(NpzMalformed, H02OtherMethod) {
  Bytes file = zip({{"a.npy", member({1})}});
  file.replace(file.rfind("a.npy") - 46 + 10, 2, le16(12));
  refused_archive(file, "compression method 12", ErrorCode::kUnsupported);
}
TEST(NpzMalformed, H02NotAnArrayInside) { refused_archive(zip({{"readme.txt", "hello"}}), "readme.txt"); }

}  // namespace
}  // namespace precis::data
