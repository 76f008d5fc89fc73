// Which form is it? By content, then opened.
#include "precis/data/open_source.h"

#include <numeric>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/data/idx.h"
#include "precis/data/image_file.h"
#include "precis/data/image_set.h"
#include "precis/data/inflated_bytes.h"
#include "precis/data/label_file.h"
#include "precis/data/next_token.h"
#include "precis/data/npy.h"
#include "precis/data/proto_source.h"
#include "precis/data/random_source.h"
#include "precis/data/row_views.h"
#include "precis/data/sound_source.h"
#include "precis/data/wav.h"
#include "precis/data/zip_archive.h"

namespace precis::data {
namespace {

constexpr const char* kForms =
    "an npy or npz file, a folder of npy files, test_data_set_N folders, a folder of JPEG or PNG pictures or "
    "WAV sounds "
    "(with class "
    "sub-folders or a labels.csv), a file,label table, IDX, or CIFAR binary (the last two .gz too)";

// Forms that users bring and that are not read, with what to do.
struct Foreign {
  std::string_view magic;
  const char* name;
};
constexpr Foreign kForeign[] = {
    {"PAR1", "Parquet"},
    {"ARROW1", "Arrow"},
    {"\x89HDF\r\n\x1a\n", "HDF5"},
    {"fLaC", "FLAC audio"},
    {"RIFF", "RIFF audio"},
    {"\x80\x02", "pickle"},
    {"\x80\x04", "pickle"},
    {"BZh", "bzip2"},
    {"\xfd"
     "7zXZ",
     "xz"},
    {"\x28\xb5\x2f\xfd", "zstd"},
    {"%PDF", "PDF"},
    {"SQLite format 3", "SQLite"},
};

[[noreturn]] void fail_unknown(const std::string& path, std::span<const std::byte> prefix) {
  const std::string name = printable(path);
  check(!prefix.empty(), ErrorCode::kMalformed, "'{}' is empty (0 bytes); expected {}", name, kForms);
  const std::string_view text(reinterpret_cast<const char*>(prefix.data()), prefix.size());
  for (const Foreign& f : kForeign)
    check(!text.starts_with(f.magic), ErrorCode::kUnsupported,
          "'{}' is a {} file, which is not read; convert it to npz "
          "(numpy.savez with the model's input names as keys)",
          name, f.name);
  fail(ErrorCode::kMalformed, "'{}' is of no form that is read; expected {}", name, kForms);
}

std::vector<int64_t> idx_labels(const std::string& path, const StoredArray& images) {
  const std::optional<std::string> labels_path = find_idx_labels(path);
  if (!labels_path) return {};
  std::vector<int64_t> labels = labels_of_array(parse_idx(open_bytes(*labels_path)));
  check(static_cast<int64_t>(labels.size()) == images.rows(), ErrorCode::kMalformed,
        "'{}' has {} labels, '{}' has {} pictures; they do not belong together", printable(*labels_path),
        labels.size(), images.name(), images.rows());
  return labels;
}

OpenedSource as_images(std::shared_ptr<const ImageSet> images, const DataSpec& spec,
                       const std::vector<InputSpec>& inputs) {
  const std::vector<int64_t>& dims = inputs.front().dims;
  const int64_t batch = dims.size() == 4 && dims[0] > 1 ? dims[0] : 1;
  return {make_image_source(std::move(images), spec, inputs), batch};
}

OpenedSource open_idx(const DataSpec& spec, const BytesPtr& bytes, const std::vector<InputSpec>& inputs) {
  StoredArray array = parse_idx(bytes);
  std::vector<int64_t> labels;
  if (spec.labels.empty()) labels = idx_labels(spec.path, array);
  if (holds_images(array))
    return as_images(make_array_images(std::move(array), std::move(labels), "IDX file"), spec, inputs);
  const std::string what = fmt::format("IDX file '{}'", array.name());
  OpenedSource opened = open_arrays({{"", std::move(array)}}, spec, inputs, what);
  if (!labels.empty()) opened.source = with_labels(opened.source, std::move(labels), spec.path);
  return opened;
}

bool is_text(std::span<const std::byte> prefix) {
  for (std::byte b : prefix) {
    const auto c = std::to_integer<unsigned char>(b);
    if (c < 32 && c != '\n' && c != '\r' && c != '\t') return false;
  }
  return !prefix.empty();
}

// A .gz file whose content is CIFAR records, or any other that is not read.
OpenedSource open_gzip(const DataSpec& spec, const BytesPtr& bytes, const std::vector<InputSpec>& inputs) {
  const BytesPtr inside = inflate_bytes(bytes, {});
  if (looks_like_cifar(*inside)) return as_images(open_cifar(inside), spec, inputs);
  fail(ErrorCode::kMalformed,
       "'{}' is a gzip file whose content ({} bytes) is of no form that is read in gzip; expected "
       "IDX or CIFAR binary (records of 3,073 or 3,074 bytes)",
       printable(spec.path), inside->size());
}

OpenedSource open_picture(const DataSpec& spec, std::span<const std::byte> prefix,
                          const std::vector<InputSpec>& inputs) {
  const ImageForm form = image_form(prefix);
  if (form != ImageForm::kJpeg && form != ImageForm::kPng)
    decode_image(prefix, printable(spec.path));  // says why not
  FileList list;
  list.what = fmt::format("'{}'", printable(spec.path));
  list.files = {spec.path};
  return as_images(open_image_files(std::move(list)), spec, inputs);
}

// Pictures or sounds: the first file tells.
OpenedSource open_listed(FileList list, const DataSpec& spec, const std::vector<InputSpec>& inputs) {
  const std::string first = list.path(0);
  if (path_kind(first) == PathKind::kFile && is_wav(read_prefix(*open_bytes(first), 16)))
    return {make_sound_source(std::move(list), spec, inputs)};
  return as_images(open_image_files(std::move(list)), spec, inputs);
}

OpenedSource open_file(const DataSpec& spec, const std::vector<InputSpec>& inputs) {
  const BytesPtr bytes = open_bytes(spec.path);
  const std::vector<std::byte> prefix = read_prefix(*bytes, 64);
  const std::string name = printable(spec.path);
  if (is_npy(prefix))
    return open_arrays({{"", parse_npy(bytes)}}, spec, inputs, fmt::format("npy file '{}'", name));
  if (is_zip(prefix)) return open_arrays(parse_npz(bytes), spec, inputs, fmt::format("npz file '{}'", name));
  if (looks_like_idx(bytes)) return open_idx(spec, bytes, inputs);
  if (is_gzip(prefix)) return open_gzip(spec, bytes, inputs);
  if (image_form(prefix) != ImageForm::kUnknown) return open_picture(spec, prefix, inputs);
  if (looks_like_cifar(*bytes)) return as_images(open_cifar(bytes), spec, inputs);
  if (is_wav(prefix)) return open_listed({fmt::format("'{}'", name), "", {spec.path}, {}, 0}, spec, inputs);
  if (is_text(prefix)) return open_listed(list_file_table(spec.path, parent_folder(spec.path)), spec, inputs);
  fail_unknown(spec.path, prefix);
}

bool has_ending(const std::vector<std::string>& names, std::string_view ending) {
  for (const std::string& name : names)
    if (name.ends_with(ending)) return true;
  return false;
}

// Folders of several IDX or CIFAR files (train and test): the user must say which.
void refuse_several_sets(const std::string& folder, const std::vector<std::string>& names) {
  std::vector<std::string> sets;
  for (const std::string& name : names) {
    const bool idx =
        name.find("images-idx") != std::string::npos || name.find("images.idx") != std::string::npos;
    const bool cifar = name.find("_batch") != std::string::npos && name.find(".bin") != std::string::npos;
    if (idx || cifar) sets.push_back(printable(name));
  }
  check(sets.empty(), ErrorCode::kUsage, "folder '{}' holds {} data file(s): {}; name the file that is meant",
        printable(folder), sets.size(), fmt::join(sets, ", "));
}

OpenedSource open_folder(const DataSpec& spec, const std::vector<InputSpec>& inputs) {
  if (looks_like_test_data(spec.path)) return {open_test_data(spec.path, inputs)};
  const std::vector<std::string> names = list_folder(spec.path);
  const bool has_table = has_ending(names, "labels.csv") || has_ending(names, "labels.txt");
  if (has_ending(names, ".npy") && !has_table) return open_array_folder(spec.path, spec, inputs);
  refuse_several_sets(spec.path, names);
  OpenedSource opened = open_listed(list_file_folder(spec.path, spec.labels), spec, inputs);
  opened.labels_used = true;  // a table may name the files, so the folder reads it
  return opened;
}

std::vector<StoredArray> open_targets(const std::string& path) {
  const BytesPtr bytes = open_bytes(path);
  const std::vector<std::byte> prefix = read_prefix(*bytes, 16);
  if (is_npy(prefix)) return {parse_npy(bytes)};
  check(is_zip(prefix), ErrorCode::kMalformed,
        "'{}' is no npy or npz file; targets are arrays with one row a sample", printable(path));
  std::vector<StoredArray> arrays;
  for (NamedArray& array : parse_npz(bytes)) arrays.push_back(std::move(array.array));
  return arrays;
}

}  // namespace

OpenedSource open_rows(const DataSpec& spec, const std::vector<InputSpec>& inputs) {
  check(!inputs.empty(), ErrorCode::kUsage, "the model has no inputs, so it needs no data");
  if (spec.next_token) {
    DataSpec whole = spec;
    whole.next_token = false;
    OpenedSource opened = open_rows(whole, whole_sequences(inputs));
    opened.source = next_tokens(opened.source, inputs);
    return opened;
  }
  if (spec.random()) return {open_random(spec, inputs)};
  const PathKind kind = path_kind(spec.path);
  check(kind != PathKind::kMissing, ErrorCode::kIo, "data '{}' does not exist; check the path",
        printable(spec.path));
  OpenedSource opened = kind == PathKind::kDirectory ? open_folder(spec, inputs) : open_file(spec, inputs);
  if (!spec.labels.empty() && !opened.labels_used) {
    LabelList labels = read_label_file(spec.labels);
    opened.source = with_labels(opened.source, std::move(labels.labels), printable(spec.labels));
  }
  if (!spec.targets.empty()) opened.source = with_targets(opened.source, open_targets(spec.targets));
  check(opened.source->size() > 0, ErrorCode::kUsage, "{} holds no samples; give data with at least one row",
        opened.source->describe());
  return opened;
}

std::vector<int64_t> spread(const std::vector<int64_t>& rows, int64_t count) {
  const auto size = static_cast<int64_t>(rows.size());
  if (count < 0 || count >= size) return rows;
  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < count; ++i) {
    // i * size / count without overflow: size = quotient * count + remainder.
    const int64_t at = i * (size / count) + i * (size % count) / count;
    chosen.push_back(rows[static_cast<size_t>(at)]);
  }
  return chosen;
}

std::vector<int64_t> chosen_rows(const DataSpec& spec, int64_t size) {
  const int64_t last = spec.last < 0 ? size : spec.last;
  check(spec.first < size && last <= size, ErrorCode::kUsage,
        "data '{}' has {} rows (0 to {}), rows={}:{} asks for others", printable(spec.path), size, size - 1,
        spec.first, spec.last < 0 ? "" : std::to_string(spec.last));
  std::vector<int64_t> rows(static_cast<size_t>(last - spec.first));
  std::iota(rows.begin(), rows.end(), spec.first);
  return spread(rows, spec.count);
}

SourcePtr finish(const OpenedSource& opened, std::vector<int64_t> rows) {
  const bool all = static_cast<int64_t>(rows.size()) == opened.source->size();
  SourcePtr source = all ? opened.source : select_rows(opened.source, std::move(rows));
  return opened.group > 1 ? group_rows(std::move(source), opened.group) : source;
}

SourcePtr open_source(const DataSpec& spec, const std::vector<InputSpec>& inputs) {
  const OpenedSource opened = open_rows(spec, inputs);
  return finish(opened, chosen_rows(spec, opened.source->size()));
}

}  // namespace precis::data
