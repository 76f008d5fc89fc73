// The wire scan: reads a protobuf file's bytes once, without recursion and without allocating for its
// content, and proves before any parser runs that it is well formed, not too deep and not too large in memory
// (a parser turns 4 MB of empty attributes into 534 MB). docs/reliability.md tells where the limits come
// from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "precis/onnx/wire_schema.h"

namespace precis::onnx_io {

struct WireStats {
  uint64_t messages = 0;
  uint64_t memory_bytes = 0;  // estimate of what the parsed messages take, the file's own bytes not counted
  int64_t nodes = 0;          // all graphs together
  int64_t initializers = 0;
  int depth = 0;
  bool has_graph = false;
};

// Scans `bytes` as one message of kind `root`. `what` names the object in messages ("model 'net.onnx'").
// Errors: kMalformed with the byte offset and the message it lies in (truncated, lengths that leave their
// parent, wrong wire types, groups, field number 0, varints over 10 bytes, a second graph, nested too deep);
// kLimit for counts and memory.
WireStats wire_scan(std::span<const std::byte> bytes, MessageKind root, const std::string& what);

}  // namespace precis::onnx_io
