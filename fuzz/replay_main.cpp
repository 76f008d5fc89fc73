// Runs inputs through a target without libFuzzer: fuzz_replay TARGET FILE-OR-FOLDER...
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "fuzz/target.h"
#include "precis/core/io.h"
#include "precis/core/parallel.h"
#include "precis/runtime/session.h"

namespace {

using precis::fuzz::Bytes;
using precis::fuzz::Target;

std::vector<std::string> files_of(const std::string& path) {
  if (precis::path_kind(path) != precis::PathKind::kDirectory) return {path};
  std::vector<std::string> files;
  for (const std::string& name : precis::list_folder(path)) files.push_back(precis::join_path(path, name));
  return files;
}

// An exception that leaves a target is a finding: its input is named, and the run fails.
bool holds(const Target& target, Bytes input, const std::string& name) {
  try {
    target.run(input);
    return true;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s, %s: %s\n", target.name, name.c_str(), e.what());
    return false;
  }
}

bool replay(const Target& target, const std::vector<std::string>& files) {
  bool good = true;
  for (const std::string& file : files) good &= holds(target, precis::read_file(file, 64u << 20), file);
  std::printf("%s: %zu inputs\n", target.name, files.size());
  return good;
}

int run(int argc, char** argv) {
  const Target* target = argc > 2 ? precis::fuzz::find_target(argv[1]) : nullptr;
  if (target == nullptr) {
    std::fprintf(stderr, "usage: fuzz_replay TARGET FILE-OR-FOLDER...\n");
    return 2;
  }
  precis::set_num_threads(1);
  precis::runtime::register_evaluator();
  std::vector<std::string> files;
  for (int i = 2; i < argc; ++i)
    for (std::string& f : files_of(argv[i])) files.push_back(std::move(f));
  return replay(*target, files) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "fuzz_replay: %s\n", e.what());
    return 2;
  }
}
