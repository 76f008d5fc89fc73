// Quantization at run time: DynamicQuantizeLinear, and products of its codes (dynamic_chain.h).
#include <fmt/format.h>

#include <algorithm>

#include "precis/core/isa.h"
#include "precis/runtime/code_linear.h"
#include "precis/runtime/codes.h"

namespace precis::runtime {

namespace simd = kernels::simd;
namespace ref = kernels::reference;

namespace {

// Scale and zero point of a run, where the plan keeps them; a missing one is 1 or 0.
struct GridSource {
  BufferId scale = -1, zero_point = -1;
  bool is_signed = false;
  ref::DynamicGrid read(std::span<std::byte* const> buffers) const {
    ref::DynamicGrid g;
    if (scale >= 0) g.scale = *reinterpret_cast<const float*>(at(buffers, scale));
    if (zero_point < 0) return g;
    const auto code = std::to_integer<uint8_t>(*at(buffers, zero_point));
    g.zero_point = is_signed ? static_cast<int8_t>(code) : code;
    return g;
  }
};

CodeLinear describe_linear(const PlanBuilder& b, const FusedOp& op, LinearProblem problem) {
  CodeLinear linear;
  linear.shape = problem.shape;
  const bool u8 = b.type(b.node(op).inputs[0]).dtype == DType::kU8;
  linear.x_type = u8 ? simd::CodeType::kU8 : simd::CodeType::kS8;
  linear.dynamic = true;
  linear.weights = std::move(problem.weights);
  linear.weight_zero_point = op.dynamic->weight_zero_point;
  linear.multiplier = op.dynamic->weight_scale;
  linear.shift = op.dynamic->bias;
  linear.bias.assign(linear.multiplier.size(), 0);
  linear.key = linear_key(b, op, "dynamic", linear);
  return linear;
}

}  // namespace

bool lower_dynamic_linear(PlanBuilder& b, const FusedOp& op) {
  if (code_kernels() == nullptr || !op.dynamic) return false;
  const DynamicChain& chain = *op.dynamic;
  const ValueId data = b.node(op).inputs[0];
  std::optional<LinearProblem> problem = linear_problem(b, b.node(op));
  if (!problem) return false;
  const Layout layout = problem->layout;
  const CodeLinear linear = describe_linear(b, op, std::move(*problem));
  std::shared_ptr<const LinearKernel> kernel = make_linear_kernel(b, linear);
  simd::Epilogue epilogue;
  epilogue.result = simd::Epilogue::Result::kF32;
  epilogue.low = chain.low;
  epilogue.high = chain.high;
  std::vector<ValueId> named{data, b.node(op).inputs[1]};
  const BufferId x = b.read(data, layout);
  std::vector<BufferId> touched{x};
  GridSource source;
  source.is_signed = linear.x_type == simd::CodeType::kS8;
  const auto scalar = [&](ValueId v) {
    if (!v) return BufferId{-1};
    named.push_back(v);
    touched.push_back(b.read(v, Layout::kPlain));
    return touched.back();
  };
  source.scale = scalar(chain.scale);
  source.zero_point = scalar(chain.zero_point);
  const auto rows = b.write_rows(op.outputs[0], layout, true);
  touched.push_back(rows.buffer);
  BufferId scratch = -1;
  if (kernel->scratch_bytes() > 0) touched.push_back(scratch = b.scratch(kernel->scratch_bytes()));
  StepInfo info =
      b.describe(op, fmt::format("{}:{}", isa_name(current_isa()), kernel->name()), named, layout, layout);
  info.quantized = true;
  b.emit(std::make_unique<CallStep>([=](std::span<std::byte* const> buffers) {
           const ref::DynamicGrid grid = source.read(buffers);
           LinearKernel::Call call{};
           call.grid = &grid;
           call.x = at(buffers, x);
           call.y = at(buffers, rows.buffer);
           call.y_stride = rows.stride;
           call.epilogue = epilogue;
           call.scratch = scratch >= 0 ? at(buffers, scratch) : nullptr;
           kernel->run(call);
         }),
         std::move(info), touched);
  return true;
}

ref::DynamicGrid quantize_at_run_time(const float* x, int64_t n, int64_t range, float* ranges,
                                      std::byte* codes) {
  const simd::Kernels* kernels = code_kernels();
  run_chunks(n, range, [&](int64_t begin, int64_t end) {
    float* const own = ranges + begin / range * 2;
    kernels->range(x + begin, end - begin, own, own + 1);
  });
  float low = 0, high = 0;
  for (int64_t i = 0; i < ceil_div(n, range); ++i) {
    low = std::min(low, ranges[2 * i]);
    high = std::max(high, ranges[2 * i + 1]);
  }
  const ref::DynamicGrid g = ref::dynamic_grid_u8(low, high);
  run_chunks(n, range, [&](int64_t begin, int64_t end) {
    kernels->quantize(x + begin, g.scale, static_cast<float>(g.zero_point), 0, 255, simd::CodeType::kU8,
                      codes + begin, end - begin);
  });
  return g;
}

bool lower_dynamic_quantize(PlanBuilder& b, const FusedOp& op) {
  const ValueId x = b.node(op).inputs[0];
  const ValueId codes = op.outputs[0];
  const auto output = [&](size_t i) { return i < op.outputs.size() ? op.outputs[i] : ValueId{}; };
  if (code_kernels() == nullptr || !codes || b.type(x).encoded() || b.type(x).dtype != DType::kF32)
    return false;
  const Layout layout = flat_layout(b, x);
  const int64_t count = b.shape(codes).numel(), range = codes_per_range(b, count);
  const BufferId bx = b.read(x, layout), bo = b.write(codes, layout);
  const BufferId ranges = b.scratch(run_time_ranges(count, range) * int64_t{sizeof(float)});
  std::vector<BufferId> touched{bx, bo, ranges};
  const auto write = [&](ValueId v) {
    if (!v) return BufferId{-1};
    touched.push_back(b.write(v, Layout::kPlain));
    return touched.back();
  };
  const BufferId scale = write(output(1)), zero_point = write(output(2));
  StepInfo info = b.describe(op, code_kernel_name("dynamic_quantize"), {x}, layout, layout);
  info.quantized = true;
  b.emit(std::make_unique<CallStep>([=](std::span<std::byte* const> buffers) {
           const auto* const reals = reinterpret_cast<const float*>(at(buffers, bx));
           const ref::DynamicGrid g = quantize_at_run_time(
               reals, count, range, reinterpret_cast<float*>(at(buffers, ranges)), at(buffers, bo));
           if (scale >= 0) *reinterpret_cast<float*>(at(buffers, scale)) = g.scale;
           if (zero_point >= 0) *at(buffers, zero_point) = static_cast<std::byte>(g.zero_point);
         }),
         std::move(info), touched);
  return true;
}

}  // namespace precis::runtime
