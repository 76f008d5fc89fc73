// Samples from TensorProto files.
#include "precis/data/proto_source.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/data/model_fit.h"
#include "precis/data/tensor_proto.h"

namespace precis::data {
namespace {

constexpr std::string_view kSetPrefix = "test_data_set_";

struct TestSet {
  std::string folder, name;
  int64_t number = 0;
  int64_t inputs = 0, outputs = 0;  // files
};

// The number in "<prefix>12<suffix>", or -1.
int64_t number_in(std::string_view name, std::string_view prefix, std::string_view suffix) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix) || name.size() <= prefix.size() + suffix.size())
    return -1;
  const std::string_view digits = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  const bool plain = digits.size() <= 9 && digits.find_first_not_of("0123456789") == std::string_view::npos;
  int64_t number = -1;
  return plain && parse_int(digits, number) ? number : -1;
}

// Counts files 0..n-1 of one kind; a gap is an error.
int64_t count_files(const TestSet& set, const std::vector<std::string>& names, const char* prefix) {
  std::vector<int64_t> numbers;
  for (const std::string& name : names)
    if (const int64_t number = number_in(name, prefix, ".pb"); number >= 0) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  for (size_t i = 0; i < numbers.size(); ++i)
    check(numbers[i] == static_cast<int64_t>(i), ErrorCode::kMalformed,
          "'{}' has no {}{}.pb but {} of higher number", printable(set.folder), prefix, i,
          numbers.size() - i);
  return static_cast<int64_t>(numbers.size());
}

class TestDataSource : public DataSource {
 public:
  TestDataSource(std::string folder, std::vector<TestSet> sets, std::vector<InputSpec> inputs)
      : folder_(std::move(folder)), sets_(std::move(sets)), inputs_(std::move(inputs)) {
    for (TestSet& set : sets_) {
      const std::vector<std::string> names = list_folder(set.folder);
      set.inputs = count_files(set, names, "input_");
      set.outputs = count_files(set, names, "output_");
      check(set.inputs == static_cast<int64_t>(inputs_.size()), ErrorCode::kUsage,
            "'{}' has {} input files, the model has {} inputs; expected input_0.pb to input_{}.pb",
            printable(set.folder), set.inputs, inputs_.size(), inputs_.size() - 1);
    }
  }
  int64_t size() const override { return static_cast<int64_t>(sets_.size()); }
  bool labelled() const override { return false; }
  std::string describe() const override {
    return fmt::format("test data '{}', {} set{}", printable(folder_), size(), size() == 1 ? "" : "s");
  }
  uint64_t content_hash(int64_t index) const override {
    const TestSet& set = sets_[static_cast<size_t>(index)];
    uint64_t hash = 0;
    for (int64_t i = 0; i < set.inputs; ++i) {
      const Tensor values = read_tensor_proto(path(set, "input_", i)).tensor;
      hash = xxh3(std::span(values.bytes(), static_cast<size_t>(values.nbytes())), hash);
    }
    return hash;
  }
  Sample get(int64_t index) const override {
    const TestSet& set = sets_[static_cast<size_t>(index)];
    Sample sample;
    sample.origin = set.name;
    for (int64_t i = 0; i < set.inputs; ++i) {
      const Tensor values = read_tensor_proto(path(set, "input_", i)).tensor;
      sample.content_hash =
          xxh3(std::span(values.bytes(), static_cast<size_t>(values.nbytes())), sample.content_hash);
      sample.inputs.push_back(checked(values, inputs_[static_cast<size_t>(i)], path(set, "input_", i)));
    }
    for (int64_t i = 0; i < set.outputs; ++i)
      sample.targets.push_back(read_tensor_proto(path(set, "output_", i)).tensor);
    return sample;
  }

 private:
  static std::string path(const TestSet& set, const char* prefix, int64_t i) {
    return join_path(set.folder, fmt::format("{}{}.pb", prefix, i));
  }
  static Tensor checked(const Tensor& values, const InputSpec& input, const std::string& path) {
    const std::string where = "'" + printable(path) + "'";
    if (!shape_fits(values.shape(), input.dims))
      fail_shape(input, where, values.shape(), "test data must have the model's shape");
    check(values.dtype() == input.dtype, ErrorCode::kUsage, "input '{}': {} holds {}, the model takes {}",
          printable(input.name), where, dtype_name(values.dtype()), dtype_name(input.dtype));
    return values;
  }

  std::string folder_;
  std::vector<TestSet> sets_;
  std::vector<InputSpec> inputs_;
};

std::vector<TestSet> find_sets(const std::string& folder) {
  if (path_kind(join_path(folder, "input_0.pb")) == PathKind::kFile)
    return {{folder, printable(folder.substr(folder.rfind('/') + 1)), 0, 0, 0}};
  std::vector<TestSet> sets;
  for (const std::string& name : list_folder(folder)) {
    const int64_t number = number_in(name, kSetPrefix, "");
    if (number >= 0 && path_kind(join_path(folder, name)) == PathKind::kDirectory)
      sets.push_back({join_path(folder, name), name, number, 0, 0});
  }
  std::sort(sets.begin(), sets.end(), [](const TestSet& a, const TestSet& b) { return a.number < b.number; });
  return sets;
}

}  // namespace

bool looks_like_test_data(const std::string& folder) {
  return folder.substr(folder.rfind('/') + 1).starts_with(kSetPrefix) || !find_sets(folder).empty();
}

SourcePtr open_test_data(const std::string& folder, const std::vector<InputSpec>& inputs) {
  std::vector<TestSet> sets = find_sets(folder);
  check(!sets.empty(), ErrorCode::kMalformed, "'{}' has no input_0.pb; expected input_0.pb to input_{}.pb",
        printable(folder), inputs.size() - 1);
  return std::make_shared<TestDataSource>(folder, std::move(sets), inputs);
}

}  // namespace precis::data
