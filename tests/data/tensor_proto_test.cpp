// TensorProto bytes and test_data_set folders.
#include "precis/data/tensor_proto.h"

#include "tests/data/data_test_support.h"

namespace precis::data {
namespace {

using namespace test;
using ::testing::ElementsAre;

constexpr int kFloat = 1, kUint8 = 2, kInt8 = 3, kInt64 = 7, kString = 8, kBool = 9, kFloat16 = 10,
              kComplex = 14, kInt4 = 22;

NamedTensor parse(const Bytes& bytes) { return parse_tensor_proto(as_bytes(bytes), "input_0.pb"); }

void refused(const Bytes& bytes, const std::string& fragment, ErrorCode code = ErrorCode::kMalformed) {
  expect_error([&] { parse(bytes); }, code, {"input_0.pb", fragment});
}

Bytes typed(const std::vector<int64_t>& dims, int type, int field, const std::vector<int64_t>& values) {
  Bytes b, packed;
  for (int64_t d : dims) b += field_varint(1, static_cast<uint64_t>(d));
  for (int64_t v : values) packed += varint(static_cast<uint64_t>(v));
  return b + field_varint(2, static_cast<uint64_t>(type)) + field_bytes(field, packed);
}

TEST(TensorProto, ReadsRawData) {
  const NamedTensor t = parse(tensor_proto({2, 2}, kFloat, raw<float>({1, 2, 3, 4}), "data"));
  EXPECT_EQ(t.name, "data");
  EXPECT_EQ(t.tensor.shape(), (Shape{2, 2}));
  EXPECT_THAT(floats(t.tensor), ElementsAre(1, 2, 3, 4));
}

TEST(TensorProto, ReadsTypedFields) {
  const Bytes dims = field_bytes(1, varint(2));  // packed dims
  EXPECT_THAT(floats(parse(dims + field_varint(2, kFloat) + field_bytes(4, raw<float>({5, 6}))).tensor),
              ElementsAre(5, 6));
  EXPECT_THAT(floats(parse(dims + field_varint(2, 11) + field_bytes(10, raw<double>({5, 6}))).tensor),
              ElementsAre(5, 6));
  EXPECT_THAT(floats(parse(typed({3}, kInt8, 5, {-128, 0, 127})).tensor), ElementsAre(-128, 0, 127));
  EXPECT_THAT(floats(parse(typed({2}, kInt64, 7, {-1, 1LL << 40})).tensor),
              ElementsAre(-1, 1099511627776.0f));
  EXPECT_THAT(floats(parse(typed({2}, 13, 11, {0, 7})).tensor), ElementsAre(0, 7));
  EXPECT_THAT(floats(parse(typed({1}, kFloat16, 5, {0x3c00})).tensor), ElementsAre(1));
  // Unpacked repeated values, one field each.
  EXPECT_THAT(floats(parse(dims + field_varint(2, kInt64) + field_varint(7, 8) + field_varint(7, 9)).tensor),
              ElementsAre(8, 9));
}

TEST(TensorProto, ReadsScalarsEmptyTensorsAndNibbles) {
  EXPECT_EQ(parse(tensor_proto({}, kFloat, raw<float>({1}))).tensor.shape().rank(), 0);
  EXPECT_EQ(parse(tensor_proto({3, 0}, kFloat, "")).tensor.numel(), 0);
  EXPECT_THAT(floats(parse(tensor_proto({3}, kInt4, Bytes("\x21\x0f", 2))).tensor), ElementsAre(1, 2, -1));
  EXPECT_THAT(floats(parse(tensor_proto({5}, 26, Bytes("\x4e\xfe", 2))).tensor), ElementsAre(-2, -1, 0, 1, -2));
  EXPECT_EQ(parse(tensor_proto({5}, 26, Bytes("\x4e\xfe", 2))).tensor.bytes()[1], std::byte{2});
  EXPECT_THAT(floats(parse(tensor_proto({2}, 17, Bytes("\x38\xc4", 2))).tensor), ElementsAre(1, -3));
  EXPECT_THAT(floats(parse(typed({3}, 23, 5, {0x2f, 0x01})).tensor), ElementsAre(-6, 1, 0.5f));
}

TEST(TensorProtoMalformed, C01RawShortByOne) {
  refused(tensor_proto({2}, kFloat, Bytes(7, '\0')), "needs 8 bytes of raw_data, found 7");
}
TEST(TensorProtoMalformed, C02RawLongByOne) { refused(tensor_proto({2}, kFloat, Bytes(9, '\0')), "found 9"); }
TEST(TensorProtoMalformed, C03RawAndTyped) {
  refused(tensor_proto({1}, kFloat, Bytes(4, '\0')) + field_bytes(4, Bytes(4, '\0')),
          "both in raw_data and in a typed field");
}
TEST(TensorProtoMalformed, C04NoValues) {
  refused(field_varint(1, 3) + field_varint(2, kFloat), "needs 3 values, found 0");
}
TEST(TensorProtoMalformed, C05ZeroElementsWithData) {
  refused(tensor_proto({0}, kFloat, Bytes(4, '\0')), "needs 0 bytes");
}
TEST(TensorProtoMalformed, C06NegativeDimension) { refused(tensor_proto({-4}, kFloat, ""), "dimension -4"); }
TEST(TensorProtoMalformed, C07HugeShapes) {
  refused(tensor_proto({1LL << 33, 1LL << 33}, kFloat, ""), "overflows");
  refused(tensor_proto({1LL << 62, 4}, kFloat, ""), "overflows");
  refused(tensor_proto({1LL << 62, 2}, kUint8, ""), "overflows");
}
TEST(TensorProtoMalformed, C10Rank17) {
  refused(tensor_proto(std::vector<int64_t>(17, 1), kFloat, Bytes(4, '\0')), "17 dimensions");
}
TEST(TensorProtoMalformed, C14Types) {
  refused(tensor_proto({1}, 0, ""), "no data type");
  refused(tensor_proto({1}, 999, ""), "data type number 999");
  refused(tensor_proto({1}, kString, "x"), "string", ErrorCode::kUnsupported);
  refused(tensor_proto({1}, kComplex, Bytes(8, '\0')), "complex64", ErrorCode::kUnsupported);
  refused(tensor_proto({1}, 27, Bytes(1, '\0')), "data type number 27", ErrorCode::kUnsupported);
  refused(typed({1}, 17, 5, {256}), "256");
}
TEST(TensorProtoMalformed, C15Float16OutOf16Bits) { refused(typed({1}, kFloat16, 5, {0x10000}), "65536"); }
TEST(TensorProtoMalformed, C16Int8Of300) { refused(typed({1}, kInt8, 5, {300}), "300"); }
TEST(TensorProtoMalformed, C17BoolOf7) {
  refused(tensor_proto({1}, kBool, Bytes("\x07", 1)), "neither 0 nor 1");
}
TEST(TensorProtoMalformed, WrongTypedField) { refused(typed({1}, kFloat, 7, {1}), "field of another type"); }
TEST(TensorProtoMalformed, ExternalData) {
  refused(field_varint(1, 1) + field_varint(2, kFloat) + field_varint(14, 1), "another file",
          ErrorCode::kUnsupported);
}
TEST(TensorProtoMalformed, NoProtobuf) {
  refused("hello world, this is text", "no valid protobuf");
  refused(Bytes("\x07\x01", 2), "field number");
  refused(Bytes(11, '\xff'), "number of more than");
  refused(varint((9u << 3) | 3), "group");
}
// H03: cut anywhere, the file is refused or, where a whole field is lost, no longer adds up.
TEST(TensorProtoMalformed, H03EveryTruncation) {
  const Bytes good = tensor_proto({2, 2}, kFloat, raw<float>({1, 2, 3, 4}));
  for (size_t n = 0; n < good.size(); ++n)
    expect_error([&] { parse(good.substr(0, n)); }, ErrorCode::kMalformed, {"input_0.pb"});
}

TEST(TestDataSets, ReadsSetsInNumberOrder) {
  const TempFolder folder;
  for (int n : {10, 2}) {
    const std::string set = "test_data_set_" + std::to_string(n) + "/";
    folder.write(set + "input_0.pb", tensor_proto({1, 2}, kFloat, raw<float>({static_cast<float>(n), 1})));
    folder.write(set + "input_1.pb", tensor_proto({}, kInt64, raw<int64_t>({16000})));
    folder.write(set + "output_0.pb", tensor_proto({1}, kFloat, raw<float>({0.5f})));
  }
  folder.write("model.onnx", "");
  const std::vector<InputSpec> inputs = {input("x", {-1, 2}), input("sr", {}, DType::kI64)};
  const SourcePtr source = open(folder.path(), inputs);
  ASSERT_EQ(source->size(), 2);
  const Sample first = source->get(0);
  EXPECT_EQ(first.origin, "test_data_set_2");
  EXPECT_THAT(floats(first.inputs[0]), ElementsAre(2, 1));
  EXPECT_EQ(first.inputs[1].at_int(0), 16000);
  ASSERT_EQ(first.targets.size(), 1u);
  EXPECT_EQ(first.content_hash, source->content_hash(0));
  EXPECT_NE(source->content_hash(0), source->content_hash(1));
  EXPECT_EQ(open(folder.at("test_data_set_10"), inputs)->size(), 1);
}

TEST(TestDataSets, H03WrongDataForTheModel) {
  const TempFolder folder;
  folder.write("s/test_data_set_0/input_0.pb", tensor_proto({1, 3}, kFloat, Bytes(12, '\0')));
  const std::string path = folder.at("s");
  expect_error(
      [&] {
        open(path, {input("x", {1, 2})})->get(0);
      },
      ErrorCode::kUsage, {"input 'x'", "[1,3]", "[1,2]"});
  expect_error(
      [&] {
        open(path, {input("x", {1, 3}, DType::kI64)})->get(0);
      },
      ErrorCode::kUsage, {"holds f32", "takes i64"});
  expect_error(
      [&] {
        open(path, {input("x", {1, 3}), input("y", {1})});
      },
      ErrorCode::kUsage, {"1 input files", "2 inputs"});
  folder.write("s/test_data_set_0/input_2.pb", tensor_proto({1}, kFloat, Bytes(4, '\0')));
  expect_error([&] { open(path, {input("x", {1, 3})}); }, ErrorCode::kMalformed, {"no input_1.pb"});
  folder.write("s/test_data_set_0/input_1.pb", tensor_proto({1}, kFloat, Bytes(4, '\0')));
  expect_error([&] { open(path, {input("x", {1, 3})}); }, ErrorCode::kUsage, {"3 input files", "1 inputs"});
  folder.write("e/test_data_set_0/readme.txt", "");
  expect_error([&] { open(folder.at("e/test_data_set_0"), {input("x", {1})}); }, ErrorCode::kMalformed,
               {"no input_0.pb"});
}

}  // namespace
}  // namespace precis::data
