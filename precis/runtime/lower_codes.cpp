// Operators on 8-bit codes that are no convolutions, products or pools: affine maps per channel, Concat of
// values with different encodings, functions of one input.
#include <algorithm>
#include <cstring>

#include "precis/kernels/reference/requantize.h"
#include "precis/runtime/codes.h"
#include "precis/runtime/reference_ops.h"

namespace precis::runtime {

namespace simd = kernels::simd;
namespace ref = kernels::reference;

// --- BatchNormalization

bool lower_code_affine(PlanBuilder& b, const FusedOp& op) {
  const simd::Kernels* kernels = code_kernels();
  if (kernels == nullptr || !op.chain) return false;
  const ValueId x = b.node(op).inputs[0], out = op.chain->output;
  const auto from = code_grid(b.type(x)), to = code_grid(b.type(out));
  const Shape shape = b.shape(x);
  const bool rows = shape.rank() == 2;  // [N, C]
  const auto map = integer_affine(b.graph(), b.node(op));
  if (!from || !to || !map || (!rows && !layout_allowed(shape, Layout::kChannelsLast))) return false;
  const int64_t channels = shape[1];
  Tensor constants(DType::kF32, Shape{2, channels});
  const std::span<float> c = constants.data<float>();
  for (int64_t i = 0; i < channels; ++i) {
    c[static_cast<size_t>(i)] = map->multiplier(static_cast<size_t>(i), from->scale, to->scale);
    c[static_cast<size_t>(channels + i)] = map->offset(static_cast<size_t>(i), to->scale);
  }
  simd::Kernels::Affine p{};
  p.x_type = from->type;
  p.x_zero_point = from->zero_point;
  set_result(p, *to);
  set_limits(p, limits_of(op.chain->fused_activation(to->scale)));
  const Layout layout = rows ? Layout::kPlain : Layout::kChannelsLast;
  const BufferId bx = b.read(x, layout), bo = b.write(out, layout);
  b.may_share(bx, bo);
  const int64_t pixels = shape.numel() / channels;
  emit_call(b, op, "affine_codes", {x}, layout, {bx, bo},
            [=, range = range_length(pixels, b.threads())](std::span<std::byte* const> buffers) {
              simd::Kernels::Affine bound = p;
              bound.multiplier = constants.data<float>().data();
              bound.offset = bound.multiplier + channels;
              run_chunks(pixels, range, [&](int64_t begin, int64_t end) {
                kernels->affine(bound, at(buffers, bx) + begin * channels, at(buffers, bo) + begin * channels,
                                end - begin, channels);
              });
            });
  return true;
}

// --- concat of values with different encodings

namespace {

struct Segment {
  BufferId source = -1;
  std::optional<GridChange> change;  // none: equal encodings, codes are copied
  int64_t codes = 0, to = 0;         // per row: how many, and where they go
};

}  // namespace

bool lower_code_concat(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId out = op.outputs[0];
  const auto g = code_grid(b.type(out));
  if (code_kernels() == nullptr || !g) return false;
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
    if (b.type(in).encoding != b.type(out).encoding) s.change.emplace(*gi, *g);
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
  emit_call(b, op, "concat_codes", main.inputs, layout, touched,
            [=, range = range_length(rows, b.threads())](std::span<std::byte* const> buffers) {
              run_chunks(rows, range, [&](int64_t begin, int64_t end) {
                for (const Segment& s : segments)
                  for (int64_t r = begin; r < end; ++r) {
                    const std::byte* from = at(buffers, s.source) + r * s.codes;
                    std::byte* to = at(buffers, bo) + r * row + s.to;
                    if (s.change)
                      s.change->run(from, to, s.codes);
                    else
                      std::memcpy(to, from, static_cast<size_t>(s.codes));
                  }
              });
            });
  return true;
}

// --- functions: a table over all codes

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
  const simd::Kernels* kernels = code_kernels();
  if (kernels == nullptr || !code_grid(b.type(x)) || !code_grid(b.type(out))) return false;
  const auto table = table_of(b, main, b.type(x).encoding.code);
  if (!table) return false;
  const Layout layout = flat_layout(b, x);
  const BufferId bx = b.read(x, layout), bo = b.write(out, layout);
  b.may_share(bx, bo);
  const int64_t count = b.shape(out).numel();
  emit_call(b, op, "table", {x}, layout, {bx, bo},
            [=, t = *table, range = codes_per_range(b, count)](std::span<std::byte* const> buffers) {
              run_chunks(count, range, [&](int64_t begin, int64_t end) {
                kernels->look_up(t.bytes(), at(buffers, bx) + begin, at(buffers, bo) + begin, end - begin);
              });
            });
  return true;
}

// --- PRelu with one slope per channel: a table for each channel

namespace {

// The slope as a constant of one value per channel of `x`.
const Tensor* channel_slopes(const PlanBuilder& b, const Node& node) {
  const Tensor* slope = b.constant(node.inputs[1]);
  const Shape x = b.shape(node.inputs[0]);
  const Encoding& e = b.type(node.inputs[1]).encoding;
  if (slope == nullptr || x.rank() < 2 || slope->numel() != x[1] || (e.defined() && !is_per_tensor(e)))
    return nullptr;
  const int lead = x.rank() - slope->shape().rank();
  return lead <= 1 && slope->shape()[1 - lead] == x[1] ? slope : nullptr;
}

// [channels, 256]: the node's results for all codes, by the reference.
Tensor channel_tables(const PlanBuilder& b, const Node& node, const Tensor& slope) {
  const int64_t channels = slope.numel();
  Tensor codes(b.type(node.inputs[0]).encoding.code, Shape{1, channels, 256});
  for (int64_t i = 0; i < codes.numel(); ++i) codes.bytes()[i] = static_cast<std::byte>(i % 256);
  const Tensor column =
      Tensor::view(slope.dtype(), Shape{channels, 1}, const_cast<std::byte*>(slope.bytes()));
  const Tensor inputs[] = {codes, column};
  return run_reference_node(b.graph(), node, inputs)[0];
}

}  // namespace

bool lower_code_prelu(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueId x = main.inputs[0], out = op.outputs[0];
  if (code_kernels() == nullptr || !code_grid(b.type(x)) || !code_grid(b.type(out))) return false;
  const Shape shape = b.shape(x);
  const bool rows = shape.rank() == 2;  // [N, C]
  const Tensor* slope = channel_slopes(b, main);
  if (slope == nullptr || (!rows && !layout_allowed(shape, Layout::kChannelsLast))) return false;
  const Layout layout = rows ? Layout::kPlain : Layout::kChannelsLast;
  const BufferId bx = b.read(x, layout), bo = b.write(out, layout);
  b.may_share(bx, bo);
  const int64_t channels = shape[1], pixels = shape.numel() / channels;
  emit_call(b, op, "channel_tables", {x}, layout, {bx, bo},
            [=, tables = channel_tables(b, main, *slope),
             range = range_length(pixels, b.threads())](std::span<std::byte* const> buffers) {
              run_chunks(pixels, range, [&](int64_t begin, int64_t end) {
                const std::byte* from = at(buffers, bx);
                std::byte* to = at(buffers, bo);
                for (int64_t i = begin * channels; i < end * channels; i += channels)
                  for (int64_t c = 0; c < channels; ++c)
                    to[i + c] = tables.bytes()[c * 256 + std::to_integer<int64_t>(from[i + c])];
              });
            });
  return true;
}

}  // namespace precis::runtime
