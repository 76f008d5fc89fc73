// Running graphs: Program = a graph prepared and packed once (weights shared by all sessions), Session = one caller's
// working memory. Plans are compiled per input shapes and thread count and cached in the Program.
// Thread safety: a Program may be used by any number of Sessions at once; one Session runs one call at a time.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "precis/graph/graph.h"

namespace precis::runtime {

enum class Engine {
  kFast,       // fused, oneDNN and own SIMD kernels; integers equal kReference's bit for bit
  kReference,  // the scalar reference: node by node, no fusion; the truth in tests
};

struct ProgramOptions {
  Engine engine = Engine::kFast;
  // Values (by name) that Session taps will observe: they are kept in memory, never fused away.
  std::vector<std::string> taps;
  // Taps see a value of channels as it lies in memory, channels last or not: no copy is made for them.
  bool taps_as_laid_out = false;
};

// One executed step of a plan, for `inspect --plan`, profiles and tests.
struct StepInfo {
  std::string node;       // name of the main node (fused ones follow in `fused`)
  std::string op;         // "Conv", "Reorder", ...
  std::vector<std::string> fused;   // e.g. {"BatchNormalization", "Relu", "Add"}
  std::string kernel;     // "onednn:jit:avx2", "avx2:conv_u8s8_exact", "reference"
  std::vector<std::string> inputs, outputs;   // "u8[1,64,55,55] nhwc @0.0123+0"
  bool quantized = false; // computes on integer codes (in and out, or weights)
  bool float_fallback = false;  // an encoded operator that ran as dequantize -> float -> quantize
  double macs = 0;
  double bytes = 0;       // of the values and weights that it reads and writes, as far as their shapes are known
  int threads = 1;        // that its work is worth
};

struct PlanInfo {
  std::vector<StepInfo> steps;
  uint64_t arena_bytes = 0, weight_bytes = 0;
};

class Program {
 public:
  // Validates and prepares. Errors: kUnsupported naming every operator without a kernel, kMalformed, kLimit.
  static std::shared_ptr<const Program> compile(const Graph& graph, const ProgramOptions& options = {});
  ~Program();
  const Graph& graph() const;  // as given
  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  Program();
  std::unique_ptr<Impl> impl_;
};

// Called in execution order with plain row-major contents (codes for encoded values); the tensor is only valid in the call.
using TapFunction = std::function<void(const std::string& value, const Tensor& tensor)>;
// The same for `taps_as_laid_out`: the tensor has the value's shape, but where `channels_last` its elements lie in the order of
// N, spatial ..., C.
using LaidOutTapFunction = std::function<void(const std::string& value, const Tensor& tensor, bool channels_last)>;

class Session {
 public:
  explicit Session(std::shared_ptr<const Program> program, int threads = 0);  // 0 = num_threads()
  Session(Session&&) noexcept;
  ~Session();
  // Inputs in the order of graph.inputs(); dtype and shape are checked against the graph (kUsage naming the input).
  // Outputs in the order of graph.outputs(); encoded graph outputs are returned as codes.
  std::vector<Tensor> run(std::span<const Tensor> inputs);
  void set_tap(TapFunction tap);  // Error(kUsage) where the program's taps see values as they lie
  void set_laid_out_tap(LaidOutTapFunction tap);
  // The plan for these input shapes (empty: the declared ones, unknown dimensions as 1).
  PlanInfo plan_info(std::span<const Shape> input_shapes = {});
  // One run with the time of each step, in the order of plan_info(shapes of the inputs).steps. kFast only: empty for
  // the reference engine.
  struct StepTime {
    double start_ms = 0, ms = 0;  // since the call
  };
  std::vector<StepTime> run_timed(std::span<const Tensor> inputs);
  // Runs `runs` times and returns the shortest time of each step in milliseconds, in the order of
  // plan_info(shapes of the inputs).steps. kFast only: empty for the reference engine.
  std::vector<double> profile(std::span<const Tensor> inputs, int runs);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Name and version of the libraries that only this room sees, for `precis doctor`.
std::vector<std::pair<std::string, std::string>> library_versions();

// Registers the runtime's single-node evaluator for passes that fold constants (graph/evaluate.h).
void register_evaluator();

}  // namespace precis::runtime
