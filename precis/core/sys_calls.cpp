// The real system calls (Linux), and the switch that lets a test replace them.
#include "precis/core/sys_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string_view>

namespace precis {
namespace {

std::atomic<SysCalls*> replaced{nullptr};

}  // namespace

int SysCalls::open(const char* path, int flags, unsigned mode) { return ::open(path, flags, mode); }

int SysCalls::open_at(int folder_fd, const char* name, int flags) { return ::openat(folder_fd, name, flags); }

int SysCalls::open_beneath(int folder_fd, const char* path, int flags, Links links) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags);
  how.resolve = RESOLVE_NO_MAGICLINKS;
  if (links == Links::kRefuse) how.resolve |= RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  return static_cast<int>(::syscall(SYS_openat2, folder_fd, path, &how, sizeof how));
}

int64_t SysCalls::pread(int fd, void* data, size_t size, int64_t offset) {
  return ::pread(fd, data, size, offset);
}

int64_t SysCalls::write(int fd, const void* data, size_t size) { return ::write(fd, data, size); }

int SysCalls::fallocate(int fd, int64_t size) { return ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size); }

int SysCalls::truncate(int fd, int64_t size) { return ::ftruncate(fd, size); }

int SysCalls::fsync(int fd) { return ::fsync(fd); }

int SysCalls::lock(int fd) { return ::flock(fd, LOCK_EX | LOCK_NB); }

int SysCalls::close(int fd) { return ::close(fd); }

int SysCalls::stat_fd(int fd, struct ::stat* out) { return ::fstat(fd, out); }

int SysCalls::stat_path(const char* path, struct ::stat* out, Links links) {
  return links == Links::kFollow ? ::stat(path, out) : ::lstat(path, out);
}

int SysCalls::rename(const char* from, const char* to, Overwrite overwrite) {
  if (overwrite == Overwrite::kReplace) return ::rename(from, to);
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE));
}

int SysCalls::link(const char* from, const char* to) { return ::link(from, to); }

int SysCalls::unlink(const char* path) { return ::unlink(path); }

int SysCalls::make_folder(const char* path, unsigned mode) { return ::mkdir(path, mode); }

int SysCalls::list(const char* folder, std::vector<std::string>& names) {
  DIR* dir = ::opendir(folder);
  if (dir == nullptr) return -1;
  errno = 0;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(dir);
  errno = error;
  return error == 0 ? 0 : -1;
}

void set_sys_calls(SysCalls* calls) { replaced.store(calls); }

SysCalls& sys_calls() {
  static SysCalls real;
  SysCalls* calls = replaced.load();
  return calls != nullptr ? *calls : real;
}

}  // namespace precis
