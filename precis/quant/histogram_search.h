// Observers that search a clipping range over the streaming histogram. Internal to precis/quant.
#pragma once

#include "precis/quant/observer.h"

namespace precis::quant {

// The range whose quantization error, sum of count * (x - Q(x))^2 over the bins, is smallest (L2 calibration).
Range mse_range(const RangeStats& stats, const GridSpec& grid);
// The range whose quantized distribution has the smallest Kullback-Leibler divergence from the observed one
// (S. Migacz, "8-bit Inference with TensorRT", GTC 2017), extended to affine grids.
Range entropy_range(const RangeStats& stats, const GridSpec& grid);
// Error of one candidate encoding over the histogram, for tests and reports: mean squared error per element.
double histogram_mse(const StreamingHistogram& histogram, const Encoding& encoding);

}  // namespace precis::quant
