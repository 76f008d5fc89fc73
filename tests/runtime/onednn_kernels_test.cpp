// The oneDNN wrappers against the scalar kernels: float within the rounding bound of the sums, integers
// equal.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>

#include "precis/kernels/reference/conv.h"
#include "precis/kernels/reference/matmul.h"
#include "precis/kernels/reference/pool.h"
#include "precis/kernels/reference/requantize.h"
#include "precis/runtime/layout.h"
#include "precis/runtime/onednn/primitives.h"
#include "tests/support/tensor_compare.h"

namespace precis::runtime::onednn {
namespace {

using kernels::reference::ConvParams;
using Role = Argument::Role;

Tensor reordered(const Tensor& t, const Shape& shape, Layout from, Layout to) {
  Tensor out(DType::kU8, Shape{layout_bytes(t.dtype(), shape, to)});
  const KernelPtr kernel = make_reorder({t.dtype(), shape, from, to});
  if (!kernel) ADD_FAILURE() << "no reorder for " << shape.str();
  void* pointers[] = {const_cast<std::byte*>(t.bytes()), out.bytes(), nullptr};
  kernel->bind()->run(pointers);
  return out;
}

// Runs a kernel on plain tensors: `inputs` for sources and operands in order; the result comes back plain.
Tensor run_plain(const KernelPtr& kernel, const std::vector<Tensor>& inputs, const Tensor& weights,
                 const Tensor& bias, DType dtype, const Shape& result) {
  std::vector<Tensor> held;
  std::vector<void*> pointers;
  size_t next = 0;
  Layout out_layout{};
  for (const Argument& a : kernel->arguments()) {
    if (a.role == Role::kWeights) held.push_back(kernel->pack_weights(weights));
    if (a.role == Role::kBias) held.push_back(bias);
    if (a.role == Role::kSource || a.role == Role::kOperand) {
      held.push_back(reordered(inputs[next], inputs[next].shape(), Layout::kPlain, a.layout));
      ++next;
    }
    if (a.role == Role::kDestination) {
      held.emplace_back(DType::kU8, Shape{a.bytes});
      out_layout = a.layout;
    }
    pointers.push_back(held.back().bytes());
  }
  const Tensor blocked = held.back();
  Tensor scratch(DType::kU8, Shape{kernel->scratch_bytes()});
  pointers.push_back(scratch.bytes());
  kernel->bind()->run(pointers);
  const Tensor raw = Tensor::view(dtype, Shape{blocked.nbytes() * 8 / dtype_bits(dtype)},
                                  const_cast<std::byte*>(blocked.bytes()));
  Tensor plain = reordered(raw, result, out_layout, Layout::kPlain);
  return Tensor::view(dtype, result, plain.bytes()).clone();
}

struct ConvCase {
  Shape x, w;
  int64_t groups = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;
  bool transposed = false;
};

ConvolutionSpec spec_of(const ConvCase& c, ConvParams& p) {
  ConvolutionSpec s;
  const int spatial = c.x.rank() - 2;
  s.transposed = c.transposed;
  s.source = c.x;
  s.weights = c.w;
  s.groups = c.groups;
  s.strides.assign(static_cast<size_t>(spatial), c.stride);
  s.dilations.assign(static_cast<size_t>(spatial), c.dilation);
  s.pads.assign(static_cast<size_t>(spatial), c.pad_begin);
  s.pads.resize(static_cast<size_t>(2 * spatial), c.pad_end);
  p.batch = c.x[0];
  p.groups = c.groups;
  p.in_channels = c.x[1];
  p.out_channels = c.transposed ? c.w[1] * c.groups : c.w[0];
  s.destination = Shape{c.x[0], p.out_channels};
  std::vector<int64_t> dims{c.x[0], p.out_channels};
  for (int i = 0; i < spatial; ++i) {
    const size_t axis = static_cast<size_t>(3 - spatial + i);
    const int64_t span = (c.w[i + 2] - 1) * c.dilation + 1;
    const int64_t in = c.x[i + 2];
    const int64_t out = c.transposed ? (in - 1) * c.stride + span - c.pad_begin - c.pad_end
                                     : (in + c.pad_begin + c.pad_end - span) / c.stride + 1;
    dims.push_back(out);
    p.window.in[axis] = c.transposed ? out : in;
    p.window.out[axis] = c.transposed ? in : out;
    p.window.kernel[axis] = c.w[i + 2];
    p.window.stride[axis] = c.stride;
    p.window.dilation[axis] = c.dilation;
    p.window.pad_begin[axis] = c.pad_begin;
    p.window.pad_end[axis] = c.pad_end;
  }
  s.destination = Shape(dims);
  return s;
}

template <typename T>
Tensor reference_conv(const ConvCase& c, const ConvParams& p, const Shape& out, const Tensor& x,
                      const Tensor& w) {
  Tensor y(dtype_of<T>, out);
  if (c.transposed)
    kernels::reference::conv_transpose<T>(p, x.data<T>().data(), w.data<T>().data(), y.data<T>().data());
  else
    kernels::reference::conv<T>(p, x.data<T>().data(), w.data<T>().data(), y.data<T>().data());
  return y;
}

Tensor absolute(const Tensor& t) {
  Tensor a = t.clone();
  for (float& v : a.data<float>()) v = std::fabs(v);
  return a;
}

const ConvCase kConvCases[] = {
    {{1, 3, 13, 13}, {16, 3, 3, 3}, 1, 2, 1, 1, 1},
    {{2, 16, 9, 7}, {24, 16, 3, 3}, 1, 1, 1, 1, 1},
    {{1, 24, 8, 8}, {8, 24, 1, 1}},
    {{1, 24, 8, 8}, {8, 24, 1, 1}, 1, 2},
    {{1, 5, 7, 7}, {7, 5, 3, 3}, 1, 1, 1, 0, 1},
    {{1, 16, 11, 11}, {16, 1, 3, 3}, 16, 1, 1, 1, 1},
    {{1, 16, 11, 11}, {16, 1, 5, 5}, 16, 2, 1, 2, 2},
    {{1, 16, 11, 11}, {32, 8, 3, 3}, 2, 1, 1, 1, 1},
    {{1, 8, 17, 17}, {8, 8, 3, 3}, 1, 1, 2, 2, 2},
    {{1, 8, 33}, {16, 8, 5}, 1, 1, 1, 2, 2},
    {{1, 4, 5, 6, 7}, {8, 4, 3, 3, 3}, 1, 1, 1, 1, 1},
    {{1, 8, 5, 5}, {8, 12, 3, 3}, 1, 2, 1, 1, 1, true},
    {{1, 8, 5, 5}, {8, 4, 2, 2}, 2, 2, 1, 0, 0, true},
};

TEST(OneDnnKernels, FloatConvolutionWithinTheRoundingBound) {
  uint64_t seed = 1;
  for (const ConvCase& c : kConvCases) {
    SCOPED_TRACE(c.x.str() + " * " + c.w.str());
    ConvParams p;
    ConvolutionSpec spec = spec_of(c, p);
    spec.bias_dtype = DType::kF32;
    PostOp add;
    add.kind = PostOp::Kind::kAdd;
    add.operand = spec.destination;
    spec.post_ops = {add, PostOp{}};  // + residual, Relu
    const KernelPtr kernel = make_convolution(spec);
    if (!kernel) continue;  // the caller has other kernels for it
    const Tensor x = test::random_tensor(c.x, seed++), w = test::random_tensor(c.w, seed++);
    const Tensor bias = test::random_tensor({p.out_channels}, seed++),
                 residual = test::random_tensor(spec.destination, seed++);
    const Tensor got = run_plain(kernel, {x, residual}, w, bias, DType::kF32, spec.destination);
    const Tensor sum = reference_conv<float>(c, p, spec.destination, x, w);
    const Tensor bound = reference_conv<float>(c, p, spec.destination, absolute(x), absolute(w));
    const int64_t inner = spec.destination.inner(2);
    const double terms = static_cast<double>(c.w.numel()) / static_cast<double>(c.w[0]) + 2;
    for (int64_t i = 0; i < got.numel(); ++i) {
      const auto u = static_cast<size_t>(i);
      const float b = bias.data<float>()[static_cast<size_t>(i / inner % p.out_channels)];
      const float want = std::max(0.0f, sum.data<float>()[u] + b + residual.data<float>()[u]);
      // Both sums are off by at most terms * 2^-24 of the sum of absolute values.
      const double limit = 2 * terms * std::ldexp(1.0, -24) * (bound.data<float>()[u] + 2);
      ASSERT_NEAR(got.data<float>()[u], want, limit) << "at " << i << ", " << kernel->implementation();
    }
  }
}

TEST(OneDnnKernels, CommonConvolutionsHaveAnOptimisedKernel) {
  for (size_t i = 0; i < 7; ++i) {
    ConvParams p;
    const ConvolutionSpec spec = spec_of(kConvCases[i], p);
    EXPECT_NE(make_convolution(spec), nullptr) << spec.source.str() << " * " << spec.weights.str();
  }
}

// u8 source, s8 weights small enough that pairs never saturate: the integers of docs/quantization.md on every
// CPU.
TEST(OneDnnKernels, IntegerConvolutionGivesTheContractsIntegers) {
  uint64_t seed = 100;
  for (const ConvCase& c : kConvCases) {
    if (c.transposed) continue;
    SCOPED_TRACE(c.x.str() + " * " + c.w.str());
    ConvParams p;
    ConvolutionSpec spec = spec_of(c, p);
    const int32_t zero_point = 131;
    spec.source_dtype = DType::kU8;
    spec.weights_dtype = DType::kI8;
    spec.destination_dtype = DType::kU8;
    spec.bias_dtype = DType::kI32;
    spec.source_zero_point = zero_point;
    spec.destination_zero_point = 7;
    spec.source_layout = spec.destination_layout = Layout::kChannelsLast;
    for (int64_t i = 0; i < p.out_channels; ++i)
      spec.scales.push_back(0.0021f + 0.0001f * static_cast<float>(i));
    PostOp relu, round;
    round.function = Function::kRound;
    spec.post_ops = {relu, round};
    const KernelPtr kernel = make_convolution(spec);
    if (!kernel) continue;
    Tensor x(DType::kU8, c.x), w(DType::kI8, c.w), bias(DType::kI32, Shape{p.out_channels});
    Tensor x32(DType::kI32, c.x), w32(DType::kI32, c.w);
    const Tensor rx = test::random_tensor(c.x, seed++, 0, 256),
                 rw = test::random_tensor(c.w, seed++, -64, 65);
    for (size_t i = 0; i < x.data<uint8_t>().size(); ++i) {
      x.data<uint8_t>()[i] = static_cast<uint8_t>(rx.data<float>()[i]);
      x32.data<int32_t>()[i] = x.data<uint8_t>()[i] - zero_point;
    }
    for (size_t i = 0; i < w.data<int8_t>().size(); ++i)
      w32.data<int32_t>()[i] = w.data<int8_t>()[i] = static_cast<int8_t>(rw.data<float>()[i]);
    for (size_t i = 0; i < bias.data<int32_t>().size(); ++i)
      bias.data<int32_t>()[i] = static_cast<int32_t>(i) * 37 - 200;
    const Tensor got = run_plain(kernel, {x}, w, bias, DType::kU8, spec.destination);
    const Tensor sum = reference_conv<int32_t>(c, p, spec.destination, x32, w32);
    const int64_t inner = spec.destination.inner(2);
    for (int64_t i = 0; i < got.numel(); ++i) {
      const auto channel = static_cast<size_t>(i / inner % p.out_channels);
      kernels::reference::Requantize r;
      r.multiplier = spec.scales[channel];
      r.bias = bias.data<int32_t>()[channel];
      r.activation = kernels::reference::fused_relu();
      r.grid = {7, 0, 255};
      const int32_t want = kernels::reference::requantize(r, sum.data<int32_t>()[static_cast<size_t>(i)]);
      ASSERT_EQ(got.data<uint8_t>()[static_cast<size_t>(i)], want)
          << "at " << i << ", " << kernel->implementation();
    }
  }
}

TEST(OneDnnKernels, MatrixProducts) {
  uint64_t seed = 200;
  for (const auto& [m, k, n] : {std::array<int64_t, 3>{1, 64, 10}, {5, 17, 33}, {16, 256, 100}}) {
    for (bool transposed : {false, true}) {
      for (bool constant : {false, true}) {
        MatMulSpec spec;
        spec.source = {m, k};
        spec.weights = {k, n};
        spec.destination = {m, n};
        spec.transposed_weights = transposed;
        spec.constant_weights = constant;
        spec.bias_dtype = DType::kF32;
        const KernelPtr kernel = make_matmul(spec);
        if (!kernel) continue;
        SCOPED_TRACE(kernel->implementation());
        const Tensor x = test::random_tensor(spec.source, seed++), bias = test::random_tensor({n}, seed++);
        const Tensor w = test::random_tensor(transposed ? Shape{n, k} : Shape{k, n}, seed++);
        const std::vector<Tensor> sources = constant ? std::vector<Tensor>{x} : std::vector<Tensor>{x, w};
        const Tensor got = run_plain(kernel, sources, w, bias, DType::kF32, spec.destination);
        Tensor want(DType::kF32, spec.destination);
        kernels::reference::MatmulParams p{m, n, k, k, 1, transposed ? 1 : n, transposed ? k : 1};
        kernels::reference::matmul<float>(p, x.data<float>().data(), w.data<float>().data(),
                                          want.data<float>().data());
        for (size_t i = 0; i < want.data<float>().size(); ++i)
          want.data<float>()[i] += bias.data<float>()[i % static_cast<size_t>(n)];
        EXPECT_TRUE(test::tensors_close(got, want,
                                        {.absolute = 2 * static_cast<double>(k * k) * std::ldexp(1.0, -24)}));
      }
    }
  }
}

TEST(OneDnnKernels, PoolsInEveryLayout) {
  const Shape source{2, 11, 9, 9};
  const Tensor x = test::random_tensor(source, 300);
  for (Layout layout : {Layout::kPlain, Layout::kChannelsLast, Layout::kBlocked8}) {
    PoolSpec spec;
    spec.source = source;
    spec.destination = {2, 11, 5, 5};
    spec.kernel = {3, 3};
    spec.strides = {2, 2};
    spec.pads = {1, 1, 1, 1};
    spec.layout = layout;
    const KernelPtr kernel = make_pool(spec);
    if (!kernel) continue;
    kernels::reference::Window w;
    w.in = {1, 9, 9};
    w.out = {1, 5, 5};
    w.kernel = {1, 3, 3};
    w.stride = {1, 2, 2};
    w.pad_begin = w.pad_end = {0, 1, 1};
    Tensor want(DType::kF32, spec.destination);
    kernels::reference::max_pool<float>(w, 22, x.data<float>().data(), want.data<float>().data(), nullptr,
                                        kernels::reference::IndexOrder::kRowMajor);
    EXPECT_TRUE(test::tensors_equal(run_plain(kernel, {x}, {}, {}, DType::kF32, spec.destination), want))
        << layout_name(layout);
  }
}

TEST(OneDnnKernels, ReordersRoundTripWithChannelPadding) {
  const Shape shape{2, 11, 3, 5};
  const Tensor x = test::random_tensor(shape, 400);
  for (Layout layout : {Layout::kChannelsLast, Layout::kBlocked8, Layout::kBlocked16}) {
    const Tensor there = reordered(x, shape, Layout::kPlain, layout);
    const Tensor raw =
        Tensor::view(DType::kF32, Shape{there.nbytes() / 4}, const_cast<std::byte*>(there.bytes()));
    const Tensor back = reordered(raw, shape, layout, Layout::kPlain);
    EXPECT_TRUE(
        test::tensors_equal(Tensor::view(DType::kF32, shape, const_cast<std::byte*>(back.bytes())), x));
  }
}

TEST(OneDnnKernels, WhatTheLibraryRefusesIsNoKernel) {
  EXPECT_EQ(make_reorder({DType::kU16, {2, 3, 4}, Layout::kChannelsLast, Layout::kPlain}), nullptr);
  EXPECT_NE(make_reorder({DType::kF32, {2, 3, 4}, Layout::kChannelsLast, Layout::kPlain}), nullptr);
  PoolSpec pool;
  pool.dtype = DType::kU16;
  pool.source = pool.destination = {1, 2, 3, 3};
  pool.kernel = pool.strides = {1, 1};
  pool.pads = {0, 0, 0, 0};
  EXPECT_EQ(make_pool(pool), nullptr);
  MatMulSpec product;
  product.source = product.weights = product.destination = {2, 2};
  product.source_dtype = DType::kI64;
  EXPECT_EQ(make_matmul(product), nullptr);
  EXPECT_EQ(make_concat({DType::kI64, {{1, 2, 3}}, {1, 2, 3}, 1, Layout::kChannelsLast}), nullptr);
}

TEST(OneDnnKernels, Functions) {
  FunctionSpec spec;
  spec.shape = {1000};
  spec.function = Function::kHardSwish;
  const KernelPtr kernel = make_function(spec);
  ASSERT_NE(kernel, nullptr);
  const Tensor x = test::random_tensor(spec.shape, 500, -5, 5);
  Tensor want(DType::kF32, spec.shape);
  for (size_t i = 0; i < 1000; ++i) {
    const float v = x.data<float>()[i];
    want.data<float>()[i] = v * std::clamp(v / 6 + 0.5f, 0.0f, 1.0f);
  }
  EXPECT_TRUE(
      test::tensors_close(run_plain(kernel, {x}, {}, {}, DType::kF32, spec.shape), want, {.absolute = 1e-6}));
}

}  // namespace
}  // namespace precis::runtime::onednn
