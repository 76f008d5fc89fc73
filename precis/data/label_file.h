// Class labels from a file of their own: a table with file and label columns, one label a line, npy or IDX.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "precis/data/stored_array.h"

namespace precis::data {

struct LabelList {
  std::vector<std::string> files;  // empty when the file gives labels alone, in the order of the rows
  std::vector<int64_t> labels;
};

// By content: npy (1-D integers), IDX (.gz too) or text. In text a first row whose label is no number is a
// header; it names the columns (file, filename, image, path; label, class, class_id, target), else the first
// two count. Errors: kIo; kMalformed naming file, line and value for labels that are no whole number of 0 or
// more.
LabelList read_label_file(const std::string& path);
// One whole number of 0 or more a row.
std::vector<int64_t> labels_of_array(const StoredArray& array);
LabelList parse_label_text(std::string_view text, const std::string& where);

}  // namespace precis::data
