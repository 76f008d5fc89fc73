// The part of onnx.proto that the wire scan knows: which fields each message has and how they look on the
// wire. Written by hand so that a file can be judged before any parser allocates for it; fields newer than
// ONNX 1.12's messages are left out on purpose, because the parser keeps them as unknown fields and they must
// be charged as such; those of them that the reader parses itself are marked as newer.
#pragma once

#include <cstdint>
#include <span>

namespace precis::onnx_io {

enum class MessageKind : uint8_t {
  kNone,
  kModel,
  kGraph,
  kNode,
  kAttribute,
  kTensor,
  kSparseTensor,
  kValueInfo,
  kType,
  kTypeTensor,
  kTypeSequence,
  kTypeMap,
  kTypeOptional,
  kTypeSparse,
  kTypeOpaque,
  kShape,
  kDimension,
  kStringEntry,
  kAnnotation,
  kSegment,
  kOpsetImport,
  kFunction,
  kTrainingInfo,
  kSequence,
  kOptional,
};

// kVarint covers int32, int64, uint64, bool and enums.
enum class FieldForm : uint8_t { kVarint, kFixed32, kFixed64, kBytes, kMessage };
enum class Repeat : uint8_t { kNo, kYes };

struct WireField {
  uint8_t number = 0;
  const char* name = "";
  FieldForm form = FieldForm::kVarint;
  Repeat repeat = Repeat::kNo;
  MessageKind message = MessageKind::kNone;  // FieldForm::kMessage only
  uint8_t element_bytes = 8;                 // in memory, repeated numbers only
  bool newer = false;  // than the parser: it keeps the message's bytes as an unknown field, too
};

struct WireMessage {
  const char* name;
  uint32_t bytes;  // what one empty message costs in memory: the parser's object, its pointer and the
                   // allocator's share
  std::span<const WireField> fields;
};

const WireMessage& wire_message(MessageKind kind);
// Null for fields that the schema does not know.
const WireField* find_wire_field(const WireMessage& message, uint64_t number);

}  // namespace precis::onnx_io
