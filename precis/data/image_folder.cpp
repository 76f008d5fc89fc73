// Pictures in folders. Listing reads names only; a file is opened when its sample is asked for.
#include <algorithm>
#include <array>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/data/image_file.h"
#include "precis/data/image_set.h"
#include "precis/data/label_file.h"

namespace precis::data {
namespace {

constexpr uint64_t kMaxImageFile = 256u << 20;

struct ImageList {
  std::string folder;              // in front of every file
  std::vector<std::string> files;  // relative
  std::vector<int64_t> labels;     // empty, or one a file
  size_t classes = 0;              // of class sub-folders
};

class FileImages : public ImageSet {
 public:
  FileImages(std::string what, ImageList list) : what_(std::move(what)), list_(std::move(list)) {}

  int64_t size() const override { return static_cast<int64_t>(list_.files.size()); }
  bool labelled() const override { return !list_.labels.empty(); }
  int64_t label(int64_t index) const override {
    return labelled() ? list_.labels[static_cast<size_t>(index)] : -1;
  }
  std::string origin(int64_t index) const override {
    return printable(list_.files[static_cast<size_t>(index)]);
  }

  Picture load(int64_t index) const override {
    const std::vector<std::byte> bytes = read_file(path(index), kMaxImageFile);
    return {decode_image(bytes, printable(path(index))), xxh3(bytes)};
  }
  uint64_t content_hash(int64_t index) const override { return xxh3(read_file(path(index), kMaxImageFile)); }

  std::string describe() const override {
    std::string text = fmt::format("{}, {} file{}", what_, size(), size() == 1 ? "" : "s");
    if (list_.classes != 0) return text + fmt::format(" in {} class folders", list_.classes);
    return text + (labelled() ? fmt::format(", {} labels", list_.labels.size()) : ", no labels");
  }

 private:
  std::string path(int64_t index) const {
    return join_path(list_.folder, list_.files[static_cast<size_t>(index)]);
  }
  std::string what_;
  ImageList list_;
};

// Files that lie in picture folders and are no pictures. Everything else is tried: the content decides.
bool may_be_image(const std::string& name) {
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
    if (may_be_image(name)) files.push_back(std::move(name));
  return files;
}

ImageList list_images(const std::string& folder) {
  ImageList list;
  list.folder = folder;
  std::vector<std::string> classes;
  for (const std::string& name : list_folder(folder)) {
    if (name.front() == '.') continue;
    if (is_folder(join_path(folder, name)))
      classes.push_back(name);
    else if (may_be_image(name))
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

// Labels without file names go to the pictures in name order.
void attach_labels(ImageList& list, const LabelList& labels, const std::string& table) {
  check(labels.labels.size() == list.files.size(), ErrorCode::kMalformed,
        "'{}' has {} labels, '{}' has {} pictures; give one label a picture, or a table with file and label "
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
  fail(ErrorCode::kUsage, "'{}' names the picture '{}', which is neither in '{}' nor in '{}'",
       printable(table), printable(first_file), printable(folder), printable(beside));
}

std::string folder_text(const char* what, const std::string& path) {
  return fmt::format("{} '{}'", what, printable(path));
}

}  // namespace

std::shared_ptr<const ImageSet> open_image_list(const std::string& table, const std::string& folder) {
  LabelList labels = read_label_file(table);
  check(!labels.files.empty(), ErrorCode::kUsage,
        "'{}' has labels but no file names; give the folder of the pictures as data and this file with "
        "',labels='",
        printable(table));
  const std::string base = base_folder(folder, table, labels.files.front());
  ImageList list{base, std::move(labels.files), std::move(labels.labels), 0};
  return std::make_shared<FileImages>(folder_text("image table", table), std::move(list));
}

std::shared_ptr<const ImageSet> open_image_folder(const std::string& folder, const std::string& given_table) {
  const std::string table = given_table.empty() ? find_table(folder) : given_table;
  ImageList list;
  if (!table.empty()) {
    LabelList labels = read_label_file(table);
    if (labels.files.empty()) {
      list = list_images(folder);
      attach_labels(list, labels, table);
    } else {
      const std::string base = base_folder(folder, table, labels.files.front());
      list = ImageList{base, std::move(labels.files), std::move(labels.labels), 0};
    }
  } else {
    list = list_images(folder);
  }
  check(!list.files.empty(), ErrorCode::kUsage,
        "folder '{}' holds nothing that is read: expected JPEG or PNG files, class sub-folders of them, npy "
        "files, or "
        "test_data_set_N folders",
        printable(folder));
  return std::make_shared<FileImages>(folder_text("image folder", folder), std::move(list));
}

std::shared_ptr<const ImageSet> open_single_image(const std::string& path) {
  return std::make_shared<FileImages>(folder_text("image", path), ImageList{"", {path}, {}, 0});
}

}  // namespace precis::data
