// Convolutions and matrix products on 8-bit codes, to the contract of docs/quantization.md, by our exact
// kernels.
#include <fmt/format.h>

#include <algorithm>

#include "precis/core/isa.h"
#include "precis/runtime/code_linear.h"
#include "precis/runtime/codes.h"
#include "precis/runtime/geometry.h"
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/reference_geometry.h"

namespace precis::runtime {
namespace {

namespace simd = kernels::simd;
namespace ref = kernels::reference;

// Weights stored [in, out] as [out, in].
Tensor transposed(const Tensor& w) {
  Tensor t(w.dtype(), Shape{w.shape()[1], w.shape()[0]});
  for (int64_t i = 0; i < w.shape()[0]; ++i)
    for (int64_t o = 0; o < w.shape()[1]; ++o)
      t.bytes()[o * w.shape()[0] + i] = w.bytes()[i * w.shape()[1] + o];
  return t;
}

std::optional<LinearProblem> convolution_problem(const PlanBuilder& b, const Node& main) {
  LinearProblem p;
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

std::optional<LinearProblem> product_problem(const PlanBuilder& b, const Node& main) {
  LinearProblem p;
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

// Accumulator -> result, per channel. `result`: null for a float result.
std::vector<float> multipliers(const IntegerLinear& linear, const CodeGrid* result) {
  std::vector<float> m;
  for (float weight_scale : linear.weight_scale)
    m.push_back(result != nullptr ? ref::requantize_multiplier(linear.data_scale, weight_scale, result->scale)
                                  : ref::real_multiplier(linear.data_scale, weight_scale));
  return m;
}

// Limits, grid and residual of the result.
simd::Epilogue epilogue_of(const PlanBuilder& b, const FusedOp& op, const CodeGrid* result) {
  ActivationLimits limits;
  if (result != nullptr) limits = limits_of(op.chain->fused_activation(result->scale));
  for (const FunctionStep& f : op.activation)  // Relu and Clip only: on reals they are the same clamp
    limits = f.function == onednn::Function::kRelu ? ActivationLimits{0, limits.high}
                                                   : ActivationLimits{f.alpha, f.beta};
  simd::Epilogue e;
  e.low = limits.low;
  e.high = limits.high;
  if (result == nullptr) {
    e.result = simd::Epilogue::Result::kF32;
    return e;
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
  return e;
}

}  // namespace

std::optional<LinearProblem> linear_problem(const PlanBuilder& b, const Node& main) {
  const Tensor* w = b.constant(main.inputs[1]);
  const DType code = b.type(main.inputs[1]).storage_dtype();
  if (w == nullptr || (code != DType::kU8 && code != DType::kI8)) return std::nullopt;
  return main.is("Conv") || main.is("ConvInteger") ? convolution_problem(b, main) : product_problem(b, main);
}

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
  const auto problem = linear_problem(b, main);
  const auto linear = integer_linear(b.graph(), main, b.shape(data), b.shape(main.inputs[1]));
  if (!problem || !linear || linear->weight_slot != 1) return false;

  CodeLinear constants;
  constants.shape = problem->shape;
  constants.x_type = data_grid->type;
  constants.x_zero_point = data_grid->zero_point;
  constants.weights = problem->weights;
  constants.weight_zero_point = linear->weight_zero_point;
  constants.bias = linear->bias;
  constants.multiplier = multipliers(*linear, to_codes ? &*result : nullptr);
  constants.key = linear_key(b, op, to_codes ? "codes to codes" : "codes to reals", constants);
  std::shared_ptr<const LinearKernel> kernel = make_linear_kernel(b, constants);

  std::vector<BufferId> touched;
  std::vector<ValueId> named{data, main.inputs[1]};
  BufferId residual = -1, scratch = -1;
  const BufferId x = b.read(data, problem->layout);
  touched.push_back(x);
  if (to_codes && op.chain->residual) {
    touched.push_back(residual = b.read(op.chain->residual, problem->layout));
    named.push_back(op.chain->residual);
  }
  const auto rows = b.write_rows(op.outputs[0], problem->layout, residual < 0);
  touched.push_back(rows.buffer);
  if (residual >= 0) b.may_share(residual, rows.buffer);
  if (kernel->scratch_bytes() > 0) touched.push_back(scratch = b.scratch(kernel->scratch_bytes()));
  StepInfo info = b.describe(op, fmt::format("{}:{}", isa_name(current_isa()), kernel->name()), named,
                             problem->layout, problem->layout);
  const auto step = [kernel, x, rows, residual, scratch,
                     epilogue = epilogue_of(b, op, to_codes ? &*result : nullptr)](
                        std::span<std::byte* const> buffers) {
    const auto address = [&](BufferId id) { return id >= 0 ? buffers[static_cast<size_t>(id)] : nullptr; };
    LinearKernel::Call call{address(x), address(rows.buffer), rows.stride, epilogue, address(scratch)};
    call.epilogue.residual = address(residual);
    kernel->run(call);
  };
  b.emit(std::make_unique<CallStep>(step), std::move(info), touched);
  return true;
}

}  // namespace precis::runtime
