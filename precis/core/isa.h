// The instruction sets that kernels are written for, what this CPU has, and the override for tests and bug reports.
#pragma once

namespace precis {

enum class Isa { kScalar, kAvx2, kAvx2Vnni, kAvx512, kAvx512Vnni };

const char* isa_name(Isa isa);  // "scalar", "avx2", "avx2_vnni", "avx512", "avx512_vnni"
Isa cpu_isa();                  // the best this CPU and operating system have
bool cpu_runs(Isa isa);         // whether code for `isa` may run here: the best set does not include all others
// cpu_isa(), or what PRECIS_FORCE_ISA names. Error(kUsage) for an unknown name or one that this CPU does not have. Read once.
Isa current_isa();
inline bool has_vnni(Isa isa) { return isa == Isa::kAvx2Vnni || isa == Isa::kAvx512Vnni; }

}  // namespace precis
