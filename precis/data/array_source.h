// Sources over arrays: one npy, an npz, a folder of npy files, float IDX files.
#pragma once

#include <string>
#include <vector>

#include "precis/data/npy.h"
#include "precis/data/source.h"

namespace precis::data {

// A source of rows, and what is still to be done with it.
struct OpenedSource {
  SourcePtr source;
  int64_t group = 1;         // rows that make one sample: the model's fixed batch
  bool labels_used = false;  // the labels= file has been read with the set
};

// `arrays`: by name; with one model input a single array may have any name. Arrays named labels/label/y or
// targets/target that are no input become labels and targets. u8 pictures go through preprocessing when one
// is given or needed. `what`: "npz file 'x'". Error(kUsage) for missing inputs, rows that differ in number,
// shapes that do not fit.
OpenedSource open_arrays(std::vector<NamedArray> arrays, const DataSpec& spec,
                         const std::vector<InputSpec>& inputs, const std::string& what);
// A folder of npy files: named after the inputs, or (one input) each file one sample or a run of rows, in
// name order.
OpenedSource open_array_folder(const std::string& folder, const DataSpec& spec,
                               const std::vector<InputSpec>& inputs);
// A name as a file name: '/', ':' and other separators become '_'.
std::string file_safe(const std::string& name);

}  // namespace precis::data
