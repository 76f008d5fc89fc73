// All file access of Precis goes through Io, so that every call can fail in a test and nothing is half
// written. Reads use pread into buffers (never mmap of untrusted files: a truncated mapping kills the
// process). Writes follow one atomic protocol (docs/reliability.md): temp file in the target folder, write,
// verify, fsync, rename, fsync folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "precis/core/error.h"
#include "precis/core/sys_calls.h"

namespace precis {

struct FileInfo {
  uint64_t size = 0;
  uint64_t device = 0, inode = 0;
  int64_t mtime_ns = 0;
};

// A regular file opened for reading. Directories, FIFOs, devices and sockets are refused without blocking.
// Errors: kIo (cannot open/read, changed while being read), kMalformed (not a regular file), naming the path.
class InputFile {
 public:
  static InputFile open(const std::string& path);
  // Opens `relative` inside `folder` and nowhere else: no "..", backslashes or absolute paths, and under
  // kRefuse no symbolic or hard links (nlink > 1). kFollow allows links, even out of the folder (caches made
  // of links), when they end at a regular file. Errors as above, but a refused or missing `relative` is
  // kMalformed: it came from a file.
  using Links = precis::Links;
  static InputFile open_beneath(const std::string& folder, const std::string& relative, Links links);
  InputFile(InputFile&&) noexcept;
  InputFile& operator=(InputFile&&) noexcept;
  ~InputFile();

  const std::string& path() const { return path_; }
  uint64_t size() const { return info_.size; }
  const FileInfo& info() const { return info_; }
  void read_exact(uint64_t offset,
                  std::span<std::byte> out) const;  // kIo when the file ends early (it shrank)
  void check_unchanged() const;  // kIo when size, mtime or inode differ from when it was opened

 private:
  InputFile(int fd, std::string path, FileInfo info);
  int fd_ = -1;
  std::string path_;
  FileInfo info_;
};

// Whole file into memory; kLimit when it is larger than `max_bytes`. Checks that it did not change meanwhile.
std::vector<std::byte> read_file(const std::string& path, uint64_t max_bytes);
std::string read_text_file(const std::string& path, uint64_t max_bytes = 64u << 20);

// One output file, invisible under its name until publish(). Destroyed unpublished = the temp file is
// removed.
class AtomicFile {
 public:
  // Refuses (kUsage) when `path` is no regular file or exists and overwrite == kRefuse; kIo when the folder
  // is missing or unwritable, or has no room for `expected_size` bytes (reserved at once where the file
  // system can). Leftovers of dead processes in the folder are removed first. A write beyond RLIMIT_FSIZE
  // raises SIGXFSZ, which the program must ignore to get an Error instead.
  AtomicFile(std::string path, Overwrite overwrite, uint64_t expected_size = 0);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> data);
  void write(std::string_view text);
  uint64_t bytes_written() const { return written_; }
  const std::string& temp_path() const { return temp_path_; }  // for the verification before publishing
  // fsync, rename, fsync folder. Runs `verify(temp_path)` first when given; what it throws is passed on and
  // nothing is published.
  void publish(const std::function<void(const std::string&)>& verify = {});
  // The file has its final name. Also after a publish() that threw because the folder could not be synced.
  bool published() const { return published_; }

 private:
  void create_temp();
  void reserve();
  void check_target() const;
  void rename_to_path();
  [[noreturn]] void fail_write(const char* step, int error);
  void discard() noexcept;
  std::string path_, temp_path_;
  Overwrite overwrite_;
  int fd_ = -1;
  uint64_t expected_ = 0, written_ = 0;
  bool published_ = false;
};

void write_file(const std::string& path, std::string_view content, Overwrite overwrite);

// Paths and folders.
enum class PathKind { kMissing, kFile, kDirectory, kOther };
PathKind path_kind(const std::string& path);
bool same_file(const std::string& a,
               const std::string& b);  // by device and inode; false when either is missing
std::vector<std::string> list_folder(
    const std::string& folder);                      // entry names sorted by bytes; without . and ..
void make_folders(const std::string& path);          // mkdir -p; kIo
void remove_file(const std::string& path);           // nothing happens when it is missing; kIo
std::string parent_folder(const std::string& path);  // "." when the path has none
std::string join_path(const std::string& folder, const std::string& name);
// A new folder under TMPDIR (or /tmp) that nobody else may enter; kIo. And removal of a folder with all it
// holds, links not followed; what cannot be removed stays, silently.
std::string make_scratch_folder();
void remove_tree(const std::string& folder) noexcept;
// Removes leftovers `.precis-tmp-<pid>-*` of dead processes from `folder`; what cannot be removed stays,
// silently.
void remove_stale_temp_files(const std::string& folder);

}  // namespace precis
