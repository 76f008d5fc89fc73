// Which table an instruction set gets. Every part is set by its own function; AVX-512 machines use the AVX2
// convolutions where exactness without VNNI is asked for.
#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

#if defined(__x86_64__)
// Made when it is first asked for: the per-ISA files that fill it may run their own instructions.
template <Isa kIsa>
const Kernels* table() {
  static const Kernels kernels = [] {
    Kernels k{};
    k.conv = conv_avx2;
    set_code_kernels(k, kIsa);
    return k;
  }();
  return &kernels;
}
#endif

}  // namespace

const Kernels* kernels_for(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx2:
      return table<Isa::kAvx2>();
    case Isa::kAvx2Vnni:
      return table<Isa::kAvx2Vnni>();
    case Isa::kAvx512:
      return table<Isa::kAvx512>();
    case Isa::kAvx512Vnni:
      return table<Isa::kAvx512Vnni>();
#endif
    default:
      return nullptr;
  }
}

}  // namespace precis::kernels::simd
