// Between reals and 8-bit codes, and between two encodings.
#include <algorithm>

#include "precis/kernels/reference/requantize.h"
#include "precis/runtime/codes.h"

namespace precis::runtime {

namespace simd = kernels::simd;
namespace ref = kernels::reference;

namespace {

// Pixels whose codes one call holds on its stack while they change their order, and channels at a time.
constexpr int64_t kPixelBlock = 256, kChannelTile = 32;

// The pictures of a value as planes of pixels: N, C, H * W ...
struct Planes {
  explicit Planes(const Shape& s) : images(s[0]), channels(s[1]), pixels(s.inner(2)) {}
  int64_t blocks() const { return images * ceil_div(pixels, kPixelBlock); }
  // Calls body(image, first pixel, pixels) for blocks [begin, end).
  template <typename Body>
  void for_blocks(int64_t begin, int64_t end, const Body& body) const {
    const int64_t per_image = ceil_div(pixels, kPixelBlock);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % per_image * kPixelBlock;
      body(i / per_image, first, std::min(kPixelBlock, pixels - first));
    }
  }
  int64_t images, channels, pixels;
};

int64_t blocks_per_range(const PlanBuilder& b, const Shape& shape) {
  return range_length(Planes(shape).blocks(), b.threads());
}

void quantize_run(const simd::Kernels& kernels, const CodeGrid& g, const float* x, std::byte* y, int64_t n) {
  kernels.quantize(x, g.scale, static_cast<float>(g.zero_point), static_cast<float>(g.code_min),
                   static_cast<float>(g.code_max), g.type, y, n);
}

// Reals in planes become codes in channels last at once: each tile is quantized, then turned.
void quantize_block(const simd::Kernels& kernels, const CodeGrid& g, const Planes& p, const float* x,
                    std::byte* y, int64_t image, int64_t first, int64_t count) {
  alignas(64) std::byte tile[kChannelTile * kPixelBlock];
  const float* plane = x + image * p.channels * p.pixels + first;
  std::byte* row = y + (image * p.pixels + first) * p.channels;
  for (int64_t c = 0; c < p.channels; c += kChannelTile) {
    const int64_t channels = std::min(kChannelTile, p.channels - c);
    for (int64_t k = 0; k < channels; ++k)
      quantize_run(kernels, g, plane + (c + k) * p.pixels, tile + k * kPixelBlock, count);
    kernels.transpose(tile, kPixelBlock, channels, count, row + c, p.channels);
  }
}

void dequantize_block(const simd::Kernels& kernels, const CodeGrid& g, const Planes& p, const std::byte* x,
                      float* y, int64_t image, int64_t first, int64_t count) {
  alignas(64) std::byte tile[kChannelTile * kPixelBlock];
  const std::byte* row = x + (image * p.pixels + first) * p.channels;
  float* plane = y + image * p.channels * p.pixels + first;
  for (int64_t c = 0; c < p.channels; c += kChannelTile) {
    const int64_t channels = std::min(kChannelTile, p.channels - c);
    kernels.transpose(row + c, p.channels, count, channels, tile, kPixelBlock);
    for (int64_t k = 0; k < channels; ++k)
      kernels.dequantize(tile + k * kPixelBlock, g.type, g.scale, g.zero_point, plane + (c + k) * p.pixels,
                         count);
  }
}

// Some reader works in channels last.
bool has_spatial_reader(const PlanBuilder& b, ValueId v) {
  const auto& uses = b.graph().value(v).uses;
  return std::any_of(uses.begin(), uses.end(), [&](const Use& use) {
    const Node& n = b.graph().node(use.node);
    const bool spatial = n.is("Conv") || n.is("MaxPool") || n.is("AveragePool") ||
                         n.is("GlobalAveragePool") || n.is("GlobalMaxPool") || n.is("Resize") ||
                         n.is("BatchNormalization");
    return spatial && use.slot == 0;
  });
}

bool turns(const PlanBuilder& b, ValueId v) {
  const Shape shape = b.shape(v);
  return layout_allowed(shape, Layout::kChannelsLast) &&
         !same_in_memory(shape, Layout::kPlain, Layout::kChannelsLast);
}

void emit_quantize(PlanBuilder& b, const FusedOp& op, const CodeGrid& g) {
  const simd::Kernels* kernels = code_kernels();
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  const Layout from = flat_layout(b, x);
  const bool turned = from == Layout::kPlain && turns(b, out) && has_spatial_reader(b, out);
  const Layout to = turned ? Layout::kChannelsLast : from;
  const BufferId bx = b.read(x, from), bo = b.write(out, to);
  const auto reals = [bx](std::span<std::byte* const> buffers) {
    return reinterpret_cast<const float*>(at(buffers, bx));
  };
  CallStep::Function run;
  if (turned) {
    run = [=, planes = Planes(b.shape(out)),
           range = blocks_per_range(b, b.shape(out))](std::span<std::byte* const> buffers) {
      run_chunks(planes.blocks(), range, [&](int64_t begin, int64_t end) {
        planes.for_blocks(begin, end, [&](int64_t image, int64_t first, int64_t count) {
          quantize_block(*kernels, g, planes, reals(buffers), at(buffers, bo), image, first, count);
        });
      });
    };
  } else {
    run = [=, count = b.shape(out).numel(),
           range = codes_per_range(b, b.shape(out).numel())](std::span<std::byte* const> buffers) {
      run_chunks(count, range, [&](int64_t begin, int64_t end) {
        quantize_run(*kernels, g, reals(buffers) + begin, at(buffers, bo) + begin, end - begin);
      });
    };
  }
  b.emit(std::make_unique<CallStep>(std::move(run)),
         b.describe(op, code_kernel_name("quantize"), {x}, from, to), {bx, bo});
}

// Whoever reads the reals reads them plain.
bool read_plain(const PlanBuilder& b, ValueId v) {
  const auto& uses = b.graph().value(v).uses;
  return std::all_of(uses.begin(), uses.end(), [&](const Use& use) {
    const Node& n = b.graph().node(use.node);
    return n.is("Reshape") || n.is("Flatten") || n.is("Squeeze") || n.is("Unsqueeze");
  });
}

void emit_dequantize(PlanBuilder& b, const FusedOp& op, const CodeGrid& g) {
  const simd::Kernels* kernels = code_kernels();
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  const Layout from = flat_layout(b, x);
  const bool turned = from == Layout::kChannelsLast && turns(b, out) && read_plain(b, out);
  const Layout to = turned ? Layout::kPlain : from;
  const BufferId bx = b.read(x, from), bo = b.write(out, to);
  const auto reals = [bo](std::span<std::byte* const> buffers) {
    return reinterpret_cast<float*>(at(buffers, bo));
  };
  CallStep::Function run;
  if (turned) {
    run = [=, planes = Planes(b.shape(out)),
           range = blocks_per_range(b, b.shape(out))](std::span<std::byte* const> buffers) {
      run_chunks(planes.blocks(), range, [&](int64_t begin, int64_t end) {
        planes.for_blocks(begin, end, [&](int64_t image, int64_t first, int64_t count) {
          dequantize_block(*kernels, g, planes, at(buffers, bx), reals(buffers), image, first, count);
        });
      });
    };
  } else {
    run = [=, count = b.shape(out).numel(),
           range = codes_per_range(b, b.shape(out).numel())](std::span<std::byte* const> buffers) {
      run_chunks(count, range, [&](int64_t begin, int64_t end) {
        kernels->dequantize(at(buffers, bx) + begin, g.type, g.scale, g.zero_point, reals(buffers) + begin,
                            end - begin);
      });
    };
  }
  b.emit(std::make_unique<CallStep>(std::move(run)),
         b.describe(op, code_kernel_name("dequantize"), {x}, from, to), {bx, bo});
}

}  // namespace

