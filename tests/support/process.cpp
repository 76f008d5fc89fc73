// fork and exec with three pipes; poll keeps both outputs flowing, so that a chatty child never blocks.
#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

namespace precis::test {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    read_end = ends[0], write_end = ends[1];
  }
  ~Pipe() { close_read(), close_write(); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_read() { close_one(read_end); }
  void close_write() { close_one(write_end); }

 private:
  static void close_one(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

// Everything the child needs is prepared before the fork: between fork and exec only async-signal-safe calls.
struct Launch {
  std::vector<char*> arguments, environment;
  const char* folder;
};

[[noreturn]] void become(const Launch& launch, const Pipe& in, const Pipe& out, const Pipe& err) {
  ::dup2(in.read_end, STDIN_FILENO);
  ::dup2(out.write_end, STDOUT_FILENO);
  ::dup2(err.write_end, STDERR_FILENO);
  ::signal(SIGPIPE, SIG_DFL);
  if (launch.folder != nullptr && ::chdir(launch.folder) != 0) ::_exit(126);
  ::execvpe(launch.arguments[0], launch.arguments.data(), launch.environment.data());
  ::_exit(127);
}

std::vector<std::string> merged_environment(const std::vector<std::string>& extra) {
  std::vector<std::string> all = extra;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('=') + 1);
    bool replaced = false;
    for (const std::string& e : extra) replaced = replaced || e.compare(0, name.size(), name) == 0;
    if (!replaced) all.push_back(text);
  }
  return all;
}

// Appends what is there; false at the end of the stream.
bool drain(int fd, std::string& text) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got > 0) text.append(buffer.data(), static_cast<size_t>(got));
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

// Feeds the input and reads both outputs until they are closed; false on timeout.
bool converse(const ProcessOptions& options, Pipe& in, Pipe& out, Pipe& err, ProcessResult& result) {
  const auto deadline = Clock::now() + std::chrono::duration<double>(options.timeout_seconds);
  size_t fed = 0;
  ::fcntl(in.write_end, F_SETFL, O_NONBLOCK);
  while (out.read_end >= 0 || err.read_end >= 0) {
    if (fed == options.input.size()) in.close_write();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 3> fds = {pollfd{out.read_end, POLLIN, 0}, pollfd{err.read_end, POLLIN, 0},
                                 pollfd{in.write_end, POLLOUT, 0}};
    ::poll(fds.data(), fds.size(), static_cast<int>(left));
    if (fds[0].revents != 0 && !drain(out.read_end, result.out)) out.close_read();
    if (fds[1].revents != 0 && !drain(err.read_end, result.err)) err.close_read();
    if (fds[2].revents != 0) {
      const ssize_t put = ::write(in.write_end, options.input.data() + fed, options.input.size() - fed);
      fed = put > 0 ? fed + static_cast<size_t>(put) : (errno == EAGAIN ? fed : options.input.size());
    }
  }
  return true;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> p;
  for (std::string& t : texts) p.push_back(t.data());
  p.push_back(nullptr);
  return p;
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  std::vector<std::string> words = arguments;
  std::vector<std::string> environment = merged_environment(options.environment);
  const Launch launch{pointers(words), pointers(environment),
                      options.folder.empty() ? nullptr : options.folder.c_str()};
  Pipe in, out, err;
  const auto pipe_handler = ::signal(SIGPIPE, SIG_IGN);  // a child that does not read its input is no error
  const auto begin = Clock::now();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) become(launch, in, out, err);
  in.close_read(), out.close_write(), err.close_write();

  ProcessResult result;
  result.timed_out = !converse(options, in, out, err, result);
  if (result.timed_out) ::kill(child, SIGKILL);
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  ::signal(SIGPIPE, pipe_handler);
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const auto seconds_of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  result.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  result.peak_rss_bytes = static_cast<int64_t>(usage.ru_maxrss) * 1024;
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  if (result.exit_code == 127) throw std::runtime_error("cannot start " + arguments[0]);
  return result;
}

}  // namespace precis::test
