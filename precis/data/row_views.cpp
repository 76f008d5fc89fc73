// Views of sources.
#include "precis/data/row_views.h"

#include <algorithm>
#include <cstring>

#include "precis/core/check.h"
#include "precis/core/hash.h"

namespace precis::data {
namespace {

class ChosenRows : public DataSource {
 public:
  ChosenRows(SourcePtr source, std::vector<int64_t> rows)
      : source_(std::move(source)), rows_(std::move(rows)) {
    for (int64_t row : rows_)
      check(row >= 0 && row < source_->size(), ErrorCode::kUsage, "row {} is outside of {} with {} rows", row,
            source_->describe(), source_->size());
  }
  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }
  Sample get(int64_t index) const override { return source_->get(at(index)); }
  uint64_t content_hash(int64_t index) const override { return source_->content_hash(at(index)); }
  bool labelled() const override { return source_->labelled(); }
  std::string describe() const override { return fmt::format("{} of {}", size(), source_->describe()); }

 private:
  int64_t at(int64_t index) const { return rows_[static_cast<size_t>(index)]; }
  SourcePtr source_;
  std::vector<int64_t> rows_;
};

class LabelledRows : public DataSource {
 public:
  LabelledRows(SourcePtr source, std::vector<int64_t> labels)
      : source_(std::move(source)), labels_(std::move(labels)) {}
  int64_t size() const override { return source_->size(); }
  uint64_t content_hash(int64_t index) const override { return source_->content_hash(index); }
  bool labelled() const override { return true; }
  std::string describe() const override {
    return fmt::format("{}, {} labels", source_->describe(), labels_.size());
  }
  Sample get(int64_t index) const override {
    Sample sample = source_->get(index);
    sample.label = labels_[static_cast<size_t>(index)];
    return sample;
  }

 private:
  SourcePtr source_;
  std::vector<int64_t> labels_;
};

class RowsWithTargets : public DataSource {
 public:
  RowsWithTargets(SourcePtr source, std::vector<StoredArray> targets)
      : source_(std::move(source)), targets_(std::move(targets)) {}
  int64_t size() const override { return source_->size(); }
  uint64_t content_hash(int64_t index) const override { return source_->content_hash(index); }
  bool labelled() const override { return source_->labelled(); }
  std::string describe() const override { return source_->describe() + ", with targets"; }
  Sample get(int64_t index) const override {
    Sample sample = source_->get(index);
    for (const StoredArray& target : targets_) sample.targets.push_back(read_rows(target, index, 1));
    return sample;
  }

 private:
  SourcePtr source_;
  std::vector<StoredArray> targets_;
};

// Tensors of equal type and shape behind axis 0, joined along it.
Tensor joined(const std::vector<Tensor>& parts, const std::string& origin) {
  std::vector<int64_t> dims = parts.front().shape().dims();
  if (dims.empty()) return parts.front();  // a scalar input is the same in every row
  for (size_t i = 1; i < parts.size(); ++i) {
    check(parts[i].shape() == parts.front().shape(), ErrorCode::kUsage,
          "rows of shapes {} and {} ({}) cannot fill one batch; use a model with a free batch, or rows of "
          "one shape",
          parts.front().shape().str(), parts[i].shape().str(), origin);
  }
  dims[0] *= static_cast<int64_t>(parts.size());
  Tensor whole(parts.front().dtype(), Shape(std::move(dims)));
  std::byte* out = whole.bytes();
  for (const Tensor& part : parts) out = std::copy_n(part.bytes(), part.nbytes(), out);
  return whole;
}

class GroupedRows : public DataSource {
 public:
  GroupedRows(SourcePtr source, int64_t batch) : source_(std::move(source)), batch_(batch) {}
  int64_t size() const override { return ceil_div(source_->size(), batch_); }
  bool labelled() const override { return source_->labelled(); }
  std::string describe() const override {
    return fmt::format("{}, {} rows a batch", source_->describe(), batch_);
  }
  uint64_t content_hash(int64_t index) const override {
    uint64_t hash = 0;
    for (int64_t row = index * batch_; row < std::min((index + 1) * batch_, source_->size()); ++row) {
      const uint64_t next = source_->content_hash(row);
      hash = xxh3(std::as_bytes(std::span(&next, 1)), hash);
    }
    return hash;
  }
  Sample get(int64_t index) const override {
    std::vector<Sample> rows;
    for (int64_t i = 0; i < batch_; ++i) {
      const int64_t row = index * batch_ + i;
      rows.push_back(row < source_->size() ? source_->get(row) : rows.back());
      if (row >= source_->size()) unlabel(rows.back());
    }
    Sample sample;
    sample.origin = fmt::format("{} and the {} rows after it", rows.front().origin, batch_ - 1);
    sample.content_hash = content_hash(index);
    sample.label = rows.front().label;
    sample.sequence = rows.front().sequence;
    for (const Sample& row : rows) {
      if (row.labels.empty()) sample.labels.push_back(row.label);
      sample.labels.insert(sample.labels.end(), row.labels.begin(), row.labels.end());
    }
    sample.inputs = join_all(rows, &Sample::inputs);
    sample.targets = join_all(rows, &Sample::targets);
    return sample;
  }

 private:
  static void unlabel(Sample& repeated) {
    repeated.label = -1;
    std::fill(repeated.labels.begin(), repeated.labels.end(), -1);
  }
  static std::vector<Tensor> join_all(const std::vector<Sample>& rows, std::vector<Tensor> Sample::*member) {
    std::vector<Tensor> whole;
    for (size_t i = 0; i < (rows.front().*member).size(); ++i) {
      std::vector<Tensor> parts;
      for (const Sample& row : rows) parts.push_back((row.*member)[i]);
      whole.push_back(joined(parts, rows.front().origin));
    }
    return whole;
  }
  SourcePtr source_;
  int64_t batch_;
};

}  // namespace

SourcePtr select_rows(SourcePtr source, std::vector<int64_t> rows) {
  return std::make_shared<ChosenRows>(std::move(source), std::move(rows));
}

SourcePtr with_labels(SourcePtr source, std::vector<int64_t> labels, const std::string& where) {
  check(static_cast<int64_t>(labels.size()) == source->size(), ErrorCode::kMalformed,
        "'{}' has {} labels for {} samples ({}); give one label a sample", where, labels.size(),
        source->size(), source->describe());
  return std::make_shared<LabelledRows>(std::move(source), std::move(labels));
}

SourcePtr with_targets(SourcePtr source, std::vector<StoredArray> targets) {
  for (const StoredArray& target : targets)
    check(target.shape.rank() > 0 && target.rows() == source->size(), ErrorCode::kMalformed,
          "'{}' has shape {} for {} samples ({}); targets are one row a sample", target.name(),
          target.shape.str(), source->size(), source->describe());
  return std::make_shared<RowsWithTargets>(std::move(source), std::move(targets));
}

SourcePtr group_rows(SourcePtr source, int64_t batch) {
  return std::make_shared<GroupedRows>(std::move(source), batch);
}

}  // namespace precis::data
