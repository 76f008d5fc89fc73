// Pools on 8-bit codes.
#include <algorithm>

#include "precis/kernels/reference/requantize.h"
#include "precis/runtime/codes.h"
#include "precis/runtime/geometry.h"
#include "precis/runtime/reference_geometry.h"

namespace precis::runtime {

namespace simd = kernels::simd;
namespace ref = kernels::reference;

namespace {

struct CodePool {
  simd::PoolShape shape;
  Shape output;  // of the input's rank
  int64_t pad_end[3] = {0, 0, 0};
};

// Windows up to here have sums of 8-bit codes that fit int32 with room, and small tables of factors; larger
// ones run by the reference.
constexpr double kLargestWindow = 1 << 22;

std::optional<CodePool> pool_of(const PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const Shape x = b.shape(main.inputs[0]);
  if (x.rank() < 3 || x.rank() > 5) return std::nullopt;
  CodePool p;
  p.shape.batch = x[0];
  p.shape.channels = x[1];
  spread_spatial(x, p.shape.in);
  p.output = x;
  for (int i = 2; i < x.rank(); ++i) p.output[i] = 1;
  if (main.is("MaxPool") || main.is("AveragePool")) {
    const Geometry g = geometry_of(pool_window(main, x), x.rank() - 2);
    const auto spatial = static_cast<long>(x.rank() - 2);
    p.output = b.shape(op.outputs[0]);
    spread_lengths(g.kernel, 1, p.shape.kernel);
    spread_lengths(g.strides, 1, p.shape.stride);
    spread_lengths(g.dilations, 1, p.shape.dilation);
    spread_lengths({g.pads.begin(), g.pads.begin() + spatial}, 0, p.shape.pad);
    spread_lengths({g.pads.begin() + spatial, g.pads.end()}, 0, p.pad_end);
  } else {
    std::copy(p.shape.in, p.shape.in + 3, p.shape.kernel);
    if (main.is("ReduceMean") && !reduces_spatial_axes(b, main)) return std::nullopt;
  }
  spread_spatial(p.output, p.shape.out);
  double volume = 1;
  for (int64_t length : p.shape.kernel) volume *= static_cast<double>(length);
  if (volume > kLargestWindow) return std::nullopt;
  return p;
}

void emit_pool(PlanBuilder& b, const FusedOp& op, const char* name, const CodePool& pool,
               const std::function<void(const std::byte*, std::byte*, int64_t, int64_t)>& kernel) {
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  const bool keeps_rank = b.shape(out).rank() == pool.output.rank();
  const Layout to =
      keeps_rank ? Layout::kChannelsLast : Layout::kPlain;  // [N, C] of a ReduceMean: the same bytes
  const BufferId bx = b.read(x, Layout::kChannelsLast), bo = b.write(out, to);
  const int64_t rows = pool.shape.rows(), range = range_length(rows, b.threads());
  b.emit(std::make_unique<CallStep>([=](std::span<std::byte* const> buffers) {
           run_chunks(rows, range, [&](int64_t begin, int64_t end) {
             kernel(at(buffers, bx), at(buffers, bo), begin, end);
           });
         }),
         b.describe(op, code_kernel_name(name), {x}, Layout::kChannelsLast, to), {bx, bo});
}

// The factor of a sum over n elements: to codes of the result's grid, or to reals.
float mean_multiplier(const CodeGrid& from, const std::optional<CodeGrid>& to, int64_t n) {
  return to ? ref::average_multiplier(from.scale, to->scale, n) : ref::real_average_multiplier(from.scale, n);
}

void lower_average(PlanBuilder& b, const FusedOp& op, const CodePool& pool, const CodeGrid& from,
                   const std::optional<CodeGrid>& to) {
  const Node& main = b.node(op);
  const simd::Kernels* kernels = code_kernels();
  const simd::PoolShape shape = pool.shape;
  const int64_t volume = shape.kernel[0] * shape.kernel[1] * shape.kernel[2];
  Tensor multipliers(DType::kF32, Shape{volume + 1});
  // A window that covers nothing counts one element: its sum is 0.
  for (int64_t n = 0; n <= volume; ++n)
    multipliers.data<float>()[static_cast<size_t>(n)] = mean_multiplier(from, to, std::max<int64_t>(n, 1));
  simd::AveragePool p;
  p.x_zero_point = from.zero_point;
  p.include_pad = main.is("AveragePool") && main.get_int("count_include_pad", 0) != 0;
  p.real = !to;
  for (int i = 0; i < 3; ++i) p.padded_end[i] = shape.in[i] + pool.pad_end[i];
  const CodeGrid grid = to.value_or(CodeGrid{});
  p.zero_point = static_cast<float>(grid.zero_point);
  p.code_min = static_cast<float>(grid.code_min);
  p.code_max = static_cast<float>(grid.code_max);
  emit_pool(b, op, "average_pool_codes", pool,
            [=, xt = from.type](const std::byte* x, std::byte* y, int64_t begin, int64_t end) {
              simd::AveragePool bound = p;
              bound.multiplier = multipliers.data<float>().data();
              kernels->average_pool(shape, bound, xt, grid.type, x, y, begin, end);
            });
}

}  // namespace

bool lower_code_pool(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const simd::Kernels* kernels = code_kernels();
  const ValueType &tx = b.type(main.inputs[0]), &ty = b.type(op.outputs[0]);
  const auto from = code_grid(tx), to = code_grid(ty);
  if (kernels == nullptr || !from) return false;
  for (size_t i = 1; i < op.outputs.size(); ++i)
    if (op.outputs[i]) return false;
  const auto pool = pool_of(b, op);
  if (!pool) return false;
  if (!main.is("MaxPool") && !main.is("GlobalMaxPool")) {
    if (!to && (ty.encoded() || ty.dtype != DType::kF32)) return false;
    lower_average(b, op, *pool, *from, to);
    return true;
  }
  if (tx.encoding != ty.encoding) return false;
  emit_pool(b, op, "max_pool_codes", *pool,
            [=, shape = pool->shape, type = from->type](const std::byte* x, std::byte* y, int64_t begin,
                                                        int64_t end) {
              kernels->max_pool(shape, type, x, y, begin, end);
            });
  return true;
}

}  // namespace precis::runtime
