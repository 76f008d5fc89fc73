// Recurrent networks in f32: one matrix product for what the input brings to the gates of all steps and
// directions, then our own kernel step by step (kernels/simd/recurrent.h).
#include <algorithm>

#include "precis/core/isa.h"
#include "precis/core/parallel.h"
#include "precis/graph/op.h"
#include "precis/runtime/codes.h"
#include "precis/runtime/onednn/primitives.h"
#include "precis/runtime/recurrent_plan.h"
#include "precis/runtime/step_threads.h"

namespace precis::runtime {
namespace {

namespace simd = kernels::simd;

bool is_plain_f32(const PlanBuilder& b, ValueId v) {
  return !v || (b.type(v).dtype == DType::kF32 && !b.type(v).encoded());
}

// Weights, biases and peepholes are constants, everything but the lengths is f32.
bool takes_values(const PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  for (size_t i = 0; i < main.inputs.size(); ++i) {
    const bool is_weights = i == 1 || i == 2 || i == 3 || i == 7;
    if (is_weights && main.inputs[i] && b.constant(main.inputs[i]) == nullptr) return false;
    if (i != 4 && !is_plain_f32(b, main.inputs[i])) return false;
  }
  return std::all_of(op.outputs.begin(), op.outputs.end(), [&](ValueId v) { return is_plain_f32(b, v); });
}

const float* data(const Tensor* t, int64_t offset = 0) {
  return t ? t->data<float>().data() + offset : nullptr;
}

simd::RecurrentCell unbound_cell(const Recurrent& r, int d) {
  const auto p = recurrent_params(r.spec, r.geometry, d);
  simd::RecurrentCell cell;
  cell.kind = p.kind;
  cell.hidden = p.hidden;
  cell.padded = round_up(p.hidden, r.kernels->lanes);
  cell.clip = p.clip;
  cell.linear_before_reset = p.linear_before_reset;
  cell.input_forget = p.input_forget;
  cell.f = p.f, cell.g = p.g, cell.h = p.h;
  return cell;
}

bool has_vector_forms(const simd::RecurrentCell& c) {
  const bool two = c.kind != simd::CellKind::kRnn, three = c.kind == simd::CellKind::kLstm;
  return simd::has_vector_form(c.f) && (!two || simd::has_vector_form(c.g)) &&
         (!three || simd::has_vector_form(c.h));
}

// The sum of both biases, but for the candidate of a GRU that resets after the product: there the state's own
// one stays apart.
std::vector<float> summed_bias(const Recurrent& r, const float* bias) {
  const auto& g = r.geometry;
  std::vector<float> sum(static_cast<size_t>(g.rows), 0.0f);
  for (int64_t row = 0; bias && row < g.rows; ++row) {
    const bool apart = r.spec.gates == 3 && r.spec.linear_before_reset && row >= 2 * g.hidden;
    sum[static_cast<size_t>(row)] = bias[row] + (apart ? 0.0f : bias[g.rows + row]);
  }
  return sum;
}

// W [rows, inputs] as rows in the kernel's order.
void pack_input_weights(const Recurrent& r, const float* w, float* to) {
  const auto& g = r.geometry;
  std::vector<float> column(static_cast<size_t>(g.rows)), packed(static_cast<size_t>(r.width()));
  for (int64_t i = 0; i < g.inputs; ++i) {
    for (int64_t row = 0; row < g.rows; ++row) column[static_cast<size_t>(row)] = w[row * g.inputs + i];
    simd::pack_gate_rows(r.spec.gates, g.hidden, r.cells[0].padded, r.kernels->lanes, column.data(),
                         packed.data());
    for (int64_t row = 0; row < r.width(); ++row) to[row * g.inputs + i] = packed[static_cast<size_t>(row)];
  }
}

void bind_direction(PlanBuilder& b, const Node& main, const std::string& key, Recurrent& r, int d) {
  const auto& g = r.geometry;
  simd::RecurrentCell& cell = r.cells[static_cast<size_t>(d)];
  const Tensor* bias = main.input(3) ? b.constant(main.inputs[3]) : nullptr;
  const auto keep = [&](const char* what, int64_t numel, auto&& fill) {
    r.kept.push_back(b.packed(fmt::format("{}{} {}", key, what, d), [&] {
      Tensor t(DType::kF32, {numel});
      fill(t.data<float>().data());
      return t;
    }));
    return data(&r.kept.back());
  };
  cell.weights = keep("state weights", r.width() * g.hidden, [&](float* to) {
    simd::pack_state_weights(cell, r.kernels->lanes, data(b.constant(main.inputs[2]), d * g.rows * g.hidden),
                             to);
  });
  if (bias && r.spec.gates == 3 && r.spec.linear_before_reset)
    cell.state_bias = keep("state bias", cell.padded, [&](float* to) {
      std::copy_n(data(bias, d * 2 * g.rows + g.rows + 2 * g.hidden), g.hidden, to);
    });
  bind_peepholes(b, main, key, r, d);
}

void bind_input(PlanBuilder& b, const Node& main, const std::string& key, Recurrent& r) {
  const auto& g = r.geometry;
  const int64_t rows = g.directions * r.width();
  r.input_weights = Tensor(DType::kF32, {rows, g.inputs});
  r.input_bias = b.packed(key + "input bias", [&] {
    Tensor t(DType::kF32, {rows});
    const Tensor* bias = main.input(3) ? b.constant(main.inputs[3]) : nullptr;
    for (int64_t d = 0; d < g.directions; ++d)
      pack_input_bias(r, bias, d, t.data<float>().data() + d * r.width());
    return t;
  });
  for (int64_t d = 0; d < g.directions; ++d)
    pack_input_weights(r, data(b.constant(main.inputs[1]), d * g.rows * g.inputs),
                       r.input_weights.data<float>().data() + d * r.width() * g.inputs);
}

std::optional<Recurrent> bind(PlanBuilder& b, const FusedOp& op) {
  const Node& main = b.node(op);
  Recurrent r;
  r.kernels = simd::recurrent_kernels_for(current_isa());
  if (r.kernels == nullptr || !takes_values(b, op)) return std::nullopt;
  r.spec = read_recurrent(main, describe(main));
  r.geometry = recurrent_geometry(main, r.spec, b.shape(main.inputs[0]), b.shape(main.inputs[1]),
                                  b.shape(main.inputs[2]));
  if (!make_cells(r)) return std::nullopt;
  const std::string key = recurrent_key(b, op);
  r.kept.reserve(static_cast<size_t>(3 * r.spec.directions()));
  for (int d = 0; d < r.spec.directions(); ++d) bind_direction(b, main, key, r, d);
  bind_input(b, main, key, r);
  return r;
}

// The gates of all steps and samples, as rows of the input, in a buffer of their own; -1 when oneDNN has no
// kernel.
BufferId emit_input_product(PlanBuilder& b, const FusedOp& op, const Recurrent& r) {
  const auto& g = r.geometry;
  const int64_t rows = checked_mul(g.steps, g.batch), columns = g.directions * r.width();
  onednn::MatMulSpec spec;
  spec.source = {rows, g.inputs};
  spec.weights = {g.inputs, columns};
  spec.destination = {rows, columns};
  spec.transposed_weights = true;
  spec.bias_dtype = DType::kF32;
  const onednn::KernelPtr kernel = onednn::make_matmul(spec);
  if (!kernel) return -1;
  const ValueId x = b.node(op).inputs[0];
  const BufferId gates = b.scratch(checked_mul(checked_mul(rows, columns), int64_t{sizeof(float)}));
  StepInfo info = b.describe(op, "onednn:" + kernel->implementation(), {x}, Layout::kPlain, Layout::kPlain);
  info.macs = static_cast<double>(rows) * static_cast<double>(g.directions * g.rows * g.inputs);
  const std::string key =
      b.weights_key(op, "recurrent weights", {{r.input_weights}}) + kernel->weights_key();
  const Tensor packed = b.packed(key, [&] { return kernel->pack_weights(r.input_weights); });
  b.emit_kernel(kernel, std::move(info), {b.read(x, Layout::kPlain), gates}, packed, r.input_bias);
  return gates;
}

// The buffers of the step-by-step part; -1 for what is not there.
struct Operands {
  BufferId gates = -1, scratch = -1, lengths = -1, first_h = -1, first_c = -1, y = -1, last_h = -1,
           last_c = -1;
};

// Samples of all directions in one row: [direction][sample].
class RecurrentCall {
 public:
  RecurrentCall(Recurrent r, Operands o, int64_t samples_at_once, std::string who)
      : r_(std::move(r)), o_(o), chunk_(samples_at_once), who_(std::move(who)) {
    r_.input_weights = Tensor();
  }

