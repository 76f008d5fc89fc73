// References from inside untrusted files never leave their folder: with openat2, and by components without
// it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "precis/core/io.h"
#include "tests/support/expect_error.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace precis {
namespace {

using test::spit;
using test::TempDir;

// A kernel (or sandbox) without openat2.
class NoOpenat2 : public SysCalls {
 public:
  explicit NoOpenat2(int error) : error_(error) { set_sys_calls(this); }
  ~NoOpenat2() override { set_sys_calls(nullptr); }
  int open_beneath(int, const char*, int, Links) override {
    errno = error_;
    return -1;
  }

 private:
  int error_;
};

// Parameter: the errno that openat2 gives, 0 = it works.
class OpenBeneath : public testing::TestWithParam<int> {
 protected:
  OpenBeneath() {
    if (GetParam() != 0) no_openat2_ = std::make_unique<NoOpenat2>(GetParam());
    make_folders(dir_ / "model/sub");
    spit(dir_ / "outside", "secret");
    spit(dir_ / "model/data", "weights");
    spit(dir_ / "model/sub/data", "deeper");
    spit(dir_ / "model/a..b", "dots");
  }
  std::string folder() const { return dir_ / "model"; }
  std::string read(const std::string& relative, Links links = Links::kRefuse) const {
    const InputFile file = InputFile::open_beneath(folder(), relative, links);
    std::string text(file.size(), ' ');
    file.read_exact(0, std::as_writable_bytes(std::span(text.data(), text.size())));
    return text;
  }
  void symlink(const std::string& target, const std::string& name) const {
    ASSERT_EQ(::symlink(target.c_str(), (dir_ / ("model/" + name)).c_str()), 0);
  }
  void expect_refused(const std::string& relative, const std::string& why,
                      Links links = Links::kRefuse) const {
    SCOPED_TRACE(relative);
    EXPECT_ERROR((void)read(relative, links), ErrorCode::kMalformed, why);
  }

  TempDir dir_;
  std::unique_ptr<NoOpenat2> no_openat2_;
};

TEST_P(OpenBeneath, PlainFiles) {
  EXPECT_EQ(read("data"), "weights");
  EXPECT_EQ(read("sub/data"), "deeper");
  EXPECT_EQ(read("./sub//data"), "deeper");
  EXPECT_EQ(read("a..b"), "dots");
}

TEST_P(OpenBeneath, PathsThatLeaveOrMakeNoSense) {
  for (const char* path : {"../outside", "sub/../../outside", "..", "sub/..", "sub/../data"})
    expect_refused(path, "'..'");
  expect_refused("/etc/passwd", "absolute");
  expect_refused("", "is empty");
  expect_refused(std::string("data\0x", 6), "NUL");
  for (const char* path : {"C:\\x", "\\\\host\\x", "a\\..\\..\\x"}) expect_refused(path, "backslash");
  expect_refused(".", "a directory");
  expect_refused("sub", "a directory");
  expect_refused("sub/", "a directory");
  expect_refused("none", "No such file");
  expect_refused(std::string(5000, 'x'), "too long");
}

TEST_P(OpenBeneath, LinksAreRefusedUnlessFollowed) {
  symlink("data", "link");
  symlink("../outside", "leaving");
  symlink("sub", "linked_folder");
  for (const char* path : {"link", "leaving", "linked_folder/data"}) expect_refused(path, "--follow-links");
  EXPECT_EQ(read("link", Links::kFollow), "weights");
  EXPECT_EQ(read("leaving", Links::kFollow), "secret");
  EXPECT_EQ(read("linked_folder/data", Links::kFollow), "deeper");
  expect_refused("../outside", "'..'", Links::kFollow);
  ASSERT_EQ(::link((dir_ / "outside").c_str(), (dir_ / "model/hard").c_str()), 0);
  expect_refused("hard", "2 hard links");
  EXPECT_EQ(read("hard", Links::kFollow), "secret");
}

TEST_P(OpenBeneath, LinksToNowhereAndInCircles) {
  symlink("none", "dangling");
  symlink("loop", "loop");
  for (const char* path : {"dangling", "loop"}) {
    expect_refused(path, "--follow-links");
    expect_refused(path, "cannot be opened", Links::kFollow);
  }
}

TEST_P(OpenBeneath, SpecialFilesDoNotBlock) {
  ASSERT_EQ(::mkfifo((folder() + "/fifo").c_str(), 0600), 0);
  expect_refused("fifo", "a FIFO");
  symlink("/dev/zero", "zero");
  expect_refused("zero", "a device", Links::kFollow);
}

TEST_P(OpenBeneath, MissingFolder) {
  EXPECT_ERROR((void)InputFile::open_beneath(dir_ / "nowhere", "data", Links::kRefuse), ErrorCode::kIo,
               "nowhere");
}

// Another process swaps the file for a link all the time; what is opened is the file or nothing.
TEST_P(OpenBeneath, SwappedWhileOpening) {
  std::atomic<bool> stop{false};
  const std::string name = folder() + "/swapped", file = folder() + "/spare", link = folder() + "/spare_link";
  spit(name, "weights");
  std::thread attacker([&] {
    while (!stop) {
      spit(file, "weights");
      (void)::symlink("../outside", link.c_str());
      (void)::rename(link.c_str(), name.c_str());
      (void)::rename(file.c_str(), name.c_str());
    }
  });
  int opened = 0;
  // On a busy machine the attacker may sleep with the link in place: until it has been seen both ways.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (int i = 0; i < 3000 || (opened == 0 && std::chrono::steady_clock::now() < deadline); ++i) {
    try {
      const std::string content = read("swapped");
      ASSERT_NE(content, "secret");
      ++opened;
    } catch (const Error&) {
    }
  }
  stop = true;
  attacker.join();
  EXPECT_GT(opened, 0);
}

INSTANTIATE_TEST_SUITE_P(Kernels, OpenBeneath, testing::Values(0, ENOSYS, EPERM), [](const auto& info) {
  return std::string(info.param == 0 ? "openat2" : info.param == ENOSYS ? "old_kernel" : "sandbox");
});

// Magic links of /proc name open files of a process; a data file must not reach them even when links are
// followed.
TEST(OpenBeneathMagic, MagicLinksAreRefused) {
  const TempDir dir;
  spit(dir / "outside", "secret");
  const int fd = ::open((dir / "outside").c_str(), O_RDONLY);
  ASSERT_GE(fd, 0);
  make_folders(dir / "model");
  const std::string magic = "/proc/self/fd/" + std::to_string(fd);
  ASSERT_EQ(::symlink(magic.c_str(), (dir / "model/magic").c_str()), 0);
  EXPECT_ERROR((void)InputFile::open_beneath(dir / "model", "magic", Links::kFollow), ErrorCode::kMalformed,
               "magic");
  ::close(fd);
}

}  // namespace
}  // namespace precis
