// The panel kernel (int8_panels.h), written once for every instruction set with VPDPBUSD. Included only by
// files compiled for one of them; everything is internal to each (anonymous namespace). `V` names the
// vectors:
//   Sums (16 int32), Weights (16 quads), Codes (one quad, repeated); load_sums, load_weights, repeat,
//   add_products kRows[blocks]: pixels of the largest register tile;  Finish: store_tile(sums, slot, y,
//   element, y_stride, valid)
#pragma once

#include <cstring>

#include "precis/kernels/simd/int8_tables.h"
#include "precis/kernels/simd/int8_unroll.h"

namespace precis::kernels::simd {
namespace {

inline int32_t load_quad(const std::byte* p) {
  int32_t quad;
  std::memcpy(&quad, p, sizeof quad);
  return quad;
}

struct Tile {
  const PanelPlan* plan;
  const std::byte* const* pixels;  // addresses of the tile's pixels
  int64_t group_offset;            // bytes to add to them
  const std::byte* weights;
  const int32_t* offsets;
  int64_t slot, valid;
  int64_t at;  // flat element of the first pixel's first channel in y
  int64_t y_stride;
};

template <typename V, int R, int B>
void run_tile(const Tile& t, const typename V::Finish& finish, std::byte* y) {
  typename V::Sums sums[R][B];
  const std::byte* x[R];
  unroll<R>([&](auto r) {
    x[r] = t.pixels[r] + t.group_offset;
    unroll<B>([&](auto b) { sums[r][b] = V::load_sums(t.offsets + b * kChannelBlock); });
  });
  const std::byte* w = t.weights;
  for (const PanelRun& run : t.plan->runs) {
    const int64_t end = run.offset + 4 * run.quads;
    for (int64_t k = run.offset; k < end; k += 4, w += 4 * kChannelBlock * B) {
      typename V::Weights weights[B];
      unroll<B>([&](auto b) { weights[b] = V::load_weights(w + b * 4 * kChannelBlock); });
      unroll<R>([&](auto r) {
        const typename V::Codes codes = V::repeat(x[r] + k);
        unroll<B>([&](auto b) { sums[r][b] = V::add_products(sums[r][b], codes, weights[b]); });
      });
    }
  }
  finish.template store_tile<R, B>(sums, t.slot, y, t.at, t.y_stride, t.valid);
}

// The tile of `rows` pixels, at most R.
template <typename V, int R, int B>
void run_rows(int64_t rows, const Tile& t, const typename V::Finish& finish, std::byte* y) {
  if constexpr (R > 1) {
    if (rows < R) return run_rows<V, R - 1, B>(rows, t, finish, y);
  }
  run_tile<V, R, B>(t, finish, y);
}

// All pixels of a block by one panel, in tiles of about equal size.
template <typename V, int B>
void run_panel(int64_t pixels, Tile t, const typename V::Finish& finish, std::byte* y) {
  constexpr int64_t kRows = V::kRows[B];
  for (int64_t tiles = (pixels + kRows - 1) / kRows; tiles > 0; --tiles) {
    const int64_t rows = (pixels + tiles - 1) / tiles;
    run_rows<V, kRows, B>(rows, t, finish, y);
    t.pixels += rows;
    t.at += rows * t.y_stride;
    pixels -= rows;
  }
}

template <typename V, int B = V::kWidth>
void run_blocks(int64_t blocks, int64_t pixels, const Tile& t, const typename V::Finish& finish,
                std::byte* y) {
  if constexpr (B > 1) {
    if (blocks < B) return run_blocks<V, B - 1>(blocks, pixels, t, finish, y);
  }
  run_panel<V, B>(pixels, t, finish, y);
}

template <typename V>
void run_panels(const PanelPlan& p, const PanelData& d, const typename V::Finish& finish,
                const PanelRange& range, std::byte* scratch) {
  auto** pixels = reinterpret_cast<const std::byte**>(scratch);
  for (int64_t first = range.first_pixel; first < range.last_pixel;) {
    const int64_t count = find_pixels(p, d, first, range.last_pixel, scratch);
    for (int64_t i = range.first_panel; i < range.last_panel; ++i) {
      const Panel& panel = p.panels[static_cast<size_t>(i)];
      const Tile t{&p,
                   pixels,
                   panel.group * (p.shape.in_channels / p.shape.groups),
                   d.weights + panel.weights,
                   d.offsets + panel.slot,
                   panel.slot,
                   panel.valid,
                   first * d.y_stride + panel.channel,
                   d.y_stride};
      run_blocks<V>(panel.blocks, count, t, finish, d.y);
    }
    first += count;
  }
}

}  // namespace
}  // namespace precis::kernels::simd
