// train_demo: trains the Fashion-MNIST network of the demo from nothing but a seed and writes it as ONNX.
// The last 5,000 training images are kept for validation; the epoch with the best validation accuracy is
// exported. The test images are looked at once, after that choice. Same seed, thread count, library versions
// and CPU: same bytes.
#include <malloc.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "export_onnx.h"
#include "fashion_batches.h"
#include "fashion_idx.h"
#include "fashion_net.h"

namespace train_demo {
namespace {

struct Options {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string output = "fashion_cnn.onnx";
  std::string logits;  // where the test logits go as raw f32 [10000, 10]; empty: nowhere
  std::uint64_t seed = 7;
  int epochs = 14;
  int threads = 2;
};

constexpr std::size_t kValidationImages = 5000;
constexpr std::size_t kBatch = 128;
constexpr std::size_t kEvalBatch = 500;
constexpr double kPeakLearningRate = 0.1;
constexpr double kMomentum = 0.9;
constexpr double kWeightDecay = 5e-4;
constexpr double kLabelSmoothing = 0.05;
constexpr double kWarmUpEpochs = 1.0;
constexpr double kPi = 3.14159265358979323846;

void save_file(const std::string& path, const void* bytes, std::size_t size) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  file.close();
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

// Linear warm-up over the first epoch, then half a cosine down to zero.
double learning_rate(double epoch, int epochs) {
  if (epoch < kWarmUpEpochs) return kPeakLearningRate * epoch / kWarmUpEpochs;
  const double progress = (epoch - kWarmUpEpochs) / (epochs - kWarmUpEpochs);
  return kPeakLearningRate * 0.5 * (1.0 + std::cos(kPi * progress));
}

torch::Tensor all_logits(FashionNet& net, const LabelledImages& set, const std::vector<std::size_t>& rows) {
  const torch::NoGradGuard no_grad;
  net->eval();
  std::vector<torch::Tensor> parts;
  for (std::size_t start = 0; start < rows.size(); start += kEvalBatch) {
    const std::size_t count = std::min(kEvalBatch, rows.size() - start);
    parts.push_back(net->forward(plain_batch(set, rows.data() + start, count).images));
  }
  return torch::cat(parts).contiguous();
}

std::size_t count_correct(const torch::Tensor& logits, const LabelledImages& set,
                          const std::vector<std::size_t>& rows) {
  const torch::Tensor best = logits.argmax(1).contiguous();
  const std::int64_t* guess = best.data_ptr<std::int64_t>();
  std::size_t correct = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) correct += guess[i] == set.labels[rows[i]] ? 1 : 0;
  return correct;
}

// One pass over the training rows; returns the mean loss.
double train_epoch(FashionNet& net, torch::optim::SGD& optimizer, const LabelledImages& set,
                   const std::vector<std::size_t>& rows, int epoch, const Options& options) {
  net->train();
  const EpochSeed random{options.seed, static_cast<std::uint64_t>(epoch)};
  const std::vector<std::size_t> order = shuffled(rows, random);
  torch::nn::CrossEntropyLoss loss_of(torch::nn::CrossEntropyLossOptions().label_smoothing(kLabelSmoothing));
  const std::size_t batches = order.size() / kBatch;  // the ragged rest waits for the next shuffle
  double loss_sum = 0.0;
  for (std::size_t b = 0; b < batches; ++b) {
    const double at = epoch + static_cast<double>(b) / static_cast<double>(batches);
    static_cast<torch::optim::SGDOptions&>(optimizer.param_groups()[0].options())
        .lr(learning_rate(at, options.epochs));
    const Batch batch = augmented_batch(set, order.data() + b * kBatch, kBatch, random);
    optimizer.zero_grad();
    const torch::Tensor loss = loss_of(net->forward(batch.images), batch.labels);
    loss.backward();
    optimizer.step();
    loss_sum += loss.item<double>();
    if (getenv("TT") && b % 20 == 19) {
      static auto t0 = std::chrono::steady_clock::now();
      auto t = std::chrono::steady_clock::now();
      std::printf("%f\n", std::chrono::duration<double>(t - t0).count() / 20);
      t0 = t;
      if (b > 180) exit(0);
    }
  }
  return loss_sum / static_cast<double>(batches);
}

// Trains and leaves the weights of the best validation epoch (the earliest of equals) in `net`.
void train(FashionNet& net, const LabelledImages& set, const Options& options) {
  std::vector<std::size_t> rows(set.size() - kValidationImages);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::vector<std::size_t> validation(kValidationImages);
  std::iota(validation.begin(), validation.end(), rows.size());

  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(kPeakLearningRate)
                                                     .momentum(kMomentum)
                                                     .nesterov(true)
                                                     .weight_decay(kWeightDecay));
  WeightTable best;
  std::size_t best_correct = 0;
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    const auto begin = std::chrono::steady_clock::now();
    const double loss = train_epoch(net, optimizer, set, rows, epoch, options);
    const std::size_t correct = count_correct(all_logits(net, set, validation), set, validation);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf("epoch %2d  loss %.4f  validation %zu/%zu  %.1f s\n", epoch + 1, loss, correct,
                kValidationImages, seconds.count());
    std::fflush(stdout);
    if (correct > best_correct) {
      best_correct = correct;
      best = copy_weights(net);
    }
  }
  restore_weights(best, net);
}

// Every step allocates and frees the same few large tensors. By default glibc gives each of them back to the
// system, and a sixth of the time goes into page faults; kept in the heap, they are reused.
void keep_large_blocks() {
  constexpr int kNever = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, kNever);
  mallopt(M_TRIM_THRESHOLD, kNever);
}

void run(const Options& options) {
  keep_large_blocks();
  torch::set_num_threads(options.threads);
  torch::manual_seed(options.seed);
  const LabelledImages training = read_fashion_mnist(options.data + "/train");
  if (training.size() <= kValidationImages)
    throw std::runtime_error(options.data + ": too few training images");
  FashionNet net;
  train(net, training, options);

  const LabelledImages test = read_fashion_mnist(options.data + "/t10k");
  std::vector<std::size_t> rows(test.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  const torch::Tensor logits = all_logits(net, test, rows);
  std::printf("test %zu/%zu\n", count_correct(logits, test, rows), test.size());
  if (!options.logits.empty()) {
    save_file(options.logits, logits.data_ptr<float>(),
              static_cast<std::size_t>(logits.numel()) * sizeof(float));
  }

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
      options.seed = static_cast<std::uint64_t>(positive(flag, value));
    } else if (flag == "--epochs") {
      options.epochs = positive(flag, value);
    } else if (flag == "--threads") {
      options.threads = positive(flag, value);
    } else {
      throw std::runtime_error(flag +
                               " is unknown; flags: --data --output --logits --seed --epochs --threads");
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
