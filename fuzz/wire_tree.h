// A protobuf message of ONNX as a tree that can be changed anywhere and written again, by the schema of the
// wire scan. Unlike the message classes it also holds what no library would write: fields in any order,
// twice, of another form.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/target.h"
#include "precis/onnx/wire_schema.h"

namespace precis::fuzz {

struct WireNode;

// One field: a number, bytes, or a message.
struct WireEntry {
  uint32_t number = 0;
  uint32_t wire_type = 0;  // 0 varint, 1 fixed 64, 2 bytes or message, 5 fixed 32
  uint64_t value = 0;      // wire types 0, 1 and 5
  std::string bytes;       // wire type 2 without `message`
  std::shared_ptr<WireNode> message;

  WireEntry clone() const;
};

struct WireNode {
  onnx_io::MessageKind kind = onnx_io::MessageKind::kNone;
  std::vector<WireEntry> entries;

  std::shared_ptr<WireNode> clone() const;
};

// Null when the bytes are no message or nested deeper than 40.
std::shared_ptr<WireNode> parse_wire(Bytes bytes, onnx_io::MessageKind kind);
std::string write_wire(const WireNode& node);

}  // namespace precis::fuzz
