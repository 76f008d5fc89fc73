// SIGKILL at every system call of the writer and at random times: the output is old or new and complete, and
// the next run removes what was left behind.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "precis/core/io.h"
#include "precis/core/rng.h"
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

// A file that is complete exactly when it has this form: one letter, 50,000 times.
std::string version(int k) { return std::string(50'000, static_cast<char>('a' + k % 26)); }

bool is_complete(const std::string& content) {
  return content.size() == 50'000 && content.find_first_not_of(content[0]) == std::string::npos;
}

void write_version(const std::string& path, int k) {
  const std::string content = version(k);
  AtomicFile file(path, Overwrite::kReplace, content.size());
  for (size_t at = 0; at < content.size(); at += 10'000)
    file.write(std::string_view(content).substr(at, 10'000));
  file.publish();
}

void expect_sound(const TempDir& dir) {
  EXPECT_TRUE(is_complete(slurp(dir / "out")));
  write_file(dir / "next", "x", Overwrite::kReplace);  // the next run cleans up
  EXPECT_EQ(list_folder(dir.path()), (std::vector<std::string>{"next", "out"}));
}

TEST(Killed, AtEveryCall) {
  bool killed = true;
  for (int n = 1; killed; ++n) {
    const TempDir dir;
    spit(dir / "out", version(0));
    const pid_t child = ::fork();
    if (child == 0) {
      FaultyCalls calls({.at = n, .kind = Fault::Kind::kKill});
      write_version(dir / "out", 1);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    killed = WIFSIGNALED(status);
    expect_sound(dir);
    ASSERT_LT(n, 100);
    if (!killed) {
      EXPECT_EQ(slurp(dir / "out"), version(1));
      EXPECT_GT(n, 10);
    }
  }
}

TEST(Killed, AtRandomTimes) {
  Rng rng(2024);
  for (int round = 0; round < 300; ++round) {
    const TempDir dir(round % 10 == 0 ? TempDir::Place::kDisk : TempDir::Place::kMemory);
    spit(dir / "out", version(0));
    const pid_t child = ::fork();
    if (child == 0) {
      for (int k = 1;; ++k) write_version(dir / "out", k);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(rng.below(4000)));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    expect_sound(dir);
  }
}

TEST(Killed, TwoWritersLastOneWinsWhole) {
  const TempDir dir;
  spit(dir / "out", version(0));
  pid_t children[2];
  for (int c = 0; c < 2; ++c) {
    children[c] = ::fork();
    if (children[c] == 0) {
      for (int k = 0; k < 100; ++k) write_version(dir / "out", 2 * k + c);
      ::_exit(0);
    }
  }
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(is_complete(slurp(dir / "out")));
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  expect_sound(dir);
}

}  // namespace
}  // namespace precis
