// Patches of images: put together from columns, and convolved with displaced pixels. f32 and f64 (col2im:
// integers too, which wrap).
#pragma once

#include <cstdint>

#include "precis/kernels/reference/window.h"

namespace precis::kernels::reference {

// y [planes, in...] += each column element at the place its window took it from; columns [planes, kernel,
// out].
template <typename T>
void col2im(const Window& w, int64_t planes, const T* columns, T* y);

// A two-dimensional convolution whose taps lie beside their places by an offset of their own.
struct DeformParams {
  int64_t groups = 1, in_channels = 1, out_channels = 1, offset_groups = 1;
  Window window;  // depth 1
};

// One image x [in_channels, h, w]; weights [out_channels, in_channels / groups, kh, kw]; offset
// [offset_groups, kh, kw, 2 (y, x), out]; mask [offset_groups, kh, kw, out] or null; bias [out_channels] or
// null; y [out_channels, out]. Between pixels linear, outside 0.
template <typename T>
void deform_conv(const DeformParams& p, const T* x, const T* weights, const T* offset, const T* bias,
                 const T* mask, T* y);

}  // namespace precis::kernels::reference
