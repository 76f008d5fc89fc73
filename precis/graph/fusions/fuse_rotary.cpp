// Before:  y = x cos + rotate(x) sin,   rotate(x) = Concat(Neg(x[half:]), x[:half])      (pairs lie half
// apart)
//     or   rotate(x) = MatMul(x, constant of 0, 1 and -1)                                (either kind of
//     pairs)
// Before:  a, b = x[:half], x[half:];  y = Concat(a cos - b sin, a sin + b cos)
//     or   a, b = x[::2], x[1::2];  the same two stacked behind each other
// After:   y = RotaryEmbedding(x, cos[.., :half], sin[.., :half]){interleaved}
// x: [batch, heads, length, size] or [batch, length, heads, size]; the tables have a 1 for the heads, and
// where they have a value for each element, both of a pair must be the same for certain: a constant, or made
// from a Concat of one value with itself. A transposition of x to [batch, heads, length, size] moves behind
// the node, to where attention can do without it. Cheaper by the negation, the copies and two passes over the
// data.
#include <algorithm>
#include <map>
#include <tuple>

#include "precis/core/text.h"
#include "precis/graph/fusions/heads.h"
#include "precis/graph/fusions/rotation.h"

namespace precis::fusions {
namespace {

class RotaryFuser {
 public:
  explicit RotaryFuser(Graph& g) : g_(g), lengths_(g) {}

  FusionResult run() {
    for_each_last(g_, {"Add", "Concat", "Reshape"}, [&](NodeId id) {
      const auto rotation = match_rotation(g_, g_.node(id).outputs[0]);
      if (rotation) fuse(id, *rotation);
    });
    return std::move(result_);
  }

 private:
  void fuse(NodeId id, const Rotation& r) {
    const auto axes = axes_of_tables(g_, lengths_, r);
    if (!axes) return;
    const ValueId source = axes->heads == 1 ? behind_swapped_heads(g_, r.x) : ValueId{};
    const bool moves = source && has_head_sizes(source) && only_read_here(id, r);
    if (axes->heads == 2 && !has_head_sizes(r.x)) return;
    std::vector<ValueId> leaves = {moves ? source : r.x, r.cosines, r.sines};
    const auto nodes = claim(g_, id, leaves, "RotaryEmbedding", result_);
    if (!nodes) return;
    GraphBuilder b = GraphBuilder::before(g_, id);
    const ValueId x = moves ? source : r.x;
    const ValueId cosines = table(b, r, *axes, r.cosines, x), sines = table(b, r, *axes, r.sines, x);
    const std::map<std::string, Attribute> pairs = {{"interleaved", int64_t{r.interleaved ? 1 : 0}}};
    if (!moves && axes->heads == 1)
      return become(g_, id, *nodes, {"RotaryEmbedding", {r.x, cosines, sines}, pairs}, result_);
    const int64_t heads = dim_of(g_, x, 2).value, size = dim_of(g_, x, 3).value;
    auto attributes = pairs;
    attributes["num_heads"] = heads;
    const ValueId rows = b.op("RotaryEmbedding", {as_rows(g_, b, x), cosines, sines}, attributes);
    const ValueId shape = heads_shape(b, heads, size);
    if (!moves) return become(g_, id, *nodes, {"Reshape", {rows, shape}, {}}, result_);
    const ValueId split = b.op("Reshape", {rows, shape});
    become(g_, id, *nodes, {"Transpose", {split}, {{"perm", kSwapHeads}}}, result_);
  }

  bool has_head_sizes(ValueId x) const { return dim_of(g_, x, 2).known() && dim_of(g_, x, 3).known(); }

  // Everything that reads x is part of the rotation that ends in `id`.
  bool only_read_here(NodeId id, const Rotation& r) const {
    FusionResult ignored;
    const auto nodes = claim(g_, id, {r.x, r.cosines, r.sines}, "", ignored);
    return nodes && !g_.is_output(r.x) &&
           std::all_of(g_.value(r.x).uses.begin(), g_.value(r.x).uses.end(), [&](const Use& use) {
             return use.node == id || std::find(nodes->begin(), nodes->end(), use.node) != nodes->end();
           });
  }

  // An input of the graph whose dimension has the name of x's batch; {} when there is none.
  Counted batch_of_input(const Dim& batch) const {
    for (ValueId v : g_.inputs())
      for (int axis = 0; axis < rank_of(g_, v).value_or(0); ++axis)
        if (surely_equal(dim_of(g_, v, axis), batch)) return {v, axis};
    return {};
  }

  // One value per pair as [batch, length, size / 2], made once for all rotations that share it. A table that
  // takes its batch from x at run time belongs to x alone: x may depend on other rotations.
  ValueId table(GraphBuilder& b, const Rotation& r, const TableAxes& axes, ValueId full, ValueId x) {
    const Dim batch = dim_of(g_, r.x, 0);
    const Counted input = batch.known() ? Counted{} : batch_of_input(batch);
    if (!batch.known() && !input.value) return build_table(g_, b, r, axes, full, {x, 0});
    const auto [it, is_new] =
        tables_.try_emplace({full, r.interleaved, r.half_tables, axes.heads, batch.str()});
    if (is_new) it->second = build_table(g_, b, r, axes, full, input);
    return it->second;
  }

  Graph& g_;
  Lengths lengths_;
  FusionResult result_;
  std::map<std::tuple<ValueId, bool, bool, int, std::string>, ValueId> tables_;
};

}  // namespace

FusionResult fuse_rotary(Graph& g) { return RotaryFuser(g).run(); }

}  // namespace precis::fusions
