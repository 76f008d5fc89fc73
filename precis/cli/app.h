// The command tree, and the one place where an Error becomes text and an exit code.
#pragma once

namespace precis::cli {

int run_app(int argc, char** argv);

}  // namespace precis::cli
