// precis: the program. Everything it does is a library call (precis/flow); here are only arguments, text and
// exit codes.
#include "precis/cli/app.h"
#include "precis/core/process_memory.h"

int main(int argc, char** argv) {
  precis::keep_freed_memory();
  return precis::cli::run_app(argc, argv);
}
