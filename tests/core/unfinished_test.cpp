// Files that must not outlive an interrupted process: what the removal takes, and what it must leave.
#include "precis/core/unfinished.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "precis/core/io.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace precis {
namespace {

using test::exists;
using test::spit;
using test::TempDir;

// The removal is the last act of a process: each test has one of its own.
void in_child(const std::function<void()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    act();
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(Unfinished, FilesAndFoldersGo) {
  const TempDir dir;
  in_child([&] {
    AtomicFile file(dir / "out", Overwrite::kRefuse);
    make_unfinished([&] {
      ::mkdir((dir / "scratch").c_str(), 0700);
      spit(dir / "scratch/inside", "x");
      return dir / "scratch";
    });
    remove_unfinished();
    ::_exit(0);
  });
  EXPECT_TRUE(list_folder(dir.path()).empty());
}

TEST(Unfinished, WhatIsFinishedStays) {
  const TempDir dir;
  in_child([&] {
    write_file(dir / "done", "x", Overwrite::kRefuse);
    make_unfinished([&] {
      spit(dir / "kept", "x");
      return dir / "kept";
    });
    forget_unfinished(dir / "kept");
    EXPECT_EQ(make_unfinished([] { return std::string(); }), "");
    remove_unfinished();
  });
  EXPECT_EQ(list_folder(dir.path()), (std::vector<std::string>{"done", "kept"}));
}

TEST(Unfinished, DataGoesOnlyWithItsModel) {
  const TempDir dir;
  for (const bool published : {false, true})
    in_child([&] {
      const std::string model = dir / "model.tmp", data = dir / "data";
      if (!published) spit(model, "x");
      make_unfinished([&] { return model; });
      spit(data, "x");
      add_unfinished(data, model);
      remove_unfinished();
      EXPECT_FALSE(exists(model));
      EXPECT_EQ(exists(data), published);
    });
}

}  // namespace
}  // namespace precis