bool emit_code_reorder(PlanBuilder& b, StepInfo info, const PhysicalType& type, Layout from, Layout to,
                       BufferId bx, BufferId bo) {
  const simd::Kernels* kernels = code_kernels();
  const bool plain_to_last = from == Layout::kPlain && to == Layout::kChannelsLast;
  const bool last_to_plain = from == Layout::kChannelsLast && to == Layout::kPlain;
  if (kernels == nullptr || dtype_bits(type.dtype) != 8 || (!plain_to_last && !last_to_plain)) return false;
  info.kernel = code_kernel_name("turn_codes");
  b.emit(std::make_unique<CallStep>([=, planes = Planes(type.shape), range = blocks_per_range(b, type.shape)](
                                        std::span<std::byte* const> buffers) {
           const int64_t size = planes.channels * planes.pixels;
           run_chunks(planes.blocks(), range, [&](int64_t begin, int64_t end) {
             planes.for_blocks(begin, end, [&](int64_t image, int64_t first, int64_t count) {
               const std::byte* x = at(buffers, bx) + image * size;
               std::byte* y = at(buffers, bo) + image * size;
               if (plain_to_last)
                 kernels->transpose(x + first, planes.pixels, planes.channels, count,
                                    y + first * planes.channels, planes.channels);
               else
                 kernels->transpose(x + first * planes.channels, planes.channels, count, planes.channels,
                                    y + first, planes.pixels);
             });
           });
         }),
         std::move(info), {bx, bo});
  return true;
}

namespace {

// The grid that a QuantizeLinear or DequantizeLinear node names by constants; nullopt when it is not one
// scale, or the division has a precision of its own.
std::optional<CodeGrid> linear_grid(const PlanBuilder& b, const Node& node, DType code) {
  if ((code != DType::kU8 && code != DType::kI8) || node.has("precision")) return std::nullopt;
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
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  const auto gx = code_grid(b.type(x)), g = code_grid(b.type(out));
  if (code_kernels() == nullptr || !gx || !g) return false;
  const Layout layout = flat_layout(b, x);
  if (b.type(x).encoding == b.type(out).encoding) {
    b.alias(out, layout, x, layout);
    return true;
  }
  const GridChange change(*gx, *g);
  const BufferId bx = b.read(x, layout), bo = b.write(out, layout);
  b.may_share(bx, bo);
  const int64_t count = b.shape(out).numel();
  emit_call(b, op, "rescale_codes", {x}, layout, {bx, bo},
            [=, range = codes_per_range(b, count)](std::span<std::byte* const> buffers) {
              run_chunks(count, range, [&](int64_t begin, int64_t end) {
                change.run(at(buffers, bx) + begin, at(buffers, bo) + begin, end - begin);
              });
            });
  return true;
}

}  // namespace precis::runtime
