// Arrays as samples.
#include "precis/data/array_source.h"

#include <algorithm>
#include <set>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/data/array_input.h"
#include "precis/data/image_set.h"
#include "precis/data/label_file.h"
#include "precis/data/row_views.h"

namespace precis::data {
namespace {

uint64_t chained(uint64_t hash, uint64_t next) { return xxh3(std::as_bytes(std::span(&next, 1)), hash); }

class ArraySource : public DataSource {
 public:
  ArraySource(std::vector<ArrayInput> inputs, std::string what)
      : inputs_(std::move(inputs)), what_(std::move(what)) {
    for (const ArrayInput& input : inputs_)
      if (input.mode() != ArrayInput::Rows::kConstant) size_ = input.size();
    for (const ArrayInput& input : inputs_)
      check(input.mode() == ArrayInput::Rows::kConstant || input.size() == size_, ErrorCode::kUsage,
            "'{}' has {} rows, '{}' has {}; all inputs need the same number", input.array().name(),
            input.size(), inputs_.back().array().name(), size_);
  }
  int64_t size() const override { return size_; }
  bool labelled() const override { return false; }
  std::string describe() const override { return fmt::format("{}, {} rows", what_, size_); }
  uint64_t content_hash(int64_t index) const override {
    uint64_t hash = inputs_.front().content_hash(index);
    for (size_t i = 1; i < inputs_.size(); ++i) hash = chained(hash, inputs_[i].content_hash(index));
    return hash;
  }
  Sample get(int64_t index) const override {
    Sample sample;
    sample.origin = fmt::format("row {}", index);
    for (const ArrayInput& input : inputs_) sample.inputs.push_back(input.row(index));
    sample.content_hash = content_hash(index);
    return sample;
  }

 private:
  std::vector<ArrayInput> inputs_;
  std::string what_;
  int64_t size_ = 1;
};

// One input, many files: only the number of rows of each file is kept, a file is open while it is read.
class ArrayFilesSource : public DataSource {
 public:
  ArrayFilesSource(const std::string& folder, std::vector<std::string> files, const DataSpec& spec,
                   const InputSpec& input)
      : folder_(folder), files_(std::move(files)), cast_(spec.cast), input_(input) {
    for (const std::string& file : files_) {
      first_rows_.push_back(size_);
      size_ += open(file).size();
    }
  }
  int64_t size() const override { return size_; }
  bool labelled() const override { return false; }
  std::string describe() const override {
    return fmt::format("folder '{}' of {} npy files, {} rows", printable(folder_), files_.size(), size_);
  }
  uint64_t content_hash(int64_t index) const override {
    const Place place = find(index);
    return open(files_[place.file]).content_hash(place.row);
  }
  Sample get(int64_t index) const override {
    const Place place = find(index);
    const ArrayInput input = open(files_[place.file]);
    Sample sample;
    sample.origin =
        printable(files_[place.file]) + (input.size() == 1 ? "" : fmt::format(" row {}", place.row));
    sample.inputs = {input.row(place.row)};
    sample.content_hash = input.content_hash(place.row);
    return sample;
  }

 private:
  struct Place {
    size_t file;
    int64_t row;
  };
  Place find(int64_t index) const {
    const auto after = std::upper_bound(first_rows_.begin(), first_rows_.end(), index);
    const auto file = static_cast<size_t>(after - first_rows_.begin() - 1);
    return {file, index - first_rows_[file]};
  }
  ArrayInput open(const std::string& file) const {
    return {open_npy(join_path(folder_, file)), input_, cast_};
  }

