// Before:  x -> Identity -> y -> Relu      After:  x -> Relu
// Also what passes its input on in the form it stands in: Dropout at inference whose mask nobody reads, Cast
// to the same type, Reshape, Flatten, Squeeze, Unsqueeze and Expand to the same shape, Concat of one input,
// Slice from end to end, Tile once, Pad by nothing; and chains of them. A node that stands directly between a
// graph input (or constant) and a graph output stays: both names are interface.
#include <algorithm>
#include <limits>

#include "precis/passes/pass_list.h"
#include "precis/passes/shape_facts.h"
#include "precis/passes/stand_in.h"

namespace precis::passes {
namespace {

bool unread(const Graph& g, ValueId v) { return !v || (g.value(v).uses.empty() && !g.is_output(v)); }

bool is_inference_dropout(const Graph& g, const Node& n) {
  const Tensor* training = g.constant(n.input(2));
  const bool inference = !n.input(2) || (training && training->at_int(0) == 0);
  return inference && unread(g, n.output(1));
}

std::optional<std::vector<int64_t>> integers(const Graph& g, ValueId v) {
  const Tensor* t = g.constant(v);
  if (t == nullptr || (t->dtype() != DType::kI64 && t->dtype() != DType::kI32)) return std::nullopt;
  return to_int64s(*t, "constant");
}

bool all_are(const std::optional<std::vector<int64_t>>& values, int64_t wanted) {
  return values && std::all_of(values->begin(), values->end(), [&](int64_t v) { return v == wanted; });
}

// Whole axes in steps of one: from 0 to the end, or beyond the end of any axis.
bool slices_everything(const Graph& g, const Node& n, const SymbolicShape& shape) {
  const auto starts = integers(g, n.input(1)), ends = integers(g, n.input(2)), axes = integers(g, n.input(3));
  const bool single_steps = !n.input(4) || all_are(integers(g, n.input(4)), 1);
  if (!single_steps || !all_are(starts, 0) || !ends || (n.input(3) && !axes)) return false;
  for (size_t i = 0; i < ends->size(); ++i) {
    const int64_t axis = axes ? (*axes)[i] : static_cast<int64_t>(i);
    const int64_t rank = shape ? static_cast<int64_t>(shape->size()) : 0;
    const int64_t at = axis < 0 ? axis + rank : axis;
    const bool known = at >= 0 && at < rank && (*shape)[static_cast<size_t>(at)].known();
    const int64_t length =
        known ? (*shape)[static_cast<size_t>(at)].value : std::numeric_limits<int32_t>::max();
    if ((*ends)[i] < length) return false;
  }
  return true;
}

class IdentityFinder {
 public:
  explicit IdentityFinder(const Graph& g) : g_(g), facts_(shape_facts(g)) {}

  bool passes_input_on(const Node& n) const {
    if (!n.input(0) || !n.output(0)) return false;
    const ValueType &in = g_.value(n.input(0)).type, &out = g_.value(n.output(0)).type;
    if (in.encoding != out.encoding) return false;  // it quantizes, or makes codes real
    if (n.is("Identity")) return true;
    if (n.is("Dropout")) return is_inference_dropout(g_, n);
    if (in.dtype == DType::kUndefined || in.dtype != out.dtype || n.outputs.size() != 1) return false;
    if (n.is("Cast")) return true;
    if (n.is("Concat")) return n.inputs.size() == 1;
    if (n.is("Reshape") || n.is("Flatten") || n.is("Squeeze") || n.is("Unsqueeze") || n.is("Expand"))
      return same_shape(shape(n.input(0)), shape(n.output(0)));
    if (n.is("Slice")) return slices_everything(g_, n, shape(n.input(0)));
    if (n.is("Tile")) return all_are(integers(g_, n.input(1)), 1);
    return n.is("Pad") && all_are(integers(g_, n.input(1)), 0);
  }

 private:
  const SymbolicShape& shape(ValueId v) const { return facts_.types[static_cast<size_t>(v.index)].shape; }

  const Graph& g_;
  const Inference facts_;
};

}  // namespace

PassResult eliminate_identity(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  std::vector<NodeId> idle;
  const IdentityFinder finder(g);
  for (NodeId id : g.order())
    if (finder.passes_input_on(g.node(id))) idle.push_back(id);
  for (NodeId id : idle) {
    if (!stand_in(g, g.node(id).output(0), g.node(id).input(0))) continue;
    g.remove_node(id);
    ++result.changes;
  }
  return result;
}

}  // namespace precis::passes
