// C: initializers whose parts contradict each other, and extreme values that are valid.
#include <cmath>
#include <limits>

#include "tests/malformed/malformed_case.h"
#include "tests/malformed/op_bytes.h"

namespace precis::test {
namespace {

constexpr ErrorCode kBad = ErrorCode::kMalformed, kNot = ErrorCode::kUnsupported;
constexpr int kU4 = 21, kI4 = 22, kU2 = 25, kI2 = 26;

// x + w -> y, where "w" is the tensor.
MalformedCase tensor(std::string id, ErrorCode code, std::string fragment, const std::string& content) {
  return bytes_case(std::move(id), code, std::move(fragment), model_with(content));
}
// A tensor of any type that no node reads.
MalformedCase unused(std::string id, ErrorCode code, std::string fragment, const std::string& content) {
  return bytes_case(std::move(id), code, std::move(fragment),
                    model(initializer(tensor_name("w") + content) + graph_input("x", {2}) +
                              graph_output("y", {2}) + in_node(node("Relu", {"x"}, {"y"})),
                          21, 10));
}
std::string f32(const std::vector<int64_t>& shape) { return dims(shape) + data_type(1); }
std::string typed(int type, const std::vector<int64_t>& shape) { return dims(shape) + data_type(type); }

std::string sparse(const std::string& indices, const std::vector<int64_t>& shape) {
  std::string s = bytes(1, tensor_name("w") + f32({2}) + float_data({5, 6})) + bytes(2, indices);
  for (int64_t d : shape) s += number(3, d);
  return model(bytes(15, s) + graph_input("x", {2}) + graph_output("y", {2}) +
               in_node(node("Add", {"x", "w"}, {"y"})));
}
std::string index_list(const std::vector<int64_t>& shape, const std::vector<int64_t>& at) {
  return typed(7, shape) + int64_data(at);
}

std::vector<MalformedCase> contents() {
  return {
      tensor("C01_raw_short", kBad, "raw_data has 7 bytes, expected 8", f32({2}) + raw_data("1234567")),
      tensor("C02_raw_long", kBad, "raw_data has 9 bytes, expected 8", f32({2}) + raw_data("123456789")),
      tensor("C03_raw_and_typed", kBad, "both raw_data and float_data",
             f32({2}) + raw_data("12345678") + float_data({1, 2})),
      tensor("C03b_two_typed", kBad, "both float_data and int32_data",
             f32({2}) + float_data({1, 2}) + int32_data({1})),
      tensor("C03c_wrong_field", kBad, "belong into float_data", f32({2}) + int32_data({1, 2})),
      tensor("C04_no_data", kBad, "has no data, expected 2 elements", f32({2})),
      tensor("C04b_too_few", kBad, "float_data has 1 values, expected 2", f32({2}) + float_data({1})),
      tensor("C05_empty_with_data", kBad, "raw_data has 4 bytes, expected 0", f32({0}) + raw_data("1234")),
      unused("C14_no_type", kBad, "data_type is missing", dims({1}) + raw_data("1234")),
      unused("C14b_type_0", kBad, "data_type is missing or 0", typed(0, {1}) + raw_data("1234")),
      unused("C14c_type_999", kBad, "data_type 999 does not exist", typed(999, {1}) + raw_data("1234")),
      unused("C14d_string_with_raw", kBad, "must use string_data", typed(8, {1}) + raw_data("1234")),
      unused("C14e_strings", kNot, "STRING", typed(8, {1}) + bytes(6, "text")),
      unused("C15_f16_of_17_bits", kBad, "is 65536, expected 0 to 65535",
             typed(10, {1}) + int32_data({65536})),
      unused("C16_i8_of_300", kBad, "is 300, expected -128 to 127", typed(3, {1}) + int32_data({300})),
      unused("C16b_u8_of_minus_1", kBad, "is -1, expected 0 to 255", typed(2, {1}) + int32_data({-1})),
      unused("C17_bool_of_7", kBad, "bool element 0 is 7", typed(9, {1}) + raw_data("\x07")),
      unused("C18_i4_odd", kAccepted, "", typed(kI4, {3}) + raw_data("\x21\xf3")),
      unused("C18b_u4_short", kBad, "raw_data has 1 bytes, expected 2", typed(kU4, {3}) + raw_data("\x21")),
      unused("C20_i64_ragged", kBad, "raw_data has 7999 bytes, expected 8000",
             typed(7, {1000}) + raw_data(std::string(7999, 'x'))),
      bytes_case("C20b_shape_input_ragged", kBad, "raw_data has 15 bytes, expected 16",
                 model(initializer(tensor_name("s") + typed(7, {2}) + raw_data(std::string(15, '\1'))) +
                       graph_input("x", {2}) + graph_output("y", {2}) +
                       in_node(node("Reshape", {"x", "s"}, {"y"})))),
      unused("C25_complex", kNot, "COMPLEX64", typed(14, {1}) + raw_data("12345678")),
      unused("C25b_complex_double", kNot, "COMPLEX128", typed(15, {1}) + raw_data(std::string(16, '1'))),
      unused("C15b_f8_of_9_bits", kBad, "is 256, expected 0 to 255", typed(17, {1}) + int32_data({256})),
      unused("C18c_i2_odd", kAccepted, "", typed(kI2, {5}) + raw_data("\x1b\xff")),
      unused("C18d_u2_short", kBad, "raw_data has 1 bytes, expected 2", typed(kU2, {5}) + raw_data("\x1b")),
  };
}

std::vector<MalformedCase> dimensions() {
  const int64_t big = 1ll << 33;
  return {
      unused("C06_dim_minus_1", kBad, "dimension -1", f32({-1})),
      unused("C06b_dim_minus_4", kBad, "dimension -4", f32({2, -4})),
      unused("C07_2_33_squared", kBad, "ask for more than", f32({big, big})),
      unused("C08_2_62_by_4", kBad, "ask for more than", f32({1ll << 62, 4})),
      unused("C09_exactly_2_63", kBad, "ask for more than", typed(2, {1ll << 32, 1ll << 31})),
      unused("C10_rank_17", kBad, "rank 17, at most 16", f32(std::vector<int64_t>(17, 1))),
      unused("C11_rank_million", kBad, "rank 1000000", f32(std::vector<int64_t>(1'000'000, 1))),
      unused("C12_scalar", kAccepted, "", data_type(1) + float_data({5})),
      unused("C13_zero_dim", kAccepted, "", f32({3, 0, 2})),
      unused("C13b_zero_beside_huge", kAccepted, "", f32({1ll << 40, 0, 1ll << 40})),
      bytes_case("C11b_input_rank_17", kBad, "rank 17",
                 model(graph_input("x", std::vector<int64_t>(17, 1)) + bytes(12, bytes(1, "y")) +
                       in_node(node("Relu", {"x"}, {"y"})))),
      bytes_case(
          "C06c_input_dim_minus_5", kBad, "dimension -5",
          model(graph_input("x", {-5}) + bytes(12, bytes(1, "y")) + in_node(node("Relu", {"x"}, {"y"})))),
      bytes_case("C07b_input_2_50", kBad, "1125899906842624",
                 model(graph_input("x", {1ll << 50}) + bytes(12, bytes(1, "y")) +
                       in_node(node("Relu", {"x"}, {"y"})))),
  };
}

std::vector<MalformedCase> sparse_tensors() {
  MalformedCase too_large = bytes_case("C19g_dense_too_large", ErrorCode::kLimit, "memory limit",
                                       sparse(index_list({2}, {1, 5}), {1ll << 38}));
  return {
      bytes_case("C19_unsorted", kBad, "must increase", sparse(index_list({2}, {5, 1}), {2, 3})),
      bytes_case("C19b_repeated", kBad, "must increase", sparse(index_list({2}, {1, 1}), {2, 3})),
      bytes_case("C19c_out_of_range", kBad, "sparse index 6", sparse(index_list({2}, {1, 6}), {2, 3})),
      bytes_case("C19d_negative", kBad, "sparse index -1", sparse(index_list({2}, {-1, 1}), {2, 3})),
      bytes_case("C19e_rank_3", kBad, "sparse indices have shape",
                 sparse(index_list({2, 1, 1}, {0, 1}), {2, 3})),
      bytes_case("C19f_coordinate_outside", kBad, "sparse coordinate 3",
                 sparse(index_list({2, 2}, {0, 0, 1, 3}), {2, 3})),
      too_large,
  };
}

// Valid weights that numerics must survive.
std::vector<MalformedCase> extreme_values() {
  constexpr float inf = std::numeric_limits<float>::infinity(),
                  tiny = std::numeric_limits<float>::denorm_min();
  return {
      tensor("C21_subnormals_and_minus_0", kAccepted, "", f32({2}) + float_data({-0.0f, tiny})),
      tensor("C21b_nan", kAccepted, "", f32({2}) + float_data({std::nanf(""), 1})),
      tensor("C21c_infinity", kAccepted, "", f32({2}) + float_data({inf, -inf})),
      tensor("C22_all_zero", kAccepted, "", f32({2}) + float_data({0, 0})),
      tensor("C24_range_of_76_decades", kAccepted, "", f32({2}) + float_data({1e-38f, 1e38f})),
  };
}

}  // namespace

std::vector<MalformedCase> tensor_cases() {
  std::vector<MalformedCase> all;
  for (const auto& part : {contents(), dimensions(), sparse_tensors(), extreme_values()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace precis::test
