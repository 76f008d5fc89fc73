// The sources of the tree as text: files below a folder, their #include lines, the list of public headers.
#pragma once

#include <string>
#include <vector>

namespace precis::test {

struct Include {
  std::string path;  // between the quotes or brackets
  bool quoted = false;
  int line = 0;
};

struct SourceFile {
  std::string path;  // relative to the root, "precis/core/tensor.h"
  std::string text;
  std::vector<Include> includes;

  bool is_header() const;
  std::string room() const;    // "core" of precis/core/tensor.h; "" outside precis/
  std::string folder() const;  // "precis/runtime/onednn"
};

std::vector<Include> parse_includes(const std::string& text);
// All .h, .cpp and .inc files below root/folder, sorted by path.
std::vector<SourceFile> read_sources(const std::string& root, const std::string& folder);
// The paths ("precis/core/tensor.h") that precis/CMakeLists.txt installs.
std::vector<std::string> public_headers(const std::string& root);

}  // namespace precis::test
