// Window: the geometry that convolutions and pools share: where a kernel of given size, stride, dilation and
// padding lies over its input. Spaces of one and two dimensions are three-dimensional ones whose leading
// lengths are 1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace precis::kernels::reference {

using Dims3 = std::array<int64_t, 3>;  // depth, height, width

struct Window {
  Dims3 in{1, 1, 1};   // input lengths
  Dims3 out{1, 1, 1};  // output lengths
  Dims3 kernel{1, 1, 1};
  Dims3 stride{1, 1, 1};
  Dims3 dilation{1, 1, 1};
  Dims3 pad_begin{0, 0, 0};  // may be negative (cropping)
  Dims3 pad_end{0, 0, 0};

  int64_t in_size() const { return in[0] * in[1] * in[2]; }
  int64_t out_size() const { return out[0] * out[1] * out[2]; }
  int64_t kernel_size() const { return kernel[0] * kernel[1] * kernel[2]; }
};

struct Interval {
  int64_t begin = 0, end = 0;  // empty when end <= begin
};

// Output positions o in [0, out) of one axis whose tap k reads inside the input: 0 <= o * stride + k *
// dilation - pad < in.
inline Interval valid_outputs(const Window& w, size_t axis, int64_t k) {
  const int64_t shift = k * w.dilation[axis] - w.pad_begin[axis];  // input index of output 0
  const int64_t stride = w.stride[axis];
  Interval r;
  r.begin = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
  const int64_t last = w.in[axis] - 1 - shift;  // o * stride <= last
  r.end = last < 0 ? 0 : last / stride + 1;
  if (r.end > w.out[axis]) r.end = w.out[axis];
  return r;
}

}  // namespace precis::kernels::reference
