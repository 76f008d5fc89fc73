// Convolutions as sums of shifted planes: for one (input channel, tap) pair a scaled row of one side is added
// to a row of the other. Per output element this is the sequential order the header promises, and the inner
// loop is contiguous.
#include "precis/kernels/reference/conv.h"

#include <algorithm>
#include <type_traits>

namespace precis::kernels::reference {
namespace {

// acc + a * b; integers wrap (as unsigned arithmetic does) instead of overflowing.
template <typename T>
T multiply_add(T acc, T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<U>(acc) + static_cast<U>(a) * static_cast<U>(b));
  } else {
    return acc + a * b;
  }
}

// Calls f(small offset, large offset, n) for each row of positions that tap (kz, ky, kx) connects: `small`
// indexes the window's output side and advances by 1, `large` its input side and advances by the stride.
template <typename F>
void for_each_tap_row(const Window& w, int64_t kz, int64_t ky, int64_t kx, F f) {
  const Interval z = valid_outputs(w, 0, kz), y = valid_outputs(w, 1, ky), x = valid_outputs(w, 2, kx);
  if (x.end <= x.begin) return;
  for (int64_t oz = z.begin; oz < z.end; ++oz) {
    const int64_t iz = oz * w.stride[0] + kz * w.dilation[0] - w.pad_begin[0];
    for (int64_t oy = y.begin; oy < y.end; ++oy) {
      const int64_t iy = oy * w.stride[1] + ky * w.dilation[1] - w.pad_begin[1];
      const int64_t ix = x.begin * w.stride[2] + kx * w.dilation[2] - w.pad_begin[2];
      f((oz * w.out[1] + oy) * w.out[2] + x.begin, (iz * w.in[1] + iy) * w.in[2] + ix, x.end - x.begin);
    }
  }
}

// Calls f(tap index, kz, ky, kx) over the kernel in row-major order.
template <typename F>
void for_each_tap(const Window& w, F f) {
  int64_t tap = 0;
  for (int64_t kz = 0; kz < w.kernel[0]; ++kz)
    for (int64_t ky = 0; ky < w.kernel[1]; ++ky)
      for (int64_t kx = 0; kx < w.kernel[2]; ++kx) f(tap++, kz, ky, kx);
}

template <typename T>
void conv_plane(const Window& window, const T* x, const T* w, T* y) {
  const int64_t stride = window.stride[2];
  for_each_tap(window, [&](int64_t tap, int64_t kz, int64_t ky, int64_t kx) {
    const T weight = w[tap];
    for_each_tap_row(window, kz, ky, kx, [&](int64_t small, int64_t large, int64_t n) {
      const T* in = x + large;
      T* out = y + small;
      if (stride == 1)
        for (int64_t i = 0; i < n; ++i) out[i] = multiply_add(out[i], in[i], weight);
      else
        for (int64_t i = 0; i < n; ++i) out[i] = multiply_add(out[i], in[i * stride], weight);
    });
  });
}

template <typename T>
void conv_transpose_plane(const Window& window, const T* x, const T* w, T* y) {
  const int64_t stride = window.stride[2];
  for_each_tap(window, [&](int64_t tap, int64_t kz, int64_t ky, int64_t kx) {
    const T weight = w[tap];
    for_each_tap_row(window, kz, ky, kx, [&](int64_t small, int64_t large, int64_t n) {
      for (int64_t i = 0; i < n; ++i)
        y[large + i * stride] = multiply_add(y[large + i * stride], x[small + i], weight);
    });
  });
}

}  // namespace

template <typename T>
void conv(const ConvParams& p, const T* x, const T* w, T* y) {
  const int64_t in_size = p.window.in_size(), out_size = p.window.out_size(), taps = p.window.kernel_size();
  const int64_t group_in = p.in_channels / p.groups, group_out = p.out_channels / p.groups;
  std::fill_n(y, p.batch * p.out_channels * out_size, T{});
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t oc = 0; oc < p.out_channels; ++oc)
      for (int64_t ic = 0; ic < group_in; ++ic)
        conv_plane(p.window, x + (n * p.in_channels + oc / group_out * group_in + ic) * in_size,
                   w + (oc * group_in + ic) * taps, y + (n * p.out_channels + oc) * out_size);
}

template <typename T>
void conv_transpose(const ConvParams& p, const T* x, const T* w, T* y) {
  const int64_t x_size = p.window.out_size(), y_size = p.window.in_size(), taps = p.window.kernel_size();
  const int64_t group_in = p.in_channels / p.groups, group_out = p.out_channels / p.groups;
  std::fill_n(y, p.batch * p.out_channels * y_size, T{});
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t oc = 0; oc < p.out_channels; ++oc)
      for (int64_t g = 0; g < group_in; ++g) {
        const int64_t ic = oc / group_out * group_in + g;
        conv_transpose_plane(p.window, x + (n * p.in_channels + ic) * x_size,
                             w + (ic * group_out + oc % group_out) * taps,
                             y + (n * p.out_channels + oc) * y_size);
      }
}

template <typename T>
void add_channel_bias(int64_t batch, int64_t channels, int64_t inner, const T* bias, T* y) {
  for (int64_t n = 0; n < batch; ++n)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t i = 0; i < inner; ++i) *y++ += bias[c];
}

template void conv(const ConvParams&, const float*, const float*, float*);
template void conv(const ConvParams&, const double*, const double*, double*);
template void conv(const ConvParams&, const int32_t*, const int32_t*, int32_t*);
template void conv_transpose(const ConvParams&, const float*, const float*, float*);
template void conv_transpose(const ConvParams&, const double*, const double*, double*);
template void conv_transpose(const ConvParams&, const int32_t*, const int32_t*, int32_t*);
template void add_channel_bias(int64_t, int64_t, int64_t, const float*, float*);
template void add_channel_bias(int64_t, int64_t, int64_t, const double*, double*);

}  // namespace precis::kernels::reference
