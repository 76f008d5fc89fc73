// Small files as ONNX Runtime's quantize_dynamic and four-bit tools write them, with ONNX Runtime's answers:
// read, run, written and read again. Sums of codes are exact: both engines give the same bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "precis/data/npy.h"
#include "precis/onnx/onnx_io.h"
#include "precis/runtime/reference_engine.h"
#include "precis/runtime/session.h"

namespace precis {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> folders() {
  std::vector<fs::path> found;
  for (const auto& e : fs::directory_iterator(PRECIS_SOURCE_DIR "/tests/data/ort_dynamic"))
    if (e.is_directory()) found.push_back(e.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<Tensor> arrays(const fs::path& folder, const std::string& what) {
  std::vector<Tensor> list;
  for (int i = 0;; ++i) {
    const fs::path path = folder / (what + "_" + std::to_string(i) + ".npy");
    if (!fs::exists(path)) return list;
    list.push_back(data::read_npy(path.string()));
  }
}

// Gates are evaluated by other functions than the reference's, products with decoded weights in another
// order.
bool is_exact(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return name.find("recurrent") == std::string::npos && name.find("4bit") == std::string::npos;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  double worst = 0, largest = 1;
  for (int64_t i = 0; i < a.numel(); ++i) {
    worst = std::max(worst, std::abs(a.at_double(i) - b.at_double(i)));
    largest = std::max(largest, std::abs(b.at_double(i)));
  }
  return worst / largest;
}

void expect_same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b, const fs::path& folder) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].shape(), b[i].shape()) << folder;
    EXPECT_EQ(std::memcmp(a[i].bytes(), b[i].bytes(), static_cast<size_t>(a[i].nbytes())), 0) << folder;
  }
}

std::vector<Tensor> run_fast(const Graph& g, const std::vector<Tensor>& inputs) {
  return runtime::Session(runtime::Program::compile(g), 1).run(inputs);
}

TEST(ForeignModels, AnswersOfOnnxRuntime) {
  ASSERT_GE(folders().size(), 11u);
  for (const fs::path& folder : folders()) {
    const Graph g = onnx_io::read_model((folder / "model.onnx").string()).model.graph;
    const auto inputs = arrays(folder, "input"), theirs = arrays(folder, "output");
    const auto fast = run_fast(g, inputs), reference = runtime::run_reference(g, inputs);
    ASSERT_EQ(fast.size(), theirs.size()) << folder;
    for (size_t i = 0; i < theirs.size(); ++i) {
      EXPECT_LE(largest_difference(fast[i], theirs[i]), 1e-5) << folder;
      EXPECT_LE(largest_difference(reference[i], theirs[i]), 1e-5) << folder;
    }
    if (is_exact(folder)) expect_same_bits(fast, reference, folder);
  }
}

TEST(ForeignModels, WrittenAndReadAgain) {
  for (const fs::path& folder : folders()) {
    const Model model = onnx_io::read_model((folder / "model.onnx").string()).model;
    const Model again = onnx_io::read_model_bytes(onnx_io::serialize_model(model)).model;
    const auto inputs = arrays(folder, "input");
    expect_same_bits(run_fast(again.graph, inputs), run_fast(model.graph, inputs), folder);
  }
}

}  // namespace
}  // namespace precis
