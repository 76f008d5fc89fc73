// The training loop. One library thread per shard: with a library thread per core instead, each of the many
// small operators waits for the slowest core, which costs a multiple on a machine that does something else
// too.
#include "fashion_trainer.h"

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <future>
#include <numeric>
#include <stdexcept>

#include "fashion_batches.h"

namespace train_demo {
namespace {

constexpr std::size_t kValidationImages = 5000;
constexpr std::size_t kShard = 64;
constexpr std::size_t kBatch = 2 * kShard;
constexpr std::size_t kEvalBatch = 500;
constexpr double kPeakLearningRate = 0.1;
constexpr double kMomentum = 0.9;
constexpr double kWeightDecay = 5e-4;
constexpr double kLabelSmoothing = 0.05;
constexpr double kWarmUpEpochs = 1.0;
constexpr double kPi = 3.14159265358979323846;

// Linear warm-up over the first epoch, then half a cosine down to zero.
double learning_rate(double epoch, int epochs) {
  if (epoch < kWarmUpEpochs) return kPeakLearningRate * epoch / kWarmUpEpochs;
  const double progress = (epoch - kWarmUpEpochs) / (epochs - kWarmUpEpochs);
  return kPeakLearningRate * 0.5 * (1.0 + std::cos(kPi * progress));
}

// Forward and backward of one half batch; adds to the gradients of `net` and returns the mean loss.
double backpropagate(FashionNet& net, const Batch& batch) {
  torch::set_num_threads(1);  // OpenMP keeps this number per thread
  torch::nn::CrossEntropyLoss loss_of(torch::nn::CrossEntropyLossOptions().label_smoothing(kLabelSmoothing));
  const torch::Tensor loss = loss_of(net->forward(batch.images), batch.labels);
  loss.backward();
  return loss.item<double>();
}

class Trainer {
 public:
  Trainer(FashionNet& net, const LabelledImages& set, const TrainOptions& options)
      : net_(net),
        set_(set),
        options_(options),
        optimizer_(net->parameters(), torch::optim::SGDOptions(kPeakLearningRate)
                                          .momentum(kMomentum)
                                          .nesterov(true)
                                          .weight_decay(kWeightDecay)) {
    // The twin has gradients of its own but shares the weights' memory, so a step of the optimizer moves
    // both. The running statistics of `net` are those of the first half batches alone.
    const std::vector<torch::Tensor> weights = net_->parameters();
    std::vector<torch::Tensor> twins = twin_->parameters();
    for (std::size_t i = 0; i < weights.size(); ++i) twins[i].set_data(weights[i].data());
  }

  // One pass over the training rows; returns the mean loss.
  double run_epoch(const std::vector<std::size_t>& rows, int epoch) {
    net_->train();
    twin_->train();
    const EpochSeed random{options_.seed, static_cast<std::uint64_t>(epoch)};
    const std::vector<std::size_t> order = shuffled(rows, random);
    const std::size_t batches = order.size() / kBatch;  // the ragged rest waits for the next shuffle
    double loss_sum = 0.0;
    for (std::size_t b = 0; b < batches; ++b) {
      const double at = epoch + static_cast<double>(b) / static_cast<double>(batches);
      loss_sum += step(order.data() + b * kBatch, random, learning_rate(at, options_.epochs));
    }
    return loss_sum / static_cast<double>(batches);
  }

 private:
  double step(const std::size_t* rows, EpochSeed random, double rate) {
    static_cast<torch::optim::SGDOptions&>(optimizer_.param_groups()[0].options()).lr(rate);
    optimizer_.zero_grad();
    twin_->zero_grad();
    std::future<double> second = std::async(std::launch::async, [&] {
      return backpropagate(twin_, augmented_batch(set_, rows + kShard, kShard, random));
    });
    const double first = backpropagate(net_, augmented_batch(set_, rows, kShard, random));
    const double loss = 0.5 * (first + second.get());
    const std::vector<torch::Tensor> weights = net_->parameters();
    const std::vector<torch::Tensor> twins = twin_->parameters();
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i].grad().add_(twins[i].grad()).mul_(0.5);
    optimizer_.step();
    return loss;
  }

  FashionNet& net_;
  const LabelledImages& set_;
  TrainOptions options_;
  FashionNet twin_;
  torch::optim::SGD optimizer_;
};

}  // namespace

torch::Tensor evaluate(FashionNet& net, const LabelledImages& set, const std::vector<std::size_t>& rows) {
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

void train(FashionNet& net, const LabelledImages& set, const TrainOptions& options) {
  if (set.size() < kValidationImages + kBatch) {
    throw std::runtime_error("the training set holds " + std::to_string(set.size()) +
                             " images, expected 60000");
  }
  std::vector<std::size_t> rows(set.size() - kValidationImages);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::vector<std::size_t> validation(kValidationImages);
  std::iota(validation.begin(), validation.end(), rows.size());

  Trainer trainer(net, set, options);
  WeightTable best;
  std::size_t best_correct = 0;
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    const auto begin = std::chrono::steady_clock::now();
    const double loss = trainer.run_epoch(rows, epoch);
    const std::size_t correct = count_correct(evaluate(net, set, validation), set, validation);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf("epoch %2d  loss %.4f  validation %zu/%zu  %.1f s\n", epoch + 1, loss, correct,
                kValidationImages, seconds.count());
    std::fflush(stdout);
    if (correct > best_correct || best.empty()) {
      best_correct = correct;
      best = copy_weights(net);
    }
  }
  restore_weights(best, net);
}

}  // namespace train_demo
