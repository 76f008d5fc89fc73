// Reading and writing of the tree.
#include "fuzz/wire_tree.h"

#include <cstring>

#include "tests/onnx/onnx_bytes.h"

namespace precis::fuzz {
namespace {

using onnx_io::FieldForm;
using onnx_io::MessageKind;

constexpr int kMaxDepth = 40;

class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }

  bool varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto b = static_cast<uint8_t>(rest_.front());
      rest_ = rest_.subspan(1);
      value |= static_cast<uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) return true;
    }
    return false;
  }

  bool fixed(size_t size, uint64_t& value) {
    Bytes part;
    if (!take(size, part)) return false;
    value = 0;
    std::memcpy(&value, part.data(), size);
    return true;
  }

  bool take(uint64_t size, Bytes& part) {
    if (size > rest_.size()) return false;
    part = rest_.first(static_cast<size_t>(size));
    rest_ = rest_.subspan(static_cast<size_t>(size));
    return true;
  }

 private:
  Bytes rest_;
};

std::shared_ptr<WireNode> parse(Bytes bytes, MessageKind kind, int depth);

bool read_content(Reader& reader, MessageKind parent, int depth, WireEntry& e) {
  uint64_t size = 0;
  Bytes content;
  if (!reader.varint(size) || !reader.take(size, content)) return false;
  const onnx_io::WireField* field = onnx_io::find_wire_field(onnx_io::wire_message(parent), e.number);
  if (field != nullptr && field->form == FieldForm::kMessage)
    e.message = parse(content, field->message, depth + 1);
  if (!e.message) e.bytes = text_of(content);
  return true;
}

bool read_entry(Reader& reader, MessageKind parent, int depth, WireEntry& e) {
  uint64_t tag = 0;
  if (!reader.varint(tag) || tag >> 3 > UINT32_MAX) return false;
  e.number = static_cast<uint32_t>(tag >> 3);
  e.wire_type = static_cast<uint32_t>(tag & 7);
  switch (e.wire_type) {
    case 0:
      return reader.varint(e.value);
    case 1:
      return reader.fixed(8, e.value);
    case 2:
      return read_content(reader, parent, depth, e);
    case 5:
      return reader.fixed(4, e.value);
    default:
      return false;
  }
}

std::shared_ptr<WireNode> parse(Bytes bytes, MessageKind kind, int depth) {
  if (depth > kMaxDepth) return nullptr;
  auto node = std::make_shared<WireNode>();
  node->kind = kind;
  for (Reader reader(bytes); !reader.done();) {
    WireEntry e;
    if (!read_entry(reader, kind, depth, e)) return nullptr;
    node->entries.push_back(std::move(e));
  }
  return node;
}

}  // namespace

WireEntry WireEntry::clone() const {
  WireEntry copy = *this;
  if (message) copy.message = message->clone();
  return copy;
}

std::shared_ptr<WireNode> WireNode::clone() const {
  auto copy = std::make_shared<WireNode>();
  copy->kind = kind;
  for (const WireEntry& e : entries) copy->entries.push_back(e.clone());
  return copy;
}

std::shared_ptr<WireNode> parse_wire(Bytes bytes, MessageKind kind) { return parse(bytes, kind, 0); }

std::string write_wire(const WireNode& node) {
  std::string out;
  for (const WireEntry& e : node.entries) {
    out += test::varint(uint64_t{e.number} << 3 | e.wire_type);
    if (e.wire_type == 2) {
      const std::string content = e.message ? write_wire(*e.message) : e.bytes;
      out += test::varint(content.size()) + content;
    } else if (e.wire_type == 0) {
      out += test::varint(e.value);
    } else {
      out.append(reinterpret_cast<const char*>(&e.value), e.wire_type == 1 ? 8 : 4);
    }
  }
  return out;
}

}  // namespace precis::fuzz
