// precis: the program. Everything it does is a library call (precis/flow); here are only arguments, text and
// exit codes.
#include <malloc.h>

#include "precis/cli/app.h"

namespace {

// Freed memory stays for the next tensor: given back to the kernel, as blocks above 128 KiB are by
// themselves, it would come again page by page, each cleared anew.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  return precis::cli::run_app(argc, argv);
}
