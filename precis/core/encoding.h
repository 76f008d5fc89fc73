// Encoding: what the integer codes of a value mean. Storage: how those codes lie in memory or in a file.
// Both are plain records that every room shares; formulas live in precis/quant (choosing) and precis/kernels (using).
//   real = scale * (code - zero_point), scale and zero point shared by blocks of the tensor.
#pragma once

#include <cstdint>
#include <vector>

#include "precis/core/dtype.h"
#include "precis/core/shape.h"

namespace precis {

// How codes lie in memory or in a file; beside the encoding, never part of its meaning.
enum class Storage : uint8_t { kDense, kPacked, kGapSparse, kEntropyCoded };

struct Encoding {
  enum class Grid : uint8_t { kUniform, kCodebook, kPowerOfTwo, kBinary };

  Grid grid = Grid::kUniform;
  DType code = DType::kUndefined;  // integer type that holds the codes
  int bits = 8;                    // 1..16 (32 for biases); codes use [code_min, code_max]
  int32_t code_min = 0;
  int32_t code_max = 0;
  bool dynamic = false;            // range found at run time: scales and zero_points are empty
  // One block length per dimension of the tensor; empty = one block for the whole tensor (per tensor).
  // Per channel on axis a of shape [d0..]: block[a] = 1 and block[i] = d_i elsewhere.
  // scales and zero_points are row-major over the grid of blocks; zero_points may be empty (all zero).
  std::vector<int64_t> block;
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
  std::vector<float> codebook;     // Grid::kCodebook: real value of each code

  bool defined() const { return code != DType::kUndefined; }
  bool per_tensor() const { return block.empty(); }
  float scale() const { return scales[0]; }  // per tensor only
  int32_t zero_point() const { return zero_points.empty() ? 0 : zero_points[0]; }
  int32_t zero_point(size_t i) const { return zero_points.empty() ? 0 : zero_points[i]; }
  bool operator==(const Encoding&) const = default;

  // Uniform, one scale for the whole tensor, full code range of `code`.
  static Encoding per_tensor_uniform(DType code, float scale, int32_t zero_point);
  // Uniform, one scale per index of `axis` of a tensor of `shape`; zero points may be empty (symmetric).
  static Encoding per_axis_uniform(DType code, const Shape& shape, int axis, std::vector<float> scales,
                                   std::vector<int32_t> zero_points = {});
};

// The axis along which a one-axis encoding of a tensor of `shape` varies; -1 when per tensor, -2 when it is blocked otherwise.
int encoding_axis(const Encoding& e, const Shape& shape);

}  // namespace precis
