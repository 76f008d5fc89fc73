// Questions about paths, and folders: listing, making.
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"

namespace precis {

PathKind path_kind(const std::string& path) {
  struct stat s {};
  if (sys_calls().stat_path(path.c_str(), &s, Links::kFollow) != 0) return PathKind::kMissing;
  if (S_ISREG(s.st_mode)) return PathKind::kFile;
  return S_ISDIR(s.st_mode) ? PathKind::kDirectory : PathKind::kOther;
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat sa {
  }, sb{};
  if (sys_calls().stat_path(a.c_str(), &sa, Links::kFollow) != 0) return false;
  if (sys_calls().stat_path(b.c_str(), &sb, Links::kFollow) != 0) return false;
  return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

std::vector<std::string> list_folder(const std::string& folder) {
  std::vector<std::string> names;
  if (sys_calls().list(folder.c_str(), names) != 0)
    fail(ErrorCode::kIo, "cannot list folder '{}': {}", printable(folder), std::strerror(errno));
  std::sort(names.begin(), names.end());
  return names;
}

void make_folders(const std::string& path) {
  if (path_kind(path) == PathKind::kDirectory) return;
  const std::string parent = parent_folder(path);
  if (parent != path && parent != ".") make_folders(parent);
  const bool made = sys_calls().make_folder(path.c_str(), 0777) == 0;
  const int error = errno;
  check(made || (error == EEXIST && path_kind(path) == PathKind::kDirectory), ErrorCode::kIo,
        "cannot make folder '{}': {}", printable(path), std::strerror(error));
}

void remove_file(const std::string& path) {
  const bool gone = sys_calls().unlink(path.c_str()) == 0 || errno == ENOENT;
  check(gone, ErrorCode::kIo, "cannot remove '{}': {}", printable(path), std::strerror(errno));
}

std::string make_scratch_folder() {
  const char* base = ::getenv("TMPDIR");
  std::string path = join_path(base != nullptr && *base != '\0' ? base : "/tmp", "precis-XXXXXX");
  if (::mkdtemp(path.data()) == nullptr)
    fail(ErrorCode::kIo, "no temporary folder could be made at '{}': {}; set TMPDIR to a writable folder",
         printable(path), std::strerror(errno));
  return path;
}

void remove_tree(const std::string& folder) noexcept {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

std::string parent_folder(const std::string& path) {
  const size_t last = path.find_last_not_of('/');
  if (last == std::string::npos) return path.empty() ? "." : "/";
  const size_t slash = path.rfind('/', last);
  if (slash == std::string::npos) return ".";
  const size_t end = path.find_last_not_of('/', slash);
  return end == std::string::npos ? "/" : path.substr(0, end + 1);
}

std::string join_path(const std::string& folder, const std::string& name) {
  if (folder.empty() || folder == "." || (!name.empty() && name.front() == '/')) return name;
  return folder.back() == '/' ? folder + name : folder + "/" + name;
}

}  // namespace precis
