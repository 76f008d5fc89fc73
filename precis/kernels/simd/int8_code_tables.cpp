// The part of a table that is neither convolution nor matrix product: element-wise operators, pools, tables over all codes and
// transposes.
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

void look_up_scalar(const std::byte* table, const std::byte* x, std::byte* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = table[std::to_integer<size_t>(x[i])];
}

}  // namespace

void set_code_kernels(Kernels& k, Isa isa) {
  k.look_up = look_up_scalar;
#if defined(__x86_64__)
  set_transpose_avx2(k);
  if (isa != Isa::kAvx512 && isa != Isa::kAvx512Vnni) {
    set_elementwise_avx2(k);
    set_pools_avx2(k);
    return;
  }
  set_elementwise_avx512(k);
  set_pools_avx512(k);
  if (__builtin_cpu_supports("avx512vbmi")) set_look_up_vbmi(k);
#else
  (void)isa;
#endif
}

}  // namespace precis::kernels::simd
