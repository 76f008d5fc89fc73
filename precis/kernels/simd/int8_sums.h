// What the kernels with VPDPBUSD need to know of weights and accumulators: whether the form takes them, and
// what accumulators start from. `centred`: [out_channels, in_channels / groups, kernel...] weights minus
// their zero points.
#pragma once

#include "precis/kernels/simd/int8.h"

namespace precis::kernels::simd {

// The zero point of codes once they are read as u8 (s8 codes with the sign bit flipped).
inline int32_t zero_point_as_u8(CodeType type, int32_t zero_point) {
  return type == CodeType::kU8 ? zero_point : zero_point + 128;
}

// How often kernels go over the input: twice where weights leave 8 bits, as those with a zero point do; then
// each is the sum of two. 0: not even that is enough.
int s8_passes(const ConvShape& shape, const int16_t* centred);
// What one of the passes takes of a weight.
std::byte s8_part(int16_t weight, int pass);

// Per channel: bias - zero point * sum of the channel's weights, modulo 2^32. `bias` may be null; it may be
// added here, and not in float, only where sums_are_exact().
std::vector<int32_t> channel_offsets(const ConvShape& shape, const int16_t* centred, CodeType x_type,
                                     int32_t x_zero_point, const int32_t* bias);
// True when accumulator and bias, and so their sum, are below 2^24 for every channel whatever the codes are:
// then float(acc) + float(bias) = float(acc + bias).
bool sums_are_exact(const ConvShape& shape, const int16_t* centred, CodeType x_type, int32_t x_zero_point,
                    const int32_t* bias);

}  // namespace precis::kernels::simd
