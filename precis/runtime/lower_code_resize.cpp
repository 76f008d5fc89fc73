// Resize of 8-bit codes in channels last: rows of channels are selected (nearest) or blended (linear, cubic),
// first along the height, then along the width, with the weights of the reference.
#include <algorithm>
#include <cstring>

#include "precis/kernels/reference/requantize.h"
#include "precis/runtime/codes.h"
#include "precis/runtime/reference_resize.h"

namespace precis::runtime {
namespace {

namespace simd = kernels::simd;
namespace ref = kernels::reference;

struct Picture {
  int64_t batch, channels, in_height, in_width, out_height, out_width;
  ref::ResizeTaps down, across;  // along the height and the width
  int64_t rows() const { return batch * out_height; }
};

bool keeps(const ref::ResizeAxis& a) { return a.in == a.out && a.scale == 1; }

// One tap of weight 1: the axis as it is.
ref::ResizeTaps unchanged(int64_t length) {
  ref::ResizeTaps t;
  for (int64_t i = 0; i < length; ++i) t.index.push_back(i);
  t.weight.assign(static_cast<size_t>(length), 1.0f);
  return t;
}

ref::ResizeTaps taps_of(const ref::ResizeAxis& a) { return keeps(a) ? unchanged(a.in) : ref::resize_taps(a); }

std::optional<Picture> picture_of(const PlanBuilder& b, const Node& node) {
  const Shape x = b.shape(node.inputs[0]);
  if (x.rank() != 4 || node.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize")
    return std::nullopt;
  std::vector<Tensor> inputs{Tensor(DType::kU8, x)};  // only its shape is read
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const Tensor* t = node.inputs[i] ? b.constant(node.inputs[i]) : nullptr;
    if (node.inputs[i] && t == nullptr) return std::nullopt;
    inputs.push_back(t != nullptr ? *t : Tensor());
  }
  const std::vector<ref::ResizeAxis> axes = resize_axes(node, inputs);
  if (!keeps(axes[0]) || !keeps(axes[1])) return std::nullopt;
  return Picture{x[0], x[1], x[2], x[3], axes[2].out, axes[3].out, taps_of(axes[2]), taps_of(axes[3])};
}

void select_row(const Picture& p, const std::byte* x, std::byte* y, int64_t row) {
  const int64_t line = p.in_width * p.channels,
                in_row = p.down.index[static_cast<size_t>(row % p.out_height)];
  const std::byte* from = x + (row / p.out_height * p.in_height + in_row) * line;
  std::byte* to = y + row * p.out_width * p.channels;
  for (int64_t w = 0; w < p.out_width; ++w)
    std::memcpy(to + w * p.channels, from + p.across.index[static_cast<size_t>(w)] * p.channels,
                static_cast<size_t>(p.channels));
}

// More taps than this (strong antialiasing) are left to the reference.
constexpr int64_t kMaxTaps = 16;

struct Blend {
  simd::CodeType type;
  int32_t zero_point;
  simd::Kernels::Grid grid;
};

// `line`: in_width * channels reals.
void blend_row(const Picture& p, const Blend& e, const std::byte* x, std::byte* y, int64_t row, float* line) {
  const simd::Kernels* kernels = code_kernels();
  const int64_t length = p.in_width * p.channels, first = row % p.out_height * p.down.taps;
  const std::byte* picture = x + row / p.out_height * p.in_height * length;
  const std::byte* lines[kMaxTaps];
  for (int64_t t = 0; t < p.down.taps; ++t)
    lines[t] = picture + p.down.index[static_cast<size_t>(first + t)] * length;
  kernels->blend_codes(lines, p.down.weight.data() + first, p.down.taps, e.type, e.zero_point, line, length);
  const float* pixels[kMaxTaps];
  for (int64_t w = 0; w < p.out_width; ++w) {
    const int64_t tap = w * p.across.taps;
    for (int64_t t = 0; t < p.across.taps; ++t)
      pixels[t] = line + p.across.index[static_cast<size_t>(tap + t)] * p.channels;
    kernels->blend_reals(pixels, p.across.weight.data() + tap, p.across.taps, e.grid,
                         y + (row * p.out_width + w) * p.channels, p.channels);
  }
}

void emit_nearest(PlanBuilder& b, const FusedOp& op, const Picture& p) {
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  const BufferId bx = b.read(x, Layout::kChannelsLast), bo = b.write(out, Layout::kChannelsLast);
  const int64_t chunk = range_length(p.rows(), b.threads());
  emit_call(b, op, "select_codes", {x}, Layout::kChannelsLast, {bx, bo},
            [=](std::span<std::byte* const> buffers) {
              run_chunks(p.rows(), chunk, [&](int64_t begin, int64_t end) {
                for (int64_t row = begin; row < end; ++row)
                  select_row(p, at(buffers, bx), at(buffers, bo), row);
              });
            });
}

void emit_blend(PlanBuilder& b, const FusedOp& op, const Picture& p, const Blend& e) {
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  const BufferId bx = b.read(x, Layout::kChannelsLast), bo = b.write(out, Layout::kChannelsLast);
  const int64_t chunk = ceil_div(p.rows(), b.threads());  // one range, and so one line of reals, a thread
  const int64_t line =
      round_up(p.in_width * p.channels * static_cast<int64_t>(sizeof(float)), kArenaAlignment);
  const BufferId scratch = b.scratch(ceil_div(p.rows(), chunk) * line);
  emit_call(b, op, "blend_codes", {x}, Layout::kChannelsLast, {bx, bo, scratch},
            [=](std::span<std::byte* const> buffers) {
              run_chunks(p.rows(), chunk, [&](int64_t begin, int64_t end) {
                float* own = reinterpret_cast<float*>(at(buffers, scratch) + begin / chunk * line);
                for (int64_t row = begin; row < end; ++row)
                  blend_row(p, e, at(buffers, bx), at(buffers, bo), row, own);
              });
            });
}

}  // namespace

bool lower_code_resize(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  const ValueType &tx = b.type(main.inputs[0]), &ty = b.type(op.outputs[0]);
  const auto from = code_grid(tx), to = code_grid(ty);
  if (code_kernels() == nullptr || !from || !to) return false;
  const auto p = picture_of(b, main);
  if (!p) return false;
  if (main.get_string("mode", "nearest") == "nearest") {
    if (tx.encoding != ty.encoding) return false;
    emit_nearest(b, op, *p);
    return true;
  }
  if (p->down.taps > kMaxTaps || p->across.taps > kMaxTaps) return false;
  Blend e{from->type, from->zero_point, {}};
  e.grid.multiplier = ref::rescale_multiplier(from->scale, to->scale);
  e.grid.zero_point = static_cast<float>(to->zero_point);
  e.grid.code_min = static_cast<float>(to->code_min);
  e.grid.code_max = static_cast<float>(to->code_max);
  emit_blend(b, op, *p, e);
  return true;
}

}  // namespace precis::runtime
