// test_data_set_N folders as the ONNX model zoo and the conformance suite have them: input_<i>.pb in the
// model's input order, output_<i>.pb as targets. Each folder is one sample, its shapes are taken as they are.
#pragma once

#include <string>
#include <vector>

#include "precis/data/source.h"

namespace precis::data {

// True when `folder` holds test_data_set_N folders or is one itself (has input_0.pb).
bool looks_like_test_data(const std::string& folder);
// Errors: kMalformed for broken files or a missing index, kUsage for more or fewer inputs than the model has;
// per sample kUsage for a type or shape that does not fit.
SourcePtr open_test_data(const std::string& folder, const std::vector<InputSpec>& inputs);

}  // namespace precis::data
