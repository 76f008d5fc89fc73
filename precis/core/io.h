// All file access of Precis goes through Io, so that every call can fail in a test and nothing is half written.
// Reads use pread into buffers (never mmap of untrusted files: a truncated mapping kills the process).
// Writes follow one atomic protocol (docs/reliability.md): temp file in the target folder, write, verify, fsync, rename, fsync folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "precis/core/error.h"

namespace precis {

// The system calls that Io makes, replaceable for fault injection. Each behaves as its namesake: -1 and errno on failure.
class SysCalls {
 public:
  virtual ~SysCalls() = default;
  virtual int open(const char* path, int flags, unsigned mode);
  // openat2 with RESOLVE_BENEATH [| NO_SYMLINKS | NO_MAGICLINKS]; ENOSYS where the kernel lacks it.
  virtual int open_beneath(int dir_fd, const char* path, int flags, bool follow_links);
  virtual int64_t pread(int fd, void* data, size_t size, int64_t offset);
  virtual int64_t write(int fd, const void* data, size_t size);
  virtual int fallocate(int fd, int64_t size);
  virtual int fsync(int fd);
  virtual int close(int fd);
  virtual int rename(const char* from, const char* to, bool replace);  // renameat2(NOREPLACE) when !replace
  virtual int unlink(const char* path);
};

// Replaces the process-wide system calls for a test's duration; null restores the real ones.
void set_sys_calls(SysCalls* calls);
SysCalls& sys_calls();

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
  // Opens `relative` inside `folder` and nowhere else: no "..", absolute paths, magic links or hard links
  // (nlink > 1); symbolic links only when `follow_links` == kFollow and the target is a regular file.
  enum class Links { kRefuse, kFollow };
  static InputFile open_beneath(const std::string& folder, const std::string& relative, Links links);
  InputFile(InputFile&&) noexcept;
  InputFile& operator=(InputFile&&) noexcept;
  ~InputFile();

  const std::string& path() const { return path_; }
  uint64_t size() const { return info_.size; }
  const FileInfo& info() const { return info_; }
  void read_exact(uint64_t offset, std::span<std::byte> out) const;  // kIo when the file ends early (it shrank)
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

enum class Overwrite { kRefuse, kReplace };

// One output file, invisible under its name until publish(). Destroyed unpublished = the temp file is removed.
class AtomicFile {
 public:
  // Refuses (kUsage) when `path` is a directory or exists and overwrite == kRefuse; kIo when the folder is missing or unwritable.
  AtomicFile(std::string path, Overwrite overwrite, uint64_t expected_size = 0);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> data);
  void write(std::string_view text);
  uint64_t bytes_written() const { return written_; }
  const std::string& temp_path() const { return temp_path_; }  // for the verification before publishing
  // fsync, rename, fsync folder. Runs `verify(temp_path)` first when given; what it throws is passed on and nothing is published.
  void publish(const std::function<void(const std::string&)>& verify = {});

 private:
  void discard() noexcept;
  std::string path_, temp_path_;
  Overwrite overwrite_;
  int fd_ = -1;
  uint64_t written_ = 0;
};

void write_file(const std::string& path, std::string_view content, Overwrite overwrite);

// Paths and folders.
enum class PathKind { kMissing, kFile, kDirectory, kOther };
PathKind path_kind(const std::string& path);
bool same_file(const std::string& a, const std::string& b);  // by device and inode; false when either is missing
std::vector<std::string> list_folder(const std::string& folder);  // entry names sorted by bytes; without . and ..
void make_folders(const std::string& path);  // mkdir -p; kIo
std::string parent_folder(const std::string& path);  // "." when the path has none
std::string join_path(const std::string& folder, const std::string& name);
// Removes leftovers `.precis-tmp-<pid>-*` of dead processes from `folder`.
void remove_stale_temp_files(const std::string& folder);

}  // namespace precis
