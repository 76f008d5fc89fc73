// Progress on stderr: one redrawn line with the time left on a terminal, plain lines at most every two seconds in a log.
#pragma once

#include <chrono>
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
  ProgressMode mode_;
  std::string phase_;
  Clock::time_point phase_start_, last_print_;
  bool drawn_ = false;
};

}  // namespace precis::cli
