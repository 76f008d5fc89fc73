// Calibration rows and judged rows: never the same ones, and any overlap found by content.
#include <algorithm>
#include <unordered_set>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/parallel.h"
#include "precis/core/text.h"
#include "precis/data/open_source.h"

namespace precis::data {
namespace {

bool is_same_set(const DataSpec& a, const DataSpec& b) {
  return !a.random() && !b.random() && same_file(a.path, b.path);
}

// Both sorted: what is in `rows` and not in `taken`.
std::vector<int64_t> without(const std::vector<int64_t>& rows, const std::vector<int64_t>& taken) {
  std::vector<int64_t> left;
  std::set_difference(rows.begin(), rows.end(), taken.begin(), taken.end(), std::back_inserter(left));
  return left;
}

DataSpec whole_range(DataSpec spec) {
  spec.count = -1;
  return spec;
}

// calib's rows of a set that it shares with `data_range`.
std::vector<int64_t> shared_calib_rows(const DataSpec& calib, const DataSpec& data,
                                       const std::vector<int64_t>& data_range, int64_t size) {
  if (calib.rows_given()) return chosen_rows(calib, size);
  std::vector<int64_t> rows = chosen_rows(whole_range(calib), size);
  if (data.rows_given()) {
    std::vector<int64_t> outside = without(rows, data_range);
    if (!outside.empty()) rows = std::move(outside);
  }
  const int64_t otherwise = std::min(kDefaultCalibRows, std::max<int64_t>(size / 2, 1));
  const int64_t count = calib.count < 0 ? otherwise : calib.count;
  rows.resize(static_cast<size_t>(std::min(count, static_cast<int64_t>(rows.size()))));
  return rows;
}

constexpr int64_t kHashedAtOnce = 16;

std::vector<uint64_t> content_hashes(const DataSource& source) {
  std::vector<uint64_t> hashes(static_cast<size_t>(source.size()));
  parallel_for(source.size(), kHashedAtOnce, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) hashes[static_cast<size_t>(i)] = source.content_hash(i);
  });
  return hashes;
}

int64_t count_overlap(const DataSource& calib, const DataSource& data) {
  const std::vector<uint64_t> calib_hashes = content_hashes(calib);
  const std::unordered_set<uint64_t> seen(calib_hashes.begin(), calib_hashes.end());  // asked, never iterated
  int64_t overlap = 0;
  for (uint64_t hash : content_hashes(data)) overlap += seen.count(hash) != 0 ? 1 : 0;
  return overlap;
}

SourcePtr rows_of(const OpenedSource& opened, const std::vector<int64_t>& rows) {
  return select_rows(opened.source, rows);
}

}  // namespace

Split open_calib_and_data(const DataSpec& calib, const DataSpec& data, const std::vector<InputSpec>& inputs) {
  const OpenedSource calib_set = open_rows(calib, inputs), data_set = open_rows(data, inputs);
  const int64_t calib_size = calib_set.source->size(), data_size = data_set.source->size();
  Split split;
  std::vector<int64_t> calib_rows, data_rows;
  if (is_same_set(calib, data)) {
    const std::vector<int64_t> range = chosen_rows(whole_range(data), data_size);
    calib_rows = shared_calib_rows(calib, data, range, calib_size);
    const std::vector<int64_t> left = without(range, calib_rows);
    check(!left.empty(), ErrorCode::kUsage,
          "'{}' is both calibration and test data, and calibration takes all of its {} rows; give other "
          "data, or fewer "
          "calibration rows with ',rows=A:B' or ',count=N'",
          printable(data.path), data_size);
    split.split_by_itself = left.size() != range.size() || !calib.rows_given();
    data_rows = spread(left, data.count);
  } else {
    calib_rows = chosen_rows(calib, calib_size);
    data_rows = chosen_rows(data, data_size);
  }
  if (!calib.random() && !data.random())
    split.overlap = count_overlap(*rows_of(calib_set, calib_rows), *rows_of(data_set, data_rows));
  split.calib = finish(calib_set, std::move(calib_rows));
  split.data = finish(data_set, std::move(data_rows));
  return split;
}

}  // namespace precis::data
