// Loops that are compiled from one body for plain x86-64, for AVX2 and, where it pays, for AVX-512, with the
// same results. Internal to precis/quant.
#pragma once

#include "precis/core/isa.h"

#if defined(__x86_64__)
#define PRECIS_AVX2_COPY [[gnu::target("avx2")]]
#define PRECIS_AVX512_COPY [[gnu::target("avx512f")]]
#else
#define PRECIS_AVX2_COPY
#define PRECIS_AVX512_COPY
#endif

namespace precis::quant {

inline bool has_avx2() { return current_isa() != Isa::kScalar; }
inline bool has_avx512() { return current_isa() == Isa::kAvx512 || current_isa() == Isa::kAvx512Vnni; }

}  // namespace precis::quant
