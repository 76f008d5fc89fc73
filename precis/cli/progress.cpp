// Drawing of the progress line.
#include "precis/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "precis/core/text.h"

namespace precis::cli {
namespace {

constexpr const char* kClearLine = "\r\x1b[K";
std::atomic<bool> line_drawn{false};

bool terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

ProgressPrinter::ProgressPrinter(ProgressMode mode) : mode_(mode) {
  if (mode_ == ProgressMode::kAuto) mode_ = terminal() ? ProgressMode::kBar : ProgressMode::kLines;
}

// Told from the speed since the phase was first heard of; "" until there is one.
std::string ProgressPrinter::time_left(int64_t done, int64_t total, Clock::time_point now) const {
  if (done <= first_done_ || done >= total) return "";
  const double seconds = std::chrono::duration<double>(now - phase_start_).count();
  const double left = seconds * static_cast<double>(total - done) / static_cast<double>(done - first_done_);
  return ", " + format_seconds(left) + " left";
}

void ProgressPrinter::update(const std::string& phase, int64_t done, int64_t total) {
  if (mode_ == ProgressMode::kNone) return;
  const auto now = Clock::now();
  const bool fresh = phase != phase_;
  if (fresh) {
    phase_ = phase;
    phase_start_ = now;
    first_done_ = done;
  }
  const auto interval =
      mode_ == ProgressMode::kBar ? std::chrono::milliseconds(100) : std::chrono::milliseconds(2000);
  const bool last = total > 0 && done == total;
  if (!fresh && !(last && mode_ == ProgressMode::kBar) && now - last_print_ < interval) return;
  last_print_ = now;
  std::string text = phase;
  if (total > 0)
    text += fmt::format(" {}/{} ({:.0f} %)", done, total,
                        100.0 * static_cast<double>(done) / static_cast<double>(total)) +
            time_left(done, total, now);
  if (mode_ == ProgressMode::kBar) {
    line_drawn = true;
    fmt::print(stderr, "{}{}", kClearLine, text);
    std::fflush(stderr);
  } else {
    fmt::print(stderr, "{}\n", text);
  }
}

void ProgressPrinter::finish() {
  if (!line_drawn.exchange(false)) return;
  fmt::print(stderr, "{}", kClearLine);
  std::fflush(stderr);
}

const char* clear_line_when_drawn() { return line_drawn ? kClearLine : ""; }

}  // namespace precis::cli
