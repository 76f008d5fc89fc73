// A rough estimate of an operation's time on one core, divided into shares worth a thread.
#include "precis/runtime/step_threads.h"

#include <algorithm>
#include <optional>

#include "precis/core/checked.h"
#include "precis/graph/captures.h"
#include "precis/graph/op.h"

namespace precis::runtime {
namespace {

// Orders of magnitude of one core of today: they only decide about operations of a few microseconds.
constexpr double kFloatMacsPerNs = 100, kCodeMacsPerNs = 300, kBytesPerNs = 30, kPoolTapsPerNs = 15;
constexpr double kNsPerThread = 2000, kNsPerTeamThread = 500, kNsOfSmallPlan = 20'000;
constexpr double kNsOfSharedRecurrentStep = 1000;
constexpr int64_t kRangesPerThread = 2;
constexpr double kNsOfBodies = 1e9;  // not known here: their own plans decide

double bytes_of(const Graph& graph, ValueId id) {
  if (!id || !fully_known(graph.value(id).type.shape)) return 0;
  const ValueType& type = graph.value(id).type;
  return static_cast<double>(to_shape(type.shape).numel()) * dtype_bits(type.storage_dtype()) / 8;
}

// Elements that a pool reads, each as often as windows hold it.
double pool_taps(const Graph& graph, const Node& node) {
  if (!node.is("MaxPool") && !node.is("AveragePool")) return 0;
  const SymbolicShape& out = graph.value(node.outputs[0]).type.shape;
  if (!fully_known(out)) return 0;
  double taps = static_cast<double>(to_shape(out).numel());
  for (int64_t length : node.get_ints("kernel_shape")) taps *= static_cast<double>(length);
  return taps;
}

// A recurrent network over one sample in one direction is a chain of steps. Where these are too small to be
// shared, only the product that goes before them is. nullopt for everything else.
std::optional<double> lone_chain_ns(const Graph& graph, const Node& node) {
  if (!node.is("LSTM") && !node.is("GRU") && !node.is("RNN")) return std::nullopt;
  const SymbolicShape &x = graph.value(node.inputs[0]).type.shape,
                      &w = graph.value(node.inputs[1]).type.shape,
                      &r = graph.value(node.inputs[2]).type.shape;
  if (!fully_known(x) || !fully_known(w) || !fully_known(r)) return std::nullopt;
  const int64_t batch = to_shape(x)[node.get_int("layout", 0) != 0 ? 0 : 1], directions = to_shape(w)[0];
  if (batch * directions != 1 || shares_recurrent_steps(to_shape(r).numel())) return std::nullopt;
  return static_cast<double>(to_shape(x).outer(2)) * static_cast<double>(to_shape(w).numel()) /
         kFloatMacsPerNs;
}

bool encoded(const Graph& graph, ValueId id) { return id && graph.value(id).type.encoded(); }

bool reads_codes(const Graph& graph, const FusedOp& op) {
  const Node& main = graph.node(op.node);
  return op.dynamic || (!main.inputs.empty() && encoded(graph, main.inputs[0]));
}

double estimated_ns(const Graph& graph, const FusedOp& op) {
  const Node& main = graph.node(op.node);
  if (has_subgraph(main)) return kNsOfBodies;
  if (const auto ns = lone_chain_ns(graph, main)) return *ns;
  double bytes = bytes_of(graph, op.residual);
  for (ValueId v : main.inputs) bytes += bytes_of(graph, v);
  for (ValueId v : op.outputs) bytes += bytes_of(graph, v);
  const double macs = static_cast<double>(node_macs(graph, op.node));
  return macs / (reads_codes(graph, op) ? kCodeMacsPerNs : kFloatMacsPerNs) + bytes / kBytesPerNs +
         pool_taps(graph, main) / kPoolTapsPerNs;
}

}  // namespace

int plan_threads(const Graph& graph, std::span<const FusedOp> ops, int available) {
  double ns = 0;
  for (const FusedOp& op : ops) ns += estimated_ns(graph, op);
  return ns < kNsOfSmallPlan ? 1 : available;
}

int step_threads(const Graph& graph, const FusedOp& op, int available) {
  if (available <= 1) return 1;
  const bool codes = reads_codes(graph, op) || (!op.outputs.empty() && encoded(graph, op.outputs[0]));
  const double threads = estimated_ns(graph, op) / (codes ? kNsPerTeamThread : kNsPerThread);
  return std::max(1, static_cast<int>(std::min<double>(available, threads)));
}

bool shares_recurrent_steps(int64_t macs) {
  return static_cast<double>(macs) / kFloatMacsPerNs >= kNsOfSharedRecurrentStep;
}

int64_t range_length(int64_t n, int64_t threads, int64_t granule) {
  n = std::max<int64_t>(n, 1);
  if (threads <= 1) return n;
  const auto length = [&](int64_t ranges) { return round_up(ceil_div(n, ranges), granule); };
  const auto longest = [&](int64_t range) {
    return ceil_div(ceil_div(n, range), threads) * range;
  };  // of a thread
  const int64_t even = length(threads), fine = length(threads * kRangesPerThread);
  return longest(fine) <= longest(even) + longest(even) / 16 ? fine : even;
}

}  // namespace precis::runtime
