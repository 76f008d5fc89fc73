// The range table as a file: "PRCRANGE", u32 version, u32 length and text of both hashes, u64 count, then per entry its key and
// statistics, u64 count and per value its key and channel sums, all little-endian; last the XXH3-64 of everything before. docs/calibration.md has the layout.
#include <bit>
#include <cmath>
#include <cstring>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/text.h"
#include "precis/quant/range_table.h"

namespace precis::quant {
namespace {

constexpr std::string_view kMagic = "PRCRANGE";
constexpr uint32_t kVersion = 3;
constexpr uint64_t kMaxKey = 4096;
constexpr uint64_t kMaxFile = 1ull << 30;

static_assert(std::endian::native == std::endian::little, "the file is written as it lies in memory");

class ByteWriter {
 public:
  template <typename T>
  void put(T v) {
    char raw[sizeof(T)];
    std::memcpy(raw, &v, sizeof(T));
    out.append(raw, sizeof(T));
  }
  void put_text(std::string_view s) {
    put<uint32_t>(static_cast<uint32_t>(s.size()));
    out.append(s);
  }
  std::string out;
};

class ByteReader {
 public:
  ByteReader(std::string_view bytes, const std::string& where) : bytes_(bytes), where_(where) {}
  template <typename T>
  T get() {
    need(sizeof(T));
    T v;
    std::memcpy(&v, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return v;
  }
  std::string get_text() {
    const uint32_t n = get<uint32_t>();
    if (n > kMaxKey) bad("a name is longer than 4096 bytes");
    need(n);
    std::string s(bytes_.substr(at_, n));
    at_ += n;
    return s;
  }
  size_t left() const { return bytes_.size() - at_; }
  [[noreturn]] void bad(const char* what) const {
    fail(ErrorCode::kMalformed, "range table {}: {} at byte {}; calibrate again with --save-ranges", where_, what, at_);
  }

 private:
  void need(size_t n) const {
    if (n > left()) bad("the file ends early");
  }
  std::string_view bytes_;
  const std::string& where_;
  size_t at_ = 0;
};

}  // namespace

struct RangeTableCodec {
  static void put(ByteWriter& w, const RangeStats& s) {
    w.put(s.min);
    w.put(s.max);
    for (double d : {s.ema_min, s.ema_max, s.first_min, s.first_max}) w.put(d);
    w.put(s.samples);
    w.put(s.elements);
    w.put<int32_t>(s.histogram.exponent_);
    w.put<int64_t>(s.histogram.first_);
    w.put<uint32_t>(static_cast<uint32_t>(s.histogram.counts_.size()));
    for (uint64_t c : s.histogram.counts_) w.put(c);
  }
  static void put(ByteWriter& w, const ChannelSums& s) {
    w.put(s.count);
    w.put<uint32_t>(static_cast<uint32_t>(s.sums.size()));
    for (double d : s.sums) w.put(d);
  }
  static ChannelSums get_channels(ByteReader& r) {
    ChannelSums s;
    s.count = r.get<uint64_t>();
    const uint32_t channels = r.get<uint32_t>();
    if (channels > r.left() / sizeof(double)) r.bad("there are fewer channel sums than announced");
    s.sums.resize(channels);
    for (double& d : s.sums) {
      d = r.get<double>();
      if (!std::isfinite(d)) r.bad("a channel sum is not finite");
    }
    return s;
  }
  static RangeStats get(ByteReader& r) {
    RangeStats s;
    s.min = r.get<float>();
    s.max = r.get<float>();
    for (double* d : {&s.ema_min, &s.ema_max, &s.first_min, &s.first_max}) *d = r.get<double>();
    s.samples = r.get<uint64_t>();
    s.elements = r.get<uint64_t>();
    if (!std::isfinite(s.min) || !std::isfinite(s.max) || s.min > s.max) r.bad("a range is not finite or not ordered");
    for (double d : {s.ema_min, s.ema_max, s.first_min, s.first_max})
      if (!std::isfinite(d)) r.bad("an average is not finite");
    s.histogram.exponent_ = r.get<int32_t>();
    s.histogram.first_ = r.get<int64_t>();
    const uint32_t bins = r.get<uint32_t>();
    if (bins > StreamingHistogram::kMaxBins || !within(s.histogram.exponent_, 200) || !within(s.histogram.first_, 1ll << 53))
      r.bad("a histogram is out of bounds");
    s.histogram.counts_.resize(bins);
    for (uint64_t& c : s.histogram.counts_) c = r.get<uint64_t>();
    if (bins > 0) check_histogram(r, s);
    return s;
  }
  static bool within(int64_t v, int64_t bound) { return -bound <= v && v <= bound; }
  // Whoever searches a histogram relies on these: its bins hold the whole range and each element once.
  static void check_histogram(const ByteReader& r, const RangeStats& s) {
    const double low = s.histogram.low();
    const double high = low + s.histogram.bin_width() * static_cast<double>(s.histogram.counts_.size());
    if (static_cast<double>(s.min) < low || static_cast<double>(s.max) > high) r.bad("a histogram does not hold its range");
    uint64_t left = s.elements;
    for (uint64_t c : s.histogram.counts_) {
      if (c > left) r.bad("a histogram holds more values than its value has elements");
      left -= c;
    }
    if (left != 0) r.bad("a histogram holds fewer values than its value has elements");
  }
};

std::string RangeTable::to_bytes() const {
  ByteWriter w;
  w.out.append(kMagic);
  w.put(kVersion);
  w.put_text(graph_hash);
  w.put_text(data_hash.size() > kMaxKey ? sha256_hex(data_hash) : data_hash);
  w.put<uint64_t>(entries.size());
  for (const auto& [key, stats] : entries) {
    w.put_text(key);
    RangeTableCodec::put(w, stats);
  }
  w.put<uint64_t>(channels.size());
  for (const auto& [key, sums] : channels) {
    w.put_text(key);
    RangeTableCodec::put(w, sums);
  }
  w.put(xxh3(std::as_bytes(std::span(w.out))));
  return std::move(w.out);
}

RangeTable RangeTable::from_bytes(std::string_view bytes, const std::string& where) {
  ByteReader r(bytes, where);
  check(bytes.substr(0, kMagic.size()) == kMagic, ErrorCode::kMalformed,
        "{} is not a range table (it does not begin with {}); make one with `precis quantize ... --save-ranges FILE`", where, kMagic);
  for (size_t i = 0; i < kMagic.size(); ++i) r.get<char>();
  const uint32_t version = r.get<uint32_t>();
  check(version == kVersion, ErrorCode::kUnsupported, "range table {} has version {}, this program reads version {}", where, version, kVersion);
  if (r.left() < sizeof(uint64_t)) r.bad("the file ends early");
  uint64_t stored = 0;
  std::memcpy(&stored, bytes.data() + bytes.size() - sizeof(stored), sizeof(stored));
  if (stored != xxh3(std::as_bytes(std::span(bytes.data(), bytes.size() - sizeof(stored))))) r.bad("the checksum does not match");
  RangeTable t;
  t.graph_hash = r.get_text();
  t.data_hash = r.get_text();
  const uint64_t count = r.get<uint64_t>();
  for (uint64_t i = 0; i < count; ++i) {
    std::string key = r.get_text();
    if (!t.entries.emplace(std::move(key), RangeTableCodec::get(r)).second) r.bad("a name appears twice");
  }
  const uint64_t averaged = r.get<uint64_t>();
  for (uint64_t i = 0; i < averaged; ++i) {
    std::string key = r.get_text();
    if (!t.channels.emplace(std::move(key), RangeTableCodec::get_channels(r)).second) r.bad("a name appears twice");
  }
  if (r.left() != sizeof(uint64_t)) r.bad("bytes are left over");
  return t;
}

void RangeTable::save(const std::string& path, Overwrite overwrite) const { write_file(path, to_bytes(), overwrite); }

RangeTable RangeTable::load(const std::string& path) {
  const auto bytes = read_file(path, kMaxFile);
  return from_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, printable(path));
}

}  // namespace precis::quant
