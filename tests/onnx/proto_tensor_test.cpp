// Tensors in every storage form, and those that contradict themselves (docs/reliability.md, C).
#include "precis/onnx/proto_tensor.h"

#include <gtest/gtest.h>

#include "onnx_bytes.h"
#include "precis/core/limits.h"
#include "precis/onnx/onnx_io.h"
#include "tests/support/expect_error.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tensor_compare.h"

namespace precis::onnx_io {
namespace {

using namespace precis::test;

constexpr int kFloat = 1, kUint8 = 2, kInt8 = 3, kInt16 = 5, kInt32 = 6, kInt64 = 7, kString = 8, kBool = 9,
              kFloat16 = 10, kDouble = 11, kUint32 = 12, kUint64 = 13, kComplex64 = 14, kBfloat16 = 16,
              kFloat8e4m3fn = 17, kUint4 = 21, kInt4 = 22, kFloat4e2m1 = 23, kFloat8e8m0 = 24, kUint2 = 25,
              kInt2 = 26;

Tensor read(const std::string& tensor) {
  const ReadResult r = read_model_bytes(as_bytes(model_with(tensor)));
  return *r.model.graph.constant(r.model.graph.find_value("w"));
}
void refuse(const std::string& tensor, const char* fragment, ErrorCode code = ErrorCode::kMalformed) {
  EXPECT_ERROR(read(tensor), code, fragment);
  EXPECT_ERROR(read(tensor), code, "'w'");
}

TEST(ProtoTensor, TypedFields) {
  EXPECT_TRUE(tensors_equal(read(dims({2}) + data_type(kFloat) + float_data({1.5, -2})),
                            Tensor::from<float>(Shape{2}, {1.5, -2})));
  EXPECT_TRUE(tensors_equal(read(dims({2}) + data_type(kInt64) + int64_data({-7, 1ll << 60})),
                            Tensor::from<int64_t>(Shape{2}, {-7, 1ll << 60})));
  EXPECT_TRUE(tensors_equal(read(dims({2}) + data_type(kInt32) + int32_data({-7, 9})),
                            Tensor::from<int32_t>(Shape{2}, {-7, 9})));
  EXPECT_TRUE(tensors_equal(read(dims({2}) + data_type(kInt8) + int32_data({-128, 127})),
                            Tensor::from<int8_t>(Shape{2}, {-128, 127})));
  EXPECT_TRUE(tensors_equal(read(dims({2}) + data_type(kUint8) + int32_data({0, 255})),
                            Tensor::from<uint8_t>(Shape{2}, {0, 255})));
  EXPECT_TRUE(tensors_equal(read(dims({2}) + data_type(kInt16) + int32_data({-32768, 5})),
                            Tensor::from<int16_t>(Shape{2}, {-32768, 5})));
  EXPECT_TRUE(tensors_equal(read(dims({1}) + data_type(kUint32) + packed(11, {4294967295})),
                            Tensor::from<uint32_t>(Shape{1}, {4294967295u})));
  EXPECT_TRUE(tensors_equal(read(dims({1}) + data_type(kUint64) + packed(11, {-1})),
                            Tensor::from<uint64_t>(Shape{1}, {UINT64_MAX})));
  EXPECT_TRUE(tensors_equal(read(dims({1}) + data_type(kDouble) + bytes(10, raw<double>({0.1}))),
                            Tensor::from<double>(Shape{1}, {0.1})));
  EXPECT_EQ(read(dims({2}) + data_type(kBool) + int32_data({1, 0})).at_int(0), 1);
  EXPECT_EQ(read(dims({1}) + data_type(kFloat16) + int32_data({0x3c00})).at_double(0), 1.0);
  EXPECT_EQ(read(dims({1}) + data_type(kBfloat16) + int32_data({0x3f80})).at_double(0), 1.0);
}

TEST(ProtoTensor, NumbersOneByOneInsteadOfPacked) {
  const std::string one_by_one = tag(4, 5) + raw<float>({3}) + tag(4, 5) + raw<float>({4});
  EXPECT_TRUE(
      tensors_equal(read(dims({2}) + data_type(kFloat) + one_by_one), Tensor::from<float>(Shape{2}, {3, 4})));
  EXPECT_TRUE(tensors_equal(read(packed(1, {2}) + data_type(kInt64) + number(7, 5) + number(7, 6)),
                            Tensor::from<int64_t>(Shape{2}, {5, 6})));
}

TEST(ProtoTensor, FourBitTypes) {
  const Tensor t = read(dims({3}) + data_type(kInt4) + raw_data("\x8f\x71"));
  EXPECT_EQ(t.dtype(), DType::kI4);
  EXPECT_EQ(t.at_int(0), -1);
  EXPECT_EQ(t.at_int(1), -8);
  EXPECT_EQ(t.at_int(2), 1);
  EXPECT_EQ(t.bytes()[1], std::byte{1});  // C18: the unused half byte does not matter and is cleared
  EXPECT_EQ(read(dims({3}) + data_type(kUint4) + int32_data({0x8f, 0x01})).at_int(0), 15);
  refuse(dims({3}) + data_type(kUint4) + raw_data("\x8f"), "raw_data has 1 bytes, expected 2 for u4[3]");
  refuse(dims({3}) + data_type(kUint4) + int32_data({300, 1}),
         "int32_data element 0 is 300, expected 0 to 255");
}

TEST(ProtoTensor, TwoBitTypes) {
  const Tensor t = read(dims({5}) + data_type(kInt2) + raw_data("\x4e\xfe"));  // 10 11 00 01, 10
  EXPECT_EQ(t.dtype(), DType::kI2);
  EXPECT_EQ(t.at_int(0), -2);
  EXPECT_EQ(t.at_int(1), -1);
  EXPECT_EQ(t.at_int(3), 1);
  EXPECT_EQ(t.at_int(4), -2);
  EXPECT_EQ(t.bytes()[1], std::byte{2});  // unused bits are cleared
  EXPECT_TRUE(tensors_equal(read(dims({5}) + data_type(kInt2) + int32_data({0x4e, 0x02})), t));
  EXPECT_EQ(read(dims({4}) + data_type(kUint2) + int32_data({0xe4})).at_int(3), 3);
  refuse(dims({5}) + data_type(kUint2) + raw_data("\x4e"), "raw_data has 1 bytes, expected 2 for u2[5]");
}

TEST(ProtoTensor, NarrowFloats) {
  const Tensor t = read(dims({2}) + data_type(kFloat8e4m3fn) + int32_data({0x38, 0xc4}));
  EXPECT_EQ(t.dtype(), DType::kF8E4M3FN);
  EXPECT_EQ(t.at_double(0), 1.0);
  EXPECT_EQ(t.at_double(1), -3.0);
  EXPECT_TRUE(tensors_equal(read(dims({2}) + data_type(kFloat8e4m3fn) + raw_data("\x38\xc4")), t));
  EXPECT_EQ(read(dims({1}) + data_type(kFloat8e8m0) + raw_data("\x80")).at_double(0), 2.0);
  const Tensor four = read(dims({3}) + data_type(kFloat4e2m1) + raw_data("\x2f\xf1"));
  EXPECT_EQ(four.at_double(0), -6.0);
  EXPECT_EQ(four.at_double(1), 1.0);
  EXPECT_EQ(four.at_double(2), 0.5);
  EXPECT_EQ(four.bytes()[1], std::byte{1});
  refuse(dims({1}) + data_type(kFloat8e4m3fn) + int32_data({256}),
         "int32_data element 0 is 256, expected 0 to 255");
}

TEST(ProtoTensor, C01_C02_C20_RawSize) {
  refuse(dims({2}) + data_type(kFloat) + raw_data("1234567"), "raw_data has 7 bytes, expected 8 for f32[2]");
  refuse(dims({2}) + data_type(kFloat) + raw_data("123456789"),
         "raw_data has 9 bytes, expected 8 for f32[2]");
  refuse(dims({1000}) + data_type(kInt64) + raw_data(std::string(7999, 'x')),
         "raw_data has 7999 bytes, expected 8000 for i64[1000]");
}

TEST(ProtoTensor, C03_C04_C05_WhichFieldHoldsTheData) {
  refuse(dims({1}) + data_type(kFloat) + raw_data("1234") + float_data({1}),
         "both raw_data and float_data are set");
  refuse(dims({1}) + data_type(kFloat) + int32_data({1}) + float_data({1}),
         "both float_data and int32_data are set");
  refuse(dims({1}) + data_type(kFloat) + int32_data({1}),
         "int32_data is set, but f32 values belong into float_data");
  refuse(dims({2}) + data_type(kFloat), "it has no data, expected 2 elements");
  refuse(dims({2}) + data_type(kFloat) + float_data({1}), "float_data has 1 values, expected 2 for f32[2]");
  refuse(dims({0}) + data_type(kFloat) + raw_data("1234"), "raw_data has 4 bytes, expected 0");
  refuse(dims({0}) + data_type(kFloat) + float_data({1}), "float_data has 1 values, expected 0");
}

TEST(ProtoTensor, C06_to_C11_Dimensions) {
  refuse(dims({-1}) + data_type(kFloat), "dimension -1 in [-1], expected 0 or more");
  refuse(dims({2, -4}) + data_type(kFloat), "dimension -4");
  refuse(dims({1ll << 33, 1ll << 33}) + data_type(kFloat), "ask for more than 1099511627776 elements");
  refuse(dims({1ll << 62, 4}) + data_type(kFloat), "ask for more than");
  refuse(dims({1ll << 32, 1ll << 31}) + data_type(kUint8), "ask for more than");
  refuse(dims({1ll << 39}) + data_type(kUint8) + int32_data({1}),
         "int32_data has 1 values, expected 549755813888");
  refuse(dims(std::vector<int64_t>(17, 1)) + data_type(kFloat), "rank 17, at most 16");
}

TEST(ProtoTensor, C12_C13_ScalarsAndEmptyTensors) {
  EXPECT_EQ(read(data_type(kFloat) + float_data({5})).shape(), Shape{});
  EXPECT_EQ(read(dims({3, 0, 2}) + data_type(kFloat)).numel(), 0);
  EXPECT_EQ(read(dims({1ll << 40, 0, 1ll << 40}) + data_type(kFloat)).numel(), 0);
}

TEST(ProtoTensor, C14_C25_Types) {
  refuse(dims({1}) + data_type(0) + raw_data("1234"), "data_type is missing or 0");
  refuse(dims({1}) + raw_data("1234"), "data_type is missing or 0");
  refuse(dims({1}) + data_type(999) + raw_data("1234"), "data_type 999 does not exist");
  refuse(dims({1}) + data_type(-3) + raw_data("1234"), "data_type -3 does not exist");
  refuse(dims({1}) + data_type(kString) + raw_data("1234"),
         "a string tensor must use string_data, found raw_data");
  refuse(dims({1}) + data_type(kString) + bytes(6, "text"), "STRING are not supported",
         ErrorCode::kUnsupported);
  refuse(dims({1}) + data_type(kComplex64) + raw_data("12345678"), "COMPLEX64 are not supported",
         ErrorCode::kUnsupported);
}

TEST(ProtoTensor, C15_C16_C17_ValuesOutsideTheirType) {
  refuse(dims({1}) + data_type(kFloat16) + int32_data({65536}),
         "int32_data element 0 is 65536, expected 0 to 65535 for f16");
  refuse(dims({2}) + data_type(kInt8) + int32_data({1, 300}),
         "int32_data element 1 is 300, expected -128 to 127 for i8");
  refuse(dims({1}) + data_type(kUint8) + int32_data({-1}),
         "int32_data element 0 is -1, expected 0 to 255 for u8");
  refuse(dims({1}) + data_type(kUint32) + packed(11, {1ll << 32}), "expected 0 to 4294967295 for u32");
  refuse(dims({2}) + data_type(kBool) + raw_data(std::string("\x01\x07", 2)),
         "bool element 1 is 7, expected 0 or 1");
  refuse(dims({1}) + data_type(kBool) + int32_data({2}), "expected 0 to 1 for bool");
}

// values: 1-D tensor; indices: i64, linear or one row per value.
std::string sparse(const std::string& values, const std::string& indices, const std::vector<int64_t>& d) {
  std::string s = bytes(1, tensor_name("w") + values) + bytes(2, indices);
  for (int64_t v : d) s += number(3, v);
  return model(bytes(15, s) + graph_input("x", {2}) + graph_output("y", {2}) +
               in_node(node("Add", {"x", "w"}, {"y"})));
}
std::string two_floats() { return dims({2}) + data_type(kFloat) + float_data({5, 6}); }
std::string linear(std::vector<int64_t> at) {
  return dims({static_cast<int64_t>(at.size())}) + data_type(kInt64) + int64_data(at);
}

TEST(ProtoTensor, SparseBecomesDense) {
  const auto dense = [](const std::string& m) {
    const ReadResult r = read_model_bytes(as_bytes(m));
    return *r.model.graph.constant(r.model.graph.find_value("w"));
  };
  const Tensor want = Tensor::from<float>(Shape{2, 3}, {0, 5, 0, 0, 0, 6});
  EXPECT_TRUE(tensors_equal(dense(sparse(two_floats(), linear({1, 5}), {2, 3})), want));
  EXPECT_TRUE(tensors_equal(
      dense(sparse(two_floats(), dims({2, 2}) + data_type(kInt64) + int64_data({0, 1, 1, 2}), {2, 3})),
      want));
}

TEST(ProtoTensor, C19_SparseIndices) {
  const auto refuse_sparse = [](const std::string& m, const char* fragment,
                                ErrorCode code = ErrorCode::kMalformed) {
    EXPECT_ERROR(read_model_bytes(as_bytes(m)), code, fragment);
  };
  refuse_sparse(sparse(two_floats(), linear({5, 1}), {2, 3}), "sparse indices must increase");
  refuse_sparse(sparse(two_floats(), linear({1, 1}), {2, 3}), "sparse indices must increase");
  refuse_sparse(sparse(two_floats(), linear({1, 6}), {2, 3}), "sparse index 6 of value 1 is outside [2,3]");
  refuse_sparse(sparse(two_floats(), linear({-1, 1}), {2, 3}), "sparse index -1");
  refuse_sparse(sparse(two_floats(), dims({2, 1, 1}) + data_type(kInt64) + int64_data({0, 1}), {2, 3}),
                "expected [2] or [2,2]");
  refuse_sparse(sparse(two_floats(), dims({2}) + data_type(kInt32) + int32_data({0, 1}), {2, 3}),
                "expected i64");
  refuse_sparse(sparse(two_floats(), linear({1, 5}), {1ll << 38}), "more than the memory limit leaves",
                ErrorCode::kLimit);
}

TEST(ProtoTensor, TensorFiles) {
  const TempDir dir;
  const Tensor t = Tensor::from<float>(Shape{2, 2}, {1, -0.0f, 3, std::numeric_limits<float>::quiet_NaN()});
  const std::vector<std::byte> file = tensor_to_bytes(t, "input name");
  spit(dir / "input_0.pb", std::string(reinterpret_cast<const char*>(file.data()), file.size()));
  std::string name;
  EXPECT_TRUE(tensors_equal(read_tensor_file(dir / "input_0.pb", &name), t));
  EXPECT_EQ(name, "input name");
  spit(dir / "bad.pb", dims({2}) + data_type(kFloat) + raw_data("123"));
  EXPECT_ERROR(read_tensor_file(dir / "bad.pb"), ErrorCode::kMalformed, "bad.pb");
}

}  // namespace
}  // namespace precis::onnx_io
