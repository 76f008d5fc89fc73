// Varints, fixed words and length-delimited fields.
#include "precis/data/proto_wire.h"

#include "precis/core/check.h"

namespace precis::data {

void WireReader::damaged(const char* what) const {
  fail(ErrorCode::kMalformed,
       "'{}' is no valid protobuf message: {} at byte {}; the file is truncated or of another kind", where_,
       what, at_);
}

uint64_t WireReader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (at_ == bytes_.size()) damaged("a number is cut off");
    const auto byte = std::to_integer<uint64_t>(bytes_[at_++]);
    if (shift == 63 && byte > 1) damaged("a number of more than 64 bits");
    value |= (byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  damaged("a number of more than 10 bytes");
}

uint64_t WireReader::fixed(size_t width) {
  if (bytes_.size() - at_ < width) damaged("a fixed-width number is cut off");
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value |= std::to_integer<uint64_t>(bytes_[at_ + i]) << (8 * i);
  at_ += width;
  return value;
}

WireField WireReader::next() {
  const uint64_t tag = varint();
  WireField field;
  if (tag >> 32 != 0 || tag >> 3 == 0) damaged("an impossible field number");
  field.number = static_cast<uint32_t>(tag >> 3);
  switch (tag & 7) {
    case 0:
      field.value = varint();
      break;
    case 1:
      field.value = fixed(8);
      break;
    case 5:
      field.value = fixed(4);
      break;
    case 2: {
      const uint64_t size = varint();
      if (size > bytes_.size() - at_) damaged("a field is longer than what is left of the file");
      field.bytes = bytes_.subspan(at_, size);
      at_ += size;
      break;
    }
    default:
      damaged("a group or reserved field type");
  }
  field.type = static_cast<WireType>(tag & 7);
  return field;
}

}  // namespace precis::data
