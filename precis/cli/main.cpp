// precis: the program. Everything it does is a library call (precis/flow); here are only arguments, text and
// exit codes.
#include "precis/cli/app.h"

int main(int argc, char** argv) { return precis::cli::run_app(argc, argv); }
