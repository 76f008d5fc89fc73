// Sources made of sources: chosen rows, labels and targets from files, and rows grouped into fixed batches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "precis/data/source.h"
#include "precis/data/stored_array.h"

namespace precis::data {

// Error(kMalformed) unless there is one label (target row) for each sample; `where` names the file.
SourcePtr with_labels(SourcePtr source, std::vector<int64_t> labels, const std::string& where);
SourcePtr with_targets(SourcePtr source,
                       std::vector<StoredArray> targets);  // rows along axis 0, fed as [1, ...]
// `batch` rows make one sample, joined along axis 0; the last sample repeats its last row, with label -1, to
// be full.
SourcePtr group_rows(SourcePtr source, int64_t batch);

}  // namespace precis::data
