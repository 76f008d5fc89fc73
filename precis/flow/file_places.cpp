// See file_places.h.
#include "precis/flow/file_places.h"

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis::flow {
namespace {

bool same_place(const std::string& a, const std::string& b) {
  const auto name = [](const std::string& path) { return path.substr(path.find_last_of('/') + 1); };
  return same_file(a, b) || (name(a) == name(b) && same_file(parent_folder(a), parent_folder(b)));
}

}  // namespace

void check_places(const std::vector<std::string>& read, const std::vector<std::string>& written) {
  for (size_t i = 0; i < written.size(); ++i) {
    if (written[i].empty()) continue;
    for (const std::string& path : read)
      check(path.empty() || !same_place(path, written[i]), ErrorCode::kUsage,
            "{} would be written over, but it is also read; give another name", printable(path));
    for (size_t k = i + 1; k < written.size(); ++k)
      check(written[k].empty() || !same_place(written[i], written[k]), ErrorCode::kUsage,
            "{} is the name of two outputs; give each its own", printable(written[i]));
  }
}

void check_output(const std::string& output, const std::string& input, const std::vector<std::string>& read,
                  Overwrite overwrite) {
  check(!same_file(input, output), ErrorCode::kUsage,
        "the output {} is the input file; give another name with -o", printable(output));
  for (const std::string& path : read)
    check(!same_file(path, output), ErrorCode::kUsage,
          "the output {} is also read; give another name with -o", printable(output));
  const PathKind kind = path_kind(output);
  check(kind != PathKind::kDirectory, ErrorCode::kUsage, "the output {} is a folder; give a file name",
        printable(output));
  check(kind == PathKind::kMissing || overwrite == Overwrite::kReplace, ErrorCode::kUsage,
        "the output {} exists; give another name, or -f to replace it", printable(output));
  const std::string folder = parent_folder(output);
  check(path_kind(folder) == PathKind::kDirectory, ErrorCode::kIo,
        "the folder {} of the output does not exist; make it first", printable(folder));
}

}  // namespace precis::flow
