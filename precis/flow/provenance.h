// What a written model says of itself, so that the same inputs give the same bytes and later commands find
// what they need.
#pragma once

#include <optional>
#include <string>

#include "precis/data/preprocess.h"
#include "precis/flow/recipe.h"
#include "precis/graph/graph.h"

namespace precis::flow {

// What made the file, in its metadata: nothing that differs between two runs of the same recipe on the same
// inputs.
void mark_provenance(Model& model, const Recipe& recipe, const std::string& input_sha256);
// Evaluations of the output find in it what the input had beside it.
void remember_preprocess(Model& model, const std::optional<data::Preprocess>& preprocess);

// The preprocessing to use: `flag` (preset or file) when given, else MODEL.preprocess.yaml beside the model
// when it is there, else what the model's metadata says (`precis.preprocess`, written by quantize and
// simplify).
std::optional<data::Preprocess> find_preprocess(const std::string& flag, const std::string& model_path,
                                                const Model& model);

}  // namespace precis::flow
