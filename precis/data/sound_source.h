// WAV files as samples of a model with one input of samples: a whole file in one call, or frames of it one
// after the other.
#pragma once

#include <vector>

#include "precis/data/file_list.h"
#include "precis/data/source.h"

namespace precis::data {

// Errors (kUsage): several inputs; per sample, a sampling rate or length that does not fit.
SourcePtr make_sound_source(FileList files, const DataSpec& spec, const std::vector<InputSpec>& inputs);

}  // namespace precis::data
