// Convolutions and matrix products on 8-bit codes, to the contract of docs/quantization.md, by our exact
// kernels.
#include <fmt/format.h>

#include <algorithm>

#include "precis/core/isa.h"
#include "precis/kernels/simd/int8_quads.h"
#include "precis/runtime/codes.h"
#include "precis/runtime/geometry.h"
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/reference_geometry.h"

namespace precis::runtime {
namespace {

namespace simd = kernels::simd;
namespace ref = kernels::reference;

// A convolution or product as the kernels see it.
struct Problem {
  simd::ConvShape shape;
  Tensor weights;                         // codes, [out, in / groups, kernel...] order
  Layout layout = Layout::kChannelsLast;  // of data, residual and result
};

// Weights stored [in, out] as [out, in].
Tensor transposed(const Tensor& w) {
  Tensor t(w.dtype(), Shape{w.shape()[1], w.shape()[0]});
  for (int64_t i = 0; i < w.shape()[0]; ++i)
    for (int64_t o = 0; o < w.shape()[1]; ++o)
      t.bytes()[o * w.shape()[0] + i] = w.bytes()[i * w.shape()[1] + o];
  return t;
}

std::optional<Problem> convolution_problem(const PlanBuilder& b, const Node& main) {
  Problem p;
  const Shape x = b.shape(main.inputs[0]), y = b.shape(main.outputs[0]);
  p.weights = *b.constant(main.inputs[1]);
  const Geometry g = geometry_of(conv_params(main, x, p.weights.shape()).window, x.rank() - 2);
  p.shape.batch = x[0];
  p.shape.groups = main.get_int("group", 1);
  p.shape.in_channels = x[1];
  p.shape.out_channels = y[1];
  spread_spatial(x, p.shape.in);
  spread_spatial(y, p.shape.out);
  spread_lengths(g.kernel, 1, p.shape.kernel);
  spread_lengths(g.strides, 1, p.shape.stride);
  spread_lengths(g.dilations, 1, p.shape.dilation);
  spread_lengths({g.pads.begin(), g.pads.begin() + (x.rank() - 2)}, 0, p.shape.pad);
  return p;
}

std::optional<Problem> product_problem(const PlanBuilder& b, const Node& main) {
  Problem p;
  const Shape x = b.shape(main.inputs[0]), y = b.shape(main.outputs[0]);
  const Tensor& w = *b.constant(main.inputs[1]);
  if (x.rank() < 2 || w.shape().rank() != 2) return std::nullopt;
  const bool stored_by_output = main.is("Gemm") && main.get_int("transB", 0) != 0;
  p.weights = stored_by_output ? w : transposed(w);
  p.layout = Layout::kPlain;
  p.shape.batch = x.outer(x.rank() - 1);
  p.shape.in_channels = x[x.rank() - 1];
  p.shape.out_channels = y[y.rank() - 1];
  return p;
}

std::optional<Problem> problem_of(const PlanBuilder& b, const Node& main) {
  const Tensor* w = b.constant(main.inputs[1]);
  const DType code = b.type(main.inputs[1]).encoding.code;
  if (w == nullptr || (code != DType::kU8 && code != DType::kI8)) return std::nullopt;
  return main.is("Conv") ? convolution_problem(b, main) : product_problem(b, main);
}

// Scales, biases and limits of the result. `result`: null for a float result.
struct Results {
  std::vector<float> multiplier, bias;
  simd::Epilogue epilogue;
};

Results results_of(const PlanBuilder& b, const FusedOp& op, const IntegerLinear& linear,
                   const CodeGrid* result) {
  Results r;
  for (size_t c = 0; c < static_cast<size_t>(linear.channels); ++c) {
    r.multiplier.push_back(
        result != nullptr
            ? ref::requantize_multiplier(linear.data_scale, linear.weight_scale[c], result->scale)
            : ref::real_multiplier(linear.data_scale, linear.weight_scale[c]));
    r.bias.push_back(static_cast<float>(linear.bias[c]));
  }
  ActivationLimits limits;
  if (result != nullptr) limits = limits_of(op.chain->fused_activation(result->scale));
  for (const FunctionStep& f : op.activation)  // Relu and Clip only: on reals they are the same clamp
    limits = f.function == onednn::Function::kRelu ? ActivationLimits{0, limits.high}
                                                   : ActivationLimits{f.alpha, f.beta};
  simd::Epilogue& e = r.epilogue;
  e.low = limits.low;
  e.high = limits.high;
  if (result == nullptr) {
    e.result = simd::Epilogue::Result::kF32;
    return r;
  }
  e.result = result->type == simd::CodeType::kU8 ? simd::Epilogue::Result::kU8 : simd::Epilogue::Result::kS8;
  e.zero_point = static_cast<float>(result->zero_point);
  e.code_min = static_cast<float>(result->code_min);
  e.code_max = static_cast<float>(result->code_max);
  if (op.chain->residual) {
    const auto residual = code_grid(b.type(op.chain->residual));
    e.residual_type = residual->type;
    e.residual_zero_point = residual->zero_point;
    e.residual_multiplier = ref::rescale_multiplier(residual->scale, result->scale);
  }
  return r;
}

// Weight codes minus their channel's zero point.
std::vector<int16_t> centred_weights(const Tensor& w, const IntegerLinear& linear) {
  std::vector<int16_t> centred(static_cast<size_t>(w.numel()));
  const int64_t per_channel = w.numel() / linear.channels;
  for (int64_t i = 0; i < w.numel(); ++i)
    centred[static_cast<size_t>(i)] =
        static_cast<int16_t>(w.at_int(i) - linear.weight_zero_point[static_cast<size_t>(i / per_channel)]);
  return centred;
}

template <typename T>
Tensor as_bytes(const std::vector<T>& values) {
  Tensor t(DType::kU8, Shape{static_cast<int64_t>(values.size() * sizeof(T))});
  std::copy_n(reinterpret_cast<const std::byte*>(values.data()), t.nbytes(), t.bytes());
  return t;
}

enum class Form : uint8_t { kDepthwise, kQuads, kPairs };  // how weights are packed, and so which kernel runs
const char* form_name(Form form) {
  return form == Form::kDepthwise ? "depthwise_codes"
         : form == Form::kQuads   ? "conv_u8s8_exact"
                                  : "conv_codes";
}

// Everything a run needs; addresses of buffers are filled in then.
struct Job {
  Form form = Form::kPairs;
  simd::ConvShape shape;
  simd::ConvData data;
  simd::Epilogue epilogue;
  std::shared_ptr<const simd::QuadWeights> quads;
  std::vector<int32_t> quad_offsets;
  Tensor weights, multiplier, bias;
  BufferId x = -1, y = -1, residual = -1, scratch = -1;
  int64_t rows_per_range = 1;
  int64_t scratch_bytes = 0;  // of one range
};

void run_job(const Job& j, const simd::Kernels& kernels, simd::QuadKernel quad_kernel,
             std::span<std::byte* const> buffers) {
  simd::ConvData data = j.data;
  simd::Epilogue epilogue = j.epilogue;
  data.x = buffers[static_cast<size_t>(j.x)];
  data.y = buffers[static_cast<size_t>(j.y)];
  if (j.residual >= 0) epilogue.residual = buffers[static_cast<size_t>(j.residual)];
  std::byte* scratch = j.scratch >= 0 ? buffers[static_cast<size_t>(j.scratch)] : nullptr;
  simd::QuadData quads{data.x, data.x_type,  data.x_zero_point, j.quads.get(), j.quad_offsets.data(),
                       data.y, data.y_stride};
  run_chunks(j.shape.rows(), j.rows_per_range, [&](int64_t begin, int64_t end) {
    std::byte* own = scratch + begin / j.rows_per_range * j.scratch_bytes;
    if (j.form == Form::kDepthwise)
      kernels.depthwise(j.shape, data, epilogue, begin, end);
    else if (j.form == Form::kQuads)
      quad_kernel(j.shape, quads, epilogue, begin, end, own);
    else
      kernels.conv(j.shape, data, epilogue, begin, end, reinterpret_cast<int16_t*>(own));
  });
}

// One range of whole blocks for each thread.
void cut_ranges(const PlanBuilder& b, Job& j) {
  const int64_t rows = j.shape.rows(), threads = b.threads();
  if (j.form == Form::kDepthwise) {
    j.rows_per_range = std::max<int64_t>(j.shape.out[2], ceil_div(rows, threads * 4));
    return;
  }
  const bool quads = j.form == Form::kQuads;
  // Not more rows than a fair share: small images have few blocks.
  const int64_t block =
      std::min(quads ? simd::quad_rows_per_block(j.shape) : simd::conv_rows_per_block(j.shape),
               round_up(ceil_div(rows, threads), 4));
  j.rows_per_range = ceil_div(ceil_div(rows, block), threads) * block;
  j.scratch_bytes =
      round_up(quads ? simd::quad_scratch_bytes(j.shape)
                     : simd::conv_scratch_elements(j.shape) * static_cast<int64_t>(sizeof(int16_t)),
               kArenaAlignment);
}

// Packs the weights in the fastest form that takes them.
void pack(PlanBuilder& b, const std::string& key, const Tensor& codes, const IntegerLinear& linear, Job& j) {
  const auto centred = [&] { return centred_weights(codes, linear); };
  if (simd::is_depthwise(j.shape)) {
    j.form = Form::kDepthwise;
    j.weights = b.packed(key + "depthwise",
                         [&] { return as_bytes(simd::pack_depthwise_weights(j.shape, centred().data())); });
  } else if (simd::quad_kernel_for(current_isa()) != nullptr) {
    j.quads = b.weights().get_object<simd::QuadWeights>(
        key + "quads", [&]() -> std::shared_ptr<const simd::QuadWeights> {
          auto packed = simd::pack_quad_weights(j.shape, centred().data());
          return packed ? std::make_shared<const simd::QuadWeights>(std::move(*packed)) : nullptr;
        });
  }
  if (j.quads) {
    j.form = Form::kQuads;
    j.quad_offsets = simd::quad_offsets(*j.quads, j.data.x_type, j.data.x_zero_point);
  } else if (j.form == Form::kPairs) {
    j.weights =
        b.packed(key + "pairs", [&] { return as_bytes(simd::pack_conv_weights(j.shape, centred().data())); });
  }
  j.data.weights = reinterpret_cast<const int16_t*>(j.weights.bytes());
}

}  // namespace

bool lower_code_linear(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const simd::Kernels* kernels = code_kernels();
  const ValueId data = main.inputs[0];
  const auto data_grid = code_grid(b.type(data));
  if (kernels == nullptr || !data_grid || !b.type(main.inputs[1]).encoded()) return false;
  const bool to_codes = op.chain.has_value();
  const auto result = code_grid(b.type(op.outputs[0]));
  if (to_codes ? !result : b.type(op.outputs[0]).encoded() || b.type(op.outputs[0]).dtype != DType::kF32)
    return false;
  if (to_codes && op.chain->residual && !code_grid(b.type(op.chain->residual))) return false;
  const auto problem = problem_of(b, main);
  const auto linear = integer_linear(b.graph(), main, b.shape(data), b.shape(main.inputs[1]));
  if (!problem || !linear || linear->weight_slot != 1) return false;

  Job j;
  j.shape = problem->shape;
  j.data.x_type = data_grid->type;
  j.data.x_zero_point = data_grid->zero_point;
  const Results results = results_of(b, op, *linear, to_codes ? &*result : nullptr);
  j.epilogue = results.epilogue;
  const std::string key = fmt::format("{} codes ", op.node.index);
  pack(b, key, problem->weights, *linear, j);
  // Depthwise reads its constants channel after channel, whatever the groups.
  simd::ConvShape order = j.shape;
  if (j.form == Form::kDepthwise) order.groups = 1;
  j.multiplier = b.packed(key + "multiplier",
                          [&] { return as_bytes(simd::pack_channels(order, results.multiplier.data())); });
  j.bias = b.packed(key + "bias", [&] { return as_bytes(simd::pack_channels(order, results.bias.data())); });
  j.epilogue.multiplier = reinterpret_cast<const float*>(j.multiplier.bytes());
  j.epilogue.bias = reinterpret_cast<const float*>(j.bias.bytes());

  std::vector<BufferId> touched;
  std::vector<ValueId> named{data, main.inputs[1]};
  touched.push_back(j.x = b.read(data, problem->layout));
  if (to_codes && op.chain->residual) {
    touched.push_back(j.residual = b.read(op.chain->residual, problem->layout));
    named.push_back(op.chain->residual);
  }
  const auto rows = b.write_rows(op.outputs[0], problem->layout, j.residual < 0);
  touched.push_back(j.y = rows.buffer);
  j.data.y_stride = rows.stride;
  if (j.residual >= 0) b.may_share(j.residual, j.y);
  cut_ranges(b, j);
  if (j.scratch_bytes > 0) {
    const int64_t ranges = ceil_div(j.shape.rows(), j.rows_per_range);
    touched.push_back(j.scratch = b.scratch(ranges * j.scratch_bytes));
  }
  const std::string name = fmt::format("{}:{}", isa_name(current_isa()), form_name(j.form));
  StepInfo info = b.describe(op, name, named, problem->layout, problem->layout);
  const simd::QuadKernel quad_kernel = simd::quad_kernel_for(current_isa());
  b.emit(std::make_unique<CallStep>(
             [j = std::move(j), kernels, quad_kernel](std::span<std::byte* const> buffers) {
               run_job(j, *kernels, quad_kernel, buffers);
             }),
         std::move(info), touched);
  return true;
}

}  // namespace precis::runtime
