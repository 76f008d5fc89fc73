// Operators on 8-bit codes other than convolutions and products, and the changes between reals and codes.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "precis/core/isa.h"
#include "precis/kernels/reference/requantize.h"
#include "precis/runtime/codes.h"
#include "precis/runtime/geometry.h"
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/reference_geometry.h"
#include "precis/runtime/reference_ops.h"

namespace precis::runtime {
namespace {

namespace simd = kernels::simd;
namespace ref = kernels::reference;

std::string kernel_name(const char* what) { return fmt::format("{}:{}", isa_name(current_isa()), what); }

std::byte* at(std::span<std::byte* const> buffers, BufferId id) { return buffers[static_cast<size_t>(id)]; }

int64_t elements(const PlanBuilder& b, ValueId v, Layout layout) { return padded_numel(b.shape(v), layout); }

// The layout both operands are read in: that of the one that is not plain.
Layout common_layout(const PlanBuilder& b, ValueId x, ValueId y) {
  const Layout layout = b.native_layout(x);
  return layout == Layout::kPlain ? b.native_layout(y) : layout;
}

void emit_call(PlanBuilder& b, const FusedOp& op, const char* kernel, const std::vector<ValueId>& named,
               Layout layout, const std::vector<BufferId>& touched, CallStep::Function function) {
  b.emit(std::make_unique<CallStep>(std::move(function)),
         b.describe(op, kernel_name(kernel), named, layout, layout), touched);
}

}  // namespace

bool lower_code_sum(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const simd::Kernels* kernels = code_kernels();
  if (kernels == nullptr || !op.chain) return false;
  const ValueId x = main.inputs[0], y = main.inputs[1], out = op.chain->output;
  const auto gx = code_grid(b.type(x)), gy = code_grid(b.type(y)), g = code_grid(b.type(out));
  if (!gx || !gy || !g || b.shape(x) != b.shape(y)) return false;
  simd::Kernels::Sum p;
  p.a_type = gx->type;
  p.b_type = gy->type;
  p.y_type = g->type;
  p.a_zero_point = gx->zero_point;
  p.b_zero_point = gy->zero_point;
  p.multiplier_a = ref::rescale_multiplier(gx->scale, g->scale);
  p.multiplier_b = ref::rescale_multiplier(gy->scale, g->scale);
  if (main.is("Sub")) p.multiplier_b = -p.multiplier_b;
  const ActivationLimits limits = limits_of(op.chain->fused_activation(g->scale));
  p.low = limits.low;
  p.high = limits.high;
  p.zero_point = static_cast<float>(g->zero_point);
  p.code_min = static_cast<float>(g->code_min);
  p.code_max = static_cast<float>(g->code_max);
  const Layout layout = common_layout(b, x, y);
  const BufferId bx = b.read(x, layout), by = b.read(y, layout), bo = b.write(out, layout);
  b.may_share(bx, bo);
  b.may_share(by, bo);
  const int64_t count = elements(b, out, layout);
  emit_call(b, op, "sum_codes", {x, y}, layout, {bx, by, bo}, [=](std::span<std::byte* const> buffers) {
    run_chunks(count, kCodesPerChunk, [&](int64_t begin, int64_t end) {
      kernels->add(p, at(buffers, bx) + begin, at(buffers, by) + begin, at(buffers, bo) + begin, end - begin);
    });
  });
  return true;
}

// --- pools

namespace {

struct CodePool {
  simd::PoolShape shape;
  Shape output;  // of the input's rank
  int64_t pad_end[3] = {0, 0, 0};
};

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
    const auto rounding = main.get_int("ceil_mode", 0) != 0 ? OutputRounding::kCeil : OutputRounding::kFloor;
    const Geometry g = geometry_of(window_of(main, x, main.get_ints("kernel_shape"), rounding), x.rank() - 2);
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
  return p;
}

// Rows of one chunk: enough work to be worth a thread.
int64_t pool_rows_per_chunk(const simd::PoolShape& s) {
  const int64_t per_row = s.channels * s.kernel[0] * s.kernel[1] * s.kernel[2];
  return std::max<int64_t>(1, 4 * kCodesPerChunk / per_row);
}

void emit_pool(PlanBuilder& b, const FusedOp& op, const char* name, const CodePool& pool,
               const std::function<void(const std::byte*, std::byte*, int64_t, int64_t)>& kernel) {
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  const bool keeps_rank = b.shape(out).rank() == pool.output.rank();
  const Layout to =
      keeps_rank ? Layout::kChannelsLast : Layout::kPlain;  // [N, C] of a ReduceMean: the same bytes
  const BufferId bx = b.read(x, Layout::kChannelsLast), bo = b.write(out, to);
  const int64_t rows = pool.shape.rows(), chunk = pool_rows_per_chunk(pool.shape);
  b.emit(std::make_unique<CallStep>([=](std::span<std::byte* const> buffers) {
           run_chunks(rows, chunk, [&](int64_t begin, int64_t end) {
             kernel(at(buffers, bx), at(buffers, bo), begin, end);
           });
         }),
         b.describe(op, kernel_name(name), {x}, Layout::kChannelsLast, to), {bx, bo});
}

}  // namespace

