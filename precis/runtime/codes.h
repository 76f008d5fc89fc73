// What the lowerings of integer operators share.
#pragma once

#include <limits>
#include <optional>

#include "precis/kernels/simd/int8.h"
#include "precis/runtime/lowering.h"

namespace precis::runtime {

// The kernels of this CPU; null when there are none (then the reference runs).
const kernels::simd::Kernels* code_kernels();

// 8-bit codes with one scale: what the fast kernels take. nullopt for every other type.
struct CodeGrid {
  kernels::simd::CodeType type = kernels::simd::CodeType::kU8;
  float scale = 1;
  int32_t zero_point = 0;
  int32_t code_min = 0, code_max = 255;
};
std::optional<CodeGrid> code_grid(const ValueType& type);

// Limits of an activation fused into a result: what t is clamped to.
struct ActivationLimits {
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};
ActivationLimits limits_of(const kernels::reference::FusedActivation& activation);

// Codes per chunk of an element-wise step.
inline constexpr int64_t kCodesPerChunk = 1 << 14;

// Spatial lengths as the kernels' three dimensions (depth, height, width), leading ones filled with `filler`.
void spread_lengths(const std::vector<int64_t>& lengths, int64_t filler, int64_t (&out)[3]);
void spread_spatial(const Shape& shape, int64_t (&out)[3]);

}  // namespace precis::runtime
