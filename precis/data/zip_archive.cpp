// The zip directory. Every number in it is untrusted: offsets and sizes are compared with the file before
// use.
#include "precis/data/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <set>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/data/byte_order.h"
#include "precis/data/inflated_bytes.h"

namespace precis::data {
namespace {

constexpr uint32_t kLocalSignature = 0x04034b50, kCentralSignature = 0x02014b50, kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50, kLocator64Signature = 0x07064b50;
constexpr uint64_t kEndSize = 22, kLocator64Size = 20, kEnd64Size = 56, kCentralSize = 46, kLocalSize = 30;
constexpr uint64_t kMaxComment = 65535;
constexpr uint64_t kMaxEntries = 65536;
constexpr uint64_t kMaxDirectory = 64u << 20;
constexpr uint64_t kMaxEntrySize = uint64_t{4} << 30;
constexpr uint64_t kMaxRatio = 1100;  // deflate reaches 1,032 to 1 at most
constexpr uint32_t kFull32 = 0xffffffffu;
constexpr uint16_t kFull16 = 0xffffu;

using Bytes = std::span<const std::byte>;

uint16_t u16(Bytes b, size_t at) { return load_le<uint16_t>(b.subspan(at)); }
uint32_t u32(Bytes b, size_t at) { return load_le<uint32_t>(b.subspan(at)); }
uint64_t u64(Bytes b, size_t at) { return load_le<uint64_t>(b.subspan(at)); }

// Replaces the saturated fields of `entry` by those of the zip64 extra field (id 1), in the order of the
// format.
void apply_zip64(Bytes extra, ZipEntry& entry, const std::string& file) {
  const bool needed =
      entry.size == kFull32 || entry.compressed_size == kFull32 || entry.header_offset == kFull32;
  if (!needed) return;
  while (extra.size() >= 4) {
    const size_t length = u16(extra, 2);
    check(length <= extra.size() - 4, ErrorCode::kMalformed, "'{}': entry '{}' has a damaged extra field",
          file, printable(entry.name));
    Bytes field = extra.subspan(4, length);
    if (u16(extra, 0) == 1) {
      for (uint64_t* value : {&entry.size, &entry.compressed_size, &entry.header_offset}) {
        if (*value != kFull32) continue;
        check(field.size() >= 8, ErrorCode::kMalformed,
              "'{}': entry '{}' has a zip64 field that is too short", file, printable(entry.name));
        *value = u64(field, 0);
        field = field.subspan(8);
      }
      return;
    }
    extra = extra.subspan(4 + length);
  }
  fail(ErrorCode::kMalformed, "'{}': entry '{}' needs a zip64 field and has none", file,
       printable(entry.name));
}

bool climbs(const std::string& name) {
  const std::vector<std::string> parts = split(name, '/');
  return std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part == ".."; });
}

void check_name(const std::string& name, const std::string& file) {
  const bool absolute = !name.empty() && (name.front() == '/' || (name.size() > 1 && name[1] == ':'));
  const char* why = name.empty()                           ? "is empty"
                    : absolute                             ? "is an absolute path"
                    : climbs(name)                         ? "leaves the archive with '..'"
                    : name.find('\\') != std::string::npos ? "has a backslash"
                    : name.find('\0') != std::string::npos ? "has a NUL byte"
                                                           : nullptr;
  check(why == nullptr, ErrorCode::kMalformed, "'{}': entry name '{}' {}; expected plain array names", file,
        printable(name), why ? why : "");
}

void check_sizes(const ZipEntry& e, const std::string& file) {
  const std::string name = printable(e.name);
  check(e.method == 0 || e.method == 8, ErrorCode::kUnsupported,
        "'{}': entry '{}' uses zip compression method {}; stored and deflated are read (numpy.savez writes "
        "those)",
        file, name, e.method);
  check(e.size <= kMaxEntrySize, ErrorCode::kLimit, "'{}': entry '{}' declares {}, the limit is {}", file,
        name, format_bytes(e.size), format_bytes(kMaxEntrySize));
  check(e.method != 0 || e.size == e.compressed_size, ErrorCode::kMalformed,
        "'{}': stored entry '{}' declares {} bytes but takes {}", file, name, e.size, e.compressed_size);
  check(e.size / kMaxRatio <= e.compressed_size, ErrorCode::kMalformed,
        "'{}': entry '{}' claims to grow from {} to {} bytes, more than {} to 1: a zip bomb or damaged sizes",
        file, name, e.compressed_size, e.size, kMaxRatio);
}