  void operator()(std::span<std::byte* const> buffers) const {
    check_lengths(buffers);
    const auto& g = r_.geometry;
    // A state that is quantized anew in each step belongs to one thread.
    const bool alone = g.directions * g.batch == 1 && r_.cells[0].codes == nullptr;
    if (alone && num_threads() > 1 && shares_recurrent_steps(g.rows * g.hidden))
      return share_steps(samples(buffers, 0, 0, 1));
    run_chunks(g.directions * g.batch, chunk_, [&](int64_t begin, int64_t end) {
      for (int64_t d = begin / g.batch; d * g.batch < end; ++d) {
        const int64_t first = std::max(begin - d * g.batch, int64_t{0}),
                      last = std::min(end - d * g.batch, g.batch);
        r_.kernels->run(r_.cells[static_cast<size_t>(d)], samples(buffers, d, first, last));
      }
    });
  }

 private:
  // One sample in one direction: each thread has a part of the units, and all meet after every step.
  void share_steps(const simd::RecurrentRun& run) const {
    struct Shared {
      const RecurrentCall& call;
      const simd::RecurrentRun& run;
    } shared{*this, run};
    with_team(
        num_threads(),
        [](void* s) { static_cast<Shared*>(s)->call.run_in_team(static_cast<Shared*>(s)->run); }, &shared);
  }
  void run_in_team(const simd::RecurrentRun& run) const {
    const simd::RecurrentCell& cell = r_.cells[0];
    const int64_t blocks = cell.padded / r_.kernels->lanes;
    r_.kernels->begin(cell, run);
    for (int64_t step = 0; step < run.steps; ++step)
      for (int phase = 0; phase < simd::recurrent_phases(cell); ++phase)
        run_chunks(blocks, ceil_div(blocks, num_threads()), [&](int64_t first, int64_t last) {
          r_.kernels->advance(cell, run, step, phase, first, last);
        });
    r_.kernels->end(cell, run);
  }

