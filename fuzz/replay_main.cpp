// Runs inputs through a target without libFuzzer, in any build:
//   fuzz_replay TARGET FILE-OR-FOLDER...
//   fuzz_replay TARGET --mutate=N[,SEED] --keep=FILE FILE-OR-FOLDER...
// The second form runs N changed copies of the inputs (models are changed as messages). FILE holds the input
// under way, so that it is still there when a signal ends the program; inputs that break a promise or take
// longer than 5 s are kept as FILE.1, FILE.2 ...
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>

#include "fuzz/model_mutator.h"
#include "fuzz/target.h"
#include "precis/core/io.h"
#include "precis/core/parallel.h"
#include "precis/core/text.h"
#include "precis/runtime/session.h"
#include "tests/support/damaged_bytes.h"
#include "tests/support/files.h"

namespace {

using precis::fuzz::Bytes;
using precis::fuzz::Target;

constexpr double kSlowSeconds = 5;

struct Arguments {
  const Target* target = nullptr;
  std::vector<std::string> inputs;
  int64_t mutations = 0, seed = 1;
  std::string keep;
};

Bytes bytes_of(const std::string& s) { return std::as_bytes(std::span(s)); }

void add_files(const std::string& path, std::vector<std::string>& inputs) {
  if (precis::path_kind(path) != precis::PathKind::kDirectory)
    return inputs.push_back(precis::read_text_file(path));
  for (const std::string& name : precis::list_folder(path))
    inputs.push_back(precis::read_text_file(precis::join_path(path, name)));
}

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments a;
  if (argc < 3) return std::nullopt;
  a.target = precis::fuzz::find_target(argv[1]);
  if (a.target == nullptr) return std::nullopt;
  for (int i = 2; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--mutate=", 0) == 0) {
      const std::vector<std::string> numbers = precis::split(word.substr(9), ',');
      a.mutations = std::atoll(numbers[0].c_str());
      if (numbers.size() > 1) a.seed = std::atoll(numbers[1].c_str());
    } else if (word.rfind("--keep=", 0) == 0) {
      a.keep = word.substr(7);
    } else {
      add_files(word, a.inputs);
    }
  }
  if (a.inputs.empty() || (a.mutations > 0 && a.keep.empty())) return std::nullopt;
  return a;
}

// What is wrong with how the target takes this input; empty when nothing is.
std::string finding(const Target& target, const std::string& input) {
  const auto begin = std::chrono::steady_clock::now();
  try {
    target.run(bytes_of(input));
  } catch (const std::exception& e) {
    return e.what();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return took.count() > kSlowSeconds ? "took " + std::to_string(took.count()) + " s" : "";
}

std::string mutated(const Arguments& a, precis::Rng& rng) {
  const std::string& first = a.inputs[rng.below(a.inputs.size())];
  if (!a.target->models || rng.below(16) == 0) return precis::test::damaged(first, rng);
  return precis::fuzz::mutate_model(bytes_of(first), bytes_of(a.inputs[rng.below(a.inputs.size())]), rng);
}

int replay(const Arguments& a) {
  int findings = 0;
  for (size_t i = 0; i < a.inputs.size(); ++i) {
    const std::string found = finding(*a.target, a.inputs[i]);
    if (found.empty()) continue;
    std::fprintf(stderr, "%s, input %zu: %s\n", a.target->name, i, found.c_str());
    ++findings;
  }
  std::printf("%s: %zu inputs, %d findings\n", a.target->name, a.inputs.size(), findings);
  return findings > 0 ? 1 : 0;
}

int mutate(const Arguments& a) {
  int findings = 0;
  for (int64_t i = 0; i < a.mutations; ++i) {
    precis::Rng rng(static_cast<uint64_t>(a.seed), static_cast<uint64_t>(i));
    const std::string input = mutated(a, rng);
    precis::test::spit(a.keep, input);
    const std::string found = finding(*a.target, input);
    if (found.empty()) continue;
    const std::string kept = a.keep + "." + std::to_string(++findings);
    precis::test::spit(kept, input);
    std::fprintf(stderr, "%s, %s: %s\n", a.target->name, kept.c_str(), found.c_str());
  }
  std::printf("%s: %lld mutated inputs, %d findings\n", a.target->name, static_cast<long long>(a.mutations),
              findings);
  return findings > 0 ? 1 : 0;
}

int run(int argc, char** argv) {
  const std::optional<Arguments> a = parse(argc, argv);
  if (!a) {
    std::fprintf(stderr, "usage: fuzz_replay TARGET [--mutate=N[,SEED] --keep=FILE] FILE-OR-FOLDER...\n");
    return 2;
  }
  precis::set_num_threads(1);
  precis::runtime::register_evaluator();
  return a->mutations > 0 ? mutate(*a) : replay(*a);
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
