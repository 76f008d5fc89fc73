// System calls that fail on command, for fault injection loops: "call n fails, once or for ever, with this
// errno".
//
//   for (int n = 1;; ++n) {
//     FaultyCalls calls({.at = n, .error = ENOSPC});
//     ... run the writer, expect Error(kIo) or success ...
//     if (!calls.reached()) break;   // the writer made fewer calls: all were tried
//   }
#pragma once

#include <cstdint>

#include "precis/core/sys_calls.h"

namespace precis::test {

struct Fault {
  enum class Kind { kError, kShortWrite, kKill };  // kKill: SIGKILL to this process, before the call
  enum class Repeat { kOnce, kForEver };
  int at = 1;  // the first call that is struck, counted from 1
  Kind kind = Kind::kError;
  int error = 0;
  Repeat repeat = Repeat::kOnce;
};

// In force from construction to destruction. Calls that cannot fail in a harmful way (close, unlink of
// clean-up) are struck like all others; a struck close still closes, as the kernel does.
class FaultyCalls : public SysCalls {
 public:
  explicit FaultyCalls(const Fault& fault);
  ~FaultyCalls() override;
  bool reached() const { return count_ >= fault_.at; }
  int count() const { return count_; }

  int open(const char* path, int flags, unsigned mode) override;
  int open_at(int folder_fd, const char* name, int flags) override;
  int open_beneath(int folder_fd, const char* path, int flags, Links links) override;
  int64_t pread(int fd, void* data, size_t size, int64_t offset) override;
  int64_t write(int fd, const void* data, size_t size) override;
  int fallocate(int fd, int64_t size) override;
  int truncate(int fd, int64_t size) override;
  int fsync(int fd) override;
  int lock(int fd) override;
  int close(int fd) override;
  int stat_fd(int fd, struct ::stat* out) override;
  int stat_path(const char* path, struct ::stat* out, Links links) override;
  int rename(const char* from, const char* to, Overwrite overwrite) override;
  int link(const char* from, const char* to) override;
  int unlink(const char* path) override;
  int make_folder(const char* path, unsigned mode) override;
  int list(const char* folder, std::vector<std::string>& names) override;

 private:
  bool strike();  // counts this call; true (and errno set) when it has to fail
  Fault fault_;
  int count_ = 0;
};

}  // namespace precis::test
