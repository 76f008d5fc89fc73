// The system calls through which Precis reaches files, replaceable for fault injection: a test derives from
// SysCalls, makes call n fail (or raises a signal there) and passes everything else on. Only precis/core
// calls these.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct stat;  // <sys/stat.h>

namespace precis {

// What to do with a file that already has the wanted name.
enum class Overwrite { kRefuse, kReplace };
// Whether symbolic links (and hard links) inside a folder are followed.
enum class Links { kRefuse, kFollow };

// Each behaves as its namesake: -1 and errno on failure.
class SysCalls {
 public:
  virtual ~SysCalls() = default;
  virtual int open(const char* path, int flags, unsigned mode);
  virtual int open_at(int folder_fd, const char* name, int flags);
  // openat2: kRefuse resolves beneath the folder without any link, kFollow follows all but magic links
  // (/proc/N/fd/...). ENOSYS where the kernel lacks openat2.
  virtual int open_beneath(int folder_fd, const char* path, int flags, Links links);
  virtual int64_t pread(int fd, void* data, size_t size, int64_t offset);
  virtual int64_t write(int fd, const void* data, size_t size);
  virtual int fallocate(int fd, int64_t size);  // reserves blocks, keeps the file's length
  virtual int truncate(int fd, int64_t size);
  virtual int fsync(int fd);
  virtual int lock(int fd);  // exclusive advisory lock, without waiting
  virtual int close(int fd);
  virtual int stat_fd(int fd, struct ::stat* out);
  virtual int stat_path(const char* path, struct ::stat* out, Links links);  // kRefuse: of the link itself
  virtual int rename(const char* from, const char* to,
                     Overwrite overwrite);  // renameat2(RENAME_NOREPLACE) for kRefuse
  virtual int link(const char* from, const char* to);
  virtual int unlink(const char* path);
  virtual int make_folder(const char* path, unsigned mode);
  virtual int list(const char* folder,
                   std::vector<std::string>& names);  // without "." and "..", in any order
};

// Replaces the process-wide system calls for a test's duration; null restores the real ones.
void set_sys_calls(SysCalls* calls);
SysCalls& sys_calls();

// Repeats a call that a signal interrupted; a call that is interrupted again and again fails with EINTR in the end.
template <typename Call>
auto retry_interrupted(Call call) {
  auto result = call();
  for (int attempt = 0; attempt < 1000 && result < 0 && errno == EINTR; ++attempt) result = call();
  return result;
}

}  // namespace precis
