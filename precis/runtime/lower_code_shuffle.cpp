// Channel shuffle of 8-bit codes in channels last: the same permutation of every pixel's channels.
#include <algorithm>

#include "precis/runtime/channel_shuffle.h"
#include "precis/runtime/codes.h"

namespace precis::runtime {

bool lower_code_shuffle(PlanBuilder& b, const FusedOp& op) {
  const kernels::simd::Kernels* kernels = code_kernels();
  const auto shuffle = match_channel_shuffle(b.graph(), op.node);
  const ValueId x = b.node(op).inputs[0], out = op.outputs[0];
  if (kernels == nullptr || !shuffle || out != shuffle->output || !code_grid(b.type(x))) return false;
  const Shape shape = b.shape(x);
  if (!layout_allowed(shape, Layout::kChannelsLast) || b.native_layout(x) != Layout::kChannelsLast)
    return false;
  const int64_t channels = shape[1], group = channels / shuffle->groups, pixels = shape.numel() / channels;
  if (channels > UINT16_MAX) return false;
  kernels::simd::Permutation p;  // result channel b * groups + a comes from a * group + b
  for (int64_t c = 0; c < channels; ++c)
    p.index.push_back(static_cast<uint16_t>(c % shuffle->groups * group + c / shuffle->groups));
  p.tables = kernels->permutation_tables(p.index);
  const BufferId bx = b.read(x, Layout::kChannelsLast), bo = b.write(out, Layout::kChannelsLast);
  emit_call(
      b, op, "permute_codes", {x}, Layout::kChannelsLast, {bx, bo},
      [=, p = std::move(p), range = range_length(pixels, b.threads())](std::span<std::byte* const> buffers) {
        run_chunks(pixels, range, [&](int64_t begin, int64_t end) {
          kernels->permute(p, at(buffers, bx) + begin * channels, at(buffers, bo) + begin * channels,
                           end - begin);
        });
      });
  return true;
}

}  // namespace precis::runtime
