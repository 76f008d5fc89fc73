// H06, H08, H10-H15: labels, tables, counts, shapes, values, recipes.
#include <cmath>
#include <limits>

#include "tests/data/data_test_support.h"
#include "tests/malformed/data_case.h"
#include "tests/support/files.h"

namespace precis::test {
namespace {

namespace dt = data::test;
using namespace std::string_literals;

constexpr ErrorCode kBad = ErrorCode::kMalformed, kUsage = ErrorCode::kUsage, kNot = ErrorCode::kUnsupported;

std::string array(const std::string& shape, const std::vector<float>& values) {
  return dt::npy("<f4", shape, dt::raw(values));
}
std::string rows(int64_t count, float value = -1) {
  std::vector<float> v(static_cast<size_t>(count) * 16);
  for (size_t i = 0; i < v.size(); ++i) v[i] = value >= 0 ? value : static_cast<float>(i % 11) * 0.3f - 1.5f;
  return array("(" + std::to_string(count) + ", 16)", v);
}

// Eight rows with this file of labels.
DataCase labels_case(std::string id, ErrorCode code, std::string fragment, const std::string& labels,
                     const std::string& name = "l.csv") {
  DataCase c;
  c.id = std::move(id);
  c.code = code;
  c.fragment = std::move(fragment);
  c.data = "x.npy,labels=" + name;
  c.use = DataCase::Use::kEval;
  c.make = [=](const TempDir& dir) {
    spit(dir / "x.npy", rows(8));
    spit(dir / name, labels);
  };
  return c;
}

std::vector<DataCase> labels() {
  const std::string eight = "0\n1\n2\n3\n4\n5\n6\n7\n";
  return {
      labels_case("H06_plain", kAccepted, "8 labels", eight),
      labels_case("H06a_count", kBad, "7 labels for 8 samples", eight.substr(2)),
      labels_case("H06b_class_out_of_range", kUsage, "label 8 is out of range", "8\n" + eight.substr(2)),
      labels_case("H06c_words", kBad, "'cat' is no whole number", "label\n" + eight.substr(0, 14) + "cat\n"),
      labels_case("H06d_negative", kBad, "line 1", "-1\n" + eight.substr(2)),
      labels_case("H06e_crlf", kAccepted, "", "0\r\n1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n"),
      labels_case("H06f_byte_order_mark", kAccepted, "", "\xef\xbb\xbf" + eight),
      labels_case("H06g_quotes", kAccepted, "", "\"0\"\n\"1\"\n2\n3\n4\n5\n6\n7\n"),
      labels_case("H06h_quote_left_open", kBad, "l.csv", "\"0\n1\n2\n"),
      labels_case("H06i_empty_file", kBad, "l.csv", ""),
      labels_case("H06j_utf16", kBad, "NUL bytes", "0\0\n\0"s + "1\0\n\0"s),
      labels_case("H06k_too_large_number", kBad, "l.csv", "99999999999999999999\n" + eight.substr(2)),
      labels_case("H06l_npy_of_floats", kBad, "labels are whole numbers",
                  array("(8,)", {0, 1, 2, 3, 4, 5, 6, 7}), "l.npy"),
      labels_case("H06m_npy_of_rank_2", kBad, "labels are one number a row",
                  dt::npy("|u1", "(4, 2)", "01234567"), "l.npy"),
      labels_case("H08_ragged", kBad, "columns", "file,label\na,0\nb\n"),
      labels_case("H08a_header_only", kBad, "header and no rows", "file,label\n"),
  };
}

DataCase data_case(std::string id, ErrorCode code, std::string fragment, const std::string& content,
                   const std::string& more = "", const std::string& model = kRows) {
  DataCase c = file_case(std::move(id), code, std::move(fragment), "x.npy", content);
  c.data += more;
  c.model = model;
  return c;
}

DataCase judged(DataCase c) {
  c.use = DataCase::Use::kEval;
  return c;
}
DataCase not_judged(DataCase c) {
  c.use = DataCase::Use::kCalibration;
  return c;
}

std::vector<DataCase> counts_and_shapes() {
  DataCase long_line = labels_case("H08b_line_of_2_mib", kBad, "l.csv", std::string(2 << 20, '7') + "\n");
  DataCase many = data_case("H08c_csv_of_features", kBad, "'0.4' is no whole number", "");
  many.data = "x.csv";
  many.make = [](const TempDir& dir) { spit(dir / "x.csv", "0.1,0.2\n0.3,0.4\n"); };
  return {
      long_line,
      many,
      data_case("H11_no_samples", kUsage, "holds no samples", array("(0, 16)", {})),
      data_case("H11a_one_sample", kAccepted, "", rows(1)),
      data_case("H11b_fewer_than_the_batch", kAccepted, "", rows(3), "", kFixed),
      data_case("H11c_last_batch_partial", kAccepted, "", rows(7), "", kFixed),
      data_case("H11d_rows_outside", kUsage, "asks for others", rows(8), ",rows=4:12"),
      data_case("H11e_rows_empty", kUsage, "holds no row", rows(8), ",rows=4:4"),
      data_case("H11f_count_0", kUsage, "leaves no sample", rows(8), ",count=0"),
      data_case("H11g_unknown_option", kUsage, "did you mean 'rows'", rows(8), ",row=1:2"),
      data_case("H12_row_too_short", kUsage, "the model takes",
                array("(8, 15)", std::vector<float>(120, 0.5f))),
      data_case("H12a_rank", kUsage, "the model takes",
                array("(2, 2, 2, 16)", std::vector<float>(128, 0.5f))),
      data_case("H12b_floats_for_ids", kUsage, "cast=model", rows(8), "", kIds),
      data_case("H12c_floats_for_ids_cast", kAccepted, "", rows(8, 2), ",cast=model", kIds),
      data_case("H12g_fractions_for_ids", kUsage, "cannot hold", rows(8, 2.4f), ",cast=model", kIds),
      data_case("H12d_too_large_for_ids", kUsage, "cannot hold", rows(8, 1e30f), ",cast=model", kIds),
      data_case("H12e_integers_for_floats", kUsage, "the model takes f32",
                dt::npy("<i8", "(8, 16)", std::string(1024, '\1'))),
      judged(data_case("H12f_targets_of_another_shape", kUsage, "do targets and model belong together",
                       rows(8), ",targets=x.npy")),
  };
}

std::string with_value(float value) {
  std::vector<float> v(128, 0.5f);
  v[37] = value;
  v[5] = -0.5f;
  return array("(8, 16)", v);
}

std::vector<DataCase> values() {
  constexpr float inf = std::numeric_limits<float>::infinity();
  return {
      not_judged(data_case("H13_nan", kBad, "nan", with_value(std::nanf("")))),
      not_judged(data_case("H13a_infinity", kBad, "inf", with_value(inf))),
      judged(data_case("H13d_nan_judged", kAccepted, "NaN or infinite", with_value(std::nanf("")))),
      data_case("H13b_huge", kAccepted, "", with_value(1e30f)),
      data_case("H13c_subnormal", kAccepted, "", with_value(1e-42f)),
      data_case("H14_constant", kAccepted, "", rows(8, 0.75f)),
      data_case("H14a_all_zero", kAccepted, "", rows(8, 0)),
  };
}

}  // namespace

std::vector<DataCase> table_cases() { return labels(); }

std::vector<DataCase> sample_cases() {
  std::vector<DataCase> all;
  for (const auto& part : {counts_and_shapes(), values()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace precis::test