bool lower_code_pool(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const simd::Kernels* kernels = code_kernels();
  const auto gx = code_grid(b.type(main.inputs[0])), g = code_grid(b.type(op.outputs[0]));
  if (kernels == nullptr || !gx || !g) return false;
  for (size_t i = 1; i < op.outputs.size(); ++i)
    if (op.outputs[i]) return false;
  const auto pool = pool_of(b, op);
  if (!pool) return false;
  const simd::PoolShape shape = pool->shape;
  if (main.is("MaxPool") || main.is("GlobalMaxPool")) {
    if (b.type(main.inputs[0]).encoding != b.type(op.outputs[0]).encoding) return false;
    emit_pool(b, op, "max_pool_codes", *pool,
              [=, type = gx->type](const std::byte* x, std::byte* y, int64_t begin, int64_t end) {
                kernels->max_pool(shape, type, x, y, begin, end);
              });
    return true;
  }
  const int64_t volume = shape.kernel[0] * shape.kernel[1] * shape.kernel[2];
  Tensor multipliers(DType::kF32, Shape{volume + 1});
  for (int64_t n = 1; n <= volume; ++n)
    multipliers.data<float>()[static_cast<size_t>(n)] = ref::average_multiplier(gx->scale, g->scale, n);
  // A window that covers nothing counts one element: its sum is 0.
  multipliers.data<float>()[0] = ref::average_multiplier(gx->scale, g->scale, 1);
  simd::AveragePool p;
  p.x_zero_point = gx->zero_point;
  p.include_pad = main.is("AveragePool") && main.get_int("count_include_pad", 0) != 0;
  for (int i = 0; i < 3; ++i) p.padded_end[i] = shape.in[i] + pool->pad_end[i];
  p.zero_point = static_cast<float>(g->zero_point);
  p.code_min = static_cast<float>(g->code_min);
  p.code_max = static_cast<float>(g->code_max);
  emit_pool(b, op, "average_pool_codes", *pool,
            [=, xt = gx->type, yt = g->type](const std::byte* x, std::byte* y, int64_t begin, int64_t end) {
              simd::AveragePool bound = p;
              bound.multiplier = multipliers.data<float>().data();
              kernels->average_pool(shape, bound, xt, yt, x, y, begin, end);
            });
  return true;
}

// --- concat of values with different encodings

namespace {

struct Segment {
  BufferId source = -1;
  simd::Kernels::Rescale rescale;
  bool copies = false;        // equal encodings
  int64_t codes = 0, to = 0;  // per row: how many, and where they go
};

simd::Kernels::Rescale rescale_of(const CodeGrid& from, const CodeGrid& to) {
  return {from.type,
          to.type,
          from.zero_point,
          ref::rescale_multiplier(from.scale, to.scale),
          static_cast<float>(to.zero_point),
          static_cast<float>(to.code_min),
          static_cast<float>(to.code_max)};
}

}  // namespace

