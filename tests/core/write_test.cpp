// The write protocol in good times, and its refusals.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "precis/core/io.h"
#include "tests/support/expect_error.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace precis {
namespace {

using test::slurp;
using test::spit;
using test::TempDir;

std::vector<std::string> names(const TempDir& dir) { return list_folder(dir.path()); }

TEST(AtomicFile, AppearsOnlyWhenPublished) {
  const TempDir dir;
  AtomicFile file(dir / "out", Overwrite::kRefuse, 6);
  file.write("abc");
  file.write("def");
  EXPECT_EQ(file.bytes_written(), 6u);
  EXPECT_EQ(path_kind(dir / "out"), PathKind::kMissing);
  EXPECT_EQ(slurp(file.temp_path()), "abcdef");
  file.publish();
  EXPECT_EQ(slurp(dir / "out"), "abcdef");
  EXPECT_EQ(names(dir), std::vector<std::string>{"out"});
}

TEST(AtomicFile, UnpublishedLeavesNothing) {
  const TempDir dir;
  {
    AtomicFile file(dir / "out", Overwrite::kRefuse);
    file.write("abc");
  }
  EXPECT_TRUE(names(dir).empty());
}

TEST(AtomicFile, ReplacesOnlyWhenAllowed) {
  const TempDir dir;
  spit(dir / "out", "old");
  EXPECT_ERROR(AtomicFile(dir / "out", Overwrite::kRefuse), ErrorCode::kUsage, "--force");
  write_file(dir / "out", "new", Overwrite::kReplace);
  EXPECT_EQ(slurp(dir / "out"), "new");
}

TEST(AtomicFile, FileThatAppearsMeanwhileIsKept) {
  const TempDir dir;
  AtomicFile file(dir / "out", Overwrite::kRefuse);
  file.write("mine");
  spit(dir / "out", "theirs");
  EXPECT_ERROR(file.publish(), ErrorCode::kUsage, "appeared");
  EXPECT_EQ(slurp(dir / "out"), "theirs");
  EXPECT_EQ(names(dir).size(), 1u);
}

TEST(AtomicFile, VerificationSeesTheBytesAndCanRefuse) {
  const TempDir dir;
  spit(dir / "out", "old");
  AtomicFile file(dir / "out", Overwrite::kReplace);
  file.write("new");
  EXPECT_ERROR(file.publish([](const std::string& temp) {
    EXPECT_EQ(slurp(temp), "new");
    throw Error(ErrorCode::kVerify, "read back differs");
  }),
               ErrorCode::kVerify, "read back differs");
  EXPECT_EQ(slurp(dir / "out"), "old");
  EXPECT_EQ(names(dir).size(), 1u);
  EXPECT_ERROR(file.write("more"), ErrorCode::kInternal, "closed");
  EXPECT_ERROR(file.publish(), ErrorCode::kInternal, "closed");
}

TEST(AtomicFile, TargetsThatAreNoFilesAreRefused) {
  const TempDir dir;
  make_folders(dir / "folder");
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("/dev/null", (dir / "null").c_str()), 0);
  EXPECT_ERROR(AtomicFile(dir / "folder", Overwrite::kReplace), ErrorCode::kUsage, "is a directory");
  EXPECT_ERROR(AtomicFile(dir / "missing/", Overwrite::kReplace), ErrorCode::kUsage, "is a directory");
  EXPECT_ERROR(AtomicFile(dir / "fifo", Overwrite::kReplace), ErrorCode::kUsage, "not a regular file");
  EXPECT_ERROR(AtomicFile(dir / "null", Overwrite::kReplace), ErrorCode::kUsage, "not a regular file");
  EXPECT_ERROR(AtomicFile("", Overwrite::kReplace), ErrorCode::kUsage, "empty");
  EXPECT_ERROR(AtomicFile(dir / "none/out", Overwrite::kReplace), ErrorCode::kIo, "No such file");
  EXPECT_ERROR(AtomicFile(dir / "null/out", Overwrite::kReplace), ErrorCode::kIo, "Not a directory");
}

