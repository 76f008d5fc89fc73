// Opening a set before rows are chosen: what open_source and the splits share.
#pragma once

#include <vector>

#include "precis/data/array_source.h"
#include "precis/data/source.h"

namespace precis::data {

// All rows of the set, with labels and targets, not yet grouped into batches.
OpenedSource open_rows(const DataSpec& spec, const std::vector<InputSpec>& inputs);
// The rows that rows= and count= choose from a set of `size` rows. Error(kUsage) when that is none.
std::vector<int64_t> chosen_rows(const DataSpec& spec, int64_t size);
// At most `count` of `rows` (all when negative), evenly spread.
std::vector<int64_t> spread(const std::vector<int64_t>& rows, int64_t count);
// The chosen rows as samples.
SourcePtr finish(const OpenedSource& opened, std::vector<int64_t> rows);

}  // namespace precis::data
