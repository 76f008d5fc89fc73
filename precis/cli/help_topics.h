// `precis help TOPIC`: short texts on what the flags cannot say.
#pragma once

#include "precis/cli/command.h"

namespace precis::cli {

void add_help_topics(CLI::App& app, Action& action);

}  // namespace precis::cli
