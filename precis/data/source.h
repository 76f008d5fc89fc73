// DataSource: samples of a data set, read lazily and by index, safe from several threads at once.
// A sample holds one tensor per model input (batch dimension 1, or the model's fixed batch) and its label or
// target. docs/data.md describes the forms that are read, the options of a data specification and the rules
// for splits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "precis/core/tensor.h"
#include "precis/data/preprocess.h"

namespace precis::data {

struct InputSpec {  // what the model wants for one input
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;  // -1 = any length
};

struct Sample {
  std::vector<Tensor> inputs;  // in the order of the InputSpecs
  int64_t label = -1;          // class, -1 when unlabelled
  // When not empty, instead of `label`: one a row of scores. Models with a fixed batch above 1 have one a row
  // of the batch, language models one a token; -1 for rows repeated to fill the batch.
  std::vector<int64_t> labels;
  // Above 1: along axis 0 of the inputs lies one call after the other of a model that keeps a state.
  int64_t calls = 1;
  bool sequence = false;        // the labels are the next tokens of sequences: their likelihood counts
  std::vector<Tensor> targets;  // npy targets, when the set has them; in output order
  std::string origin;           // "images/n01440764.jpg", "row 17"
  uint64_t content_hash = 0;    // of the raw content before preprocessing: finds overlaps between sets
};

class DataSource {
 public:
  virtual ~DataSource() = default;
  virtual int64_t size() const = 0;
  virtual Sample get(int64_t index) const = 0;             // thread-safe; Error names the file and row
  virtual uint64_t content_hash(int64_t index) const = 0;  // without decoding
  virtual bool labelled() const = 0;
  virtual std::string describe() const = 0;  // "image folder 'x', 500 files, 500 labels"
};

using SourcePtr = std::shared_ptr<const DataSource>;

// "PATH[,rows=A:B][,count=N][,labels=FILE][,targets=FILE][,preprocess=NAME|FILE][,cast=model][,task=next-token]
// [,rate=N][,frame=N][,context=N][,seed=N]" as given on the command line. PATH "random" is made-up data (only
// ever used when asked for by this word).
struct DataSpec {
  enum class Cast {
    kLossless,  // a stored type is converted only when the model's type holds all its values (u8 -> f32)
    kModel,     // any type, each value checked: floats are rounded, whole numbers must fit
  };
  std::string path;
  int64_t first = 0;
  int64_t last = -1;            // exclusive; -1 = end
  int64_t count = -1;           // at most this many, evenly spread over the range; -1 = all
  std::string labels, targets;  // extra files: npy/csv/idx labels, npy targets
  std::optional<Preprocess> preprocess;
  Cast cast = Cast::kLossless;
  bool next_token = false;  // sequences of tokens: all but the last go in, all but the first are the labels
  // Sounds: the sampling rate that is expected (0: any), samples a call (0: all of a file in one call), and
  // how many samples before them are fed too.
  int64_t rate = 0, frame = 0, context = 0;
  uint64_t seed = 0;  // "random" only

  bool rows_given() const { return first != 0 || last != -1; }
  bool random() const { return path == "random"; }
};
DataSpec parse_data_spec(const std::string& text);

// Recognises the form by content (not by extension) and opens it for a model with these inputs.
// Errors: kIo, kMalformed, kUsage (naming what was found, the forms that are read, and the next step),
// kUnsupported for forms that are recognised and not read.
SourcePtr open_source(const DataSpec& spec, const std::vector<InputSpec>& inputs);
// A subset of rows of `source`; Error(kUsage) when a row is outside.
SourcePtr select_rows(SourcePtr source, std::vector<int64_t> rows);

// Splits. When calib and data are the same set (one path), data gets the rows that calib does not use: calib
// takes its rows=A:B[,count], or else its first `count` (default kDefaultCalibRows, at most half of the set)
// rows outside data's rows.
inline constexpr int64_t kDefaultCalibRows = 100;
struct Split {
  SourcePtr calib, data;
  int64_t overlap = 0;           // samples of `data` whose content is also in `calib`
  bool split_by_itself = false;  // one set, and Precis chose the rows or took some out of `data`
};
Split open_calib_and_data(const DataSpec& calib, const DataSpec& data, const std::vector<InputSpec>& inputs);

}  // namespace precis::data
