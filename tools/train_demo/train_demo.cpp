// train_demo: trains the Fashion-MNIST network of the demo from nothing but a seed and writes it as ONNX.
// The test images are looked at once, after the epoch to export has been chosen on validation images.
// Same seed, library versions and CPU: same bytes. See README.md for the figures of the committed file.
#include <malloc.h>
#include <torch/torch.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "export_onnx.h"
#include "fashion_idx.h"
#include "fashion_net.h"
#include "fashion_trainer.h"

namespace train_demo {
namespace {

struct Options {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string output = "fashion_cnn.onnx";
  std::string logits;  // where the test logits go as raw f32 [10000, 10]; empty: nowhere
  TrainOptions training;
};

void save_file(const std::string& path, const void* bytes, std::size_t size) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  file.close();
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

// Every step allocates and frees the same few large tensors. By default glibc gives each of them back to the
// system, and a sixth of the time goes into page faults; kept in the heap, they are reused.
void keep_large_blocks() {
  constexpr int kNever = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, kNever);
  mallopt(M_TRIM_THRESHOLD, kNever);
}

void report_test(FashionNet& net, const Options& options) {
  const LabelledImages test = read_fashion_mnist(options.data + "/t10k");
  std::vector<std::size_t> rows(test.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  const torch::Tensor logits = evaluate(net, test, rows);
  std::printf("test %zu/%zu\n", count_correct(logits, test, rows), test.size());
  if (!options.logits.empty()) {
    save_file(options.logits, logits.data_ptr<float>(),
              static_cast<std::size_t>(logits.numel()) * sizeof(float));
  }
}

void run(const Options& options) {
  keep_large_blocks();
  torch::set_num_threads(1);
  torch::manual_seed(options.training.seed);
  FashionNet net;
  train(net, read_fashion_mnist(options.data + "/train"), options.training);
  report_test(net, options);
  const std::string bytes = onnx_bytes(copy_weights(net));
  save_file(options.output, bytes.data(), bytes.size());
  std::printf("%s: %zu bytes\n", options.output.c_str(), bytes.size());
}

int positive(const std::string& flag, const std::string& text) {
  const int value = std::atoi(text.c_str());
  if (value <= 0) throw std::runtime_error(flag + " is '" + text + "', expected a positive number");
  return value;
}

Options parse(const std::vector<std::string>& args) {
  Options options;
  for (std::size_t i = 0; i < args.size(); i += 2) {
    const std::string& flag = args[i];
    if (i + 1 == args.size()) throw std::runtime_error(flag + " needs a value");
    const std::string& value = args[i + 1];
    if (flag == "--data") {
      options.data = value;
    } else if (flag == "--output") {
      options.output = value;
    } else if (flag == "--logits") {
      options.logits = value;
    } else if (flag == "--seed") {
      options.training.seed = static_cast<std::uint64_t>(positive(flag, value));
    } else if (flag == "--epochs") {
      options.training.epochs = positive(flag, value);
    } else {
      throw std::runtime_error(flag + " is unknown; flags: --data --output --logits --seed --epochs");
    }
  }
  return options;
}

}  // namespace
}  // namespace train_demo

int main(int argc, char** argv) {
  try {
    train_demo::run(train_demo::parse({argv + 1, argv + argc}));
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "train_demo: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
