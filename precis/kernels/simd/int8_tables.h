// The per-ISA functions behind kernels_for(). Internal to precis/kernels/simd.
#pragma once

#include "precis/kernels/simd/int8_depthwise.h"
#include "precis/kernels/simd/int8_panels.h"
#include "precis/kernels/simd/int8_quads.h"

namespace precis::kernels::simd {

void conv_avx2(const ConvShape& shape, const ConvData& data, const Epilogue& e, int64_t first, int64_t last, int16_t* scratch);
void conv_quads_avx2(const ConvShape& shape, const QuadData& data, const Epilogue& e, int64_t first, int64_t last, std::byte* scratch);

inline constexpr int kPanelWidthAvx512 = 4, kPanelWidthAvx2 = 1;
void conv_panels_avx512_vnni(const PanelPlan& plan, const PanelData& data, const Epilogue& e, const PanelRange& range, std::byte* scratch);
void conv_panels_avx2_vnni(const PanelPlan& plan, const PanelData& data, const Epilogue& e, const PanelRange& range, std::byte* scratch);
// Lists the addresses of the pixels of a block that starts at pixel `first` and ends before `last`, at the begin of
// `scratch`; returns their number.
int64_t find_pixels(const PanelPlan& plan, const PanelData& data, int64_t first, int64_t last, std::byte* scratch);

inline constexpr int64_t kDepthwiseBytesAvx512 = 64, kDepthwiseBytesAvx2 = 32;
void depthwise_avx2(const DepthwisePlan& plan, const DepthwiseData& data, const Epilogue& e, int64_t first, int64_t last,
                    std::byte* scratch);
void depthwise_avx2_vnni(const DepthwisePlan& plan, const DepthwiseData& data, const Epilogue& e, int64_t first, int64_t last,
                         std::byte* scratch);
void depthwise_avx512_vnni(const DepthwisePlan& plan, const DepthwiseData& data, const Epilogue& e, int64_t first, int64_t last,
                           std::byte* scratch);

void add_avx2(const Kernels::Sum& p, const std::byte* a, const std::byte* b, std::byte* y, int64_t n);
void rescale_avx2(const Kernels::Rescale& p, const std::byte* x, std::byte* y, int64_t n);
void quantize_avx2(const float* x, float scale, float zero_point, float code_min, float code_max, CodeType type, std::byte* y, int64_t n);
void dequantize_avx2(const std::byte* x, CodeType type, float scale, int32_t zero_point, float* y, int64_t n);
void max_pool_avx2(const PoolShape& shape, CodeType type, const std::byte* x, std::byte* y, int64_t first, int64_t last);
void average_pool_avx2(const PoolShape& shape, const AveragePool& p, CodeType x_type, CodeType y_type, const std::byte* x, std::byte* y,
                       int64_t first, int64_t last);

}  // namespace precis::kernels::simd
