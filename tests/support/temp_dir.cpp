// mkdtemp below TMPDIR (or /dev/shm), remove_all at the end.
#include "tests/support/temp_dir.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

namespace precis::test {

namespace {

std::filesystem::path base(TempDir::Place place) {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code ignored;
  const bool usable =
      ::access(memory.c_str(), W_OK) == 0 && std::filesystem::space(memory, ignored).available > 64u << 20;
  return place == TempDir::Place::kMemory && usable ? memory : std::filesystem::temp_directory_path();
}

}  // namespace

TempDir::TempDir(Place place) : path_((base(place) / "precis-test-XXXXXX").string()) {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make a folder like " + path_);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace precis::test
