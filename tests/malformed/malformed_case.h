// One malformed (or strange but valid) input: how its file is made, and what the library and the program must
// answer.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "precis/core/error.h"
#include "tests/support/temp_dir.h"

namespace precis::test {

inline constexpr ErrorCode kAccepted{0};  // strange, but valid: exit code 0

struct MalformedCase {
  std::string id;  // of docs/reliability.md, with a letter for variants and words for the reader
  ErrorCode code = ErrorCode::kMalformed;
  std::string fragment;  // of the message
  // Makes what is needed in the folder and returns the path to give to the reader.
  std::function<std::string(const TempDir&)> make;
  uint64_t max_memory = 0;     // --max-memory; 0 = default
  bool follow_links = false;   // --follow-links
  double limit_seconds = 2.0;  // reading and checking take no longer
};

// A case whose file has these bytes.
MalformedCase bytes_case(std::string id, ErrorCode code, std::string fragment, std::string content);

std::vector<MalformedCase> file_cases();      // A
std::vector<MalformedCase> graph_cases();     // B
std::vector<MalformedCase> function_cases();  // B31 to B35, and local functions of other kinds
std::vector<MalformedCase> tensor_cases();    // C
std::vector<MalformedCase> external_cases();  // D
std::vector<MalformedCase> operator_cases();  // E

std::vector<MalformedCase> all_cases();

}  // namespace precis::test
