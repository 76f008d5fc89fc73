// The per-ISA functions behind kernels_for(). Internal to precis/kernels/simd.
#pragma once

#include "precis/kernels/simd/int8_depthwise.h"
#include "precis/kernels/simd/int8_panels.h"
#include "precis/kernels/simd/int8_quads.h"

namespace precis::kernels::simd {

void conv_avx2(const ConvShape& shape, const ConvData& data, const Epilogue& e, int64_t first, int64_t last,
               int16_t* scratch);
void conv_quads_avx2(const ConvShape& shape, const QuadData& data, const Epilogue& e, int64_t first,
                     int64_t last, std::byte* scratch);

inline constexpr int kPanelWidthAvx512 = 4, kPanelWidthAvx2 = 1;
void conv_panels_avx512_vnni(const PanelPlan& plan, const PanelData& data, const Epilogue& e,
                             const PanelRange& range, std::byte* scratch);
void conv_panels_avx2_vnni(const PanelPlan& plan, const PanelData& data, const Epilogue& e,
                           const PanelRange& range, std::byte* scratch);
// Lists the addresses of the pixels of a block that starts at pixel `first` and ends before `last`, at the
// begin of `scratch`; returns their number.
int64_t find_pixels(const PanelPlan& plan, const PanelData& data, int64_t first, int64_t last,
                    std::byte* scratch);

inline constexpr int64_t kDepthwiseBytesAvx512 = 64, kDepthwiseBytesAvx2 = 32;
void depthwise_avx2(const DepthwisePlan& plan, const DepthwiseData& data, const Epilogue& e, int64_t first,
                    int64_t last, std::byte* scratch);
void depthwise_avx2_vnni(const DepthwisePlan& plan, const DepthwiseData& data, const Epilogue& e,
                         int64_t first, int64_t last, std::byte* scratch);
void depthwise_avx512_vnni(const DepthwisePlan& plan, const DepthwiseData& data, const Epilogue& e,
                           int64_t first, int64_t last, std::byte* scratch);

// Everything that is neither convolution nor matrix product (int8_code_tables.cpp), and its parts.
void set_code_kernels(Kernels& k, Isa isa);
void set_elementwise_avx2(Kernels& k);
void set_elementwise_avx512(Kernels& k);
void set_pools_avx2(Kernels& k);
void set_pools_avx512(Kernels& k);
void set_look_up_avx2(Kernels& k);
void set_transpose_avx2(Kernels& k);
void set_vbmi(Kernels& k);
void permute_scalar(const Permutation& p, const std::byte* x, std::byte* y, int64_t rows);

}  // namespace precis::kernels::simd
