// The scanner of wire_scan.h: one loop over tags with an explicit stack of open messages.
#include "precis/onnx/wire_scan.h"

#include <array>

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"

namespace precis::onnx_io {
namespace {

enum WireType : uint8_t {
  kWireVarint = 0,
  kWireFixed64 = 1,
  kWireBytes = 2,
  kWireGroup = 3,
  kWireGroupEnd = 4,
  kWireFixed32 = 5
};

constexpr int kMaxFrames = 256;  // more than any configurable depth limit needs
constexpr uint64_t kStringBytes =
    32 + 16;  // std::string object and allocator share; its characters come on top
constexpr uint64_t kUnknownFieldBytes = 40;  // UnknownField in a growing vector

struct Frame {
  const WireMessage* message = nullptr;
  uint64_t end = 0;
  uint32_t seen_messages = 0;  // singular message fields met so far, by field number
};

const char* wire_type_name(int type) {
  static constexpr std::array kNames = {"varint",      "64-bit",    "length-delimited",
                                        "group start", "group end", "32-bit"};
  return type <= kWireFixed32 ? kNames[static_cast<size_t>(type)] : "unknown";
}

int expected_wire_type(FieldForm form) {
  switch (form) {
    case FieldForm::kVarint:
      return kWireVarint;
    case FieldForm::kFixed32:
      return kWireFixed32;
    case FieldForm::kFixed64:
      return kWireFixed64;
    default:
      return kWireBytes;
  }
}

class Scanner {
 public:
  Scanner(std::span<const std::byte> bytes, const std::string& what)
      : bytes_(bytes), what_(what), memory_limit_(memory_limit(bytes.size())) {}

  WireStats run(MessageKind root) {
    push(wire_message(root), root, bytes_.size());
    while (depth_ > 0) {
      if (at_ == top().end)
        --depth_;
      else
        field();
    }
    return stats_;
  }

 private:
  Frame& top() { return stack_[static_cast<size_t>(depth_ - 1)]; }

  template <typename... Args>
  [[noreturn]] void malformed(fmt::format_string<Args...> format, Args&&... args) {
    fail(ErrorCode::kMalformed, "{} is not a valid ONNX file: byte {}, in {}: {}", what_, at_,
         depth_ > 0 ? top().message->name : "the file", fmt::format(format, std::forward<Args>(args)...));
  }

  // Where an open message ends: the file's own end (then the file was cut) or its parent's.
  [[noreturn]] void too_short(const char* thing, uint64_t needed) {
    const uint64_t left = top().end - at_;
    if (top().end == bytes_.size())
      malformed("{} needs {} more bytes, the file has {} left; it is truncated or not an ONNX file", thing,
                needed, left);
    malformed("{} needs {} more bytes, its message has {} left", thing, needed, left);
  }

  uint64_t varint(const char* thing) {
    uint64_t value = 0;
    for (int i = 0; i < 10; ++i) {
      if (at_ == top().end) too_short(thing, 1);
      const auto b = std::to_integer<uint64_t>(bytes_[at_++]);
      value |= (b & 0x7f) << (7 * i);
      if (b < 0x80) return value;
    }
    malformed("{} is a varint of more than 10 bytes", thing);
  }

  void skip(const char* thing, uint64_t length) {
    if (length > top().end - at_) too_short(thing, length);
    at_ += length;
  }

  void charge(uint64_t memory) {
    stats_.memory_bytes += memory;
    if (stats_.memory_bytes > memory_limit_) [[unlikely]]
      fail(ErrorCode::kLimit,
           "{}: its messages ({} so far) would take more memory than the limit of {}; raise --max-memory if "
           "you "
           "trust the file",
           what_, stats_.messages, format_bytes(memory_limit_));
  }

  void push(const WireMessage& message, MessageKind kind, uint64_t end) {
    const int limit = std::min(limits().max_message_depth, kMaxFrames);
    check(depth_ < limit, ErrorCode::kMalformed, "{}: byte {}: messages are nested more than {} deep", what_,
          at_, limit);
    stack_[static_cast<size_t>(depth_++)] = Frame{&message, end};
    stats_.depth = std::max(stats_.depth, depth_);
    ++stats_.messages;
    check(stats_.messages <= limits().max_messages, ErrorCode::kLimit, "{}: more than {} messages", what_,
          limits().max_messages);
    count(kind);
    charge(message.bytes);
  }

  void count(MessageKind kind) {
    if (kind == MessageKind::kNode)
      check(++stats_.nodes <= limits().max_nodes, ErrorCode::kLimit, "{}: more than {} nodes", what_,
            limits().max_nodes);
  }

