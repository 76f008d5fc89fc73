// Asking the CPU, the system and the rooms.
#include "precis/flow/doctor.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "precis/core/check.h"
#include "precis/core/isa.h"
#include "precis/core/limits.h"
#include "precis/core/parallel.h"
#include "precis/core/text.h"
#include "precis/core/version.h"
#include "precis/onnx/onnx_io.h"
#include "precis/runtime/session.h"

namespace precis::flow {
namespace {

// The brand string, which the CPU itself gives in three parts of 16 bytes.
std::string cpu_model() {
#if defined(__x86_64__)
  if (static_cast<unsigned>(__get_cpuid_max(0x80000000u, nullptr)) < 0x80000004u) return "unknown";
  std::array<unsigned, 12> words{};
  for (unsigned part = 0; part < 3; ++part) {
    unsigned* w = &words[part * 4];
    __get_cpuid(0x80000002u + part, &w[0], &w[1], &w[2], &w[3]);
  }
  std::string text(reinterpret_cast<const char*>(words.data()), sizeof(words));
  text.resize(std::min(text.find('\0'), text.size()));
  return std::string(trim(text));
#else
  return "unknown";
#endif
}

}  // namespace

Doctor examine() {
  Doctor d;
  d.version = kVersion;
  d.cpu = cpu_model();
  d.isa = isa_name(current_isa());
  if (const char* forced = std::getenv("PRECIS_FORCE_ISA")) d.forced_isa = forced;
  d.cores = usable_cores();
  d.threads = num_threads();
  d.memory_bytes = physical_memory();
  for (const auto& lib : onnx_io::library_versions()) d.libraries.push_back(lib);
  for (const auto& lib : runtime::library_versions()) d.libraries.push_back(lib);
  const Limits& l = limits();
  d.limits = {{"model file", format_bytes(l.max_onnx_bytes)},
              {"external data", format_bytes(l.max_external_bytes)},
              {"memory for a 100 MB model", format_bytes(memory_limit(100u << 20))},
              {"nodes", std::to_string(l.max_nodes)},
              {"protobuf messages", std::to_string(l.max_messages)},
              {"subgraph depth", std::to_string(l.max_subgraph_depth)},
              {"image", fmt::format("{} Mpixel", l.max_image_pixels >> 20)}};
  if (d.isa == "scalar") d.advice.push_back("this CPU has no AVX2: only the scalar kernels run, slowly");
  if (d.isa == "avx2" || d.isa == "avx512")
    d.advice.push_back("this CPU has no VNNI: channels whose int16 pairs could saturate take exact kernels; int8 gains less here than on a VNNI machine");
  return d;
}

}  // namespace precis::flow
