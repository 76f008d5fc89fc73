// Runs a child process to its end and catches what it says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace precis::test {

struct ProcessOptions {
  std::string input;                     // given on standard input
  std::string folder;                    // working folder; "" = inherited
  std::vector<std::string> environment;  // "NAME=value" on top of the inherited ones
  double timeout_seconds = 60;           // then SIGKILL, timed_out
};

struct ProcessResult {
  int exit_code = -1;  // -1 when a signal ended it
  int signal = 0;
  bool timed_out = false;
  std::string out, err;
  double seconds = 0;      // on the wall
  double cpu_seconds = 0;  // of all its threads: does not depend on what else the machine does
  int64_t peak_rss_bytes = 0;
};

// arguments[0] is the program (searched in PATH when it has no slash). Throws when it cannot be started.
ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});

}  // namespace precis::test
