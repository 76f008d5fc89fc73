// Paths and folders.
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "precis/core/io.h"
#include "precis/core/limits.h"
#include "tests/support/expect_error.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace precis {
namespace {

using test::spit;
using test::TempDir;

TEST(Paths, ParentAndJoin) {
  EXPECT_EQ(parent_folder("a/b"), "a");
  EXPECT_EQ(parent_folder("a"), ".");
  EXPECT_EQ(parent_folder(""), ".");
  EXPECT_EQ(parent_folder("/a"), "/");
  EXPECT_EQ(parent_folder("/"), "/");
  EXPECT_EQ(parent_folder("a//b/"), "a");
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
  EXPECT_EQ(join_path(".", "b"), "b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(join_path("/", "b"), "/b");
}

TEST(Paths, Kinds) {
  const TempDir dir;
  spit(dir / "f", "x");
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(path_kind(dir / "f"), PathKind::kFile);
  EXPECT_EQ(path_kind(dir.path()), PathKind::kDirectory);
  EXPECT_EQ(path_kind(dir / "fifo"), PathKind::kOther);
  EXPECT_EQ(path_kind(dir / "none"), PathKind::kMissing);
  EXPECT_EQ(path_kind("/dev/null"), PathKind::kOther);
}

TEST(Paths, SameFileSeesThroughLinksAndSpellings) {
  const TempDir dir;
  spit(dir / "a", "x");
  spit(dir / "b", "x");
  ASSERT_EQ(::symlink("a", (dir / "sym").c_str()), 0);
  ASSERT_EQ(::link((dir / "a").c_str(), (dir / "hard").c_str()), 0);
  EXPECT_TRUE(same_file(dir / "a", dir / "sym"));
  EXPECT_TRUE(same_file(dir / "a", dir / "hard"));
  EXPECT_TRUE(same_file(dir / "a", dir / "./a"));
  EXPECT_FALSE(same_file(dir / "a", dir / "b"));
  EXPECT_FALSE(same_file(dir / "none", dir / "none"));
}

TEST(Folders, ListedInByteOrder) {
  const TempDir dir;
  for (const char* name : {"b", "a", "B", "a10", "a2", ".hidden", "\xff"}) spit(dir / name, "");
  EXPECT_EQ(list_folder(dir.path()),
            (std::vector<std::string>{".hidden", "B", "a", "a10", "a2", "b", "\xff"}));
  EXPECT_ERROR((void)list_folder(dir / "none"), ErrorCode::kIo, "No such file");
  EXPECT_ERROR((void)list_folder(dir / "a"), ErrorCode::kIo, "Not a directory");
}

TEST(Folders, MadeWithTheirParents) {
  const TempDir dir;
  make_folders(dir / "x/y//z");
  EXPECT_EQ(path_kind(dir / "x/y/z"), PathKind::kDirectory);
  make_folders(dir / "x/y/z/");
  spit(dir / "file", "");
  EXPECT_ERROR(make_folders(dir / "file"), ErrorCode::kIo, "cannot make folder");
  EXPECT_ERROR(make_folders(dir / "file/sub"), ErrorCode::kIo, "cannot make folder");
}

TEST(Folders, ScratchFolderComesAndGoes) {
  const TempDir dir;
  ::setenv("TMPDIR", dir.path().c_str(), 1);
  const std::string scratch = make_scratch_folder();
  EXPECT_EQ(parent_folder(scratch), dir.path());
  struct stat s {};
  ASSERT_EQ(::stat(scratch.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777u, 0700u);
  spit(dir / "outside", "kept");
  make_folders(scratch + "/a/b");
  ASSERT_EQ(::symlink("../../outside", (scratch + "/a/link").c_str()), 0);
  remove_tree(scratch);
  EXPECT_EQ(path_kind(scratch), PathKind::kMissing);
  EXPECT_EQ(path_kind(dir / "outside"), PathKind::kFile);
  ::setenv("TMPDIR", (dir / "none").c_str(), 1);
  EXPECT_ERROR((void)make_scratch_folder(), ErrorCode::kIo, "set TMPDIR");
  ::unsetenv("TMPDIR");
}

TEST(MemoryLimit, DefaultFollowsTheInputAndTheMachine) {
  const Limits before = limits();
  EXPECT_GE(memory_limit(0), 1u << 29);
  EXPECT_LE(memory_limit(0), 1ull << 30);
  EXPECT_LE(memory_limit(UINT64_MAX), memory_limit(UINT64_MAX / 2));
  EXPECT_LT(memory_limit(UINT64_MAX), 1ull << 50);
  Limits changed = before;
  changed.max_memory = 12345;
  set_limits(changed);
  EXPECT_EQ(memory_limit(1u << 30), 12345u);
  set_limits(before);
}

}  // namespace
}  // namespace precis
