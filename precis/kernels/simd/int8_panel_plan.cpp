// Planning and weight packing of int8_panels.h.
#include <algorithm>
#include <cstdlib>

#include "precis/core/checked.h"
#include "precis/kernels/simd/int8_sums.h"
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

constexpr int64_t kQuad = 4;
constexpr int64_t kSourceBytes = 160 << 10;  // input of one block: beside a panel of weights in a small L2
constexpr int64_t kMaxPixels = 512;
constexpr int64_t kAlignment = 64;

int64_t group_in(const ConvShape& s) { return s.in_channels / s.groups; }
int64_t group_out(const ConvShape& s) { return s.out_channels / s.groups; }
int64_t taps_of(const ConvShape& s) { return s.kernel[0] * s.kernel[1] * s.kernel[2]; }

// Whether no tap of any pixel falls into padding.
bool without_padding(const ConvShape& s) {
  for (int i = 0; i < 3; ++i)
    if (s.pad[i] != 0 || (s.out[i] - 1) * s.stride[i] + (s.kernel[i] - 1) * s.dilation[i] >= s.in[i])
      return false;
  return true;
}

// Neighbouring taps of a line are neighbours in memory: one run for all of them.
bool lines_are_runs(const ConvShape& s) { return s.kernel[2] == 1 || (s.groups == 1 && s.dilation[2] == 1); }

// The input as one band: what tap() needs to know of it.
BandPlan input_as_band(const ConvShape& s) {
  BandPlan b;
  b.columns = s.out[2];
  b.line_stride = s.in[2] * s.in_channels;
  b.slab_stride = s.dilation[0] * s.in[1] * b.line_stride;
  return b;
}

void add_runs(PanelPlan& p, const BandPlan& source, int pass) {
  const ConvShape& s = p.shape;
  const int64_t taps = lines_are_runs(s) ? s.kernel[2] : 1;
  for (int64_t t = 0; t < taps_of(s); t += taps) {
    PanelRun run;
    run.offset =
        source.tap(s, t / (s.kernel[1] * s.kernel[2]), t / s.kernel[2] % s.kernel[1], t % s.kernel[2]);
    run.quads = ceil_div(taps * group_in(s), kQuad);
    run.first_tap = t;
    run.taps = taps;
    run.pass = pass;
    p.quads += run.quads;
    p.runs.push_back(run);
  }
}

void add_panels(PanelPlan& p, int64_t width) {
  const int64_t blocks = ceil_div(group_out(p.shape), kChannelBlock);
  for (int64_t g = 0; g < p.shape.groups; ++g)
    for (int64_t b = 0; b < blocks;) {
      Panel panel;
      const int64_t left = blocks - b;
      panel.blocks = ceil_div(left, ceil_div(left, width));  // even panels: narrow ones are slow
      panel.group = g;
      panel.channel = g * group_out(p.shape) + b * kChannelBlock;
      panel.valid = std::min(panel.blocks * kChannelBlock, group_out(p.shape) - b * kChannelBlock);
      panel.slot = (g * blocks + b) * kChannelBlock;
      panel.weights = p.weight_bytes;
      p.weight_bytes += panel.blocks * kChannelBlock * p.quads * kQuad;
      p.panels.push_back(panel);
      b += panel.blocks;
    }
}

// Calls f(byte of the packed panel, index into the channel's weights, pass) for channel `c` of a
// panel.
template <typename F>
void for_each_weight(const PanelPlan& p, const Panel& panel, int64_t c, F f) {
  const int64_t quad_bytes = panel.blocks * kChannelBlock * kQuad, channels = group_in(p.shape);
  int64_t at = panel.weights + c * kQuad;
  for (const PanelRun& run : p.runs) {
    for (int64_t i = 0; i < run.taps * channels; ++i)
      f(at + i / kQuad * quad_bytes + i % kQuad,
        i % channels * taps_of(p.shape) + run.first_tap + i / channels, run.pass);
    at += run.quads * quad_bytes;
  }
}

}  // namespace

int64_t PanelPlan::slots() const {
  return panels.empty() ? 0 : panels.back().slot + panels.back().blocks * kChannelBlock;
}

PanelPlan plan_panels(const ConvShape& shape, CodeType x_type, int64_t width, int passes) {
  PanelPlan p;
  p.shape = as_one_line(shape);
  const ConvShape& s = p.shape;
  const int64_t run_bytes = (lines_are_runs(s) ? s.kernel[2] : 1) * group_in(s);
  p.in_place = x_type == CodeType::kU8 && without_padding(s) && run_bytes % kQuad == 0;
  const BandPlan source = p.in_place ? input_as_band(s) : plan_band(s, 1, kSourceBytes, kMaxPixels);
  p.band = source;
  p.pixel_stride = source.pixel_stride(s);
  p.line_stride = s.stride[1] * source.line_stride;
  p.pixels = p.in_place ? std::clamp<int64_t>(kSourceBytes / (s.stride[1] * s.stride[2] * s.in_channels), 48,
                                              kMaxPixels)
                        : source.lines * source.columns;
  for (int pass = 0; pass < passes; ++pass) add_runs(p, source, pass);
  add_panels(p, width);
  p.band_offset = round_up(p.pixels * static_cast<int64_t>(sizeof(std::byte*)), kAlignment);
  // The last quad of the last run may reach past the band.
  p.scratch_bytes = p.band_offset + (p.in_place ? 0 : round_up(source.bytes + kQuad, kAlignment));
  return p;
}

void pack_panels(const PanelPlan& p, const int16_t* centred, std::byte* packed) {
  std::fill_n(packed, p.weight_bytes, std::byte{0});
  for (const Panel& panel : p.panels)
    for (int64_t c = 0; c < panel.valid; ++c) {
      const int16_t* w = centred + (panel.channel + c) * p.shape.depth();
      for_each_weight(p, panel, c,
                      [&](int64_t to, int64_t from, int pass) { packed[to] = s8_part(w[from], pass); });
    }
}

int64_t panel_width(Isa isa) {
  return isa == Isa::kAvx512Vnni ? kPanelWidthAvx512 : isa == Isa::kAvx2Vnni ? kPanelWidthAvx2 : 0;
}

PanelKernel panel_kernel_for(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512Vnni) return &conv_panels_avx512_vnni;
  if (isa == Isa::kAvx2Vnni) return &conv_panels_avx2_vnni;
#endif
  (void)isa;
  return nullptr;
}

}  // namespace precis::kernels::simd
