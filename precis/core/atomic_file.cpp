// Writing: the one protocol of all outputs. A temp file in the target's folder is written, verified, synced
// and renamed, so that the output's name always holds the complete old or the complete new file; the folder
// is synced last.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/core/unfinished.h"

namespace precis {
namespace {

constexpr std::string_view kTempPrefix = ".precis-tmp-";
constexpr size_t kMaxWrite = size_t{1} << 30;  // one system call writes at most 2 GiB - 4 KiB
constexpr int kNameAttempts = 100;
constexpr time_t kUnlockedSeconds = 10;

std::string temp_name() {
  static std::atomic<uint32_t> serial{0};
  std::random_device random;
  return fmt::format("{}{}-{:08x}{:04x}", kTempPrefix, ::getpid(), random(), serial.fetch_add(1) & 0xffffu);
}

// Folders of some file systems cannot be synced (EINVAL, ENOTSUP); there is nothing more to do for those.
void sync_folder(int fd, const std::string& path) {
  if (retry_interrupted([&] { return sys_calls().fsync(fd); }) == 0 || errno == EINVAL || errno == ENOTSUP)
    return;
  fail(ErrorCode::kIo,
       "'{}' is complete, but its folder could not be synced ({}): it may not survive a power loss",
       printable(path), std::strerror(errno));
}

// A leftover belongs to a process that is gone and whose lock is gone too (its id may live in another
// namespace). An id that is taken (by a zombie nobody waits for, or by another process since) proves nothing
// once the file is older than the moment between its making and its locking.
bool is_abandoned(const std::string& path, pid_t pid) {
  if (pid == ::getpid()) return false;
  const bool gone = ::kill(pid, 0) != 0 && errno == ESRCH;
  const int fd = sys_calls().open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
  if (fd < 0) return false;
  struct stat s {};
  const bool old = sys_calls().stat_fd(fd, &s) == 0 && ::time(nullptr) - s.st_mtime > kUnlockedSeconds;
  const bool free = (gone || old) && sys_calls().lock(fd) == 0;
  sys_calls().close(fd);
  return free;
}

}  // namespace

AtomicFile::AtomicFile(std::string path, Overwrite overwrite, uint64_t expected_size)
    : path_(std::move(path)), overwrite_(overwrite), expected_(expected_size) {
  check_target();
  remove_stale_temp_files(parent_folder(path_));
  create_temp();
  reserve();
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::check_target() const {
  const std::string name = printable(path_);
  check(!path_.empty() && path_.find('\0') == std::string::npos, ErrorCode::kUsage,
        "output path '{}' is empty or contains a NUL byte", name);
  const PathKind kind = path_kind(path_);
  check(kind != PathKind::kDirectory && path_.back() != '/', ErrorCode::kUsage,
        "output '{}' is a directory; give a file name", name);
  check(kind != PathKind::kOther, ErrorCode::kUsage, "output '{}' is not a regular file; give another name",
        name);
  struct stat s {};
  const bool exists = sys_calls().stat_path(path_.c_str(), &s, Links::kRefuse) == 0;
  check(!exists || overwrite_ == Overwrite::kReplace, ErrorCode::kUsage,
        "output '{}' exists; use --force to replace it, or another name", name);
}

void AtomicFile::create_temp() {
  const std::string folder = parent_folder(path_);
  int error = 0;
  for (int attempt = 0; fd_ < 0; ++attempt) {
    temp_path_ = make_unfinished([&] {
      const std::string path = join_path(folder, temp_name());
      fd_ = retry_interrupted([&] {
        return sys_calls().open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
      });
      error = errno;
      return fd_ >= 0 ? path : "";
    });
    if (fd_ < 0 && (error != EEXIST || attempt == kNameAttempts))
      fail(ErrorCode::kIo, "cannot write '{}': cannot create a file in folder '{}': {}", printable(path_),
           printable(folder), std::strerror(error));
  }
  sys_calls().lock(
      fd_);  // tells other runs that this file is in use; a file system without locks is no error
}

void AtomicFile::reserve() {
  if (expected_ == 0) return;
  if (retry_interrupted([&] { return sys_calls().fallocate(fd_, static_cast<int64_t>(expected_)); }) == 0)
    return;
  const int error = errno;
  if (error == EOPNOTSUPP || error == EINVAL || error == ENOSYS) return;
  fail_write("reserve room for", error);
}

void AtomicFile::fail_write(const char* step, int error) {
  const uint64_t needed = std::max(expected_, written_);
  discard();
  fail(ErrorCode::kIo, "cannot {} '{}': {} ({} bytes needed, {})", step, printable(path_),
       std::strerror(error), needed,
       path_kind(path_) == PathKind::kMissing ? "nothing was written" : "the existing file is untouched");
}

void AtomicFile::write(std::span<const std::byte> data) {
  if (fd_ < 0) fail(ErrorCode::kInternal, "write to '{}', which is closed", printable(path_));
  written_ += data.size();
  size_t done = 0;
  while (done < data.size()) {
    const size_t want = std::min(data.size() - done, kMaxWrite);
    const int64_t got = retry_interrupted([&] { return sys_calls().write(fd_, data.data() + done, want); });
    if (got <= 0) fail_write("write", got < 0 ? errno : ENOSPC);
    done += static_cast<size_t>(got);
  }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

void AtomicFile::publish(const std::function<void(const std::string&)>& verify) {
  check(fd_ >= 0, ErrorCode::kInternal, "publish of '{}', which is closed", printable(path_));
  SysCalls& sys = sys_calls();
  if (verify) {
    try {
      verify(temp_path_);
    } catch (...) {
      discard();
      throw;
    }
  }
  // Blocks that were reserved beyond the end are given back.
  if (expected_ > written_ &&
      retry_interrupted([&] { return sys.truncate(fd_, static_cast<int64_t>(written_)); }) != 0)
    fail_write("write", errno);
  if (retry_interrupted([&] { return sys.fsync(fd_); }) != 0) fail_write("sync", errno);
  const int folder = retry_interrupted(
      [&] { return sys.open(parent_folder(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0); });
  if (folder < 0) fail_write("open the folder of", errno);
  try {
    rename_to_path();
    sync_folder(folder, path_);
  } catch (...) {
    sys.close(folder);
    throw;
  }
  sys.close(folder);
}

// The descriptor (and with it the lock) is held until the file has its final name: only then no other run may
// take it for a leftover. An error of close() after a good fsync says nothing about the data.
void AtomicFile::rename_to_path() {
  SysCalls& sys = sys_calls();
  int rc = sys.rename(temp_path_.c_str(), path_.c_str(), overwrite_);
  if (rc != 0 && overwrite_ == Overwrite::kRefuse && (errno == ENOSYS || errno == EINVAL)) {
    rc = sys.link(temp_path_.c_str(), path_.c_str());
    if (rc == 0) sys.unlink(temp_path_.c_str());
    // File systems without hard links either: the name was free when we began, and a plain rename is all
    // there is.
    else if ((errno == EPERM || errno == EOPNOTSUPP) && path_kind(path_) == PathKind::kMissing)
      rc = sys.rename(temp_path_.c_str(), path_.c_str(), Overwrite::kReplace);
  }
  if (rc != 0 && errno == EEXIST) {
    discard();
    fail(ErrorCode::kUsage, "output '{}' appeared while it was being written; use --force to replace it",
         printable(path_));
  }
  if (rc != 0) fail_write("rename the finished file to", errno);
  published_ = true;
  forget_unfinished(temp_path_);
  temp_path_.clear();
  discard();
}

void AtomicFile::discard() noexcept {
  if (fd_ >= 0) sys_calls().close(std::exchange(fd_, -1));
  if (!temp_path_.empty()) {
    sys_calls().unlink(temp_path_.c_str());
    forget_unfinished(temp_path_);
  }
  temp_path_.clear();
}

void write_file(const std::string& path, std::string_view content, Overwrite overwrite) {
  AtomicFile file(path, overwrite, content.size());
  file.write(content);
  file.publish();
}

void remove_stale_temp_files(const std::string& folder) {
  std::vector<std::string> names;
  if (sys_calls().list(folder.c_str(), names) != 0) return;
  for (const std::string& name : names) {
    if (name.rfind(kTempPrefix, 0) != 0) continue;
    const std::string rest = name.substr(kTempPrefix.size());
    int64_t pid = 0;
    if (!parse_int(std::string_view(rest).substr(0, rest.find('-')), pid) || pid <= 0 || pid > INT32_MAX)
      continue;
    const std::string path = join_path(folder, name);
    if (is_abandoned(path, static_cast<pid_t>(pid))) sys_calls().unlink(path.c_str());
  }
}

}  // namespace precis
