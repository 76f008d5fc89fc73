// Which table an instruction set gets. Every part is set by its own function; AVX-512 machines use the AVX2
// convolutions where exactness without VNNI is asked for.
#include <array>

#include "precis/kernels/simd/int8_tables.h"

namespace precis::kernels::simd {
namespace {

#if defined(__x86_64__)
Kernels make_table(Isa isa) {
  Kernels k{};
  k.conv = conv_avx2;
  set_code_kernels(k, isa);
  return k;
}
#endif

}  // namespace

const Kernels* kernels_for(Isa isa) {
#if defined(__x86_64__)
  static const std::array<Kernels, 4> tables = {make_table(Isa::kAvx2), make_table(Isa::kAvx2Vnni),
                                                make_table(Isa::kAvx512), make_table(Isa::kAvx512Vnni)};
  return isa == Isa::kScalar ? nullptr : &tables[static_cast<size_t>(isa) - 1];
#else
  (void)isa;
  return nullptr;
#endif
}

}  // namespace precis::kernels::simd
