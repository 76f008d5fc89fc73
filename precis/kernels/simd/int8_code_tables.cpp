// The part of a table that is neither convolution nor matrix product: element-wise operators, pools, tables
// over all codes and transposes.
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {

void permute_scalar(const Permutation& p, const std::byte* x, std::byte* y, int64_t rows) {
  const size_t channels = p.index.size();
  for (int64_t row = 0; row < rows; ++row, x += channels, y += channels)
    for (size_t c = 0; c < channels; ++c) y[c] = x[p.index[c]];
}

void set_code_kernels(Kernels& k, Isa isa) {
  k.permute = permute_scalar;
  k.permutation_tables = [](const std::vector<uint16_t>&) { return std::vector<std::byte>(); };
#if defined(__x86_64__)
  set_transpose_avx2(k);
  set_look_up_avx2(k);
  if (isa != Isa::kAvx512 && isa != Isa::kAvx512Vnni) {
    set_elementwise_avx2(k);
    set_pools_avx2(k);
    return;
  }
  set_elementwise_avx512(k);
  set_pools_avx512(k);
  if (__builtin_cpu_supports("avx512vbmi")) set_vbmi(k);
#else
  (void)isa;
#endif
}

}  // namespace precis::kernels::simd
