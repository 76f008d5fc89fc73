// Facts about this machine and this build.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "precis/flow/machine_peak.h"

namespace precis::flow {

struct Doctor {
  std::string version;
  std::string cpu;                              // model name
  std::string isa;                              // scalar, avx2, avx2_vnni, avx512, avx512_vnni: the kernels that run
  std::string forced_isa;                       // PRECIS_FORCE_ISA, "" when not set
  int cores = 1, threads = 1;
  uint64_t memory_bytes = 0;
  std::vector<std::pair<std::string, std::string>> libraries;  // name, version
  std::vector<std::pair<std::string, std::string>> limits;     // name, value
  std::vector<std::string> advice;
  std::optional<MachinePeak> peak;              // only measured when asked for
};

Doctor examine();

}  // namespace precis::flow
