// Threads come from OpenMP, as oneDNN's do, so that there are never more of them than asked for; what they do
// is Team's. Chunks are fixed by the caller, threads only pick up whole chunks.
#include "precis/core/parallel.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "precis/core/team.h"

namespace precis {
namespace {

thread_local int thread_setting = 0;  // set_num_threads; 0 = all usable cores
thread_local bool inside = false;     // this thread runs a chunk
thread_local Team* team = nullptr;    // that stands by for this thread

// Marks the thread for the length of a chunk; oneDNN and our own nested loops then stay serial.
class InsideScope {
 public:
  InsideScope() : before_(inside) { inside = true; }
  ~InsideScope() { inside = before_; }
  InsideScope(const InsideScope&) = delete;
  InsideScope& operator=(const InsideScope&) = delete;

 private:
  bool before_;
};

// Starts up to `wanted` threads that live at the same time, and tells how many could be started.
int count_startable(int wanted) {
  std::mutex mutex;
  std::condition_variable released;
  bool release = false;
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(wanted));
  try {
    while (static_cast<int>(threads.size()) < wanted)
      threads.emplace_back([&] {
        std::unique_lock lock(mutex);
        released.wait(lock, [&] { return release; });
      });
  } catch (const std::system_error&) {
    // As many as there are will do.
  }
  {
    const std::lock_guard lock(mutex);
    release = true;
  }
  released.notify_all();
  for (std::thread& t : threads) t.join();
  return static_cast<int>(threads.size());
}

void run_serially(int64_t n, int64_t chunk, ChunkFunction body, void* context) {
  for (int64_t begin = 0; begin < n; begin += chunk) body(context, begin, std::min(n, begin + chunk));
}

// A Team::Loop by the team of this thread.
void run_loop(void* context) {
  const auto& loop = *static_cast<const Team::Loop*>(context);
  if (team == nullptr)
    return run_serially(loop.n, loop.chunk, loop.body, loop.context);  // no thread could be started
  const int threads = num_threads();
  const InsideScope scope;
  team->run(loop, threads);
}

// The exception of the earliest failing chunk; later chunks are skipped once one has failed.
struct FirstError {
  const std::function<void(int64_t, int64_t)>* body;
  std::atomic<int64_t> begin{INT64_MAX};
  std::mutex mutex;
  std::exception_ptr error;

  void run(int64_t chunk_begin, int64_t chunk_end) {
    if (chunk_begin > begin.load(std::memory_order_relaxed)) return;
    try {
      (*body)(chunk_begin, chunk_end);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (chunk_begin >= begin.load()) return;
      begin.store(chunk_begin);
      error = std::current_exception();
    }
  }
};

}  // namespace

void set_num_threads(int threads) { thread_setting = std::max(threads, 0); }

int num_threads() {
  if (in_parallel_region()) return 1;
  return thread_setting > 0 ? thread_setting : usable_cores();
}

int usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

bool in_parallel_region() { return inside || (team == nullptr && omp_in_parallel() != 0); }

// A team of `wanted` threads, or the largest that can be started. Both OpenMP runtimes end the process when a
// thread cannot start, so it is tried out before, with one thread to spare (a team needs `wanted` - 1 beside
// the caller).
int startable_threads(int wanted) {
  static std::mutex mutex;
  static int proven = 1;           // teams up to this size were tried out
  static int ceiling = INT32_MAX;  // a larger one failed
  const std::lock_guard lock(mutex);
  if (wanted > proven && proven < ceiling) {
    const int started = count_startable(wanted);
    proven = std::max({proven, started, 1});
    if (started < wanted) ceiling = proven;
  }
  return std::min(wanted, proven);
}

ThreadScope::ThreadScope(int threads) : own_before_(thread_setting), openmp_before_(omp_get_max_threads()) {
  threads = std::max(threads, 1);
  if (threads > 1 && team == nullptr) threads = startable_threads(threads);  // a team has been started
  thread_setting = threads;
  if (openmp_before_ != threads) omp_set_num_threads(threads);
}

ThreadScope::~ThreadScope() {
  if (omp_get_max_threads() != openmp_before_) omp_set_num_threads(openmp_before_);
  thread_setting = own_before_;
}

void with_team(int threads, void (*body)(void* context), void* context) {
  threads = team != nullptr ? 1 : std::min(threads, num_threads());
  if (threads > 1) threads = startable_threads(threads);
  if (threads <= 1) return body(context);
  thread_local Team of_this_thread;
  Team& members = of_this_thread;
  members.open(threads);
  std::exception_ptr error;
#pragma omp parallel num_threads(threads)
  if (const int number = omp_get_thread_num(); number > 0) {
    const InsideScope scope;
    members.serve(number);
  } else {
    team = &members;
    try {
      body(context);
    } catch (...) {
      error = std::current_exception();
    }
    team = nullptr;
    members.close();
  }
  if (error) std::rethrow_exception(error);
}

void parallel_for_raw(int64_t n, int64_t chunk, ChunkFunction body, void* context) {
  chunk = std::max<int64_t>(chunk, 1);
  if (n <= chunk) {
    if (n > 0) body(context, 0, n);
    return;
  }
  Team::Loop loop{body, context, n, chunk};
  const int threads = static_cast<int>(std::min<int64_t>(num_threads(), loop.chunks()));
  if (threads <= 1 || loop.chunks() > Team::kMaxChunks) return run_serially(n, chunk, body, context);
  team != nullptr ? run_loop(&loop) : with_team(threads, run_loop, &loop);
}

void parallel_for(int64_t n, int64_t chunk, const std::function<void(int64_t begin, int64_t end)>& body) {
  FirstError state;
  state.body = &body;
  parallel_for_raw(
      n, chunk, [](void* p, int64_t begin, int64_t end) { static_cast<FirstError*>(p)->run(begin, end); },
      &state);
  if (state.error) std::rethrow_exception(state.error);
}

}  // namespace precis