  void field() {
    const uint64_t tag = varint("a field tag");
    const uint64_t number = tag >> 3;
    const int type = static_cast<int>(tag & 7);
    if (number == 0) malformed("field number 0 does not exist");
    if (number >= 1u << 29) malformed("field number {} is out of range", number);
    if (type == kWireGroup || type == kWireGroupEnd)
      malformed("field {} is a group ({}); ONNX files have none", number, wire_type_name(type));
    if (type > kWireFixed32) malformed("field {} has the unknown wire type {}", number, type);
    const WireField* known = find_wire_field(*top().message, number);
    if (known)
      known_field(*known, type);
    else
      unknown_field(type);
  }

  void unknown_field(int type) {
    charge(kUnknownFieldBytes);
    const uint64_t length = skip_value("an unknown field", type);
    if (type == kWireBytes) charge(kStringBytes + length);
  }

  // Returns the payload's length for length-delimited fields.
  uint64_t skip_value(const char* thing, int type) {
    switch (type) {
      case kWireVarint:
        varint(thing);
        return 0;
      case kWireFixed64:
        skip(thing, 8);
        return 0;
      case kWireFixed32:
        skip(thing, 4);
        return 0;
      default: {
        const uint64_t length = varint(thing);
        skip(thing, length);
        return length;
      }
    }
  }

  void known_field(const WireField& f, int type) {
    const int expected = expected_wire_type(f.form);
    const bool packed = type == kWireBytes && f.repeat == Repeat::kYes && expected != kWireBytes;
    if (type != expected && !packed)
      malformed("field '{}' has wire type {}, expected {}", f.name, wire_type_name(type),
                wire_type_name(expected));
    if (packed) return packed_numbers(f);
    if (f.form == FieldForm::kMessage) return open_message(f);
    const uint64_t length = skip_value(f.name, type);
    if (f.form == FieldForm::kBytes)
      charge(kStringBytes + length);
    else if (f.repeat == Repeat::kYes)
      charge(uint64_t{2} * f.element_bytes);  // repeated fields double when they grow
  }

  void packed_numbers(const WireField& f) {
    const uint64_t length = varint(f.name);
    if (length > top().end - at_) too_short(f.name, length);
    if (f.form != FieldForm::kVarint) {
      if (length % f.element_bytes != 0)
        malformed("packed field '{}' has {} bytes, not a multiple of {}", f.name, length, f.element_bytes);
      at_ += length;
      return charge(length);
    }
    const uint64_t end = at_ + length;
    uint64_t elements = 0;
    for (; at_ < end; ++elements) {
      varint(f.name);
      if (at_ > end) malformed("the last number of packed field '{}' goes beyond the field", f.name);
    }
    charge(2 * elements * f.element_bytes);
  }

  void open_message(const WireField& f) {
    const uint64_t length = varint(f.name);
    if (length > top().end - at_) too_short(f.name, length);
    if (f.repeat == Repeat::kNo) {
      const uint32_t bit = 1u << f.number;
      if (top().seen_messages & bit) second_message(f);
      top().seen_messages |= bit;
    }
    const bool in_model = top().message == &wire_message(MessageKind::kModel);
    if (f.message == MessageKind::kGraph && in_model) stats_.has_graph = true;
    if (f.message == MessageKind::kTensor && top().message == &wire_message(MessageKind::kGraph))
      check(++stats_.initializers <= limits().max_initializers, ErrorCode::kLimit,
            "{}: more than {} initializers", what_, limits().max_initializers);
    if (f.newer) charge(kUnknownFieldBytes + kStringBytes + length);
    push(wire_message(f.message), f.message, at_ + length);
  }

  [[noreturn]] void second_message(const WireField& f) {
    if (f.message == MessageKind::kGraph && top().message == &wire_message(MessageKind::kModel))
      malformed("a second graph; two models seem to be written one after the other, keep one of them");
    malformed("field '{}' is given twice", f.name);
  }

  std::span<const std::byte> bytes_;
  const std::string& what_;
  uint64_t memory_limit_;
  uint64_t at_ = 0;
  int depth_ = 0;
  std::array<Frame, kMaxFrames> stack_{};
  WireStats stats_;
};

}  // namespace

WireStats wire_scan(std::span<const std::byte> bytes, MessageKind root, const std::string& what) {
  return Scanner(bytes, what).run(root);
}

}  // namespace precis::onnx_io
