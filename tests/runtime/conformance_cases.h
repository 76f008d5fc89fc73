// The ONNX backend conformance cases as they lie on disk: <root>/<suite>/<case>/model.onnx with
// test_data_set_N/input_i.pb and output_i.pb; and the loop that runs them and counts.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "precis/graph/graph.h"

namespace precis::test {

using RunModel = std::function<std::vector<Tensor>(const Graph& graph, const std::vector<Tensor>& inputs)>;

struct ConformanceSummary {
  int passed = 0;
  std::vector<std::string> failed;         // "node/test_x: why"
  std::map<std::string, int> unsupported;  // operator, or why the model cannot be read -> cases
  std::vector<std::string> not_listed;     // "node/test_x: why" of the unsupported ones that nobody left out
  std::set<std::string> met;               // keys of the left out that some case met
  int total() const;
  std::string str() const;
};

// Runs every case of the suites under `root` (its folders in byte order). A case passes when all outputs of
// all its data sets agree: floats within 1e-7 + 1e-3 |want| (as ONNX's own runner), everything else exactly.
// Cases in `known` (name -> reason) are counted as unsupported with their reason. The keys of `left_out` are
// operators ("domain::Op" outside ONNX itself) or words of
// messages.
ConformanceSummary run_conformance(const std::string& root, const std::vector<std::string>& suites,
                                   const RunModel& run, const std::map<std::string, std::string>& known,
                                   const std::map<std::string, std::string>& left_out);

}  // namespace precis::test
