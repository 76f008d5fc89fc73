// A folder under TMPDIR that goes with the object. Internal to precis/flow.
#pragma once

#include <string>

namespace precis::flow {

class ScratchFolder {
 public:
  ScratchFolder();   // Error(kIo) when none can be made
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace precis::flow