TEST(AtomicFile, LinksAreReplacedNotFollowed) {
  const TempDir dir;
  spit(dir / "original", "kept");
  ASSERT_EQ(::symlink("original", (dir / "out").c_str()), 0);
  ASSERT_EQ(::symlink("nowhere", (dir / "dangling").c_str()), 0);
  EXPECT_ERROR(AtomicFile(dir / "dangling", Overwrite::kRefuse), ErrorCode::kUsage, "exists");
  write_file(dir / "out", "new", Overwrite::kReplace);
  EXPECT_EQ(slurp(dir / "original"), "kept");
  EXPECT_EQ(slurp(dir / "out"), "new");
}

TEST(AtomicFile, ModeFollowsTheUmask) {
  const TempDir dir;
  for (mode_t mask : {mode_t{022}, mode_t{077}, mode_t{0}}) {
    const mode_t before = ::umask(mask);
    write_file(dir / "out", "x", Overwrite::kReplace);
    ::umask(before);
    struct stat s {};
    ASSERT_EQ(::stat((dir / "out").c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 0777u, 0666u & ~mask);
  }
}

TEST(AtomicFile, ReservedRoomIsGivenBack) {
  const TempDir dir;
  AtomicFile file(dir / "out", Overwrite::kRefuse, 8u << 20);
  file.write("short");
  file.publish();
  struct stat s {};
  ASSERT_EQ(::stat((dir / "out").c_str(), &s), 0);
  EXPECT_EQ(s.st_size, 5);
  EXPECT_LT(s.st_blocks * 512, 1 << 20);
}

// renameat2(RENAME_NOREPLACE) is missing on some file systems, hard links on others.
class NoNoreplace : public SysCalls {
 public:
  explicit NoNoreplace(bool links) : links_(links) { set_sys_calls(this); }
  ~NoNoreplace() override { set_sys_calls(nullptr); }
  int rename(const char* from, const char* to, Overwrite overwrite) override {
    errno = EINVAL;
    return overwrite == Overwrite::kRefuse ? -1 : SysCalls::rename(from, to, overwrite);
  }
  int link(const char* from, const char* to) override {
    errno = EPERM;
    return links_ ? SysCalls::link(from, to) : -1;
  }

 private:
  bool links_;
};

TEST(AtomicFile, FileSystemsWithoutNoreplace) {
  for (bool links : {true, false}) {
    const TempDir dir;
    const NoNoreplace calls(links);
    write_file(dir / "out", "new", Overwrite::kRefuse);
    EXPECT_EQ(slurp(dir / "out"), "new");
    EXPECT_EQ(names(dir).size(), 1u);
    AtomicFile second(dir / "other", Overwrite::kRefuse);
    spit(dir / "other", "theirs");
    EXPECT_THROW(second.publish(), Error);
    EXPECT_EQ(slurp(dir / "other"), "theirs");
  }
}

TEST(StaleFiles, OnlyThoseOfDeadProcessesGo) {
  const TempDir dir;
  const std::string mine = ".precis-tmp-" + std::to_string(::getpid()) + "-1";
  for (const std::string& name :
       {std::string(".precis-tmp-999999999-1"), mine, std::string(".precis-tmp-1-1"),
        std::string(".precis-tmp-x-1"), std::string(".precis-tmp-"), std::string("other")})
    spit(dir / name, "");
  const int held = ::open((dir / ".precis-tmp-999999998-2").c_str(), O_CREAT | O_RDWR, 0600);
  ASSERT_EQ(SysCalls().lock(held), 0);  // a living process of another namespace
  remove_stale_temp_files(dir.path());
  EXPECT_EQ(path_kind(dir / ".precis-tmp-999999999-1"), PathKind::kMissing);
  EXPECT_EQ(names(dir).size(), 6u);
  ::close(held);
  remove_stale_temp_files(dir.path());
  EXPECT_EQ(names(dir).size(), 5u);
  // The id lives (init's): only age shows that nobody is about to lock the file.
  const timespec long_ago[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (dir / ".precis-tmp-1-1").c_str(), long_ago, 0), 0);
  remove_stale_temp_files(dir.path());
  EXPECT_EQ(path_kind(dir / ".precis-tmp-1-1"), PathKind::kMissing);
  EXPECT_EQ(names(dir).size(), 4u);
  remove_stale_temp_files(dir / "none");  // no folder, no error
}

}  // namespace
}  // namespace precis