uint32_t crc_of(const ByteSource& source) {
  std::vector<std::byte> buffer(1u << 20);
  uLong crc = crc32(0, nullptr, 0);
  for (uint64_t at = 0; at < source.size(); at += buffer.size()) {
    const size_t n = std::min<uint64_t>(buffer.size(), source.size() - at);
    source.read(at, std::span(buffer).first(n));
    crc = crc32(crc, reinterpret_cast<const Bytef*>(buffer.data()), static_cast<uInt>(n));
  }
  return static_cast<uint32_t>(crc);
}

}  // namespace

ZipArchive::ZipArchive(BytesPtr source) : source_(std::move(source)) {
  const Directory directory = find_directory();
  read_entries(directory);
  check_entries(directory.offset);
}

ZipArchive::Directory ZipArchive::find_directory() const {
  const uint64_t tail_size = std::min(source_->size(), kEndSize + kMaxComment);
  const uint64_t tail_offset = source_->size() - tail_size;
  const std::vector<std::byte> tail = source_->read(tail_offset, tail_size);
  for (size_t at = tail_size < kEndSize ? 0 : tail_size - kEndSize + 1; at-- > 0;) {
    const Bytes end = Bytes(tail).subspan(at);
    if (u32(end, 0) != kEndSignature || u16(end, 20) != end.size() - kEndSize) continue;
    const Directory plain{u32(end, 16), u32(end, 12), u16(end, 10)};
    check(u16(end, 4) == 0 && u16(end, 6) == 0 && u16(end, 8) == u16(end, 10), ErrorCode::kUnsupported,
          "'{}' is one part of a multi-disk zip archive; join the parts first", source_->name());
    const Directory d = zip64_directory(tail_offset + at, plain);
    check(d.size <= kMaxDirectory && d.count <= kMaxEntries, ErrorCode::kLimit,
          "'{}' has a zip directory of {} entries and {} bytes; the limits are {} and {}", source_->name(),
          d.count, d.size, kMaxEntries, kMaxDirectory);
    check(d.offset <= tail_offset + at && d.size <= tail_offset + at - d.offset, ErrorCode::kMalformed,
          "'{}': the zip directory (offset {}, {} bytes) lies outside the file of {} bytes", source_->name(),
          d.offset, d.size, source_->size());
    return d;
  }
  fail(ErrorCode::kMalformed,
       "'{}' starts like a zip archive but has no directory at its end: the file is truncated; "
       "copy it again",
       source_->name());
}

ZipArchive::Directory ZipArchive::zip64_directory(uint64_t end_offset, Directory plain) const {
  const bool saturated = plain.offset == kFull32 || plain.size == kFull32 || plain.count == kFull16;
  const auto damaged = [&](const char* what) {
    fail(ErrorCode::kMalformed, "'{}': the zip64 directory {}; the archive is damaged", source_->name(),
         what);
  };
  if (!saturated) return plain;
  if (end_offset < kLocator64Size + kEnd64Size) damaged("is missing");
  const std::vector<std::byte> locator = source_->read(end_offset - kLocator64Size, kLocator64Size);
  if (u32(locator, 0) != kLocator64Signature) damaged("is missing");
  const uint64_t at = u64(locator, 8);
  if (at > end_offset - kLocator64Size - kEnd64Size) damaged("lies outside the file");
  const std::vector<std::byte> end = source_->read(at, kEnd64Size);
  if (u32(end, 0) != kEnd64Signature) damaged("has no signature where its locator points");
  const Directory d{u64(end, 48), u64(end, 40), u64(end, 32)};
  const bool agrees = (plain.offset == kFull32 || plain.offset == d.offset) &&
                      (plain.size == kFull32 || plain.size == d.size) &&
                      (plain.count == kFull16 || plain.count == d.count);
  if (!agrees) damaged("contradicts the plain one");
  return d;
}

