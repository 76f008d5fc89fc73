// Sums of weights (int8_sums.h).
#include "precis/kernels/simd/int8_sums.h"

#include <algorithm>
#include <cstdlib>

namespace precis::kernels::simd {

int s8_passes(const ConvShape& s, const int16_t* centred) {
  const auto [least, most] = std::minmax_element(centred, centred + s.out_channels * s.depth());
  if (*least >= -128 && *most <= 127) return 1;
  return *least >= -256 && *most <= 254 ? 2 : 0;
}

std::byte s8_part(int16_t weight, int pass) {
  const int first = std::clamp<int>(weight, -128, 127);
  return static_cast<std::byte>(pass == 0 ? first : weight - first);
}

std::vector<int32_t> channel_offsets(const ConvShape& s, const int16_t* centred, CodeType x_type,
                                     int32_t x_zero_point, const int32_t* bias) {
  const auto zero_point = static_cast<uint32_t>(zero_point_as_u8(x_type, x_zero_point));
  std::vector<int32_t> offsets;
  for (int64_t c = 0; c < s.out_channels; ++c) {
    uint32_t sum = 0;
    for (int64_t i = 0; i < s.depth(); ++i) sum += static_cast<uint32_t>(centred[c * s.depth() + i]);
    const uint32_t start = bias != nullptr ? static_cast<uint32_t>(bias[c]) : 0;
    offsets.push_back(static_cast<int32_t>(start - zero_point * sum));
  }
  return offsets;
}

bool sums_are_exact(const ConvShape& s, const int16_t* centred, CodeType x_type, int32_t x_zero_point,
                    const int32_t* bias) {
  const int64_t zero_point = zero_point_as_u8(x_type, x_zero_point);
  const int64_t largest = std::max<int64_t>(zero_point, 255 - zero_point);
  for (int64_t c = 0; c < s.out_channels; ++c) {
    int64_t sum = 0;
    for (int64_t i = 0; i < s.depth(); ++i) sum += std::abs(centred[c * s.depth() + i]);
    if (sum * largest + std::llabs(bias[c]) >= int64_t{1} << 24) return false;
  }
  return true;
}

}  // namespace precis::kernels::simd
