// Reading: regular files only, opened without blocking, read with pread and watched for change.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"

namespace precis {
namespace {

constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr size_t kMaxRead = size_t{1} << 30;  // one system call reads at most 2 GiB - 4 KiB

FileInfo info_of(const struct stat& s) {
  FileInfo info;
  info.size = static_cast<uint64_t>(s.st_size);
  info.device = s.st_dev;
  info.inode = s.st_ino;
  info.mtime_ns = static_cast<int64_t>(s.st_mtim.tv_sec) * 1'000'000'000 + s.st_mtim.tv_nsec;
  return info;
}

const char* kind_name(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "no regular file";
}

// Closes the descriptor unless released: opening has several ways to fail.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) sys_calls().close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

struct stat checked_stat(int fd, const std::string& path) {
  struct stat s {};
  if (sys_calls().stat_fd(fd, &s) != 0)
    fail(ErrorCode::kIo, "cannot read '{}': {}", printable(path), std::strerror(errno));
  if (!S_ISREG(s.st_mode))
    fail(ErrorCode::kMalformed, "'{}' is {}, expected a regular file; give the file itself", printable(path),
         kind_name(s.st_mode));
  return s;
}

[[noreturn]] void fail_open(const std::string& path, int error) {
  const std::string name = printable(path);
  if (error == ENXIO || error == ENODEV)
    fail(ErrorCode::kMalformed, "'{}' is a socket or device, expected a regular file; give the file itself",
         name);
  if (error == ENOENT) fail(ErrorCode::kIo, "'{}' does not exist; check the path", name);
  fail(ErrorCode::kIo, "cannot open '{}': {}", name, std::strerror(error));
}

// A reference from an untrusted file must be a plain relative path before the kernel even sees it.
void check_relative(const std::string& relative) {
  const auto refuse = [&](const char* why) {
    fail(ErrorCode::kMalformed, "file reference '{}' {}; expected a relative path inside the model's folder",
         printable(relative), why);
  };
  if (relative.empty()) refuse("is empty");
  if (relative.find('\0') != std::string::npos) refuse("contains a NUL byte");
  if (relative.find('\\') != std::string::npos) refuse("contains a backslash");
  if (relative.front() == '/') refuse("is an absolute path");
  for (const std::string& part : split(relative, '/'))
    if (part == "..") refuse("leaves its folder with '..'");
}

// For kernels without openat2: one component at a time, never through a link. kFollow then means plain
// openat.
int open_by_components(int folder_fd, const std::string& relative, Links links) {
  SysCalls& sys = sys_calls();
  if (links == Links::kFollow) return sys.open_at(folder_fd, relative.c_str(), kOpenFlags);
  const std::vector<std::string> parts = split(relative, '/');
  int fd = folder_fd;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty() && i + 1 < parts.size()) continue;  // "a//b"
    const bool last = i + 1 == parts.size();
    const char* name = parts[i].empty() ? "." : parts[i].c_str();  // "a/" must be a folder
    const int flags = last ? kOpenFlags : O_PATH | O_DIRECTORY | O_CLOEXEC;
    const int next = sys.open_at(fd, name, flags | O_NOFOLLOW);
    const int error = errno;
    if (fd != folder_fd) sys.close(fd);
    if (next < 0) {
      errno = error;
      return -1;
    }
    fd = next;
  }
  return fd;
}

int open_beneath_fd(int folder_fd, const std::string& relative, Links links) {
  const int fd = retry_interrupted(
      [&] { return sys_calls().open_beneath(folder_fd, relative.c_str(), kOpenFlags, links); });
  // EPERM: sandboxes written before openat2 existed refuse unknown calls that way. EAGAIN: a rename raced
  // with "..".
  if (fd < 0 && (errno == ENOSYS || errno == EPERM)) return open_by_components(folder_fd, relative, links);
  return fd;
}

