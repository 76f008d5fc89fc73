// mkdtemp, and removal of what it holds.
#include "precis/flow/scratch_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "precis/core/check.h"
#include "precis/core/io.h"

namespace precis::flow {

ScratchFolder::ScratchFolder() {
  const char* base = std::getenv("TMPDIR");
  path_ = join_path(base != nullptr && *base != '\0' ? base : "/tmp", "precis-XXXXXX");
  check(mkdtemp(path_.data()) != nullptr, ErrorCode::kIo, "no temporary folder could be made at {}: {}; set TMPDIR to a writable folder", path_,
        std::strerror(errno));
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;  // a leftover in the temporary folder is not worth an error
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace precis::flow
