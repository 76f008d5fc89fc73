// Files of a data folder, one a sample (pictures, sounds), with their labels. Listing reads names only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace precis::data {

struct FileList {
  std::string what;                // "image folder 'x'"; for messages
  std::string folder;              // in front of every file
  std::vector<std::string> files;  // relative
  std::vector<int64_t> labels;     // empty, or one a file
  size_t classes = 0;              // of class sub-folders

  int64_t size() const { return static_cast<int64_t>(files.size()); }
  bool labelled() const { return !labels.empty(); }
  int64_t label(int64_t index) const { return labelled() ? labels[static_cast<size_t>(index)] : -1; }
  const std::string& name(int64_t index) const { return files[static_cast<size_t>(index)]; }
  std::string path(int64_t index) const;
  std::string describe(const char* kind) const;  // "image folder 'x', 500 files, 500 labels" for kind "image"
};

// A folder: class sub-folders (classes are their names in byte order), a labels.csv or labels.txt inside, or
// plain files. `labels`: a file given by the user ("" = none). Error(kUsage) when there is nothing to read.
FileList list_file_folder(const std::string& folder, const std::string& labels);
// A file,label table; paths are relative to `folder`.
FileList list_file_table(const std::string& table, const std::string& folder);

}  // namespace precis::data
