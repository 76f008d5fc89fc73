// The table of targets, and what they share.
#include "fuzz/target.h"

#include <array>
#include <cstdlib>

#include "fuzz/targets/targets.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace precis::fuzz {

std::span<const Target> all_targets() {
  static constexpr std::array kTargets = {
      Target{"wire_scan", "the scan of protobuf bytes before any parser", wire_scan_target},
      Target{"model", "read, check, infer, prepare, plan and run a model", model_target, true},
      Target{"quantize", "quantize a model that was accepted, write, read back, run", quantize_target, true},
      Target{"tensor", "TensorProto files, by both readers", tensor_target},
      Target{"external_path", "external data: paths, offsets and lengths", external_path_target},
      Target{"graph_text", "the text form of graphs", graph_text_target},
      Target{"npy", "npy arrays", npy_target},
      Target{"npz", "npz archives", npz_target},
      Target{"image", "JPEG and PNG pictures", image_target},
      Target{"records", "IDX, CIFAR and WAV files, gzip too", records_target},
      Target{"csv", "tables and label files", csv_target},
      Target{"preprocess", "preprocessing files", preprocess_target},
      Target{"recipe", "recipes", recipe_target},
      Target{"ranges", "tables of ranges", ranges_target},
      Target{"overrides", "tensor overrides of ONNX Runtime", overrides_target},
      Target{"words", "specifications, rules and shapes on the command line", words_target},
  };
  return kTargets;
}

const Target* find_target(std::string_view name) {
  for (const Target& t : all_targets())
    if (name == t.name) return &t;
  return nullptr;
}

void promise(bool kept, const std::string& what) {
  if (!kept) throw Broken("broken promise: " + what);
}

bool accepts(const std::function<void()>& read) {
  try {
    read();
    return true;
  } catch (const Error& e) {
    promise(e.code() != ErrorCode::kInternal, std::string("no internal error, but: ") + e.what());
    promise(e.what()[0] != '\0', "every error says what it is about");
    return false;
  }
}

uint8_t Chooser::byte() {
  if (rest_.empty()) return 0;
  const auto first = static_cast<uint8_t>(rest_.front());
  rest_ = rest_.subspan(1);
  return first;
}

std::string text_of(Bytes input) { return {reinterpret_cast<const char*>(input.data()), input.size()}; }

std::string as_file(Bytes input, const std::string& name) {
  static const test::TempDir dir(test::TempDir::Place::kMemory);
  const std::string path = dir / name;
  test::spit(path, text_of(input));
  return path;
}

SmallLimits::SmallLimits() : saved_(limits()) {
  Limits small = saved_;
  small.max_memory = 32u << 20;
  small.max_loop_steps = 1000;
  small.max_loop_seconds = 1;
  small.max_operator_steps = 1 << 22;
  small.max_image_pixels = 1 << 20;
  set_limits(small);
}

SmallLimits::~SmallLimits() { set_limits(saved_); }

}  // namespace precis::fuzz
