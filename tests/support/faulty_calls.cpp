// Every call counts itself first, then fails or goes on to the real one.
#include "tests/support/faulty_calls.h"

#include <signal.h>

#include <cerrno>

namespace precis::test {

FaultyCalls::FaultyCalls(const Fault& fault) : fault_(fault) { set_sys_calls(this); }

FaultyCalls::~FaultyCalls() { set_sys_calls(nullptr); }

bool FaultyCalls::strike() {
  ++count_;
  const bool struck = fault_.repeat == Fault::Repeat::kOnce ? count_ == fault_.at : count_ >= fault_.at;
  if (!struck) return false;
  if (fault_.kind == Fault::Kind::kKill) ::raise(SIGKILL);
  if (fault_.kind != Fault::Kind::kError) return false;
  errno = fault_.error;
  return true;
}

int FaultyCalls::open(const char* path, int flags, unsigned mode) {
  return strike() ? -1 : SysCalls::open(path, flags, mode);
}
int FaultyCalls::open_at(int folder_fd, const char* name, int flags) {
  return strike() ? -1 : SysCalls::open_at(folder_fd, name, flags);
}
int FaultyCalls::open_beneath(int folder_fd, const char* path, int flags, Links links) {
  return strike() ? -1 : SysCalls::open_beneath(folder_fd, path, flags, links);
}
int64_t FaultyCalls::pread(int fd, void* data, size_t size, int64_t offset) {
  return strike() ? -1 : SysCalls::pread(fd, data, size, offset);
}
int64_t FaultyCalls::write(int fd, const void* data, size_t size) {
  const int next = count_ + 1;
  if (strike()) return -1;
  const bool shorten = fault_.kind == Fault::Kind::kShortWrite &&
                       (fault_.repeat == Fault::Repeat::kOnce ? next == fault_.at : next >= fault_.at);
  return SysCalls::write(fd, data, shorten && size > 1 ? (size + 1) / 2 : size);
}
int FaultyCalls::fallocate(int fd, int64_t size) { return strike() ? -1 : SysCalls::fallocate(fd, size); }
int FaultyCalls::truncate(int fd, int64_t size) { return strike() ? -1 : SysCalls::truncate(fd, size); }
int FaultyCalls::fsync(int fd) { return strike() ? -1 : SysCalls::fsync(fd); }
int FaultyCalls::lock(int fd) { return strike() ? -1 : SysCalls::lock(fd); }
int FaultyCalls::close(int fd) {
  const bool struck = strike();
  const int error = errno;
  const int rc = SysCalls::close(fd);
  if (!struck) return rc;
  errno = error;
  return -1;
}
int FaultyCalls::stat_fd(int fd, struct ::stat* out) { return strike() ? -1 : SysCalls::stat_fd(fd, out); }
int FaultyCalls::stat_path(const char* path, struct ::stat* out, Links links) {
  return strike() ? -1 : SysCalls::stat_path(path, out, links);
}
int FaultyCalls::rename(const char* from, const char* to, Overwrite overwrite) {
  return strike() ? -1 : SysCalls::rename(from, to, overwrite);
}
int FaultyCalls::link(const char* from, const char* to) { return strike() ? -1 : SysCalls::link(from, to); }
int FaultyCalls::unlink(const char* path) { return strike() ? -1 : SysCalls::unlink(path); }
int FaultyCalls::make_folder(const char* path, unsigned mode) {
  return strike() ? -1 : SysCalls::make_folder(path, mode);
}
int FaultyCalls::list(const char* folder, std::vector<std::string>& names) {
  return strike() ? -1 : SysCalls::list(folder, names);
}

}  // namespace precis::test
