// The registry and the runner. After every pass that changed something types are inferred again and the graph
// is validated: a pass that breaks the graph is found at its own door.
#include "precis/passes/pass.h"

#include <algorithm>
#include <array>

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/graph/captures.h"
#include "precis/graph/fusions/fusions.h"
#include "precis/graph/op.h"
#include "precis/graph/validate.h"
#include "precis/passes/pass_list.h"

namespace precis::passes {
namespace {

// A fusion of precis/graph/fusions as a pass.
template <fusions::FusionResult (*fuse)(Graph&)>
PassResult fusion(Model& model) {
  fusions::FusionResult result = fuse(model.graph);
  return {result.changes, std::move(result.notes)};
}

constexpr std::array kPasses = {
    PassInfo{"cancel_transposes",
             "merges transpositions, and moves them through other operators where they cancel",
             cancel_transposes},
    PassInfo{"eliminate_common_subexpressions", "lets equal nodes and equal constants be one",
             eliminate_common_subexpressions},
    PassInfo{"eliminate_dead_nodes", "removes nodes whose results nobody reads", eliminate_dead_nodes},
    PassInfo{
        "eliminate_identity",
        "removes nodes that pass their input on: Identity, Dropout, and reshapes, slices, casts of nothing",
        eliminate_identity},
    PassInfo{"fold_batch_norm", "folds BatchNormalization into the convolution or Gemm before it",
             fold_batch_norm},
    PassInfo{
        "fold_channel_arithmetic",
        "folds per-channel Mul, Div, Add, Sub by constants into the convolution or batch norm before them",
        fold_channel_arithmetic},
    PassInfo{"fold_constants", "evaluates nodes whose inputs are all constant, within a growth limit",
             fold_constants, fold_constants_within},
    PassInfo{"fold_pad", "turns Pad into the padding of the convolution or pool behind it", fold_pad},
    PassInfo{"fold_shape_code", "turns arithmetic on shapes into constants where it is known",
             fold_shape_code},
    PassInfo{"fuse_attention", "turns scaled dot-product attention written out into one node",
             fusion<fusions::fuse_attention>},
    PassInfo{"fuse_gelu", "turns composed Gelu, by erf and by tanh, into one node",
             fusion<fusions::fuse_gelu>},
    PassInfo{"fuse_hard_swish", "turns composed hard swish and hard sigmoid into one node each",
             fusion<fusions::fuse_hard_swish>},
    PassInfo{"fuse_layer_norm", "turns composed layer normalization into one node",
             fusion<fusions::fuse_layer_norm>},
    PassInfo{"fuse_matmul_add", "turns MatMul + Add of a constant bias into Gemm", fuse_matmul_add},
    PassInfo{"fuse_rms_norm", "turns composed root mean square normalization into one node",
             fusion<fusions::fuse_rms_norm>},
    PassInfo{"fuse_rotary", "turns rotary embeddings written out into one node",
             fusion<fusions::fuse_rotary>},
    PassInfo{"fuse_swish", "turns x * Sigmoid(x) into Swish", fusion<fusions::fuse_swish>},
    PassInfo{"hoist_activations", "moves Relu and Clip from behind a Concat to its inputs",
             hoist_activations},
    PassInfo{"inline_constant_if", "puts the branch in the place of an If of constant condition",
             inline_constant_if},
    PassInfo{"merge_chains", "turns chains of Reshape, Squeeze, Unsqueeze and of Cast into one node",
             merge_chains},
    PassInfo{"split_sums", "turns Sum into Add", split_sums},
    PassInfo{"widen_f16", "turns half-precision models into f32 ones with the same interface", widen_f16},
};

// clang-format off
// The preparation of every float model, in order:
//   widen_f16                                 everything below computes in f32
//   fold_shape_code, fold_constants,          shape code, computed weights and branches that are decided
//   inline_constant_if                        become what the others can see
//   eliminate_identity, merge_chains          so that producers and consumers meet
//   split_sums                                the rules for Add hold for Sum
//   fuse_hard_swish, fuse_gelu, fuse_swish    one function of one input instead of sums, products and
//                                             quotients: a table on codes
//   fuse_layer_norm, fuse_rms_norm,           what needs more than 8 bits inside stays in one float node, and
//   fuse_rotary, fuse_attention               is written out again where the file's opset does not know it
//   cancel_transposes                         layouts of exporters: what is left stands between other
//                                             neighbours
//   fuse_matmul_add                           a bias that is part of its Gemm is not a quantized sum
//   fold_pad                                  no step of its own for what a convolution does by itself
//   fold_batch_norm,                          no per-channel arithmetic is left behind a convolution; the
//   fold_channel_arithmetic                   first exposes the second
//   hoist_activations                         an activation stands where it can fuse: at what makes the
//                                             values, not behind the Concat of them
//   fold_constants, eliminate_dead_nodes      what the folds left over
// clang-format on
constexpr std::array<std::string_view, 12> kFirst = {
    "widen_f16",          "fold_shape_code", "fold_constants",  "inline_constant_if",
    "eliminate_identity", "merge_chains",    "split_sums",      "fuse_hard_swish",
    "fuse_gelu",          "fuse_swish",      "fuse_layer_norm", "fuse_rms_norm"};
// Until nothing changes: what one layer's attention tells about lengths, the next one's needs.
constexpr std::array<std::string_view, 2> kLayerByLayer = {"fuse_rotary", "fuse_attention"};
constexpr std::array<std::string_view, 8> kLast = {
    "cancel_transposes",       "fuse_matmul_add",   "fold_pad",       "fold_batch_norm",
    "fold_channel_arithmetic", "hoist_activations", "fold_constants", "eliminate_dead_nodes"};

// What makes any model smaller or faster and surprises nobody: no type changes, nothing is written that needs
// a newer opset than allowed.
constexpr std::array kSimplification = {
    // What is known before the model runs; conditions too.
    Simplification{"fold_shape_code"},
    Simplification{"fold_constants"},
    Simplification{"inline_constant_if"},
    // Producers and consumers meet.
    Simplification{"eliminate_identity"},
    Simplification{"merge_chains"},
    // Before the folds that would take their parts away.
    Simplification{"fuse_hard_swish", 14},
    Simplification{"fuse_layer_norm", 17},
    Simplification{"fuse_gelu", 20},
    Simplification{"fuse_rms_norm", 23},
    Simplification{"fuse_swish", 24},
    Simplification{"fuse_rotary", 23},
    Simplification{"fuse_attention", 23},
    Simplification{"cancel_transposes"},
    Simplification{"fuse_matmul_add"},
    // Nothing is left around a convolution.
    Simplification{"fold_pad"},
    Simplification{"fold_batch_norm"},
    Simplification{"fold_channel_arithmetic"},
    // Behind the others, whose patterns must not share their inner values.
    Simplification{"eliminate_common_subexpressions"},
    Simplification{"eliminate_dead_nodes"},
};

void add(PassResult& total, const PassResult& more) {
  total.changes += more.changes;
  total.notes.insert(total.notes.end(), more.notes.begin(), more.notes.end());
  for (const auto& [name, changes] : more.by_pass) total.by_pass[name] += changes;
}

int64_t constant_bytes(const Graph& graph) {
  int64_t bytes = 0;
  for (ValueId v : graph.initializers()) bytes += graph.constant(v)->nbytes();
  return bytes;
}

// What the constants of a model may take when all passes are through.
int64_t room_for_constants(const Graph& graph) {
  return constant_bytes(graph) + static_cast<int64_t>(limits().max_fold_growth_bytes);
}

// Every round of run_passes_until_done shrinks the graph; this only ends what would never end.
constexpr int kMaxRounds = 32;

PassResult run_pass(Model& model, std::string_view name, int64_t room) {
  const PassInfo* pass = find_pass(name);
  check(pass != nullptr, ErrorCode::kUsage, "there is no pass named '{}'", name);
  PassResult r = pass->run_within != nullptr ? pass->run_within(model, room - constant_bytes(model.graph))
                                             : pass->run(model);
  if (r.changes == 0) return r;
  r.by_pass[std::string(name)] = r.changes;
  model.graph.remove_dead_values();
  model.graph.sort();
  infer_types(model.graph);
  try {
    validate(model);
  } catch (const Error& e) {
    fail(ErrorCode::kInternal, "pass {} broke the graph: {}", name, e.what());
  }
  return r;
}

PassResult run_in_order(Model& model, std::span<const std::string_view> names, int64_t room) {
  PassResult total;
  infer_types(model.graph);
  // Closed, so that every pass sees what subgraphs read.
  const bool with_bodies = has_subgraphs(model.graph);
  if (with_bodies) close_subgraphs(model.graph, OuterConstants::kAsInputs);
  for (std::string_view name : names) add(total, run_pass(model, name, room));
  if (with_bodies) {
    open_subgraphs(model.graph);
    infer_types(model.graph);
  }
  return total;
}

}  // namespace

std::span<const PassInfo> all_passes() { return kPasses; }

const PassInfo* find_pass(std::string_view name) {
  const auto it =
      std::find_if(kPasses.begin(), kPasses.end(), [&](const PassInfo& p) { return name == p.name; });
  return it == kPasses.end() ? nullptr : &*it;
}

PassResult run_passes(Model& model, std::span<const std::string_view> names) {
  return run_in_order(model, names, room_for_constants(model.graph));
}

PassResult prepare(Model& model) {
  PassResult total = run_passes(model, kFirst);
  add(total, run_passes_until_done(model, kLayerByLayer));
  add(total, run_passes(model, kLast));
  return total;
}

std::span<const Simplification> simplification() { return kSimplification; }

std::vector<std::string_view> simplification_for(int64_t opset) {
  std::vector<std::string_view> names;
  for (const Simplification& s : kSimplification)
    if (s.opset <= opset) names.push_back(s.name);
  return names;
}

PassResult run_passes_until_done(Model& model, std::span<const std::string_view> names) {
  PassResult total;
  const int64_t room = room_for_constants(model.graph);
  for (int round = 0; round < kMaxRounds; ++round) {
    const PassResult r = run_in_order(model, names, room);
    total.notes = r.notes;  // refusals come again in every round: those of the last one stand
    if (r.changes == 0) break;
    total.changes += r.changes;
    for (const auto& [name, changes] : r.by_pass) total.by_pass[name] += changes;
  }
  return total;
}

}  // namespace precis::passes
