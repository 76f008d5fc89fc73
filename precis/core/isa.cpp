// CPUID through the compiler's builtins (they check the operating system's XSAVE state too).
#include "precis/core/isa.h"

#include <array>
#include <cstdlib>
#include <string_view>

#include "precis/core/check.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace precis {
namespace {

constexpr std::array<const char*, 5> kNames = {"scalar", "avx2", "avx2_vnni", "avx512", "avx512_vnni"};

#if defined(__x86_64__)
bool has_avx_vnni() {  // GCC 12's builtin does not know the name everywhere: CPUID leaf 7.1, EAX bit 4
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & (1u << 4)) != 0;
}
#endif

// Whether a CPU whose best set is `best` runs kernels of `isa`: the two families overlap only downwards.
bool includes(Isa best, Isa isa) {
  if (isa == Isa::kAvx2Vnni) return best == Isa::kAvx2Vnni;
  if (best == Isa::kAvx2Vnni) return isa <= Isa::kAvx2Vnni;
  return isa <= best;
}

Isa resolve() {
  const char* forced = std::getenv("PRECIS_FORCE_ISA");
  const Isa best = cpu_isa();
  if (forced == nullptr || *forced == '\0') return best;
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (std::string_view(forced) != kNames[i]) continue;
    const Isa isa = static_cast<Isa>(i);
    check(cpu_runs(isa), ErrorCode::kUsage, "PRECIS_FORCE_ISA={}: this CPU has only {}", forced, isa_name(best));
    return isa;
  }
  fail(ErrorCode::kUsage, "PRECIS_FORCE_ISA={}: expected scalar, avx2, avx2_vnni, avx512 or avx512_vnni",
       forced);
}

}  // namespace

const char* isa_name(Isa isa) { return kNames[static_cast<size_t>(isa)]; }

Isa cpu_isa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::kScalar;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (avx512) return __builtin_cpu_supports("avx512vnni") ? Isa::kAvx512Vnni : Isa::kAvx512;
  return has_avx_vnni() ? Isa::kAvx2Vnni : Isa::kAvx2;
#else
  return Isa::kScalar;
#endif
}

bool cpu_runs(Isa isa) {
  const Isa best = cpu_isa();
#if defined(__x86_64__)
  if (isa == Isa::kAvx2Vnni && best != Isa::kScalar) return has_avx_vnni();
#endif
  return includes(best, isa);
}

Isa current_isa() {
  static const Isa isa = resolve();
  return isa;
}

}  // namespace precis
