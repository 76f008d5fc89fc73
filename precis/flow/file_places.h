// Refusing early what would write over a file that is still needed. Internal to precis/flow.
#pragma once

#include <string>
#include <vector>

#include "precis/core/io.h"

namespace precis::flow {

// Error(kUsage) where a file that is written would take the place of one that is read, or of another one that
// is written: the same file, or the same name in the same folder where there is none yet. Empty names are
// skipped.
void check_places(const std::vector<std::string>& read, const std::vector<std::string>& written);

// Error(kUsage) where the output is the input, is one of `read`, is a folder, or exists and may not be
// replaced; Error(kIo) where its folder is missing.
void check_output(const std::string& output, const std::string& input, const std::vector<std::string>& read,
                  Overwrite overwrite);

}  // namespace precis::flow
