// Plain file access for tests, beside (not through) the code under test; and the place of the real data.
#pragma once

#include <string>
#include <string_view>

namespace precis::test {

std::string slurp(const std::string& path);  // whole content; throws when it cannot be read
void spit(const std::string& path, std::string_view content);
bool exists(const std::string& path);  // a dangling link exists, too

// Path of `name` in the folder of real models and data (environment PRECIS_SHARED_DATA, or the build's
// setting);
// "" when it is not there. Tests that need it: if (path.empty()) GTEST_SKIP() << "no real data: " << name;
std::string shared_data(const std::string& name);

}  // namespace precis::test