  std::string folder_;
  std::vector<std::string> files_;
  DataSpec::Cast cast_;
  InputSpec input_;
  std::vector<int64_t> first_rows_;
  int64_t size_ = 0;
};

// Takes the array of one of these names out of `arrays`.
std::optional<StoredArray> take_named(std::vector<NamedArray>& arrays,
                                      std::initializer_list<const char*> names) {
  for (const char* name : names)
    for (auto it = arrays.begin(); it != arrays.end(); ++it)
      if (it->name == name) {
        StoredArray array = std::move(it->array);
        arrays.erase(it);
        return array;
      }
  return std::nullopt;
}

[[noreturn]] void fail_missing(const InputSpec& input, const std::vector<NamedArray>& arrays,
                               const std::string& what) {
  std::vector<std::string> names;
  for (const NamedArray& a : arrays) names.push_back(printable(a.name));
  const std::string near = nearest(input.name, names);
  fail(ErrorCode::kUsage,
       "{} has no array for the model's input '{}'{}; found: {}; name the array after the input", what,
       printable(input.name), near.empty() ? "" : fmt::format(" (is it '{}'?)", near),
       names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
}

size_t array_of(const InputSpec& input, const std::vector<NamedArray>& arrays, size_t inputs,
                const std::string& what) {
  for (size_t i = 0; i < arrays.size(); ++i)
    if (arrays[i].name == input.name || arrays[i].name == file_safe(input.name)) return i;
  if (inputs == 1 && arrays.size() == 1) return 0;
  fail_missing(input, arrays, what);
}

// Pictures are preprocessed when the user says how, or when their rows do not fit as they are.
bool feeds_as_images(const StoredArray& array, const DataSpec& spec, const std::vector<InputSpec>& inputs) {
  if (inputs.size() != 1 || !holds_images(array)) return false;
  if (spec.preprocess) return true;
  try {
    const ArrayInput fits(array, inputs.front(), spec.cast);
    return false;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUsage) throw;
    return true;
  }
}

int64_t fixed_batch(const std::vector<InputSpec>& inputs) {
  const std::vector<int64_t>& dims = inputs.front().dims;
  return dims.empty() ? 1 : std::max<int64_t>(dims.front(), 1);
}

}  // namespace

std::string file_safe(const std::string& name) {
  std::string safe = name;
  for (char& c : safe)
    if (std::string_view("/\\:*?\"<>| ").find(c) != std::string_view::npos ||
        static_cast<unsigned char>(c) < 32)
      c = '_';
  return safe;
}

OpenedSource open_arrays(std::vector<NamedArray> arrays, const DataSpec& spec,
                         const std::vector<InputSpec>& inputs, const std::string& what) {
  const auto is_input = [&](const char* name) {
    return std::any_of(inputs.begin(), inputs.end(),
                       [&](const InputSpec& input) { return input.name == name; });
  };
  std::optional<StoredArray> labels, targets;
  if (!is_input("labels") && !is_input("label") && !is_input("y"))
    labels = take_named(arrays, {"labels", "label", "y"});
  if (!is_input("targets") && !is_input("target")) targets = take_named(arrays, {"targets", "target"});
  OpenedSource opened;
  std::vector<size_t> order;
  for (const InputSpec& input : inputs) order.push_back(array_of(input, arrays, inputs.size(), what));
  if (feeds_as_images(arrays[order[0]].array, spec, inputs)) {
    auto images = make_array_images(arrays[order[0]].array, {}, "picture array");
    opened.source = make_image_source(std::move(images), spec, inputs);
    opened.group = inputs.front().dims.size() == 4 ? fixed_batch(inputs) : 1;
  } else {
    std::vector<ArrayInput> rows;
    for (size_t i = 0; i < inputs.size(); ++i)
      rows.emplace_back(arrays[order[i]].array, inputs[i], spec.cast);
    if (rows.front().mode() == ArrayInput::Rows::kBatch) opened.group = fixed_batch(inputs);
    opened.source = std::make_shared<ArraySource>(std::move(rows), what);
  }
  if (labels) opened.source = with_labels(opened.source, labels_of_array(*labels), labels->name());
  if (targets) opened.source = with_targets(opened.source, {*targets});
  return opened;
}

OpenedSource open_array_folder(const std::string& folder, const DataSpec& spec,
                               const std::vector<InputSpec>& inputs) {
  std::vector<std::string> files;
  std::set<std::string> stems;
  for (const std::string& name : list_folder(folder))
    if (name.size() > 4 && name.ends_with(".npy")) {
      files.push_back(name);
      stems.insert(name.substr(0, name.size() - 4));
    }
  const auto has_file = [&](const InputSpec& input) {
    return stems.count(input.name) != 0 || stems.count(file_safe(input.name)) != 0;
  };
  const bool by_name = std::any_of(inputs.begin(), inputs.end(), has_file);
  const std::string what = fmt::format("folder '{}'", printable(folder));
  std::vector<std::string> extra = {"labels.npy", "label.npy", "y.npy", "targets.npy", "target.npy"};
  std::vector<std::string> samples;
  std::copy_if(files.begin(), files.end(), std::back_inserter(samples), [&](const std::string& file) {
    return std::find(extra.begin(), extra.end(), file) == extra.end();
  });
  if (by_name || inputs.size() != 1 || samples.size() == 1) {
    std::vector<NamedArray> arrays;
    for (const std::string& file : files)
      arrays.push_back({file.substr(0, file.size() - 4), open_npy(join_path(folder, file))});
    return open_arrays(std::move(arrays), spec, inputs, what);
  }
  OpenedSource opened;
  opened.source = std::make_shared<ArrayFilesSource>(folder, samples, spec, inputs.front());
  for (const std::string& file : files) {
    if (std::find(samples.begin(), samples.end(), file) != samples.end()) continue;
    const StoredArray array = open_npy(join_path(folder, file));
    opened.source = file.front() == 't' ? with_targets(opened.source, {array})
                                        : with_labels(opened.source, labels_of_array(array), array.name());
  }
  return opened;
}

}  // namespace precis::data
