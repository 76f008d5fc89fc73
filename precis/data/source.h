// DataSource: samples of a data set, read lazily and by index, safe from several threads at once.
// A sample holds one tensor per model input (batch dimension 1, or the model's fixed batch) and its label or target.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "precis/core/tensor.h"
#include "precis/data/preprocess.h"

namespace precis::data {

struct InputSpec {            // what the model wants for one input
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;  // -1 = any length
};

struct Sample {
  std::vector<Tensor> inputs;      // in the order of the InputSpecs
  int64_t label = -1;              // class, -1 when unlabelled
  std::vector<Tensor> targets;     // npy targets, when the set has them; in output order
  std::string origin;              // "images/n01440764.jpg", "row 17"
  uint64_t content_hash = 0;       // of the raw content before preprocessing: finds overlaps between sets
};

class DataSource {
 public:
  virtual ~DataSource() = default;
  virtual int64_t size() const = 0;
  virtual Sample get(int64_t index) const = 0;   // thread-safe; Error names the file and row
  virtual uint64_t content_hash(int64_t index) const = 0;  // without decoding
  virtual bool labelled() const = 0;
  virtual std::string describe() const = 0;      // "image folder, 500 files, 500 labels"
};

// "PATH[,rows=A:B][,count=N][,labels=FILE][,targets=FILE]..." as given on the command line.
struct DataSpec {
  std::string path;
  int64_t first = 0;
  int64_t last = -1;               // exclusive; -1 = end
  int64_t count = -1;              // at most this many, evenly spread over the range; -1 = all
  std::string labels, targets;     // extra files: npy/csv/idx labels, npy targets
  std::optional<Preprocess> preprocess;
};
DataSpec parse_data_spec(const std::string& text);

// Recognises the form by content (not by extension) and opens it for a model with these inputs.
// Errors: kIo, kMalformed, kUsage (naming what was found, the forms that are read, and the next step).
std::shared_ptr<const DataSource> open_source(const DataSpec& spec, const std::vector<InputSpec>& inputs);
// A subset of rows of `source`.
std::shared_ptr<const DataSource> select_rows(std::shared_ptr<const DataSource> source, std::vector<int64_t> rows);

// Splits: when calib and data are the same set, data gets the rows that calib does not use.
struct Split {
  std::shared_ptr<const DataSource> calib, data;
  int64_t overlap = 0;             // samples of `data` whose content is also in `calib`
  bool split_by_itself = false;
};
Split open_calib_and_data(const DataSpec& calib, const DataSpec& data, const std::vector<InputSpec>& inputs);

}  // namespace precis::data
