// The registry: few entries, one lock.
#include "precis/core/unfinished.h"

#include <map>
#include <mutex>
#include <set>

#include "precis/core/io.h"

namespace precis {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, std::string> guard_of;  // by path
};

Registry& registry() {
  // Never destroyed: the signal watch may need it while static objects go.
  static Registry* const r = new Registry;
  return *r;
}

// Whether it was there.
bool remove_path(const std::string& path) noexcept {
  if (sys_calls().unlink(path.c_str()) == 0) return true;
  if (path_kind(path) != PathKind::kDirectory) return false;
  remove_tree(path);
  return true;
}

}  // namespace

std::string make_unfinished(const std::function<std::string()>& make) {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  std::string path = make();
  if (!path.empty()) r.guard_of[path] = "";
  return path;
}

void add_unfinished(const std::string& path, const std::string& guard) {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  r.guard_of[path] = guard;
}

void forget_unfinished(const std::string& path) noexcept {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  r.guard_of.erase(path);
}

void remove_unfinished() noexcept {
  Registry& r = registry();
  r.mutex.lock();  // and never unlocked
  std::set<std::string> removed;
  for (const auto& [path, guard] : r.guard_of)
    if (guard.empty() && remove_path(path)) removed.insert(path);
  for (const auto& [path, guard] : r.guard_of)
    if (removed.count(guard) != 0) remove_path(path);
}

}  // namespace precis
