// Before:  x[N,8] -> Unsqueeze(0) -> Reshape([-1, 2, 4]) -> y      After:  x -> Reshape([0, 2, 4]) -> y
// Chains of Reshape, Flatten, Squeeze and Unsqueeze become one Reshape, or nothing where the shape is that of
// the beginning: the last one alone says the shape, which must be expressible by a constant (known lengths,
// copies and one open length). Chains of two Casts become the second where the first loses nothing that the
// second would keep.
#include <algorithm>
#include <array>
#include <map>

#include "precis/passes/pass_list.h"
#include "precis/passes/shape_facts.h"
#include "precis/passes/stand_in.h"

namespace precis::passes {
namespace {

bool only_changes_shape(const Node& n) {
  constexpr std::array kOps = {"Reshape", "Flatten", "Squeeze", "Unsqueeze"};
  return std::any_of(kOps.begin(), kOps.end(), [&](const char* op) { return n.is(op); });
}

bool is_wide_float(DType t) { return t == DType::kF32 || t == DType::kF64; }

// Does `to` hold every value of `from`?
bool holds_all(DType from, DType to) {
  if (from == to) return true;
  const auto is_plain = [](DType t) { return !is_narrow_float(t) && exact_integer_bits(t) > 0; };
  if (!is_plain(from) || !is_plain(to)) return false;
  if (is_float(from)) return is_wide_float(to) && exact_integer_bits(from) < exact_integer_bits(to);
  if (to == DType::kBool || (is_signed(from) && !is_signed(to))) return false;
  // i8 has -128, one value more than its 7 bits say: powers of two are exact in floats.
  return exact_integer_bits(from) <= exact_integer_bits(to);
}

// Cast(Cast(x, middle), last) = Cast(x, last). From an integer through a float to an integer that does not
// hold all of them: the float saturates, the direct cast wraps.
bool casts_merge(DType x, DType middle, DType last) {
  if (!holds_all(x, middle) || is_narrow_float(last)) return false;
  return !is_float(middle) || is_float(x) || !is_integer(last) || holds_all(x, last);
}

class ChainMerger {
 public:
  explicit ChainMerger(Graph& g) : g_(g), facts_(shape_facts(g)) {}

  bool merge(NodeId id) {
    const Node& n = g_.node(id);
    if (n.is("Cast")) return merge_casts(id);
    return only_changes_shape(n) && merge_shapes(id);
  }

 private:
  // The node that makes the first input, where it is one of a chain.
  const Node* before(const Node& n) const {
    const Node* p = n.input(0) ? g_.producer(n.input(0)) : nullptr;
    return p != nullptr && (n.is("Cast") ? p->is("Cast") : only_changes_shape(*p)) ? p : nullptr;
  }

  bool merge_casts(NodeId id) {
    const Node* first = before(g_.node(id));
    if (first == nullptr || g_.value(first->output(0)).type.encoded()) return false;
    const ValueId x = first->input(0);
    if (!casts_merge(g_.value(x).type.dtype, g_.value(first->output(0)).type.dtype,
                     g_.value(g_.node(id).output(0)).type.dtype))
      return false;
    g_.set_input(id, 0, x);
    return true;
  }

  // An axis that Unsqueeze puts in and Squeeze takes out, or the other way around, whatever the shape is.
  bool undo_each_other(const Node& first, const Node& second) const {
    const bool opposite =
        (first.is("Unsqueeze") && second.is("Squeeze")) || (first.is("Squeeze") && second.is("Unsqueeze"));
    const Tensor *a = g_.constant(first.input(1)), *b = g_.constant(second.input(1));
    if (!opposite || a == nullptr || b == nullptr) return false;
    std::vector<int64_t> one = to_int64s(*a, "axes"), other = to_int64s(*b, "axes");
    std::sort(one.begin(), one.end());
    std::sort(other.begin(), other.end());
    return one == other && (one.empty() || one.front() >= 0);
  }

  // Both hold the same codes, whatever the shape is.
  bool same_codes(ValueId a, ValueId b) const {
    const Encoding &x = g_.value(a).type.encoding, &y = g_.value(b).type.encoding;
    return x == y && (!x.defined() || x.per_tensor());
  }

  // Where the chain begins that ends with `last`; its own input where nothing can be merged. All values of a
  // chain have one encoding: what quantizes in the middle of it stays.
  ValueId beginning(const Node& last) const {
    const ValueId x = last.input(0);
    const Node* first = before(last);
    if (first == nullptr || !same_codes(x, last.output(0)) || !same_codes(first->input(0), x)) return x;
    const auto known = beginnings_.find(x);
    return known == beginnings_.end() ? first->input(0) : known->second;
  }

  bool merge_shapes(NodeId id) {
    const Node& last = g_.node(id);
    const ValueId x = beginning(last), y = last.output(0);
    if (x == last.input(0)) return false;
    beginnings_[y] = x;
    const Node& first = *before(last);
    if (undo_each_other(first, last)) return skip(id, first.input(0));
    if (same_shape(shape(x), shape(y))) return skip(id, x);
    if (!shape(y)) return false;
    std::optional<Tensor> target = reshape_target(shape(x), elements_of(*shape(y)));
    if (!target) return false;
    const ValueId c = g_.add_constant(g_.unique_value_name(g_.value(y).name + "/shape"), std::move(*target));
    g_.node(id).op = "Reshape";
    g_.node(id).attributes.clear();
    g_.set_inputs(id, {x, c});
    return true;
  }

  bool skip(NodeId id, ValueId x) {
    if (!stand_in(g_, g_.node(id).output(0), x)) return false;
    g_.remove_node(id);
    return true;
  }

  // Values keep their shapes while chains are merged; constants added here are no chain's values.
  const SymbolicShape& shape(ValueId v) const { return facts_.types.at(static_cast<size_t>(v.index)).shape; }

  Graph& g_;
  const Inference facts_;
  std::map<ValueId, ValueId> beginnings_;  // of the chains so far, by their ends
};

}  // namespace

PassResult merge_chains(Model& model) {
  PassResult result;
  ChainMerger merger(model.graph);
  const std::vector<NodeId> order(model.graph.order().begin(), model.graph.order().end());
  for (NodeId id : order) result.changes += merger.merge(id);
  return result;
}

}  // namespace precis::passes
