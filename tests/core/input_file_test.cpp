// Reading: what is no regular file is refused at once, changes while reading are noticed, every failing call
// is an error.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "precis/core/io.h"
#include "tests/support/expect_error.h"
#include "tests/support/faulty_calls.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace precis {
namespace {

using test::Fault;
using test::FaultyCalls;
using test::spit;
using test::TempDir;

TEST(InputFile, ReadsAnyRange) {
  const TempDir dir;
  spit(dir / "f", "0123456789");
  const InputFile file = InputFile::open(dir / "f");
  EXPECT_EQ(file.size(), 10u);
  std::string out(4, ' ');
  file.read_exact(3, std::as_writable_bytes(std::span(out.data(), out.size())));
  EXPECT_EQ(out, "3456");
  file.read_exact(10, {});
  file.check_unchanged();
  EXPECT_EQ(read_text_file(dir / "f"), "0123456789");
  EXPECT_EQ(read_file(dir / "f", 10).size(), 10u);
}

TEST(InputFile, EmptyFile) {
  const TempDir dir;
  spit(dir / "f", "");
  EXPECT_TRUE(read_file(dir / "f", 0).empty());
}

TEST(InputFile, WhatIsNoRegularFileIsRefusedWithoutBlocking) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (dir / "sock").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_ERROR((void)InputFile::open(dir / "fifo"), ErrorCode::kMalformed, "a FIFO, expected a regular file");
  EXPECT_ERROR((void)InputFile::open(dir / "sock"), ErrorCode::kMalformed, "socket");
  EXPECT_ERROR((void)InputFile::open(dir.path()), ErrorCode::kMalformed, "a directory");
  EXPECT_ERROR((void)InputFile::open("/dev/zero"), ErrorCode::kMalformed, "a device");
  ::close(fd);
}

TEST(InputFile, MissingAndUnreadable) {
  const TempDir dir;
  EXPECT_ERROR((void)InputFile::open(dir / "none"), ErrorCode::kIo, "does not exist");
  EXPECT_ERROR((void)InputFile::open(std::string("a\0b", 3)), ErrorCode::kUsage, "NUL");
  EXPECT_ERROR((void)InputFile::open(""), ErrorCode::kIo, "''");
  spit(dir / "secret", "x");
  ASSERT_EQ(::chmod((dir / "secret").c_str(), 0), 0);
  ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }  // root may read everything
  EXPECT_ERROR((void)InputFile::open(dir / "secret"), ErrorCode::kIo, "Permission denied");
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
}

TEST(InputFile, LimitIsChecked) {
  const TempDir dir;
  spit(dir / "f", "12345");
  EXPECT_EQ(read_file(dir / "f", 5).size(), 5u);
  EXPECT_ERROR((void)read_file(dir / "f", 4), ErrorCode::kLimit, "5 bytes, more than the limit of 4");
  ASSERT_EQ(::truncate((dir / "f").c_str(), int64_t{1} << 40), 0);  // sparse: the size alone must be enough
  EXPECT_ERROR((void)read_file(dir / "f", 1u << 20), ErrorCode::kLimit, "limit");
}

TEST(InputFile, ShrinkingAndGrowingFilesAreNoticed) {
  const TempDir dir;
  spit(dir / "f", std::string(1000, 'x'));
  const InputFile file = InputFile::open(dir / "f");
  ASSERT_EQ(::truncate((dir / "f").c_str(), 500), 0);
  std::string out(1000, ' ');
  EXPECT_ERROR(file.read_exact(0, std::as_writable_bytes(std::span(out.data(), out.size()))), ErrorCode::kIo,
               "ended at byte 500");
  EXPECT_ERROR(file.check_unchanged(), ErrorCode::kIo, "1000 bytes before, 500 now");
  ASSERT_EQ(::truncate((dir / "f").c_str(), 2000), 0);
  EXPECT_ERROR(file.check_unchanged(), ErrorCode::kIo, "changed while being read");
}

TEST(InputFile, SameSizeRewriteIsNoticedByTime) {
  const TempDir dir;
  spit(dir / "f", "aaaa");
  const InputFile file = InputFile::open(dir / "f");
  spit(dir / "f", "bbbb");
  const timespec times[2] = {{12345, 0}, {12345, 678}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir / "f").c_str(), times, 0), 0);
  EXPECT_ERROR(file.check_unchanged(), ErrorCode::kIo, "changed");
}

TEST(InputFile, MovedFilesKeepTheirDescriptor) {
  const TempDir dir;
  spit(dir / "a", "A");
  spit(dir / "b", "B");
  InputFile a = InputFile::open(dir / "a");
  InputFile b = InputFile::open(dir / "b");
  a = std::move(b);
  std::string out(1, ' ');
  a.read_exact(0, std::as_writable_bytes(std::span(out.data(), 1)));
  EXPECT_EQ(out, "B");
}

// Every call of a read fails once and for ever, with every errno: a clear error or, after EINTR, the right
// content.
TEST(InputFile, EveryCallMayFail) {
  const TempDir dir;
  spit(dir / "f", "content");
  for (int error : {EIO, EACCES, EMFILE, ENFILE, ENOMEM, EINTR, ESTALE})
    for (Fault::Repeat repeat : {Fault::Repeat::kOnce, Fault::Repeat::kForEver})
      for (int n = 1;; ++n) {
        FaultyCalls calls({.at = n, .error = error, .repeat = repeat});
        try {
          EXPECT_EQ(read_text_file(dir / "f"), "content");
        } catch (const Error& e) {
          EXPECT_EQ(e.code(), ErrorCode::kIo) << e.what();
          EXPECT_THAT(e.what(), testing::HasSubstr(dir / "f"));
          EXPECT_THAT(e.what(), testing::HasSubstr(std::strerror(error)));
        }
        if (!calls.reached()) break;
        ASSERT_LT(n, 100);
      }
}

}  // namespace
}  // namespace precis