[[noreturn]] void fail_beneath(const std::string& path, int error, Links links) {
  const std::string name = printable(path);
  if (links == Links::kRefuse && (error == ELOOP || error == EXDEV || error == ENOTDIR))
    fail(ErrorCode::kMalformed,
         "'{}' is or goes through a symbolic link; expected a plain file inside the model's folder "
         "(--follow-links "
         "allows links)",
         name);
  if (error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG || error == ELOOP || error == EXDEV)
    fail(ErrorCode::kMalformed,
         "'{}', which the model refers to, cannot be opened: {}; put the file beside the model", name,
         std::strerror(error));
  fail_open(path, error);
}

}  // namespace

InputFile::InputFile(int fd, std::string path, FileInfo info)
    : fd_(fd), path_(std::move(path)), info_(info) {}

InputFile::InputFile(InputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), info_(other.info_) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(info_, other.info_);
  return *this;
}

InputFile::~InputFile() {
  if (fd_ >= 0) sys_calls().close(fd_);
}

InputFile InputFile::open(const std::string& path) {
  check(path.find('\0') == std::string::npos, ErrorCode::kUsage, "path '{}' contains a NUL byte",
        printable(path));
  Descriptor fd(retry_interrupted([&] { return sys_calls().open(path.c_str(), kOpenFlags, 0); }));
  if (fd.get() < 0) fail_open(path, errno);
  const FileInfo info = info_of(checked_stat(fd.get(), path));
  return {fd.release(), path, info};
}

InputFile InputFile::open_beneath(const std::string& folder, const std::string& relative, Links links) {
  check_relative(relative);
  const std::string path = join_path(folder, relative);
  const Descriptor base(retry_interrupted([&] {
    return sys_calls().open(folder.empty() ? "." : folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  }));
  if (base.get() < 0) fail_open(folder, errno);
  Descriptor fd(open_beneath_fd(base.get(), relative, links));
  if (fd.get() < 0) fail_beneath(path, errno, links);
  const struct stat s = checked_stat(fd.get(), path);
  check(links == Links::kFollow || s.st_nlink <= 1, ErrorCode::kMalformed,
        "'{}' has {} hard links; expected a file of its own (--follow-links allows links)", printable(path),
        static_cast<uint64_t>(s.st_nlink));
  return {fd.release(), path, info_of(s)};
}

void InputFile::read_exact(uint64_t offset, std::span<std::byte> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const size_t want = std::min(out.size() - done, kMaxRead);
    const int64_t got = retry_interrupted(
        [&] { return sys_calls().pread(fd_, out.data() + done, want, static_cast<int64_t>(offset + done)); });
    if (got < 0)
      fail(ErrorCode::kIo, "cannot read '{}' at byte {}: {}", printable(path_), offset + done,
           std::strerror(errno));
    if (got == 0)
      fail(ErrorCode::kIo, "'{}' ended at byte {}, expected {} bytes from {}: it changed while being read",
           printable(path_), offset + done, out.size(), offset);
    done += static_cast<size_t>(got);
  }
}

void InputFile::check_unchanged() const {
  const FileInfo now = info_of(checked_stat(fd_, path_));
  check(now.size == info_.size && now.mtime_ns == info_.mtime_ns && now.inode == info_.inode, ErrorCode::kIo,
        "'{}' changed while being read ({} bytes before, {} now); run again when nothing writes to it",
        printable(path_), info_.size, now.size);
}

namespace {

template <typename Buffer>
Buffer read_whole(const std::string& path, uint64_t max_bytes) {
  const InputFile file = InputFile::open(path);
  check(file.size() <= max_bytes, ErrorCode::kLimit, "'{}' has {} bytes, more than the limit of {}",
        printable(path), file.size(), max_bytes);
  Buffer content(static_cast<size_t>(file.size()), typename Buffer::value_type{});
  file.read_exact(0, std::as_writable_bytes(std::span(content.data(), content.size())));
  file.check_unchanged();
  return content;
}

}  // namespace

std::vector<std::byte> read_file(const std::string& path, uint64_t max_bytes) {
  return read_whole<std::vector<std::byte>>(path, max_bytes);
}

std::string read_text_file(const std::string& path, uint64_t max_bytes) {
  return read_whole<std::string>(path, max_bytes);
}

}  // namespace precis
