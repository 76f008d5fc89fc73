// Fault loops over the writer: every call fails once and for ever with every errno, writes come up short, the
// disk is full. Always: the output is the complete old or the complete new file, and the error says what and
// how much.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
using test::slurp;
using test::spit;
using test::TempDir;

const std::string kOld = "the old file";
const std::string kNew(100'000, 'n');

void write_new(const std::string& path, Overwrite overwrite) {
  AtomicFile file(path, overwrite,
                  kNew.size() + 5);  // an estimate a little too large, so that truncate is needed
  file.write(std::string_view(kNew).substr(0, 4096));
  file.write(std::string_view(kNew).substr(4096));
  file.publish();
}

// True when the writer was struck at all.
bool write_with_fault(const Fault& fault, Overwrite overwrite) {
  const TempDir dir(TempDir::Place::kMemory);
  const std::string path = dir / "out";
  if (overwrite == Overwrite::kReplace) spit(path, kOld);
  bool reached = false, failed = false, cleaning_works = true;
  {
    FaultyCalls calls(fault);
    try {
      write_new(path, overwrite);
    } catch (const Error& e) {
      failed = true;
      EXPECT_EQ(e.code(), ErrorCode::kIo) << e.what();
      EXPECT_THAT(e.what(), testing::HasSubstr(path));
      EXPECT_THAT(e.what(), testing::HasSubstr(std::strerror(fault.error)));
    }
    reached = calls.reached();
    cleaning_works = fault.repeat == Fault::Repeat::kOnce;
  }
  const bool there = test::exists(path);
  const std::string content = there ? slurp(path) : "";
  EXPECT_TRUE(content == kNew || (failed && (there ? content == kOld : overwrite == Overwrite::kRefuse)))
      << "call " << fault.at << ", " << std::strerror(fault.error) << ", " << content.size() << " bytes";
  if (!failed) {
    EXPECT_EQ(content, kNew);
  }
  if (cleaning_works) {
    EXPECT_EQ(list_folder(dir.path()).size(), there ? 1u : 0u) << "call " << fault.at;
  }
  return reached;
}

class WriteFaults : public testing::TestWithParam<int> {};

TEST_P(WriteFaults, EveryCallOnceAndForEver) {
  for (Overwrite overwrite : {Overwrite::kReplace, Overwrite::kRefuse})
    for (Fault::Repeat repeat : {Fault::Repeat::kOnce, Fault::Repeat::kForEver})
      for (int n = 1; write_with_fault({.at = n, .error = GetParam(), .repeat = repeat}, overwrite); ++n)
        ASSERT_LT(n, 100);
}

INSTANTIATE_TEST_SUITE_P(Errors, WriteFaults,
                         testing::Values(ENOSPC, EIO, EDQUOT, EROFS, EACCES, EMFILE, EINTR, EFBIG, ENOMEM),
                         [](const auto& info) { return std::string(::strerrorname_np(info.param)); });

TEST(WriteFaults, ShortWritesAreCompleted) {
  for (Fault::Repeat repeat : {Fault::Repeat::kOnce, Fault::Repeat::kForEver})
    for (int n = 1; n < 20; ++n) {
      const TempDir dir(TempDir::Place::kMemory);
      FaultyCalls calls({.at = n, .kind = Fault::Kind::kShortWrite, .repeat = repeat});
      write_new(dir / "out", Overwrite::kRefuse);
      ASSERT_EQ(slurp(dir / "out"), kNew);
    }
}

TEST(WriteFaults, MessageTellsPathReasonAndBytes) {
  const TempDir dir;
  struct Full : SysCalls {
    Full() { set_sys_calls(this); }
    ~Full() override { set_sys_calls(nullptr); }
    int64_t write(int, const void*, size_t) override {
      errno = ENOSPC;
      return -1;
    }
  } full;
  EXPECT_ERROR(write_file(dir / "out", kNew, Overwrite::kRefuse), ErrorCode::kIo, "100000 bytes needed");
  EXPECT_ERROR(write_file(dir / "out", kNew, Overwrite::kRefuse), ErrorCode::kIo, "No space left on device");
}

// Runs `body` in a child process and gives its exit code.
template <typename Body>
int in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 99;
    try {
      code = body();
    } catch (const Error& e) {
      code = static_cast<int>(e.code());
    } catch (...) {
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(FullDisk, FileSizeLimitAtManySizes) {
  for (uint64_t step = 0; step <= 20; ++step) {
    const TempDir dir;
    spit(dir / "out", kOld);
    const uint64_t room = step == 20 ? kNew.size() + 1 : kNew.size() * step / 19;
    const int code = in_child([&] {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{room, room};
      if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 98;
      write_new(dir / "out", Overwrite::kReplace);
      return 0;
    });
    EXPECT_EQ(code, room >= kNew.size() ? 0 : 6) << room;
    EXPECT_EQ(slurp(dir / "out"), room >= kNew.size() ? kNew : kOld) << room;
    EXPECT_EQ(list_folder(dir.path()).size(), 1u);
  }
}

TEST(FullDisk, SmallFileSystem) {
  constexpr int kNotAllowed = 97;
  const TempDir dir;
  for (bool reserve : {false, true}) {
    const int code = in_child([&] {
      if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=64k") != 0)
        return kNotAllowed;
      spit(dir / "out", kOld);
      try {
        AtomicFile file(dir / "out", Overwrite::kReplace, reserve ? kNew.size() : 0);
        file.write(kNew);
        return 1;
      } catch (const Error& e) {
        const bool good = e.code() == ErrorCode::kIo &&
                          std::strstr(e.what(), "100000 bytes needed") != nullptr &&
                          slurp(dir / "out") == kOld && list_folder(dir.path()).size() == 1;
        return good ? 0 : 2;
      }
    });
    if (code == kNotAllowed) GTEST_SKIP() << "mounting a file system is not allowed here";
    EXPECT_EQ(code, 0);
  }
}

TEST(FullDisk, UnwritableFolder) {
  const TempDir dir;
  ASSERT_EQ(::chmod(dir.path().c_str(), 0555), 0);
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  EXPECT_ERROR(write_file(dir / "out", "x", Overwrite::kRefuse), ErrorCode::kIo, "Permission denied");
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
}

}  // namespace
}  // namespace precis
