// Drawing of the progress line.
#include "precis/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "precis/core/text.h"

namespace precis::cli {
namespace {

bool terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

ProgressPrinter::ProgressPrinter(ProgressMode mode) : mode_(mode) {
  if (mode_ == ProgressMode::kAuto) mode_ = terminal() ? ProgressMode::kBar : ProgressMode::kLines;
}

void ProgressPrinter::update(const std::string& phase, int64_t done, int64_t total) {
  if (mode_ == ProgressMode::kNone) return;
  const auto now = Clock::now();
  const bool fresh = phase != phase_;
  if (fresh) {
    phase_ = phase;
    phase_start_ = now;
  }
  const auto interval = mode_ == ProgressMode::kBar ? std::chrono::milliseconds(100) : std::chrono::milliseconds(2000);
  const bool last = total > 0 && done == total;
  if (!fresh && !(last && mode_ == ProgressMode::kBar) && now - last_print_ < interval) return;
  last_print_ = now;
  std::string text = phase;
  if (total > 0) {
    const double seconds = std::chrono::duration<double>(now - phase_start_).count();
    text += fmt::format(" {}/{} ({:.0f} %)", done, total, 100.0 * static_cast<double>(done) / static_cast<double>(total));
    if (done > 0 && !last) text += ", " + format_seconds(seconds * static_cast<double>(total - done) / static_cast<double>(done)) + " left";
  }
  if (mode_ == ProgressMode::kBar) {
    fmt::print(stderr, "\r\x1b[K{}", text);
    std::fflush(stderr);
    drawn_ = true;
  } else {
    fmt::print(stderr, "{}\n", text);
  }
}

void ProgressPrinter::finish() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace precis::cli
