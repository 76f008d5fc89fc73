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

// n codes of a tile that starts over again and again, from its element `phase` on.
void repeat(const std::byte* tile, int64_t size, int64_t phase, std::byte* out, int64_t n) {
  const auto copy = [&](const std::byte* from, int64_t at, int64_t count) {
    std::memcpy(out + at, from, static_cast<size_t>(std::min(count, n - at)));
  };
  copy(tile + phase, 0, size - phase);
  if (size - phase < n) copy(tile, size - phase, phase);
  for (int64_t done = size; done < n; done *= 2) copy(out, done, done);
}

// A run whose operands repeat tiles: copies of them, laid out to the length of a piece, are used again and
// again.
void run_tiled(const BroadcastRows& rows, const RunKernel& kernel, const std::byte* const (&operands)[2],
               std::byte* y, int64_t first, int64_t n) {
  constexpr int64_t kCopies = 2 * BroadcastRows::kMaxTile;
  std::byte copies[2][kCopies];
  const int64_t tile = std::max(rows.tile(0), rows.tile(1));  // the other one is as long, 1, or walks along
  const int64_t length = kCopies / tile * tile;
  for (int o = 0; o < 2; ++o)
    if (rows.tile(o) != 0)
      repeat(operands[o], rows.tile(o), first % rows.tile(o), copies[o], std::min(length, n));
  for (int64_t i = 0; i < n; i += length)
    kernel(rows.tile(0) != 0 ? copies[0] : operands[0] + i, rows.tile(1) != 0 ? copies[1] : operands[1] + i,
           y + i, std::min(length, n - i));
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
    return [=](const std::byte* a, const std::byte* b, std::byte* y, int64_t n) {
      kernels->multiply(p, a, b, y, n);
    };
  }
  simd::Kernels::Sum p{};
  set_operands(p, g, limits);
  p.multiplier_a = ref::rescale_multiplier(g.a.scale, g.y.scale);
  p.multiplier_b = ref::rescale_multiplier(g.b.scale, g.y.scale);
  if (node.is("Sub")) p.multiplier_b = -p.multiplier_b;
  return
      [=](const std::byte* a, const std::byte* b, std::byte* y, int64_t n) { kernels->add(p, a, b, y, n); };
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
  const bool tiled = rows->tile(0) != 0 || rows->tile(1) != 0;
  emit_call(
      b, op, name, {x, y}, layout, {bx, by, bo},
      [=, rows = *rows, range = codes_per_range(b, rows->elements())](std::span<std::byte* const> buffers) {
        run_chunks(rows.elements(), range, [&](int64_t begin, int64_t end) {
          rows.for_each_run(begin, end, [&](int64_t i, int64_t k, int64_t o, int64_t n) {
            const std::byte* const operands[2] = {at(buffers, bx) + i, at(buffers, by) + k};
            std::byte* out = at(buffers, bo) + o;
            tiled ? run_tiled(rows, kernel, operands, out, o, n) : kernel(operands[0], operands[1], out, n);
          });
        });
      });
  return true;
}

}  // namespace precis::runtime
