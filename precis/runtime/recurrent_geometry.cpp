// See recurrent_geometry.h.
#include "precis/runtime/recurrent_geometry.h"

#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

ref::GateFunctionParams gate(const std::vector<GateActivation>& activations, size_t i) {
  if (i >= activations.size()) return {};
  ref::GateFunctionParams p;
  check(ref::find_gate_function(activations[i].name, &p.function), ErrorCode::kInternal,
        "activation '{}' has no kernel", activations[i].name);
  p.alpha = activations[i].alpha;
  p.beta = activations[i].beta;
  return p;
}

void lay_out(const RecurrentSpec& spec, RecurrentGeometry& g) {
  const int64_t all = checked_mul(g.directions, g.hidden);
  if (spec.batch_first) {
    g.y = {g.batch, g.steps, g.directions, g.hidden};
    g.state = {g.batch, g.directions, g.hidden};
    g.x_step = g.inputs, g.x_batch = checked_mul(g.steps, g.inputs);
    g.y_direction = g.hidden, g.y_step = all, g.y_batch = checked_mul(g.steps, all);
    g.state_direction = g.hidden, g.state_batch = all;
  } else {
    g.y = {g.steps, g.directions, g.batch, g.hidden};
    g.state = {g.directions, g.batch, g.hidden};
    g.x_batch = g.inputs, g.x_step = checked_mul(g.batch, g.inputs);
    g.y_batch = g.hidden, g.y_direction = checked_mul(g.batch, g.hidden),
    g.y_step = checked_mul(g.batch, all);
    g.state_batch = g.hidden, g.state_direction = checked_mul(g.batch, g.hidden);
  }
}

}  // namespace

RecurrentGeometry recurrent_geometry(const Node& node, const RecurrentSpec& spec, const Shape& x,
                                     const Shape& w, const Shape& r) {
  require(node, x.rank() == 3 && w.rank() == 3 && r.rank() == 3,
          "X, W and R have shapes {}, {} and {}, expected three dimensions each", x.str(), w.str(), r.str());
  RecurrentGeometry g;
  g.directions = spec.directions();
  g.steps = x[spec.batch_first ? 1 : 0];
  g.batch = x[spec.batch_first ? 0 : 1];
  g.inputs = x[2];
  g.hidden = spec.hidden >= 0 ? spec.hidden : r[2];
  g.rows = checked_mul(spec.gates, g.hidden);
  require(node, w == Shape({g.directions, g.rows, g.inputs}), "W has shape {}, expected {}", w.str(),
          Shape({g.directions, g.rows, g.inputs}).str());
  require(node, r == Shape({g.directions, g.rows, g.hidden}), "R has shape {}, expected {}", r.str(),
          Shape({g.directions, g.rows, g.hidden}).str());
  lay_out(spec, g);
  return g;
}

ref::RecurrentParams recurrent_params(const RecurrentSpec& spec, const RecurrentGeometry& g, int d) {
  ref::RecurrentParams p;
  p.kind = spec.gates == 1   ? ref::CellKind::kRnn
           : spec.gates == 3 ? ref::CellKind::kGru
                             : ref::CellKind::kLstm;
  p.steps = g.steps, p.batch = g.batch, p.inputs = g.inputs, p.hidden = g.hidden;
  p.x_step = g.x_step, p.x_batch = g.x_batch, p.y_step = g.y_step, p.y_batch = g.y_batch;
  p.state_batch = g.state_batch;
  p.reverse = spec.reversed(d);
  p.clip = spec.clip;
  p.linear_before_reset = spec.linear_before_reset;
  p.input_forget = spec.input_forget;
  const auto& activations = spec.activations[static_cast<size_t>(d)];
  p.f = gate(activations, 0), p.g = gate(activations, 1), p.h = gate(activations, 2);
  return p;
}

}  // namespace precis::runtime
