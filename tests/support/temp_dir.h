// A folder of its own for a test, removed with everything in it at the end.
#pragma once

#include <string>

namespace precis::test {

class TempDir {
 public:
  // kMemory: on a file system in memory where there is one, for loops that sync thousands of files.
  enum class Place { kDisk, kMemory };
  explicit TempDir(Place place = Place::kDisk);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace precis::test
