// H01-H03: npy and npz arrays, protobuf test data.
#include <sys/stat.h>

#include "tests/data/data_test_support.h"
#include "tests/malformed/data_case.h"
#include "tests/support/files.h"

namespace precis::test {
namespace {

namespace dt = data::test;
using namespace std::string_literals;

constexpr ErrorCode kBad = ErrorCode::kMalformed, kUsage = ErrorCode::kUsage, kNot = ErrorCode::kUnsupported;

std::string values(size_t count, float first = 0) {
  std::vector<float> v(count);
  for (size_t i = 0; i < count; ++i) v[i] = first + static_cast<float>(i % 7) * 0.25f;
  return dt::raw(v);
}
std::string rows(int64_t count) {
  return dt::npy("<f4", "(" + std::to_string(count) + ", 16)", values(static_cast<size_t>(count) * 16));
}

DataCase npy_case(std::string id, ErrorCode code, std::string fragment, const std::string& content) {
  return file_case(std::move(id), code, std::move(fragment), "x.npy", content);
}

std::string big_endian(std::string little) {
  for (size_t i = 0; i + 3 < little.size(); i += 4) {
    std::swap(little[i], little[i + 3]);
    std::swap(little[i + 1], little[i + 2]);
  }
  return little;
}

std::vector<DataCase> npy_cases() {
  const std::string huge = std::string("\x93NUMPY\x02\x00", 8) + "\xff\xff\xff\xff";
  return {
      npy_case("H01_plain", kAccepted, "", rows(8)),
      npy_case("H01a_bad_magic", kBad, "is of no form that is read", "\x93NUMBY" + rows(8).substr(6)),
      npy_case("H01b_version_9", kBad, "version 9.0",
               std::string("\x93NUMPY\x09\x00", 8) + rows(8).substr(8)),
      npy_case("H01c_header_is_a_list", kBad, "expected a plain dict",
               dt::npy_with_header("[1, 2, 3]\n", "")),
      npy_case("H01d_header_is_code", kBad, "expected a plain dict",
               dt::npy_with_header(
                   "{'descr': '<f4', 'fortran_order': __import__('os').system('x'), 'shape': (1,)}\n", "")),
      npy_case("H01e_header_of_4_gib", kBad, "header of 4294967295 bytes", huge),
      npy_case("H01f_objects", kBad, "pickled programs", dt::npy("|O", "(8, 16)", "\x80\x04.")),
      npy_case("H01g_structured", kBad, "structured array",
               dt::npy_with_header(
                   "{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (8,), }\n",
                   values(16))),
      npy_case("H01h_big_endian", kAccepted, "", dt::npy(">f4", "(8, 16)", big_endian(values(128)))),
      npy_case("H01i_fortran", kAccepted, "", dt::npy("<f4", "(8, 16)", values(128), "True")),
      npy_case("H01j_shape_overflows", kBad, "overflows",
               dt::npy("<f4", "(4294967296, 4294967296, 16)", values(16))),
      npy_case("H01k_data_short", kBad, "truncated", rows(8).substr(0, rows(8).size() - 1)),
      npy_case("H01l_data_long", kBad, "longer than its header says", rows(8) + "x"),
      npy_case("H01m_cut_in_header", kBad, "truncated", rows(8).substr(0, 30)),
      npy_case("H01n_negative_shape", kBad, "npy header", dt::npy("<f4", "(-8, 16)", values(128))),
      npy_case("H01o_strings", kBad, "element type that is not read", dt::npy("<U4", "(8, 16)", values(128))),
      npy_case("H01p_no_shape", kBad, "npy header",
               dt::npy_with_header("{'descr': '<f4', 'fortran_order': False, }\n", values(128))),
      npy_case("H01q_shape_twice", kBad, "npy header",
               dt::npy_with_header(
                   "{'descr': '<f4', 'fortran_order': False, 'shape': (8, 16), 'shape': (8, 16), }\n",
                   values(128))),
      npy_case("H01r_rank_40", kBad, "dimensions",
               dt::npy(
                   "<f4",
                   "(" +
                       [] {
                         std::string s;
                         for (int i = 0; i < 40; ++i) s += "1, ";
                         return s;
                       }() +
                       ")",
                   values(1))),
  };
}

DataCase npz_case(std::string id, ErrorCode code, std::string fragment,
                  const std::vector<dt::ZipMember>& members) {
  return file_case(std::move(id), code, std::move(fragment), "x.npz", dt::zip(members));
}

std::vector<DataCase> npz_cases() {
  const std::string zeros = dt::npy("<f4", "(8, 16)", std::string(512, '\0'));
  dt::ZipMember bomb{"x.npy", zeros, true};
  bomb.declared_size = int64_t{3} << 30;
  dt::ZipMember grown{"x.npy", zeros, true};
  grown.declared_size = static_cast<int64_t>(zeros.size()) + 100;
  dt::ZipMember encrypted{"x.npy", zeros};
  encrypted.flags = 1;
  dt::ZipMember damaged{"x.npy", zeros};
  damaged.wrong_crc = true;
  dt::ZipMember lies{"x.npy", zeros};
  lies.declared_size = 100;
  const std::string good = dt::zip({{"x.npy", zeros}});
  return {
      npz_case("H02_plain", kAccepted, "", {{"x.npy", zeros, true}}),
      npz_case("H02a_bomb", kBad, "zip bomb", {bomb}),
      npz_case("H02b_absolute_name", kBad, "expected plain array names", {{"/x.npy", zeros}}),
      npz_case("H02c_parent_name", kBad, "expected plain array names", {{"../x.npy", zeros}}),
      npz_case("H02d_name_twice", kBad, "two entries named", {{"x.npy", zeros}, {"x.npy", zeros}}),
      npz_case("H02e_encrypted", kBad, "encrypted", {encrypted}),
      npz_case("H02f_wrong_checksum", kBad, "checksum", {damaged}),
      npz_case("H02g_stored_size_lies", kBad, "declares 100 bytes", {lies}),
      npz_case("H02h_inflates_to_another_size", kBad, "x.npy", {grown}),
      npz_case("H02i_no_array_of_the_input", kUsage, "no array for the model's input 'x'",
               {{"image.npy", zeros}, {"other.npy", zeros}}),
      npz_case("H02j_member_is_no_npy", kBad, "x.npy", {{"x.npy", "just text"}}),
      file_case("H02k_truncated", kBad, "no directory at its end", "x.npz", good.substr(0, good.size() - 30)),
      file_case("H02l_only_the_magic", kBad, "x.npz", "x.npz", "PK\x03\x04"),
      npz_case("H02m_empty_archive", kUsage, "no array for the model's input", {}),
  };
}

DataCase pb_case(std::string id, ErrorCode code, std::string fragment,
                 const std::vector<std::pair<std::string, std::string>>& files) {
  DataCase c;
  c.id = std::move(id);
  c.code = code;
  c.fragment = std::move(fragment);
  c.data = "set";
  c.make = [=](const TempDir& dir) {
    ::mkdir((dir / "set").c_str(), 0700);
    ::mkdir((dir / "set/test_data_set_0").c_str(), 0700);
    for (const auto& [name, content] : files) spit(dir / ("set/test_data_set_0/" + name), content);
  };
  return c;
}

std::vector<DataCase> pb_cases() {
  const std::string good = dt::tensor_proto({1, 16}, 1, values(16));
  return {
      pb_case("H03_plain", kAccepted, "", {{"input_0.pb", good}}),
      pb_case("H03a_truncated", kBad, "input_0.pb", {{"input_0.pb", good.substr(0, good.size() / 2)}}),
      pb_case("H03b_wrong_type", kUsage, "the model takes f32",
              {{"input_0.pb", dt::tensor_proto({1, 16}, 7, std::string(128, '\0'))}}),
      pb_case("H03c_wrong_shape", kUsage, "input 'x'",
              {{"input_0.pb", dt::tensor_proto({1, 15}, 1, values(15))}}),
      pb_case("H03d_missing_index", kBad, "input_0.pb", {{"input_1.pb", good}}),
      pb_case("H03e_extra_input", kUsage, "the model has 1 inputs",
              {{"input_0.pb", good}, {"input_1.pb", good}}),
      pb_case("H03f_raw_data_short", kBad, "input_0.pb",
              {{"input_0.pb", dt::tensor_proto({1, 16}, 1, values(15))}}),
      pb_case("H03g_unknown_type", kBad, "data type number 99",
              {{"input_0.pb", dt::tensor_proto({1, 16}, 99, values(16))}}),
      pb_case("H03h_negative_dimension", kBad, "input_0.pb",
              {{"input_0.pb", dt::tensor_proto({-1, 16}, 1, values(16))}}),
      pb_case("H03i_empty_file", kBad, "input_0.pb", {{"input_0.pb", ""}}),
      pb_case("H03j_output_without_input", kUsage, "has 0 input files", {{"output_0.pb", good}}),
  };
}

}  // namespace

std::vector<DataCase> array_cases() {
  std::vector<DataCase> all;
  for (const auto& part : {npy_cases(), npz_cases(), pb_cases()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace precis::test
