// Windows tap by tap; deform_conv gathers the displaced pixels of one output place, then takes their
// products.
#include "precis/kernels/reference/patches.h"

#include <cmath>
#include <type_traits>
#include <vector>

namespace precis::kernels::reference {
namespace {

template <typename T>
T sum_of(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

}  // namespace

template <typename T>
void col2im(const Window& w, int64_t planes, const T* columns, T* y) {
  for (int64_t p = 0; p < planes; ++p, y += w.in_size())
    for (int64_t kd = 0; kd < w.kernel[0]; ++kd)
      for (int64_t kh = 0; kh < w.kernel[1]; ++kh)
        for (int64_t kw = 0; kw < w.kernel[2]; ++kw, columns += w.out_size()) {
          const Interval d = valid_outputs(w, 0, kd), h = valid_outputs(w, 1, kh),
                         c = valid_outputs(w, 2, kw);
          for (int64_t od = d.begin; od < d.end; ++od)
            for (int64_t oh = h.begin; oh < h.end; ++oh)
              for (int64_t ow = c.begin; ow < c.end; ++ow) {
                const int64_t id = od * w.stride[0] + kd * w.dilation[0] - w.pad_begin[0],
                              ih = oh * w.stride[1] + kh * w.dilation[1] - w.pad_begin[1],
                              iw = ow * w.stride[2] + kw * w.dilation[2] - w.pad_begin[2];
                T& to = y[(id * w.in[1] + ih) * w.in[2] + iw];
                to = sum_of(to, columns[(od * w.out[1] + oh) * w.out[2] + ow]);
              }
        }
}

namespace {

// A place between four pixels; those outside the image have weight 0.
template <typename T>
T pixel_at(const T* plane, int64_t height, int64_t width, T y, T x) {
  if (!(y > -1 && x > -1 && y < static_cast<T>(height) && x < static_cast<T>(width))) return 0;
  const auto y0 = static_cast<int64_t>(std::floor(y)), x0 = static_cast<int64_t>(std::floor(x));
  const T dy = y - static_cast<T>(y0), dx = x - static_cast<T>(x0);
  const auto at = [&](int64_t r, int64_t c) {
    return r >= 0 && r < height && c >= 0 && c < width ? plane[r * width + c] : T{0};
  };
  return (1 - dy) * ((1 - dx) * at(y0, x0) + dx * at(y0, x0 + 1)) +
         dy * ((1 - dx) * at(y0 + 1, x0) + dx * at(y0 + 1, x0 + 1));
}

}  // namespace

template <typename T>
void deform_conv(const DeformParams& p, const T* x, const T* weights, const T* offset, const T* bias,
                 const T* mask, T* y) {
  const Window& w = p.window;
  const int64_t taps = w.kernel_size(), places = w.out_size(), plane = w.in_size();
  const int64_t in_group = p.in_channels / p.groups, out_group = p.out_channels / p.groups;
  const int64_t in_offset_group = p.in_channels / p.offset_groups;
  std::vector<T> column(static_cast<size_t>(p.in_channels * taps));
  for (int64_t o = 0; o < places; ++o) {
    const auto top = static_cast<T>(o / w.out[2] * w.stride[1] - w.pad_begin[1]),
               left = static_cast<T>(o % w.out[2] * w.stride[2] - w.pad_begin[2]);
    for (int64_t c = 0; c < p.in_channels; ++c)
      for (int64_t k = 0; k < taps; ++k) {
        const int64_t tap = c / in_offset_group * taps + k;
        const T row = top + static_cast<T>(k / w.kernel[2] * w.dilation[1]) + offset[(2 * tap) * places + o],
                col = left + static_cast<T>(k % w.kernel[2] * w.dilation[2]) +
                      offset[(2 * tap + 1) * places + o];
        const T v = pixel_at(x + c * plane, w.in[1], w.in[2], row, col);
        column[static_cast<size_t>(c * taps + k)] = mask ? v * mask[tap * places + o] : v;
      }
    for (int64_t m = 0; m < p.out_channels; ++m) {
      const T* from = column.data() + m / out_group * in_group * taps;
      const T* weight = weights + m * in_group * taps;
      T sum = bias ? bias[m] : T{0};
      for (int64_t i = 0; i < in_group * taps; ++i) sum += from[i] * weight[i];
      y[m * places + o] = sum;
    }
  }
}

#define PRECIS_COL2IM(T) template void col2im(const Window&, int64_t, const T*, T*);
PRECIS_COL2IM(float)
PRECIS_COL2IM(double)
PRECIS_COL2IM(int8_t)
PRECIS_COL2IM(uint8_t)
PRECIS_COL2IM(int16_t)
PRECIS_COL2IM(uint16_t)
PRECIS_COL2IM(int32_t)
PRECIS_COL2IM(uint32_t)
PRECIS_COL2IM(int64_t)
PRECIS_COL2IM(uint64_t)
#undef PRECIS_COL2IM
template void deform_conv(const DeformParams&, const float*, const float*, const float*, const float*,
                          const float*, float*);
template void deform_conv(const DeformParams&, const double*, const double*, const double*, const double*,
                          const double*, double*);

}  // namespace precis::kernels::reference
