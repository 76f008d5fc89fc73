// Convolutions and matrix products of u8 codes by s8 weights for instructions that add the products of four
// neighbours in 32 bits (VPDPBUSD). Exact as they are: nothing saturates on the way, and the input's zero
// point is in what the accumulators start from. Weights lie in panels of a few blocks of channels, in the
// order in which the kernels read them; pixels are read where they lie, or in padded copies of some lines
// (int8_band.h). See int8.h for the shared records.
#pragma once

#include "precis/core/isa.h"
#include "precis/kernels/simd/int8_band.h"

namespace precis::kernels::simd {

// Neighbouring bytes of the input that one pixel reads: `taps` taps of one group's channels, filled up to
// whole quads (what stands there meets weights of zero).
struct PanelRun {
  int64_t offset = 0;  // bytes from the pixel's address, for group 0
  int64_t quads = 0;
  int64_t first_tap = 0, taps = 1;
  int pass = 0;  // of s8_passes()
};

// Up to PanelPlan::width blocks of kChannelBlock output channels of one group.
struct Panel {
  int64_t group = 0;
  int64_t channel = 0;  // of all output channels
  int64_t valid = 0;    // channels
  int64_t blocks = 0;
  int64_t slot = 0;     // first channel in the padded per-group order of pack_channels()
  int64_t weights = 0;  // byte offset
};

// Everything that shapes alone decide; made once.
struct PanelPlan {
  ConvShape shape;  // as_one_line() of what was given
  bool in_place = false;
  BandPlan band;                              // unused in place
  int64_t pixels = 1;                         // of the largest block
  int64_t line_stride = 0, pixel_stride = 0;  // bytes from one output pixel's input to the next one's
  std::vector<PanelRun> runs;
  int64_t quads = 0;  // of all runs
  std::vector<Panel> panels;
  int64_t weight_bytes = 0;
  int64_t scratch_bytes = 0;  // for one call: the addresses of a block's pixels, then the band
  int64_t band_offset = 0;

  int64_t rows() const { return shape.rows(); }
  int64_t slots() const;  // channels in the padded order
};

// Blocks of channels in a panel that the kernels of `isa` take; 0 where there are none.
int64_t panel_width(Isa isa);
// `passes`: s8_passes() of the weights (int8_sums.h).
PanelPlan plan_panels(const ConvShape& shape, CodeType x_type, int64_t width, int passes);
// `centred`: [out_channels, in_channels / groups, kernel...] weights minus their zero points; `packed`:
// weight_bytes, 64-byte aligned.
void pack_panels(const PanelPlan& plan, const int16_t* centred, std::byte* packed);

struct PanelData {
  const std::byte* x = nullptr;  // codes [batch, spatial, in_channels]
  CodeType x_type = CodeType::kU8;
  int32_t x_zero_point = 0;
  const std::byte* weights = nullptr;  // pack_panels()
  const int32_t* offsets = nullptr;    // channel_offsets() in the padded order
  std::byte* y = nullptr;              // [batch, spatial, out_channels] codes or floats
  int64_t y_stride = 0;                // elements from one pixel to the next
};

struct PanelRange {
  int64_t first_pixel, last_pixel, first_panel, last_panel;
};

// Epilogue: bias is null when the offsets have it.
using PanelKernel = void (*)(const PanelPlan& plan, const PanelData& data, const Epilogue& e,
                             const PanelRange& range, std::byte* scratch);
PanelKernel panel_kernel_for(Isa isa);  // null where there is none

}  // namespace precis::kernels::simd
