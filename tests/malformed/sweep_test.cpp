// A10 and A11, and the same for every other reader: a small file cut at every byte, and with each of its bits
// flipped, goes all the way (models: read, check, infer, plan, run; data: open, read, convert). The answer is
// an Error that says what is wrong, or a result; the promises of the fuzz targets hold for each of them.
#include <gtest/gtest.h>

#include "fuzz/exercise.h"
#include "precis/core/parallel.h"
#include "precis/graph/text.h"
#include "precis/onnx/onnx_io.h"
#include "precis/quant/range_table.h"
#include "tests/data/data_test_support.h"

namespace precis::fuzz {
namespace {

namespace make = data::test;

Bytes as_bytes(const std::string& s) { return std::as_bytes(std::span(s)); }

// Calls `use` with every cut and every flip of `whole`; returns how many there were.
int64_t sweep(const std::string& whole, const std::function<void(const std::string&)>& use) {
  int64_t count = 0;
  for (size_t n = 0; n < whole.size(); ++n, ++count) {
    SCOPED_TRACE(::testing::Message() << "cut to " << n << " of " << whole.size() << " bytes");
    use(whole.substr(0, n));
  }
  std::string flipped = whole;
  for (size_t bit = 0; bit < whole.size() * 8; ++bit, ++count) {
    SCOPED_TRACE(::testing::Message() << "bit " << bit % 8 << " of byte " << bit / 8 << " flipped");
    const char mask = static_cast<char>(1 << (bit % 8));
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ mask);
    use(flipped);
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ mask);
  }
  return count;
}

void keeps_promises(const std::string& target, const std::string& input) {
  try {
    find_target(target)->run(as_bytes(input));
  } catch (const std::exception& e) {
    ADD_FAILURE() << target << ": " << e.what();
  }
}

std::string small_model() {
  Model model;
  model.graph = parse_graph(R"(
graph net(x: f32[batch,3,6,6]) -> (y) {
  w: f32[10,3,3,3] = constant(normal, seed=1, scale=0.2)
  s: f32[10] = constant(uniform, seed=2, scale=1)
  b: f32[10] = constant(normal, seed=3, scale=0.1)
  m: f32[10] = constant(normal, seed=4, scale=0.1)
  v: f32[10] = [1, 1.5, 2, 0.5, 0.25, 1, 2, 3, 0.75, 1]
  f: f32[5,10] = constant(normal, seed=5, scale=0.3)
  k: i64[2] = [-1, 10]
  c = Conv(x, w) {pads=[1,1,1,1], strides=[2,2]}
  n = BatchNormalization(c, s, b, m, v)
  r = Relu(n)
  g = GlobalAveragePool(r)
  h = Reshape(g, k)
  l = Gemm(h, f) {transB=1}
  y = Softmax(l) {axis=1}
})");
  model.source_opset = 17;
  const std::vector<std::byte> bytes = onnx_io::serialize_model(model);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Finite wherever the reference says that these weights give finite results.
void runs_or_is_refused(const std::string& bytes) {
  const SmallLimits small;
  const std::optional<Model> model = read_checked(as_bytes(bytes));
  if (!model) return;
  const auto inputs = example_inputs(model->graph);
  if (!inputs) return;
  const auto outputs = run_once(model->graph, *inputs, runtime::Engine::kFast);
  if (!outputs || all_finite(*outputs)) return;
  const auto truth = run_once(model->graph, *inputs, runtime::Engine::kReference);
  ASSERT_TRUE(truth.has_value()) << "the fast engine ran what the reference refuses";
  EXPECT_FALSE(all_finite(*truth)) << "finite in the reference only";
}

TEST(Sweep, A10_A11_AModelFromItsBytesToItsOutputs) {
  set_num_threads(1);  // thousands of small plans: waking threads would take most of the time
  const std::string whole = small_model();
  EXPECT_NEAR(static_cast<double>(whole.size()), 2048, 256);
  ASSERT_TRUE(read_checked(as_bytes(whole)).has_value());
  const int64_t inputs = sweep(whole, [](const std::string& bytes) {
    try {
      runs_or_is_refused(bytes);
    } catch (const std::exception& e) {
      ADD_FAILURE() << e.what();
    }
  });
  EXPECT_GE(inputs, 16'000);
}

std::string ranges() {
  quant::RangeTable table;
  const std::vector<float> values = {1, 1, 1, 1, 1};  // few bins
  table.entries["conv"].add_sample(values);
  table.channels["conv"].add(Tensor::from<float>({1, 5}, std::span<const float>(values)));
  table.graph_hash = "0123";
  return table.to_bytes();
}

std::string wav() {
  using namespace make;
  const std::string form = le16(1) + le16(2) + le32(8000) + le32(32000) + le16(4) + le16(16);
  const std::string body = "WAVEfmt " + le32(16) + form + "data" + le32(16) + "abcdefghijklmnop";
  return "RIFF" + le32(body.size()) + body;
}

struct Seed {
  const char* name;
  const char* target;
  std::string input;
};

std::vector<Seed> seeds() {
  using namespace make;
  const std::string array = npy("<f4", "(4, 2)", raw<float>({1, 2, 3, 4, 5, 6, 7, 8}));
  const std::string picture = png(test_picture(6, 7, 3));
  const char zero = 0, one = 1, two = 2;
  return {
      {"Npy", "npy", array},
      {"NpyFortran", "npy", npy(">i2", "(3, 2)", "abcdefghijkl", "True")},
      {"Npz", "npz", zip({{"x.npy", array, true}, {"labels.npy", npy("|u1", "(4,)", "abcd")}})},
      {"Jpeg", "image", jpeg(test_picture(8, 9, 3), 50)},
      {"JpegGray", "image", jpeg(test_picture(8, 8, 1), 50)},
      {"Png", "image", picture},
      {"Idx", "records", zero + idx(8, {3, 2, 2}, "abcdefghijkl")},
      {"IdxGzip", "records", zero + gzip(idx(8, {3, 2, 2}, "abcdefghijkl"))},
      {"CifarGzip", "records", one + gzip(std::string(2 * 3073, '\x01'))},
      {"Wav", "records", two + wav()},
      {"Tensor", "tensor", zero + tensor_proto({2, 2}, 1, raw<float>({1, 2, 3, 4}))},
      {"Table", "csv", "file,label\na.png,3\n\"a.png\",4\r\n"},
      {"Ranges", "ranges", ranges()},
      {"Preprocess", "preprocess",
       "resize: {size: 256, filter: bicubic}\ncrop: [4, 4]\nmean: [0.1, 0.2, 0.3]\nscale: 1/255\n"},
      {"Recipe", "recipe",
       "recipe: 1\nstages:\n  - prepare: {}\n  - quantize_static: {observer: mse, rules: "
       "[\"op:Conv.weight_bits=4\"]}\n"},
      {"Overrides", "overrides", R"({"t": [{"quant_type": "QUInt8", "scale": 0.1, "zero_point": 3}]})"},
      {"ExternalPath", "external_path",
       std::string("sub/good.bin\0"
                   "8\0"
                   "8",
                   16)},
  };
}

class ReaderSweep : public testing::TestWithParam<Seed> {};

TEST_P(ReaderSweep, CutsAndFlips) {
  const Seed& seed = GetParam();
  ASSERT_NE(find_target(seed.target), nullptr);
  keeps_promises(seed.target, seed.input);
  sweep(seed.input, [&](const std::string& bytes) { keeps_promises(seed.target, bytes); });
}

INSTANTIATE_TEST_SUITE_P(Readers, ReaderSweep, testing::ValuesIn(seeds()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace precis::fuzz
