// Streams of the standard library, so that a broken Io cannot hide itself.
#include "tests/support/files.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace precis::test {

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read " + path);
  return content.str();
}

void spit(const std::string& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path);
}

bool exists(const std::string& path) {
  return std::filesystem::symlink_status(path).type() != std::filesystem::file_type::not_found;
}

std::string shared_data(const std::string& name) {
  const char* chosen = std::getenv("PRECIS_SHARED_DATA");
  const std::string path = std::string(chosen != nullptr ? chosen : PRECIS_SHARED_DATA) + "/" + name;
  return std::filesystem::exists(path) ? path : "";
}

}  // namespace precis::test