  static float* floats(std::span<std::byte* const> buffers, BufferId id, int64_t offset) {
    return id < 0 ? nullptr : reinterpret_cast<float*>(at(buffers, id)) + offset;
  }
  const int32_t* lengths(std::span<std::byte* const> buffers) const {
    return o_.lengths < 0 ? nullptr : reinterpret_cast<const int32_t*>(at(buffers, o_.lengths));
  }
  void check_lengths(std::span<std::byte* const> buffers) const {
    const int32_t* n = lengths(buffers);
    for (int64_t i = 0; n && i < r_.geometry.batch; ++i)
      check(n[i] >= 0 && n[i] <= r_.geometry.steps, ErrorCode::kMalformed,
            "{}: sequence_lens holds {}, expected 0 to the {} steps of the input", who_, n[i],
            r_.geometry.steps);
  }
  simd::RecurrentRun samples(std::span<std::byte* const> buffers, int64_t d, int64_t first,
                             int64_t last) const {
    const auto& g = r_.geometry;
    const int64_t row = g.directions * r_.width(), state = d * g.state_direction + first * g.state_batch;
    const int64_t x_row = g.inputs;  // the product keeps the order of the input's rows
    simd::RecurrentRun run;
    run.steps = g.steps;
    run.samples = last - first;
    run.gates_step = g.x_step / x_row * row;
    run.gates_sample = g.x_batch / x_row * row;
    run.gates = floats(buffers, o_.gates, d * r_.width() + first * run.gates_sample);
    run.lengths = o_.lengths < 0 ? nullptr : lengths(buffers) + first;
    run.reverse = r_.spec.reversed(static_cast<int>(d));
    run.first_h = floats(buffers, o_.first_h, state);
    run.first_c = floats(buffers, o_.first_c, state);
    run.last_h = floats(buffers, o_.last_h, state);
    run.last_c = floats(buffers, o_.last_c, state);
    run.state_sample = g.state_batch;
    run.y = floats(buffers, o_.y, d * g.y_direction + first * g.y_batch);
    run.y_step = g.y_step;
    run.y_sample = g.y_batch;
    const int64_t each = simd::recurrent_scratch(r_.cells[0], 1);
    run.scratch = floats(buffers, o_.scratch, (d * g.batch + first) * each);
    return run;
  }

