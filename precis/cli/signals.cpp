// The handler only writes the signal's number into a pipe; a thread that waits at its other end may do what
// a handler must not: take locks and remove files.
#include "precis/cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <system_error>
#include <thread>

#include "precis/cli/progress.h"
#include "precis/core/unfinished.h"

namespace precis::cli {
namespace {

int pipe_ends[2] = {-1, -1};
std::atomic<int64_t> first_signal_ms{0};
constexpr int64_t kPatienceMs = 500;

int64_t now_ms() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000 + 1;  // never 0
}

void on_signal(int signal_number) {
  const int error = errno;
  const unsigned char byte = static_cast<unsigned char>(signal_number);
  const int64_t now = now_ms();
  int64_t first = 0;
  if (first_signal_ms.compare_exchange_strong(first, now)) {
    if (::write(pipe_ends[1], &byte, 1) != 1) ::_exit(128 + signal_number);
  } else if (now - first > kPatienceMs) {
    ::_exit(128 + signal_number);
  }
  errno = error;
}

[[noreturn]] void wait_for_signal() {
  unsigned char number = 0;
  while (::read(pipe_ends[0], &number, 1) != 1) {
  }
  remove_unfinished();
  const std::string text = std::string(clear_line_when_drawn()) +
                           "precis: " + (number == SIGINT ? "interrupted" : "terminated") +
                           "; unfinished files were removed\n";
  [[maybe_unused]] const ssize_t said = ::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(128 + number);
}

}  // namespace

void watch_signals() {
  if (::pipe(pipe_ends) != 0) return;
  try {
    std::thread(wait_for_signal).detach();
  } catch (const std::system_error&) {
    return;  // no thread can be started: signals end the process at once, and the next run removes what is
             // left
  }
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {
    }, ours{};
    if (::sigaction(number, nullptr, &before) != 0 || before.sa_handler == SIG_IGN) continue;
    ours.sa_handler = on_signal;
    ours.sa_flags = SA_RESTART;
    ::sigemptyset(&ours.sa_mask);
    ::sigaction(number, &ours, nullptr);
  }
}

void end_if_signalled() {
  while (first_signal_ms.load() != 0) ::pause();  // the waiting thread ends the process
}

}  // namespace precis::cli
