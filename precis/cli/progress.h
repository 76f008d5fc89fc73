// Progress on stderr: one redrawn line with the time left on a terminal, plain lines at most every two
// seconds in a log.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace precis::cli {

enum class ProgressMode { kAuto, kBar, kLines, kNone };

class ProgressPrinter {
 public:
  explicit ProgressPrinter(ProgressMode mode);
  ~ProgressPrinter() { finish(); }
  void update(const std::string& phase, int64_t done, int64_t total);
  void finish();  // clears the redrawn line

 private:
  using Clock = std::chrono::steady_clock;
  std::string time_left(int64_t done, int64_t total, Clock::time_point now) const;
  ProgressMode mode_;
  std::string phase_;
  Clock::time_point phase_start_, last_print_;
  int64_t first_done_ = 0;  // of this phase, when it was first heard of
};

// What clears the redrawn line, "" when there is none; safe from any thread.
const char* clear_line_when_drawn();

}  // namespace precis::cli