  Recurrent r_;
  Operands o_;
  int64_t chunk_;
  std::string who_;
};

}  // namespace

bool make_cells(Recurrent& r) {
  for (int d = 0; d < r.spec.directions(); ++d) {
    r.cells.push_back(unbound_cell(r, d));
    if (!has_vector_forms(r.cells.back())) return false;
  }
  return true;
}

std::string recurrent_key(const PlanBuilder& b, const FusedOp& op) {
  std::vector<Tensor> constants;
  for (ValueId v : b.node(op).inputs) {
    const Tensor* t = v ? b.constant(v) : nullptr;
    constants.push_back(t ? *t : Tensor());
  }
  return b.weights_key(op, "recurrent", constants);
}

void pack_input_bias(const Recurrent& r, const Tensor* bias, int64_t d, float* to) {
  const auto& g = r.geometry;
  simd::pack_gate_rows(r.spec.gates, g.hidden, r.cells[0].padded, r.kernels->lanes,
                       summed_bias(r, data(bias, bias ? d * 2 * g.rows : 0)).data(), to);
}

void bind_peepholes(PlanBuilder& b, const Node& main, const std::string& key, Recurrent& r, int d) {
  const auto& g = r.geometry;
  const Tensor* peepholes = main.input(7) ? b.constant(main.inputs[7]) : nullptr;
  if (peepholes == nullptr) return;
  simd::RecurrentCell& cell = r.cells[static_cast<size_t>(d)];
  r.kept.push_back(b.packed(fmt::format("{}peepholes {}", key, d), [&] {
    Tensor t(DType::kF32, {3 * cell.padded});
    for (int64_t gate = 0; gate < 3; ++gate)
      std::copy_n(data(peepholes, (d * 3 + gate) * g.hidden), g.hidden,
                  t.data<float>().data() + gate * cell.padded);
    return t;
  }));
  cell.peepholes = data(&r.kept.back());
}

void emit_recurrence(PlanBuilder& b, const FusedOp& op, Recurrent r, BufferId gates) {
  const Node& main = b.node(op);
  Operands o;
  std::vector<ValueId> named;
  std::vector<BufferId> touched;
  const auto operand = [&](ValueId v, bool reads) {
    if (!v) return BufferId{-1};
    if (reads) named.push_back(v);
    touched.push_back(reads ? b.read(v, Layout::kPlain) : b.write(v, Layout::kPlain));
    return touched.back();
  };
  o.gates = gates;
  const int64_t items = r.geometry.directions * r.geometry.batch;
  o.scratch = b.scratch(simd::recurrent_scratch(r.cells[0], items) * int64_t{sizeof(float)});
  touched = {o.gates, o.scratch};
  named.push_back(main.inputs[0]);
  o.lengths = operand(main.input(4), true);
  o.first_h = operand(main.input(5), true);
  o.first_c = r.spec.gates == 4 ? operand(main.input(6), true) : -1;
  const auto output = [&](size_t i) { return i < op.outputs.size() ? op.outputs[i] : ValueId{}; };
  o.y = operand(output(0), false);
  o.last_h = operand(output(1), false);
  o.last_c = operand(output(2), false);
  const bool codes = r.cells[0].codes != nullptr;
  StepInfo info = b.describe(op, code_kernel_name(codes ? "recurrent_codes" : "recurrent"), named,
                             Layout::kPlain, Layout::kPlain);
  info.quantized = codes;
  info.macs -= static_cast<double>(r.geometry.steps * r.geometry.batch) *
               static_cast<double>(b.shape(main.inputs[1]).numel());
  const int64_t chunk = ceil_div(items, b.threads());
  b.emit(std::make_unique<CallStep>(RecurrentCall(std::move(r), o, chunk, precis::describe(b.graph(), main))),
         std::move(info), touched);
}

bool lower_recurrent(PlanBuilder& b, const FusedOp& op) {
  std::optional<Recurrent> r = bind(b, op);
  if (!r) return false;
  const BufferId gates = emit_input_product(b, op, *r);
  if (gates < 0) return false;
  emit_recurrence(b, op, std::move(*r), gates);
  return true;
}

}  // namespace precis::runtime
