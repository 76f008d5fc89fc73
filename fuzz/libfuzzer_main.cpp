// All targets under libFuzzer in one program: precis_fuzz --target=NAME [libFuzzer's flags] CORPUS...
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fuzz/model_mutator.h"
#include "fuzz/target.h"
#include "precis/core/parallel.h"
#include "precis/runtime/session.h"

namespace {

const precis::fuzz::Target* chosen = nullptr;

precis::fuzz::Bytes bytes_of(const uint8_t* data, size_t size) {
  return std::as_bytes(std::span(data, size));
}

// What is read and never run again helps nobody: the other model of a splice is the last input that was
// mutated.
std::string& last_model() {
  static std::string bytes;
  return bytes;
}

}  // namespace

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (int i = 1; i < *argc; ++i)
    if (std::strncmp((*argv)[i], "--target=", 9) == 0) chosen = precis::fuzz::find_target((*argv)[i] + 9);
  if (chosen == nullptr) {
    std::fprintf(stderr, "usage: precis_fuzz --target=NAME [flags of libFuzzer] CORPUS...\ntargets:\n");
    for (const precis::fuzz::Target& t : precis::fuzz::all_targets())
      std::fprintf(stderr, "  %-14s %s\n", t.name, t.summary);
    std::exit(2);
  }
  precis::set_num_threads(1);
  precis::runtime::register_evaluator();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  chosen->run(bytes_of(data, size));
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  precis::Rng rng(seed);
  if (!chosen->models || rng.below(16) == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string before = precis::fuzz::text_of(bytes_of(data, size));
  std::string& other = last_model();
  const std::string mutated =
      precis::fuzz::mutate_model(bytes_of(data, size), std::as_bytes(std::span(other)), rng);
  other = before;
  if (mutated.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, mutated.data(), mutated.size());
  return mutated.size();
}
