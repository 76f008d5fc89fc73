// Parsing, opening and reading of external tensor data; see external_data.h.
#include "precis/onnx/external_data.h"

#include <algorithm>
#include <charconv>

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/onnx/sha1.h"

namespace precis::onnx_io {
namespace {

constexpr size_t kMaxOpenFiles = 64;
constexpr size_t kHashChunk = 1 << 20;

// Decimal digits only: no sign, no spaces, no exponent, at most 63 bits.
uint64_t parse_size(std::string_view key, std::string_view text, const std::string& where) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && end == text.data() + text.size() && value <= INT64_MAX, ErrorCode::kMalformed,
        "{}: external data {} is '{}', expected a decimal number of bytes from 0 to 2^63-1", where, key,
        printable(text));
  return value;
}

void check_location(std::string_view path, const std::string& where) {
  const auto refuse = [&](const char* why) {
    fail(ErrorCode::kMalformed,
         "{}: external data location '{}' {}; expected a plain relative path inside the model's folder",
         where, printable(path), why);
  };
  if (path.empty()) refuse("is empty");
  if (path.find('\0') != std::string_view::npos) refuse("contains a NUL byte");
  if (path.find('\\') != std::string_view::npos) refuse("contains a backslash (a Windows path?)");
  if (path.front() == '/') refuse("is an absolute path");
  if (path.size() >= 2 && path[1] == ':') refuse("names a drive");
  if (path == ".") refuse("is a folder");
  for (const std::string& part : split(path, '/'))
    if (part == "..") refuse("leaves the model's folder with '..'");
}

}  // namespace

ExternalData::Location ExternalData::parse(std::span<const ExternalEntry> entries, const std::string& where) {
  Location at;
  bool has_path = false;
  std::vector<std::string_view> seen;
  for (const auto& [key, value] : entries) {
    check(std::find(seen.begin(), seen.end(), key) == seen.end(), ErrorCode::kMalformed,
          "{}: external data key '{}' is given twice", where, printable(key));
    seen.push_back(key);
    if (key == "location") {
      at.path = value;
      has_path = true;
    } else if (key == "offset") {
      at.offset = parse_size(key, value, where);
    } else if (key == "length") {
      at.length = parse_size(key, value, where);
    } else if (key == "checksum") {
      at.checksum = to_lower(value);
    } else {
      fail(ErrorCode::kMalformed,
           "{}: unknown external data key '{}', expected location, offset, length or checksum", where,
           printable(key));
    }
  }
  check(has_path, ErrorCode::kMalformed,
        "{}: external data has no location; expected the name of a file beside the model", where);
  check_location(at.path, where);
  return at;
}

void ExternalData::reopen(File& f, const std::string& path) {
  if (open_order_.size() >= kMaxOpenFiles) {
    files_.at(open_order_.front()).open.reset();
    open_order_.erase(open_order_.begin());
  }
  f.open = InputFile::open_beneath(folder_, path, links_);
  open_order_.push_back(path);
}

ExternalData::File& ExternalData::file(const std::string& path, const std::string& where) {
  const auto [it, fresh] = files_.try_emplace(path);
  File& f = it->second;
  if (f.open) return f;
  try {
    reopen(f, path);
  } catch (const Error& e) {
    if (fresh) files_.erase(it);
    fail(e.code(), "{}: external data: {}", where, e.what());
  }
  if (fresh) {
    f.info = f.open->info();
    bytes_ += f.info.size;
    check(bytes_ <= limits().max_external_bytes, ErrorCode::kLimit,
          "{}: external data of {} in all, more than the limit of {}", where, format_bytes(bytes_),
          format_bytes(limits().max_external_bytes));
  }
  const FileInfo now = f.open->info();
  check(now.inode == f.info.inode && now.size == f.info.size && now.mtime_ns == f.info.mtime_ns,
        ErrorCode::kIo, "{}: external data file '{}' changed while the model was being read", where,
        printable(path));
  return f;
}

