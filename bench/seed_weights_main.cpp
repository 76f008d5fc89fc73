// seed_weights IN.onnx OUT.onnx [SEED]: writes the model with seeded random weights (seed_weights.h).
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "bench/seed_weights.h"
#include "precis/core/error.h"
#include "precis/onnx/onnx_io.h"

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    fmt::print(stderr, "usage: seed_weights IN.onnx OUT.onnx [SEED]\n");
    return 2;
  }
  try {
    precis::Model model = precis::onnx_io::read_model(argv[1]).model;
    const uint64_t seed = argc == 4 ? std::strtoull(argv[3], nullptr, 10) : 1;
    const auto report = precis::bench::seed_weights(model, seed);
    const uint64_t bytes = precis::onnx_io::write_model(model, argv[2], {}, precis::Overwrite::kReplace);
    fmt::print("{}: {} tensors, {} parameters, {} bytes\n", argv[2], report.tensors, report.parameters,
               bytes);
  } catch (const precis::Error& e) {
    fmt::print(stderr, "seed_weights: {}\n", e.what());
    return static_cast<int>(e.code());
  }
}
