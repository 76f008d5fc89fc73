// Listing of data folders.
#include "precis/data/file_list.h"

#include <algorithm>
#include <array>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/data/label_file.h"

namespace precis::data {
namespace {

// Files that lie in data folders and are no samples. Everything else is tried: the content decides.
bool may_be_sample(const std::string& name) {
  static constexpr std::array<const char*, 14> kOthers = {".csv",  ".txt", ".json", ".yaml", ".yml",
                                                          ".md",   ".npy", ".npz",  ".pb",   ".xml",
                                                          ".html", ".db",  ".onnx", ".zip"};
  if (name.empty() || name.front() == '.') return false;
  const std::string lower = to_lower(name);
  return std::none_of(kOthers.begin(), kOthers.end(),
                      [&](const char* ending) { return lower.ends_with(ending); });
}

bool is_folder(const std::string& path) { return path_kind(path) == PathKind::kDirectory; }

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  for (std::string& name : list_folder(folder))
    if (may_be_sample(name)) files.push_back(std::move(name));
  return files;
}

FileList list_samples(const std::string& folder) {
  FileList list;
  list.folder = folder;
  std::vector<std::string> classes;
  for (const std::string& name : list_folder(folder)) {
    if (name.front() == '.') continue;
    if (is_folder(join_path(folder, name)))
      classes.push_back(name);
    else if (may_be_sample(name))
      list.files.push_back(name);
  }
  if (!list.files.empty()) return list;
  for (const std::string& name : classes) {
    for (const std::string& file : files_in(join_path(folder, name))) {
      list.files.push_back(join_path(name, file));
      list.labels.push_back(static_cast<int64_t>(list.classes));
    }
    ++list.classes;
  }
  return list;
}

// The table that lies in the folder under one of the usual names, or "".
std::string find_table(const std::string& folder) {
  for (const char* name : {"labels.csv", "labels.txt"}) {
    std::string path = join_path(folder, name);
    if (path_kind(path) == PathKind::kFile) return path;
  }
  return "";
}

// Labels without file names go to the files in name order.
void attach_labels(FileList& list, const LabelList& labels, const std::string& table) {
  check(labels.labels.size() == list.files.size(), ErrorCode::kMalformed,
        "'{}' has {} labels, '{}' has {} files; give one label a file, or a table with file and label "
        "columns",
        printable(table), labels.labels.size(), printable(list.folder), list.files.size());
  list.labels = labels.labels;
  list.classes = 0;
}

// File names in a table count from the data folder, or else from the table's own folder.
std::string base_folder(const std::string& folder, const std::string& table, const std::string& first_file) {
  const std::string beside = parent_folder(table);
  for (const std::string& base : {folder, beside})
    if (path_kind(join_path(base, first_file)) != PathKind::kMissing) return base;
  fail(ErrorCode::kUsage, "'{}' names the file '{}', which is neither in '{}' nor in '{}'", printable(table),
       printable(first_file), printable(folder), printable(beside));
}

}  // namespace

std::string FileList::path(int64_t index) const { return join_path(folder, name(index)); }

std::string FileList::describe(const char* kind) const {
  const std::string text = fmt::format("{} {}, {} file{}", kind, what, size(), size() == 1 ? "" : "s");
  if (classes != 0) return text + fmt::format(" in {} class folders", classes);
  return text + (labelled() ? fmt::format(", {} labels", labels.size()) : ", no labels");
}

FileList list_file_table(const std::string& table, const std::string& folder) {
  LabelList labels = read_label_file(table);
  check(!labels.files.empty(), ErrorCode::kUsage,
        "'{}' has labels but no file names; give the folder of the files as data and this file with "
        "',labels='",
        printable(table));
  std::string base = base_folder(folder, table, labels.files.front());
  return {fmt::format("table '{}'", printable(table)), std::move(base), std::move(labels.files),
          std::move(labels.labels), 0};
}

FileList list_file_folder(const std::string& folder, const std::string& given_table) {
  const std::string table = given_table.empty() ? find_table(folder) : given_table;
  FileList list;
  if (!table.empty()) {
    LabelList labels = read_label_file(table);
    if (labels.files.empty()) {
      list = list_samples(folder);
      attach_labels(list, labels, table);
    } else {
      list.folder = base_folder(folder, table, labels.files.front());
      list.files = std::move(labels.files);
      list.labels = std::move(labels.labels);
    }
  } else {
    list = list_samples(folder);
  }
  check(!list.files.empty(), ErrorCode::kUsage,
        "folder '{}' holds nothing that is read: expected JPEG, PNG or WAV files, class sub-folders of them, "
        "npy "
        "files, or test_data_set_N folders",
        printable(folder));
  list.what = fmt::format("folder '{}'", printable(folder));
  return list;
}

}  // namespace precis::data
