// DynamicQuantizeLSTM: the input is quantized once over all of its elements and multiplied as codes for all
// steps, then the steps follow with a state that each quantizes anew.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "precis/core/isa.h"
#include "precis/runtime/code_linear.h"
#include "precis/runtime/codes.h"
#include "precis/runtime/recurrent_plan.h"

namespace precis::runtime {
namespace {

namespace simd = kernels::simd;
namespace ref = kernels::reference;

// W or R: [directions, features, rows] codes with one grid per direction or row.
struct CodeWeights {
  const Tensor *codes, *scale, *zero_point;
  int64_t features() const { return codes->shape()[1]; }
  int64_t rows() const { return codes->shape()[2]; }
  int64_t grid(int64_t d, int64_t row) const {
    return scale->numel() == codes->shape()[0] ? d : d * rows() + row;
  }
  float row_scale(int64_t d, int64_t row) const {
    return scale->data<float>()[static_cast<size_t>(grid(d, row))];
  }
  int32_t zero(int64_t d, int64_t row) const {
    return static_cast<int32_t>(zero_point->at_int(grid(d, row)));
  }
  int32_t code(int64_t d, int64_t feature, int64_t row) const {
    const auto byte = std::to_integer<uint8_t>(codes->bytes()[(d * features() + feature) * rows() + row]);
    return codes->dtype() == DType::kU8 ? byte : static_cast<int8_t>(byte);
  }
};

std::optional<CodeWeights> code_weights(const PlanBuilder& b, const Node& n, size_t weights, size_t scale) {
  const auto constant = [&](size_t i) { return n.input(i) ? b.constant(n.inputs[i]) : nullptr; };
  const CodeWeights w{constant(weights), constant(scale), constant(scale + 1)};
  if (!w.codes || !w.scale || !w.zero_point || w.codes->shape().rank() != 3) return std::nullopt;
  const int64_t d = w.codes->shape()[0], count = w.scale->numel();
  if ((count != d && count != d * w.rows()) || w.zero_point->numel() != count) return std::nullopt;
  // No sum of products leaves 32 bits, whatever the codes are.
  if (w.features() * 255 * 255 > std::numeric_limits<int32_t>::max()) return std::nullopt;
  return w;
}

bool takes_values(const PlanBuilder& b, const FusedOp& op) {
  const Node& n = b.node(op);
  for (const size_t i : {3, 7})
    if (n.input(i) && b.constant(n.inputs[i]) == nullptr) return false;
  return b.type(n.inputs[0]).dtype == DType::kF32 && !b.type(n.inputs[0]).encoded();
}

std::vector<float> packed_rows(const Recurrent& r, const std::vector<float>& rows) {
  std::vector<float> packed(static_cast<size_t>(r.width()));
  simd::pack_gate_rows(r.spec.gates, r.geometry.hidden, r.cells[0].padded, r.kernels->lanes, rows.data(),
                       packed.data());
  return packed;
}

void bind_state(PlanBuilder& b, const Node& n, const std::string& key, const CodeWeights& w, Recurrent& r,
                int d) {
  simd::RecurrentCell& cell = r.cells[static_cast<size_t>(d)];
  r.kept.push_back(b.packed(fmt::format("{}codes {}", key, d), [&] {
    std::vector<int16_t> centred;
    for (int64_t k = 0; k < w.features(); ++k)
      for (int64_t row = 0; row < w.rows(); ++row)
        centred.push_back(static_cast<int16_t>(w.code(d, k, row) - w.zero(d, row)));
    std::vector<int16_t> packed(static_cast<size_t>(simd::state_codes_size(cell)));
    simd::pack_state_codes(cell, r.kernels->lanes, centred.data(), packed.data());
    return as_bytes(packed);
  }));
  cell.codes = reinterpret_cast<const int16_t*>(r.kept.back().bytes());
  r.kept.push_back(b.packed(fmt::format("{}scales {}", key, d), [&] {
    std::vector<float> scales;
    for (int64_t row = 0; row < w.rows(); ++row) scales.push_back(w.row_scale(d, row));
    return as_bytes(packed_rows(r, scales));
  }));
  cell.code_scales = reinterpret_cast<const float*>(r.kept.back().bytes());
  bind_peepholes(b, n, key, r, d);
}

// The product of the input with the weights of all directions, rows in the order of the kernel's gates.
CodeLinear input_linear(const PlanBuilder& b, const FusedOp& op, const CodeWeights& w, const Recurrent& r) {
  const Node& n = b.node(op);
  const auto& g = r.geometry;
  CodeLinear linear;
  linear.dynamic = true;
  linear.shape.batch = checked_mul(g.steps, g.batch);
  linear.shape.in_channels = g.inputs;
  linear.shape.out_channels = g.directions * r.width();
  linear.weights = Tensor(w.codes->dtype(), Shape{linear.shape.out_channels, g.inputs});
  const Tensor* bias = n.input(3) ? b.constant(n.inputs[3]) : nullptr;
  linear.shift.resize(static_cast<size_t>(linear.shape.out_channels));
  for (int64_t d = 0; d < g.directions; ++d) {
    std::vector<float> number, scales, zeros;
    for (int64_t row = 0; row < g.rows; ++row) {
      number.push_back(static_cast<float>(row + 1));  // 0: no row
      scales.push_back(w.row_scale(d, row));
      zeros.push_back(static_cast<float>(w.zero(d, row)));
    }
    const std::vector<float> order = packed_rows(r, number), scale = packed_rows(r, scales),
                             zero = packed_rows(r, zeros);
    for (int64_t i = 0; i < r.width(); ++i) {
      const auto at = static_cast<size_t>(i);
      linear.multiplier.push_back(scale[at]);
      linear.weight_zero_point.push_back(static_cast<int32_t>(zero[at]));
      const auto row = static_cast<int64_t>(order[at]) - 1;
      for (int64_t f = 0; row >= 0 && f < g.inputs; ++f)
        linear.weights.bytes()[(d * r.width() + i) * g.inputs + f] =
            static_cast<std::byte>(w.code(d, f, row));
    }
    pack_input_bias(r, bias, d, linear.shift.data() + d * r.width());
  }
  linear.bias.assign(linear.multiplier.size(), 0);
  linear.key = linear_key(b, op, "recurrent input", linear);
  return linear;
}

BufferId emit_input_codes(PlanBuilder& b, const FusedOp& op, const CodeLinear& linear) {
  const ValueId x = b.node(op).inputs[0];
  const int64_t count = b.shape(x).numel(), range = codes_per_range(b, count);
  std::shared_ptr<const LinearKernel> kernel = make_linear_kernel(b, linear);
  const BufferId bx = b.read(x, Layout::kPlain), codes = b.scratch(count);
  const BufferId ranges = b.scratch(run_time_ranges(count, range) * int64_t{sizeof(float)});
  const BufferId gates = b.scratch(
      checked_mul(checked_mul(linear.shape.batch, linear.shape.out_channels), int64_t{sizeof(float)}));
  const BufferId scratch = b.scratch(std::max<int64_t>(kernel->scratch_bytes(), 1));
  StepInfo info = b.describe(op, code_kernel_name(kernel->name()), {x, b.node(op).inputs[1]}, Layout::kPlain,
                             Layout::kPlain);
  info.quantized = true;
  info.macs =
      static_cast<double>(b.shape(x).outer(2)) * static_cast<double>(b.shape(b.node(op).inputs[1]).numel());
  b.emit(std::make_unique<CallStep>(
             [=, stride = linear.shape.out_channels](std::span<std::byte* const> buffers) {
               const ref::DynamicGrid grid =
                   quantize_at_run_time(reinterpret_cast<const float*>(at(buffers, bx)), count, range,
                                        reinterpret_cast<float*>(at(buffers, ranges)), at(buffers, codes));
               LinearKernel::Call call{};
               call.grid = &grid;
               call.x = at(buffers, codes);
               call.y = at(buffers, gates);
               call.y_stride = stride;
               call.epilogue.result = simd::Epilogue::Result::kF32;
               call.epilogue.low = -std::numeric_limits<float>::infinity();
               call.epilogue.high = std::numeric_limits<float>::infinity();
               call.scratch = at(buffers, scratch);
               kernel->run(call);
             }),
         std::move(info), {bx, codes, ranges, gates, scratch});
  return gates;
}

}  // namespace

bool lower_dynamic_recurrent(PlanBuilder& b, const FusedOp& op) {
  const Node& n = b.node(op);
  Recurrent r;
  r.kernels = simd::recurrent_kernels_for(current_isa());
  if (r.kernels == nullptr || code_kernels() == nullptr || !takes_values(b, op)) return false;
  const auto w = code_weights(b, n, 1, 8), h = code_weights(b, n, 2, 10);
  if (!w || !h) return false;
  const auto turned = [](const Shape& s) { return Shape{s[0], s[2], s[1]}; };
  r.spec = read_recurrent(n, describe(n));
  r.geometry = recurrent_geometry(n, r.spec, b.shape(n.inputs[0]), turned(w->codes->shape()),
                                  turned(h->codes->shape()));
  if (!make_cells(r)) return false;
  const std::string key = recurrent_key(b, op);
  r.kept.reserve(static_cast<size_t>(3 * r.spec.directions()));
  for (int d = 0; d < r.spec.directions(); ++d) bind_state(b, n, key, *h, r, d);
  const BufferId gates = emit_input_codes(b, op, input_linear(b, op, *w, r));
  emit_recurrence(b, op, std::move(r), gates);
  return true;
}

}  // namespace precis::runtime
