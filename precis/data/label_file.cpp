// Labels from tables and arrays.
#include "precis/data/label_file.h"

#include <algorithm>
#include <initializer_list>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/data/csv_rows.h"
#include "precis/data/idx.h"
#include "precis/data/npy.h"

namespace precis::data {
namespace {

constexpr uint64_t kMaxText = 256u << 20;

struct Columns {
  size_t file = 0, label = 1;
  bool has_file = true, has_header = false;
};

// The first of the names that the header has, and whose cell below it `fits`.
template <typename Fits>
size_t find_column(const CsvRow& header, std::initializer_list<const char*> names, size_t otherwise,
                   const Fits& fits) {
  for (const char* name : names)
    for (size_t i = 0; i < header.cells.size(); ++i)
      if (to_lower(header.cells[i]) == name && fits(i)) return i;
  return otherwise;
}

Columns columns_of(const std::vector<CsvRow>& rows) {
  const CsvRow& first = rows.front();
  Columns c;
  c.has_file = first.cells.size() > 1;
  c.label = c.has_file ? 1 : 0;
  int64_t number = 0;
  c.has_header = !parse_int(first.cells[c.label], number);
  if (!c.has_header) return c;
  // A table may have names and numbers of classes; the numbers are the labels.
  const auto holds_number = [&](size_t i) {
    return rows.size() < 2 || i >= rows[1].cells.size() || parse_int(rows[1].cells[i], number);
  };
  const auto any = [](size_t) { return true; };
  const std::initializer_list<const char*> names = {"label", "class", "class_id", "target", "y"};
  c.label = find_column(first, names, find_column(first, names, c.label, any), holds_number);
  c.file = find_column(first, {"file", "filename", "file_name", "image", "path", "name"}, 0, any);
  c.has_file = c.has_file && c.file != c.label;
  return c;
}

}  // namespace

std::vector<int64_t> labels_of_array(const StoredArray& array) {
  check(array.rows() == array.shape.numel(), ErrorCode::kMalformed,
        "'{}' has shape {}; labels are one number a row", array.name(), array.shape.str());
  check(is_integer(array.dtype), ErrorCode::kMalformed, "'{}' is of type {}; labels are whole numbers",
        array.name(), dtype_name(array.dtype));
  const Tensor values = read_all(array);
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < values.numel(); ++i) {
    labels.push_back(values.at_int(i));
    check(labels.back() >= 0, ErrorCode::kMalformed, "'{}' row {}: label {}; expected 0 or more",
          array.name(), i, labels.back());
  }
  return labels;
}

LabelList parse_label_text(std::string_view text, const std::string& where) {
  const std::vector<CsvRow> rows = parse_csv(text, where);
  check(!rows.empty(), ErrorCode::kMalformed, "'{}' is empty; expected one label a row", where);
  const Columns c = columns_of(rows);
  LabelList list;
  for (size_t i = c.has_header ? 1 : 0; i < rows.size(); ++i) {
    const CsvRow& row = rows[i];
    const size_t needed = std::max(c.label, c.has_file ? c.file : 0) + 1;
    check(row.cells.size() >= needed, ErrorCode::kMalformed, "'{}' line {}: {} columns, expected {} or more",
          where, row.line, row.cells.size(), needed);
    int64_t label = -1;
    check(parse_int(row.cells[c.label], label) && label >= 0, ErrorCode::kMalformed,
          "'{}' line {}: label '{}' is no whole number of 0 or more; give class numbers", where, row.line,
          printable(row.cells[c.label]));
    list.labels.push_back(label);
    if (!c.has_file) continue;
    check(!row.cells[c.file].empty(), ErrorCode::kMalformed, "'{}' line {}: the file name is empty", where,
          row.line);
    list.files.push_back(row.cells[c.file]);
  }
  check(!list.labels.empty(), ErrorCode::kMalformed, "'{}' has a header and no rows", where);
  return list;
}

LabelList read_label_file(const std::string& path) {
  const BytesPtr bytes = open_bytes(path);
  const std::vector<std::byte> prefix = read_prefix(*bytes, 16);
  if (is_npy(prefix)) return {{}, labels_of_array(parse_npy(bytes))};
  if (looks_like_idx(bytes)) return {{}, labels_of_array(parse_idx(bytes))};
  return parse_label_text(read_text_file(path, kMaxText), printable(path));
}

}  // namespace precis::data
