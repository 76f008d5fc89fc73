// Sequences of token numbers as language models are judged on them: all tokens but the last go in, all but
// the first are the labels (data option task=next-token).
#pragma once

#include <vector>

#include "precis/data/source.h"

namespace precis::data {

// The inputs that the stored sequences must fit: one token longer than the model's where its length is fixed.
// Error(kUsage) when the model has no input of whole numbers of shape [batch, length].
std::vector<InputSpec> whole_sequences(std::vector<InputSpec> inputs);
// `source` was opened for whole_sequences(inputs). Other inputs of the tokens' shape (masks, positions) lose
// their last column too.
SourcePtr next_tokens(SourcePtr source, const std::vector<InputSpec>& inputs);

}  // namespace precis::data
