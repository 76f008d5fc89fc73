// zlib streams with check points. A state copied by inflateCopy holds the 32 KiB window and the bit position,
// so decoding goes on from it as if it had never stopped; the input position is kept beside it.
#include "precis/data/inflated_bytes.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <list>
#include <mutex>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis::data {
namespace {

constexpr uint64_t kBlock = 1u << 20;
constexpr size_t kMaxCheckpoints = 256;
constexpr size_t kMaxCachedBlocks = 16;
constexpr size_t kInputBuffer = 64u << 10;

// One decoder at one position of the stream. gzip files may be several members in a row.
class Inflater {
 public:
  Inflater(BytesPtr source, DeflateForm form) : source_(std::move(source)), form_(form) {
    const int window = form == DeflateForm::kGzip ? 15 + 16 : -15;
    check(inflateInit2(&stream_, window) == Z_OK, ErrorCode::kLimit, "not enough memory to decode '{}'",
          source_->name());
  }
  Inflater(const Inflater& other)
      : source_(other.source_),
        form_(other.form_),
        consumed_(other.consumed()),
        output_(other.output_),
        ended_(other.ended_) {
    // zlib copies the state from a non-const stream but does not change it.
    check(inflateCopy(&stream_, const_cast<z_stream*>(&other.stream_)) == Z_OK, ErrorCode::kLimit,
          "not enough memory to decode '{}'", source_->name());
    stream_.next_in = nullptr;
    stream_.avail_in = 0;
  }
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  uint64_t output() const { return output_; }

  // Decodes up to out.size() bytes; fewer only at the end of the stream.
  size_t decode(std::span<std::byte> out) {
    size_t done = 0;
    while (done < out.size() && !ended_) {
      if (stream_.avail_in == 0) refill();
      const size_t room = std::min<size_t>(out.size() - done, 1u << 30);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + done);
      stream_.avail_out = static_cast<uInt>(room);
      const int result = inflate(&stream_, Z_NO_FLUSH);
      done += room - stream_.avail_out;
      if (result == Z_STREAM_END)
        end_of_member();
      else
        check(result == Z_OK || (result == Z_BUF_ERROR && stream_.avail_in == 0), ErrorCode::kMalformed,
              "'{}' has damaged compressed data near byte {}{}; copy it again", source_->name(), consumed(),
              stream_.msg ? fmt::format(" ({})", stream_.msg) : "");
    }
    output_ += done;
    return done;
  }

 private:
  uint64_t consumed() const { return consumed_ - stream_.avail_in; }

  void refill() {
    const uint64_t left = source_->size() - consumed_;
    check(left != 0, ErrorCode::kMalformed,
          "'{}' ends in the middle of its compressed data (byte {}): the file is truncated; copy it again",
          source_->name(), consumed_);
    input_.resize(std::min<uint64_t>(left, kInputBuffer));
    source_->read(consumed_, input_);
    consumed_ += input_.size();
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(input_.size());
  }

  void end_of_member() {
    if (stream_.avail_in == 0 && consumed_ < source_->size()) refill();
    const bool more = stream_.avail_in != 0;
    const bool another_member = more && form_ == DeflateForm::kGzip && *stream_.next_in == 0x1f;
    if (another_member) {
      inflateReset(&stream_);
      return;
    }
    check(!more || (form_ == DeflateForm::kGzip && only_zeros_left()), ErrorCode::kMalformed,
          "'{}' has {} bytes after the end of its compressed data; expected none", source_->name(),
          source_->size() - consumed());
    ended_ = true;
  }

  bool only_zeros_left() {  // padding that tape tools add
    for (;;) {
      const Bytef* end = stream_.next_in + stream_.avail_in;
      if (std::any_of(stream_.next_in, const_cast<Bytef*>(end), [](Bytef b) { return b != 0; })) return false;
      stream_.avail_in = 0;
      if (consumed_ == source_->size()) return true;
      refill();
    }
  }

  BytesPtr source_;
  DeflateForm form_;
  z_stream stream_{};
  std::vector<std::byte> input_;
  uint64_t consumed_ = 0;  // input bytes read from the source, those in the buffer included
  uint64_t output_ = 0;
  bool ended_ = false;
};

class InflatedBytes : public ByteSource {
 public:
  InflatedBytes(BytesPtr source, const InflateOptions& options)
      : ByteSource(source->name()), source_(std::move(source)), form_(options.form) {
    scan(options);
  }
  uint64_t size() const override { return size_; }

