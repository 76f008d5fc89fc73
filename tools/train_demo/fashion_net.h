// The network of the demo, in libtorch: small, but with every structure that makes quantization interesting.
//
//   image [N,1,28,28]
//   stem      conv 3x3, BN, ReLU; max pool                       -> [N,24,14,14]
//   fire      squeeze 1x1; expand 1x1 and expand 3x3; concat     -> [N,72,14,14]; max pool -> [N,72,7,7]
//   residual  conv 3x3, BN, ReLU, conv 3x3, BN, add, ReLU        -> [N,72,7,7]
//   separable depthwise 3x3, BN, ReLU6; pointwise 1x1, BN, ReLU6 -> [N,192,7,7]
//   head      global average pool, fully connected               -> logits [N,10]
//
// export_onnx.cpp writes the same network node by node; modules here have the names of the nodes there.
#pragma once

#include <torch/nn.h>

#include <cstdint>

#include "export_onnx.h"
#include "fashion_idx.h"

namespace train_demo {

struct ConvShape {
  std::int64_t in = 1;
  std::int64_t out = 1;
  std::int64_t kernel = 3;
  std::int64_t groups = 1;
};

// A convolution without bias (stride 1, same size) and its batch normalization.
class ConvBnImpl : public torch::nn::Module {
 public:
  explicit ConvBnImpl(const ConvShape& shape);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  torch::nn::Conv2d conv_{nullptr};
  torch::nn::BatchNorm2d bn_{nullptr};
};
TORCH_MODULE(ConvBn);

class FashionNetImpl : public torch::nn::Module {
 public:
  FashionNetImpl();

  // image: f32 [n, 1, 28, 28], normalized. Returns the logits, f32 [n, 10].
  torch::Tensor forward(const torch::Tensor& image);

 private:
  ConvBn stem_{nullptr};
  ConvBn squeeze_{nullptr};
  ConvBn expand1x1_{nullptr};
  ConvBn expand3x3_{nullptr};
  ConvBn residual1_{nullptr};
  ConvBn residual2_{nullptr};
  ConvBn depthwise_{nullptr};
  ConvBn pointwise_{nullptr};
  torch::nn::Linear fc_{nullptr};
};
TORCH_MODULE(FashionNet);

// Copies of all parameters and running statistics, named as in the ONNX file ("stem/conv/weight").
WeightTable copy_weights(const FashionNet& net);

// Puts `weights` back; the names and shapes must be those of copy_weights.
void restore_weights(const WeightTable& weights, FashionNet& net);

}  // namespace train_demo
