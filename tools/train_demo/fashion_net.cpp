// Construction, forward pass and weight copies of the demo network.
#include "fashion_net.h"

#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace train_demo {
namespace {

constexpr std::int64_t kStem = 24;
constexpr std::int64_t kSqueeze = 24;
constexpr std::int64_t kExpand1x1 = 32;
constexpr std::int64_t kExpand3x3 = 40;
constexpr std::int64_t kTrunk = kExpand1x1 + kExpand3x3;
constexpr std::int64_t kHead = 192;

torch::nn::Conv2dOptions conv_options(const ConvShape& shape) {
  return torch::nn::Conv2dOptions(shape.in, shape.out, shape.kernel)
      .padding(shape.kernel / 2)
      .groups(shape.groups)
      .bias(false);
}

// Everything but the batch counter of batch normalization is a weight.
bool is_exported(const std::string& name) { return name.find("num_batches_tracked") == std::string::npos; }

// libtorch joins names with dots ("stem.conv.weight"), the ONNX file with slashes.
std::string weight_name(std::string name) {
  std::replace(name.begin(), name.end(), '.', '/');
  return name;
}

template <typename Visit>
void for_each_weight(const FashionNet& net, Visit visit) {
  for (const auto& item : net->named_parameters()) visit(weight_name(item.key()), item.value());
  for (const auto& item : net->named_buffers()) {
    if (is_exported(item.key())) visit(weight_name(item.key()), item.value());
  }
}

}  // namespace

ConvBnImpl::ConvBnImpl(const ConvShape& shape)
    : conv_(register_module("conv", torch::nn::Conv2d(conv_options(shape)))),
      bn_(register_module("bn", torch::nn::BatchNorm2d(shape.out))) {
  torch::nn::init::kaiming_normal_(conv_->weight, 0.0, torch::kFanOut, torch::kReLU);
}

torch::Tensor ConvBnImpl::forward(const torch::Tensor& x) { return bn_(conv_(x)); }

FashionNetImpl::FashionNetImpl()
    : stem_(register_module("stem", ConvBn(ConvShape{1, kStem, 3, 1}))),
      squeeze_(register_module("fire/squeeze", ConvBn(ConvShape{kStem, kSqueeze, 1, 1}))),
      expand1x1_(register_module("fire/expand1x1", ConvBn(ConvShape{kSqueeze, kExpand1x1, 1, 1}))),
      expand3x3_(register_module("fire/expand3x3", ConvBn(ConvShape{kSqueeze, kExpand3x3, 3, 1}))),
      residual1_(register_module("residual/1", ConvBn(ConvShape{kTrunk, kTrunk, 3, 1}))),
      residual2_(register_module("residual/2", ConvBn(ConvShape{kTrunk, kTrunk, 3, 1}))),
      depthwise_(register_module("separable/depthwise", ConvBn(ConvShape{kTrunk, kTrunk, 3, kTrunk}))),
      pointwise_(register_module("separable/pointwise", ConvBn(ConvShape{kTrunk, kHead, 1, 1}))),
      fc_(register_module("head/fc", torch::nn::Linear(kHead, kClasses))) {
  // Channels innermost is what oneDNN and libtorch's other operators share; otherwise each convolution
  // reorders its data.
  for (torch::Tensor& weight : parameters()) {
    if (weight.dim() == 4) weight.set_data(weight.contiguous(torch::MemoryFormat::ChannelsLast));
  }
}

torch::Tensor FashionNetImpl::forward(const torch::Tensor& image) {
  torch::Tensor x = torch::max_pool2d(torch::relu(stem_(image)), 2);

  const torch::Tensor squeezed = torch::relu(squeeze_(x));
  x = torch::cat({torch::relu(expand1x1_(squeezed)), torch::relu(expand3x3_(squeezed))}, 1);
  x = torch::max_pool2d(x, 2);

  x = torch::relu(residual2_(torch::relu(residual1_(x))) + x);

  x = torch::relu6(depthwise_(x));
  x = torch::relu6(pointwise_(x));

  return fc_(torch::flatten(torch::adaptive_avg_pool2d(x, {1, 1}), 1));
}

WeightTable copy_weights(const FashionNet& net) {
  WeightTable table;
  for_each_weight(net, [&table](const std::string& name, const torch::Tensor& value) {
    const torch::Tensor dense = value.detach().contiguous();
    const float* data = dense.data_ptr<float>();
    table[name] = Weight{dense.sizes().vec(), std::vector<float>(data, data + dense.numel())};
  });
  return table;
}

void restore_weights(const WeightTable& weights, FashionNet& net) {
  const torch::NoGradGuard no_grad;
  for_each_weight(net, [&weights](const std::string& name, const torch::Tensor& value) {
    const auto found = weights.find(name);
    if (found == weights.end()) throw std::runtime_error("no saved weight for " + name);
    value.copy_(torch::tensor(found->second.values).view(found->second.shape));
  });
}

}  // namespace train_demo