bool lower_code_concat(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId out = op.outputs[0];
  const simd::Kernels* kernels = code_kernels();
  const auto g = code_grid(b.type(out));
  if (kernels == nullptr || !g) return false;
  const Shape shape = b.shape(out);
  const int axis = normalize_axis(main.get_int("axis", 0), shape.rank(), main.op.c_str());
  const bool channels = axis == 1 && layout_allowed(shape, Layout::kChannelsLast);
  const Layout layout = channels ? Layout::kChannelsLast : Layout::kPlain;
  int64_t row = 0;
  std::vector<Segment> segments;
  for (ValueId in : main.inputs) {
    const auto gi = code_grid(b.type(in));
    if (!gi) return false;
    Segment s;
    s.rescale = rescale_of(*gi, *g);
    s.copies = b.type(in).encoding == b.type(out).encoding;
    s.codes = channels ? b.shape(in)[1] : b.shape(in).inner(axis);
    s.to = row;
    row += s.codes;
    segments.push_back(s);
  }
  std::vector<BufferId> touched;
  for (size_t i = 0; i < segments.size(); ++i)
    touched.push_back(segments[i].source = b.read(main.inputs[i], layout));
  const BufferId bo = b.write(out, layout);
  touched.push_back(bo);
  const int64_t rows = shape.numel() / row;
  emit_call(b, op, "concat_codes", main.inputs, layout, touched, [=](std::span<std::byte* const> buffers) {
    run_chunks(rows, std::max<int64_t>(1, kCodesPerChunk / row), [&](int64_t begin, int64_t end) {
      for (const Segment& s : segments)
        for (int64_t r = begin; r < end; ++r) {
          const std::byte* from = at(buffers, s.source) + r * s.codes;
          std::byte* to = at(buffers, bo) + r * row + s.to;
          if (s.copies)
            std::memcpy(to, from, static_cast<size_t>(s.codes));
          else
            kernels->rescale(s.rescale, from, to, s.codes);
        }
    });
  });
  return true;
}

// --- functions, and changes of encoding

namespace {

// The node's results for all 256 codes of its input, by the reference.
std::optional<Tensor> table_of(const PlanBuilder& b, const Node& node, DType code) {
  Tensor codes(code, Shape{256});
  for (int i = 0; i < 256; ++i) codes.bytes()[i] = static_cast<std::byte>(i);  // indexed by the code's byte
  std::vector<Tensor> inputs{codes};
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const Tensor* t = node.inputs[i] ? b.constant(node.inputs[i]) : nullptr;
    if (node.inputs[i] && (t == nullptr || t->numel() != 1)) return std::nullopt;
    inputs.push_back(t != nullptr ? *t : Tensor());
  }
  return run_reference_node(b.graph(), node, inputs)[0];
}

}  // namespace

bool lower_code_function(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId x = main.inputs[0], out = op.outputs[0];
  if (!code_grid(b.type(x)) || !code_grid(b.type(out))) return false;
  const auto table = table_of(b, main, b.type(x).encoding.code);
  if (!table) return false;
  const Layout layout = b.native_layout(x);
  const BufferId bx = b.read(x, layout), bo = b.write(out, layout);
  b.may_share(bx, bo);
  const int64_t count = elements(b, out, layout);
  b.emit(std::make_unique<CallStep>([=, t = *table](std::span<std::byte* const> buffers) {
           run_chunks(count, kCodesPerChunk, [&](int64_t begin, int64_t end) {
             kernels->look_up(t.bytes(), at(buffers, bx) + begin, at(buffers, bo) + begin, end - begin);
           });
         }),
         b.describe(op, "table", {x}, layout, layout), {bx, bo});
  return true;
}

