// The list of all cases, in the order of docs/reliability.md.
#include "tests/malformed/malformed_case.h"

#include "tests/support/files.h"

namespace precis::test {

MalformedCase bytes_case(std::string id, ErrorCode code, std::string fragment, std::string content) {
  return {std::move(id), code, std::move(fragment), [content = std::move(content)](const TempDir& dir) {
            spit(dir / "m.onnx", content);
            return dir / "m.onnx";
          }};
}

std::vector<MalformedCase> all_cases() {
  std::vector<MalformedCase> all;
  for (const auto& part :
       {file_cases(), graph_cases(), function_cases(), tensor_cases(), external_cases(), operator_cases()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace precis::test
