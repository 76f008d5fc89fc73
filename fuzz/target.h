// Fuzz targets: one function over bytes each, in one table. The same table serves libFuzzer
// (libfuzzer_main.cpp), the replay of the committed corpora (replay_main.cpp) and the sweeps of
// tests/malformed.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "precis/core/error.h"
#include "precis/core/limits.h"

namespace precis::fuzz {

using Bytes = std::span<const std::byte>;

struct Target {
  const char* name;
  const char* summary;
  void (*run)(Bytes input);
  bool models = false;  // inputs are ONNX files: mutated as messages, not only as bytes
};

std::span<const Target> all_targets();
const Target* find_target(std::string_view name);  // null when there is none

// A promise of Precis that an input breaks. No target catches it: under libFuzzer it ends the process and
// keeps the input.
class Broken : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};
void promise(bool kept, const std::string& what);

// Runs a reader: true when it accepted, false when it refused with an Error that is no bug. Everything else
// leaves the target.
bool accepts(const std::function<void()>& read);

// Takes numbers and words from the front of the input; zeros when it is used up.
class Chooser {
 public:
  explicit Chooser(Bytes input) : rest_(input) {}
  uint8_t byte();
  size_t below(size_t n) { return n == 0 ? 0 : byte() % n; }
  bool empty() const { return rest_.empty(); }
  Bytes rest() const { return rest_; }

 private:
  Bytes rest_;
};

std::string text_of(Bytes input);
// The path of a file with these bytes in a folder of this process, in memory where there is one; written anew
// at each call.
std::string as_file(Bytes input, const std::string& name);

// Small limits for as long as it lives, so that no input may take long for being large.
class SmallLimits {
 public:
  SmallLimits();
  ~SmallLimits();
  SmallLimits(const SmallLimits&) = delete;
  SmallLimits& operator=(const SmallLimits&) = delete;

 private:
  Limits saved_;
};

}  // namespace precis::fuzz