namespace {

void emit_quantize(PlanBuilder& b, const FusedOp& op, const CodeGrid& g) {
  const simd::Kernels* kernels = code_kernels();
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  const Layout layout = b.native_layout(x);
  const BufferId bx = b.read(x, layout), bo = b.write(out, layout);
  const int64_t count = elements(b, out, layout);
  emit_call(b, op, "quantize", {x}, layout, {bx, bo}, [=](std::span<std::byte* const> buffers) {
    run_chunks(count, kCodesPerChunk, [&](int64_t begin, int64_t end) {
      kernels->quantize(reinterpret_cast<const float*>(at(buffers, bx)) + begin, g.scale,
                        static_cast<float>(g.zero_point), static_cast<float>(g.code_min),
                        static_cast<float>(g.code_max), g.type, at(buffers, bo) + begin, end - begin);
    });
  });
}

void emit_dequantize(PlanBuilder& b, const FusedOp& op, const CodeGrid& g) {
  const simd::Kernels* kernels = code_kernels();
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  const Layout layout = b.native_layout(x);
  const BufferId bx = b.read(x, layout), bo = b.write(out, layout);
  const int64_t count = elements(b, out, layout);
  emit_call(b, op, "dequantize", {x}, layout, {bx, bo}, [=](std::span<std::byte* const> buffers) {
    run_chunks(count, kCodesPerChunk, [&](int64_t begin, int64_t end) {
      kernels->dequantize(at(buffers, bx) + begin, g.type, g.scale, g.zero_point,
                          reinterpret_cast<float*>(at(buffers, bo)) + begin, end - begin);
    });
  });
}

// The grid that a QuantizeLinear or DequantizeLinear node names by constants; nullopt when it is not one
// scale.
std::optional<CodeGrid> linear_grid(const PlanBuilder& b, const Node& node, DType code) {
  if (code != DType::kU8 && code != DType::kI8) return std::nullopt;
  const Tensor* scale = b.constant(node.input(1));
  const Tensor* zero_point = node.input(2) ? b.constant(node.inputs[2]) : nullptr;
  if (scale == nullptr || scale->dtype() != DType::kF32 || scale->numel() != 1) return std::nullopt;
  if (node.input(2) && (zero_point == nullptr || zero_point->numel() != 1)) return std::nullopt;
  CodeGrid g;
  g.type = code == DType::kU8 ? simd::CodeType::kU8 : simd::CodeType::kS8;
  g.scale = scale->data<float>()[0];
  g.zero_point = zero_point != nullptr ? static_cast<int32_t>(zero_point->at_int(0)) : 0;
  g.code_min = static_cast<int32_t>(dtype_min(code));
  g.code_max = static_cast<int32_t>(dtype_max(code));
  return g;
}

bool is_plain_float(const ValueType& t) { return t.dtype == DType::kF32 && !t.encoded(); }

}  // namespace

bool lower_quantize(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueType& out = b.type(op.outputs[0]);
  if (code_kernels() == nullptr || !is_plain_float(b.type(main.inputs[0]))) return false;
  const auto g = main.is_precis("Quantize") ? code_grid(out)
                 : out.encoded()            ? std::nullopt
                                            : linear_grid(b, main, out.dtype);
  if (!g) return false;
  emit_quantize(b, op, *g);
  return true;
}

bool lower_dequantize(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueType& x = b.type(main.inputs[0]);
  if (code_kernels() == nullptr || !is_plain_float(b.type(op.outputs[0]))) return false;
  const auto g = main.is_precis("Dequantize") ? code_grid(x)
                 : x.encoded()                ? std::nullopt
                                              : linear_grid(b, main, x.dtype);
  if (!g) return false;
  emit_dequantize(b, op, *g);
  return true;
}

bool lower_requantize(PlanBuilder& b, const FusedOp& op) {
  const simd::Kernels* kernels = code_kernels();
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  const auto gx = code_grid(b.type(x)), g = code_grid(b.type(out));
  if (kernels == nullptr || !gx || !g) return false;
  const Layout layout = b.native_layout(x);
  if (b.type(x).encoding == b.type(out).encoding) {
    b.alias(out, layout, x, layout);
    return true;
  }
  const simd::Kernels::Rescale p = rescale_of(*gx, *g);
  const BufferId bx = b.read(x, layout), bo = b.write(out, layout);
  b.may_share(bx, bo);
  const int64_t count = elements(b, out, layout);
  emit_call(b, op, "rescale_codes", {x}, layout, {bx, bo}, [=](std::span<std::byte* const> buffers) {
    run_chunks(count, kCodesPerChunk, [&](int64_t begin, int64_t end) {
      kernels->rescale(p, at(buffers, bx) + begin, at(buffers, bo) + begin, end - begin);
    });
  });
  return true;
}

}  // namespace precis::runtime
