// Physical layouts of values inside a plan. A value has one logical shape (N, C, spatial ...) and may be held
// in several layouts; plan builders ask for the one a kernel wants and Reorder steps are inserted where they
// differ. Blocked layouts pad the channels with zeros to a whole number of blocks.
#pragma once

#include <cstdint>
#include <string>

#include "precis/core/dtype.h"
#include "precis/core/shape.h"

namespace precis::runtime {

enum class Layout : uint8_t {
  kPlain,         // row-major in the logical order (NCHW)
  kChannelsLast,  // NHWC
  kBlocked8,      // N, C/8, spatial, 8
  kBlocked16,     // N, C/16, spatial, 16
};

const char* layout_name(Layout layout);  // "plain", "nhwc", "nChw8c", "nChw16c"

// Elements that `shape` takes in `layout`, channel padding included. Error(kLimit) on overflow.
int64_t padded_numel(const Shape& shape, Layout layout);
// Bytes of the same for codes or values of `dtype`.
int64_t layout_bytes(DType dtype, const Shape& shape, Layout layout);
// True when both layouts put every element of `shape` at the same place and neither has padding.
bool same_in_memory(const Shape& shape, Layout a, Layout b);
// True when the layout exists for tensors of this rank (all but kPlain need batch, channels and at least one
// more).
bool layout_allowed(const Shape& shape, Layout layout);

// How one value lies in memory: what kernels and plans pass around.
struct PhysicalType {
  DType dtype = DType::kUndefined;  // storage type: codes for encoded values
  Shape shape;                      // logical
  Layout layout = Layout::kPlain;
  int64_t bytes() const { return layout_bytes(dtype, shape, layout); }
  bool operator==(const PhysicalType&) const = default;
};

}  // namespace precis::runtime