// The range itself when it was read before; refuses any other overlap.
const ExternalData::Range* ExternalData::find_shared(File& f, const std::string& path, uint64_t begin,
                                                     uint64_t end, const std::string& where) {
  auto next = f.ranges.lower_bound(begin);
  if (next != f.ranges.end() && next->first == begin && next->second.end == end) {
    if (!told_shared_)
      warnings_.push_back(
          fmt::format("{} and {} share the same bytes of '{}'", next->second.owner, where, printable(path)));
    told_shared_ = true;
    return &next->second;
  }
  const auto refuse = [&](const auto& other) {
    fail(ErrorCode::kMalformed,
         "{}: bytes {} to {} of '{}' overlap those of {} ({} to {}); expected separate or equal ranges",
         where, begin, end, printable(path), other.second.owner, other.first, other.second.end);
  };
  if (next != f.ranges.end() && next->first < end) refuse(*next);
  if (next != f.ranges.begin() && std::prev(next)->second.end > begin) refuse(*std::prev(next));
  return nullptr;
}

void ExternalData::verify_checksum(File& f, const Location& at, const std::string& where) {
  if (at.checksum.empty()) return;
  const bool hex = at.checksum.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (at.checksum.size() != 40 || !hex) {
    warnings_.push_back(fmt::format("{}: the checksum of '{}' is not a SHA-1 digest and was not verified",
                                    where, printable(at.path)));
    return;
  }
  if (f.sha1.empty()) {
    Sha1 hash;
    std::vector<std::byte> chunk(kHashChunk);
    for (uint64_t done = 0; done < f.info.size; done += chunk.size()) {
      const size_t take = static_cast<size_t>(std::min<uint64_t>(chunk.size(), f.info.size - done));
      f.open->read_exact(done, std::span(chunk).first(take));
      hash.update(std::span(chunk).first(take));
    }
    f.sha1 = hash.hex();
  }
  check(f.sha1 == at.checksum, ErrorCode::kMalformed,
        "{}: external data file '{}' has the SHA-1 checksum {}, expected {}; the file is damaged or not the "
        "model's own",
        where, printable(at.path), f.sha1, at.checksum);
}

Tensor ExternalData::read(std::span<const ExternalEntry> entries, DType dtype, const Shape& shape,
                          const std::string& where) {
  const Location at = parse(entries, where);
  const auto needed = static_cast<uint64_t>(dense_bytes(dtype, shape.numel()));
  check(!at.length || *at.length == needed, ErrorCode::kMalformed,
        "{}: external data length is {}, expected {} bytes for {}{}", where, at.length.value_or(0), needed,
        dtype_name(dtype), shape.str());
  File& f = file(at.path, where);
  const uint64_t size = f.info.size, begin = at.offset.value_or(0);
  check(begin <= size, ErrorCode::kMalformed,
        "{}: external data offset {} is beyond the end of '{}' ({} bytes)", where, begin, printable(at.path),
        size);
  check(needed <= size - begin, ErrorCode::kMalformed,
        "{}: external data needs {} bytes from offset {}, '{}' has {} bytes in all; is the file complete?",
        where, needed, begin, printable(at.path), size);
  check(at.length || size - begin == needed, ErrorCode::kMalformed,
        "{}: '{}' has {} bytes from offset {} on and no length is given, expected exactly {}", where,
        printable(at.path), size - begin, begin, needed);
  verify_checksum(f, at, where);
  if (needed == 0) return Tensor(dtype, shape);
  if (const Range* same = find_shared(f, at.path, begin, begin + needed, where)) {
    const auto owner = std::make_shared<Tensor>(same->tensor);
    return Tensor::view(dtype, shape, owner->bytes(), owner);
  }
  Tensor tensor(dtype, shape);
  f.open->read_exact(begin, {tensor.bytes(), static_cast<size_t>(needed)});
  f.ranges[begin] = {begin + needed, where, tensor};
  return tensor;
}

std::vector<std::string> ExternalData::files() const {
  std::vector<std::string> names;
  for (const auto& [name, f] : files_) names.push_back(name);
  return names;
}

void ExternalData::check_unchanged() const {
  for (const auto& [name, f] : files_)
    if (f.open) f.open->check_unchanged();
}

}  // namespace precis::onnx_io
