// Add, Sub and Mul of 8-bit codes, broadcast included.
#include <algorithm>
#include <cstring>

#include "precis/kernels/reference/requantize.h"
#include "precis/runtime/broadcast_rows.h"
#include "precis/runtime/codes.h"

namespace precis::runtime {
namespace {

namespace simd = kernels::simd;
namespace ref = kernels::reference;

using RunKernel = std::function<void(const std::byte* a, const std::byte* b, std::byte* y, int64_t n)>;

// Codes of an operand that a run repeats: held on the stack, this many at a time.
constexpr int64_t kRepeated = 256;

void run_repeated(const BroadcastRows& rows, const RunKernel& kernel, const std::byte* a, const std::byte* b,
                  std::byte* y, int64_t n) {
  std::byte copies[2][kRepeated];
  const int64_t length = std::min(n, kRepeated);
  const auto fill = [&](int operand, const std::byte* p) {
    if (rows.repeats(operand)) std::memset(copies[operand], std::to_integer<int>(*p), static_cast<size_t>(length));
  };
  fill(0, a);
  fill(1, b);
  for (int64_t i = 0; i < n; i += length)
    kernel(rows.repeats(0) ? copies[0] : a + i, rows.repeats(1) ? copies[1] : b + i, y + i, std::min(length, n - i));
}

struct Grids {
  CodeGrid a, b, y;
};

template <typename Parameters>
void set_operands(Parameters& p, const Grids& g, const ActivationLimits& limits) {
  p.a_type = g.a.type;
  p.b_type = g.b.type;
  p.a_zero_point = g.a.zero_point;
  p.b_zero_point = g.b.zero_point;
  set_result(p, g.y);
  set_limits(p, limits);
}

RunKernel kernel_of(const Node& node, const Grids& g, const ActivationLimits& limits) {
  const simd::Kernels* kernels = code_kernels();
  if (node.is("Mul")) {
    simd::Kernels::Product p{};
    set_operands(p, g, limits);
    p.multiplier = ref::product_multiplier(g.a.scale, g.b.scale, g.y.scale);
    return [=](const std::byte* a, const std::byte* b, std::byte* y, int64_t n) { kernels->multiply(p, a, b, y, n); };
  }
  simd::Kernels::Sum p{};
  set_operands(p, g, limits);
  p.multiplier_a = ref::rescale_multiplier(g.a.scale, g.y.scale);
  p.multiplier_b = ref::rescale_multiplier(g.b.scale, g.y.scale);
  if (node.is("Sub")) p.multiplier_b = -p.multiplier_b;
  return [=](const std::byte* a, const std::byte* b, std::byte* y, int64_t n) { kernels->add(p, a, b, y, n); };
}

// The layout that a full operand is in, channels last when one of them is.
Layout common_layout(const PlanBuilder& b, ValueId x, ValueId y, const Shape& result) {
  if (!layout_allowed(result, Layout::kChannelsLast)) return Layout::kPlain;
  for (ValueId v : {x, y})
    if (b.shape(v) == result && flat_layout(b, v) == Layout::kChannelsLast) return Layout::kChannelsLast;
  return Layout::kPlain;
}

BroadcastRows::Operand operand(const PlanBuilder& b, ValueId v, const Shape& result, Layout layout) {
  const Shape shape = b.shape(v);
  return {shape, shape.rank() == result.rank() ? layout : Layout::kPlain};
}

}  // namespace

bool lower_code_binary(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  if (code_kernels() == nullptr || !op.chain) return false;
  const ValueId x = main.inputs[0], y = main.inputs[1], out = op.chain->output;
  const auto gx = code_grid(b.type(x)), gy = code_grid(b.type(y)), g = code_grid(b.type(out));
  if (!gx || !gy || !g) return false;
  const Shape shape = b.shape(out);
  const Layout layout = common_layout(b, x, y, shape);
  const auto ox = operand(b, x, shape, layout), oy = operand(b, y, shape, layout);
  const auto rows = BroadcastRows::make(ox, oy, shape, layout);
  if (!rows) return false;
  const BufferId bx = b.read(x, ox.layout), by = b.read(y, oy.layout), bo = b.write(out, layout);
  if (ox.shape == shape) b.may_share(bx, bo);
  if (oy.shape == shape) b.may_share(by, bo);
  const char* name = main.is("Mul") ? "product_codes" : "sum_codes";
  const RunKernel kernel = kernel_of(main, {*gx, *gy, *g}, limits_of(op.chain->fused_activation(g->scale)));
  const bool repeated = rows->repeats(0) || rows->repeats(1);
  emit_call(b, op, name, {x, y}, layout, {bx, by, bo}, [=, rows = *rows](std::span<std::byte* const> buffers) {
    run_chunks(rows.elements(), kCodesPerChunk, [&](int64_t begin, int64_t end) {
      rows.for_each_run(begin, end, [&](int64_t i, int64_t k, int64_t o, int64_t n) {
        const std::byte *pa = at(buffers, bx) + i, *pb = at(buffers, by) + k;
        repeated ? run_repeated(rows, kernel, pa, pb, at(buffers, bo) + o, n) : kernel(pa, pb, at(buffers, bo) + o, n);
      });
    });
  });
  return true;
}

}  // namespace precis::runtime