void ZipArchive::read_entries(const Directory& directory) {
  const std::vector<std::byte> bytes = source_->read(directory.offset, directory.size);
  Bytes left = bytes;
  const std::string& file = source_->name();
  for (uint64_t i = 0; i < directory.count; ++i) {
    check(left.size() >= kCentralSize && u32(left, 0) == kCentralSignature, ErrorCode::kMalformed,
          "'{}': the zip directory has no entry {} of the {} it declares", file, i + 1, directory.count);
    const size_t name_size = u16(left, 28), extra_size = u16(left, 30), comment_size = u16(left, 32);
    check(left.size() - kCentralSize >= name_size + extra_size + comment_size, ErrorCode::kMalformed,
          "'{}': zip directory entry {} is longer than the directory", file, i + 1);
    ZipEntry e;
    e.name.assign(reinterpret_cast<const char*>(left.data() + kCentralSize), name_size);
    e.method = u16(left, 10);
    e.crc = u32(left, 16);
    e.compressed_size = u32(left, 20);
    e.size = u32(left, 24);
    e.header_offset = u32(left, 42);
    check((u16(left, 8) & 1) == 0, ErrorCode::kMalformed,
          "'{}': entry '{}' is encrypted; write it without a password", file, printable(e.name));
    apply_zip64(left.subspan(kCentralSize + name_size, extra_size), e, file);
    check_name(e.name, file);
    check_sizes(e, file);
    entries_.push_back(std::move(e));
    left = left.subspan(kCentralSize + name_size + extra_size + comment_size);
  }
}

// No two entries of one name, and no byte of the file used by two entries (the overlapping zip bomb).
void ZipArchive::check_entries(uint64_t directory_offset) const {
  std::set<std::string> names;
  std::vector<const ZipEntry*> by_offset;
  for (const ZipEntry& e : entries_) {
    check(names.insert(e.name).second, ErrorCode::kMalformed, "'{}' has two entries named '{}'",
          source_->name(), printable(e.name));
    by_offset.push_back(&e);
  }
  std::sort(by_offset.begin(), by_offset.end(),
            [](const ZipEntry* a, const ZipEntry* b) { return a->header_offset < b->header_offset; });
  for (size_t i = 0; i < by_offset.size(); ++i) {
    const ZipEntry& e = *by_offset[i];
    const uint64_t end = i + 1 < by_offset.size() ? by_offset[i + 1]->header_offset : directory_offset;
    const bool fits = e.header_offset <= end && end - e.header_offset >= kLocalSize + e.name.size() &&
                      end - e.header_offset - kLocalSize - e.name.size() >= e.compressed_size;
    check(fits, ErrorCode::kMalformed,
          "'{}': entry '{}' (offset {}, {} bytes) overlaps what follows it or leaves the file",
          source_->name(), printable(e.name), e.header_offset, e.compressed_size);
  }
}

uint64_t ZipArchive::data_offset(const ZipEntry& e) const {
  const std::vector<std::byte> local = source_->read(e.header_offset, kLocalSize);
  const uint64_t name_size = u16(local, 26);
  const bool matches =
      u32(local, 0) == kLocalSignature && u16(local, 8) == e.method && name_size == e.name.size();
  check(matches, ErrorCode::kMalformed, "'{}': the header of entry '{}' does not match the directory",
        source_->name(), printable(e.name));
  const std::vector<std::byte> name = source_->read(e.header_offset + kLocalSize, name_size);
  const bool sizes_follow = (u16(local, 6) & 8) != 0;  // a data descriptor comes after the data
  const auto agrees = [&](uint32_t declared, uint64_t size) {
    return sizes_follow || declared == kFull32 || declared == size;
  };
  check(std::equal(name.begin(), name.end(), reinterpret_cast<const std::byte*>(e.name.data())) &&
            agrees(u32(local, 18), e.compressed_size) && agrees(u32(local, 22), e.size),
        ErrorCode::kMalformed, "'{}': the header of entry '{}' does not match the directory (name or sizes)",
        source_->name(), printable(e.name));
  return e.header_offset + kLocalSize + name_size + u16(local, 28);
}

BytesPtr ZipArchive::open(const ZipEntry& entry) const {
  const std::string name = source_->name() + ": " + printable(entry.name);
  BytesPtr raw = slice_bytes(source_, data_offset(entry), entry.compressed_size, name);
  if (entry.method == 8) {
    InflateOptions options;
    options.form = DeflateForm::kRaw;
    options.expected_size = entry.size;
    options.expected_crc = entry.crc;
    return inflate_bytes(std::move(raw), options);
  }
  check(crc_of(*raw) == entry.crc, ErrorCode::kMalformed,
        "'{}' does not match its checksum: the file is damaged; copy it again", name);
  return raw;
}

bool is_zip(std::span<const std::byte> prefix) {
  if (prefix.size() < 4) return false;
  const uint32_t signature = load_le<uint32_t>(prefix);
  return signature == kLocalSignature || signature == kEndSignature;
}

}  // namespace precis::data
