// Observers: how a Range is chosen from calibration statistics, and how a Range becomes an Encoding.
// Formulas: methods as in PyTorch's observers and NVIDIA's entropy calibration; each function cites its own source.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "precis/quant/range_table.h"
#include "precis/core/encoding.h"

namespace precis::quant {

struct Range {
  float min = 0, max = 0;
};

enum class ObserverKind { kMinMax, kMovingAverage, kPercentile, kMse, kEntropy };
const char* observer_name(ObserverKind kind);                       // "minmax", "moving-average", "percentile", "mse", "entropy"
bool needs_histogram(ObserverKind kind);                           // false where extremes say it all
std::optional<ObserverKind> observer_from_name(std::string_view name);

// The grid the range is chosen for.
struct GridSpec {
  DType code = DType::kU8;
  int bits = 8;
  enum class Symmetry { kAffine, kSymmetric };
  Symmetry symmetry = Symmetry::kAffine;
  enum class CodeRange { kFull, kRestricted };       // restricted: [-127, 127] for signed symmetric codes
  CodeRange code_range = CodeRange::kFull;
};
int32_t grid_min(const GridSpec& grid);
int32_t grid_max(const GridSpec& grid);

struct ObserverOptions {
  ObserverKind kind = ObserverKind::kMse;
  double percentile = 99.999;                        // kPercentile: two-sided share of values kept
};

// Error(kUsage) when stats saw no sample.
Range choose_range(const RangeStats& stats, const GridSpec& grid, const ObserverOptions& options);

// Scale and zero point of a range: zero always exact; empty ranges (min == max == 0) give scale 1.
// Affine: s = (max - min) / (qmax - qmin), zp = clamp(rne(qmin - min / s)); symmetric: s = max|.| / ((qmax - qmin) / 2) on
// signed full grids as PyTorch, / qmax on restricted ones. Scales are at least FLT_MIN with finite inverse.
Encoding encoding_from_range(Range range, const GridSpec& grid);

}  // namespace precis::quant