 protected:
  void read_range(uint64_t offset, std::span<std::byte> out) const override {
    const std::lock_guard lock(mutex_);
    while (!out.empty()) {
      const std::vector<std::byte>& block = load_block(offset / kBlock);
      const uint64_t from = offset % kBlock;
      const size_t n = std::min<size_t>(out.size(), block.size() - from);
      std::copy_n(block.begin() + static_cast<std::ptrdiff_t>(from), n, out.begin());
      out = out.subspan(n);
      offset += n;
    }
  }

 private:
  struct CachedBlock {
    uint64_t index;
    std::vector<std::byte> bytes;
  };

  void scan(const InflateOptions& options) {
    const uint64_t most = options.expected_size.value_or(options.max_size);
    Inflater inflater(source_, form_);
    std::vector<std::byte> block(kBlock);
    uLong crc = crc32(0, nullptr, 0);
    for (;;) {
      if (inflater.output() % (interval_ * kBlock) == 0) add_checkpoint(inflater);
      const size_t n = inflater.decode(block);
      crc = crc32(crc, reinterpret_cast<const Bytef*>(block.data()), static_cast<uInt>(n));
      size_ += n;
      check(size_ <= most, options.expected_size ? ErrorCode::kMalformed : ErrorCode::kLimit,
            "'{}' decodes to more than the {} bytes {}", name(), most,
            options.expected_size ? "that its header declares" : "that are allowed");
      if (n < block.size()) break;
    }
    check(!options.expected_size || size_ == *options.expected_size, ErrorCode::kMalformed,
          "'{}' decodes to {} bytes, its header declares {}", name(), size_,
          options.expected_size.value_or(0));
    check(!options.expected_crc || crc == *options.expected_crc, ErrorCode::kMalformed,
          "'{}' does not match its checksum: the file is damaged; copy it again", name());
  }

  // Twice the distance and half the states whenever there are too many.
  void add_checkpoint(const Inflater& inflater) {
    if (checkpoints_.size() == kMaxCheckpoints) {
      for (size_t i = 1; 2 * i < checkpoints_.size(); ++i) checkpoints_[i] = std::move(checkpoints_[2 * i]);
      checkpoints_.resize(kMaxCheckpoints / 2);
      interval_ *= 2;
      if (inflater.output() % (interval_ * kBlock) != 0) return;
    }
    checkpoints_.push_back(std::make_unique<Inflater>(inflater));
  }

  const std::vector<std::byte>& load_block(uint64_t index) const {
    const auto hit =
        std::find_if(cache_.begin(), cache_.end(), [&](const CachedBlock& b) { return b.index == index; });
    if (hit != cache_.end()) {
      cache_.splice(cache_.begin(), cache_, hit);
      return cache_.front().bytes;
    }
    const uint64_t start = index * kBlock;
    const Inflater& nearest = *checkpoints_[std::min<size_t>(index / interval_, checkpoints_.size() - 1)];
    const bool go_on = cursor_ && cursor_->output() <= start && cursor_->output() >= nearest.output();
    if (!go_on) cursor_ = std::make_unique<Inflater>(nearest);
    CachedBlock block{index, std::vector<std::byte>(kBlock)};
    bool moved = true;
    while (moved && cursor_->output() < start) moved = cursor_->decode(block.bytes) != 0;
    block.bytes.resize(cursor_->decode(block.bytes));
    check(moved && block.bytes.size() == std::min(kBlock, size_ - start), ErrorCode::kIo,
          "'{}' changed while it was being read", name());
    cache_.push_front(std::move(block));
    if (cache_.size() > kMaxCachedBlocks) cache_.pop_back();
    return cache_.front().bytes;
  }

  BytesPtr source_;
  DeflateForm form_;
  uint64_t size_ = 0;
  uint64_t interval_ = 1;  // blocks from one checkpoint to the next
  std::vector<std::unique_ptr<Inflater>> checkpoints_;
  mutable std::mutex mutex_;
  mutable std::list<CachedBlock> cache_;      // most recently used first
  mutable std::unique_ptr<Inflater> cursor_;  // where the last read stopped: reading in order never goes back
};

}  // namespace

BytesPtr inflate_bytes(BytesPtr source, const InflateOptions& options) {
  return std::make_shared<InflatedBytes>(std::move(source), options);
}

std::vector<std::byte> inflate_prefix(const BytesPtr& source, DeflateForm form, uint64_t size) {
  Inflater inflater(source, form);
  std::vector<std::byte> bytes(size);
  bytes.resize(inflater.decode(bytes));
  return bytes;
}

bool is_gzip(std::span<const std::byte> prefix) {
  return prefix.size() >= 3 && prefix[0] == std::byte{0x1f} && prefix[1] == std::byte{0x8b} &&
         prefix[2] == std::byte{8};
}

}  // namespace precis::data
