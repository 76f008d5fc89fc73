// Before:  y = MatMul(Softmax(scale * MatMul(q, Transpose(k)) [+ mask]), v)
// After:   y = Attention(q, k, v, mask){scale}
// q, k, v: [batch, heads, length, size], or [batch, length, size] with one head. The scale may be a factor or
// divisor of the scores, of q or of the transposed k; the mask is a sum, or a Where that puts a huge negative
// number in the place of scores. Keys and values that are repeated for groups of heads (Unsqueeze, Tile or
// Expand, Reshape) are read unrepeated. Where all of q, k and v come from [batch, length, heads, size] by a
// transposition and the result goes back by one, the node takes and gives rows [batch, length, heads * size],
// and the transpositions are gone.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "precis/core/text.h"
#include "precis/graph/fusions/heads.h"

namespace precis::fusions {
namespace {

constexpr float kHugeNegative = -1e30f;  // a sum of it and any score is itself, up to rounding

struct Attention {
  ValueId q, k, v;                      // k and v as `perm`s of them are what the node takes
  std::vector<int64_t> k_perm, v_perm;  // empty: as it is
  ValueId product;                      // of q and the transposed k
  ValueId mask;                         // added; {} when there is none
  ValueId kept;                         // or: a condition, and what stands where it does not hold
  float otherwise = 0;
  double scale = 1;
};

// Scores from the outside in: one mask, then factors, then the product.
struct Scores {
  ValueId q, turned_k, product, mask, kept;
  float otherwise = 0;
  double scale = 1;
};

bool only_read_once(const Graph& g, ValueId v) { return g.value(v).uses.size() == 1 && !g.is_output(v); }

// A value times a number, when nobody else reads the product: the value, and the number into `scale`.
ValueId without_factor(const Graph& g, ValueId v, double& scale) {
  for (const char* op : {"Mul", "Div"}) {
    const Node* n = made_by(g, v, op);
    if (n == nullptr || !only_read_once(g, v) || g.value(v).type.encoded()) continue;
    for (size_t i = 0; i < (n->is("Mul") ? 2u : 1u); ++i)
      if (const auto c = scalar(g, n->inputs[1 - i]); c && *c != 0 && !scalar(g, n->inputs[i])) {
        scale = n->is("Mul") ? scale * static_cast<double>(*c) : scale / static_cast<double>(*c);
        return n->inputs[i];
      }
  }
  return v;
}

std::optional<Scores> match_products(const Graph& g, ValueId v) {
  Scores s;
  for (ValueId before; before != v;) v = without_factor(g, before = v, s.scale);
  const Node* n = made_by(g, v, "MatMul");
  if (n == nullptr) return std::nullopt;
  s.product = v;
  s.q = without_factor(g, n->inputs[0], s.scale);
  s.turned_k = without_factor(g, n->inputs[1], s.scale);
  return s;
}

std::optional<Scores> match_scores(const Graph& g, ValueId v) {
  if (auto plain = match_products(g, v)) return plain;
  if (const Node* n = made_by(g, v, "Where")) {
    const auto otherwise = scalar(g, n->inputs[2]);
    auto s = otherwise && *otherwise <= kHugeNegative ? match_products(g, n->inputs[1]) : std::nullopt;
    if (!s) return std::nullopt;
    s->kept = n->inputs[0];
    s->otherwise = *otherwise;
    return s;
  }
  return in_either_order(g, v, "Add", [&](ValueId scores, ValueId mask) -> std::optional<Scores> {
    auto s = g.value(mask).type.dtype == DType::kF32 && !g.value(mask).type.encoded()
                 ? match_products(g, scores)
                 : std::nullopt;
    if (s) s->mask = mask;
    return s;
  });
}

// x behind v = Reshape(Tile | Expand (Unsqueeze(x))): every head of dimension `axis` `times` times in a row.
struct Repeated {
  ValueId value;
  int64_t times = 1;
};
std::optional<Repeated> repeated_heads(const Graph& g, ValueId v, int axis) {
  const ValueId copies = operand_of(g, v, "Reshape");
  const ValueId apart =
      made_by(g, copies, "Tile") ? operand_of(g, copies, "Tile") : operand_of(g, copies, "Expand");
  const ValueId x = operand_of(g, apart, "Unsqueeze");
  if (!x || rank_of(g, x) != 4 || rank_of(g, copies) != 5 || rank_of(g, v) != 4) return std::nullopt;
  const Dim all = dim_of(g, v, axis), own = dim_of(g, x, axis), times = dim_of(g, copies, axis + 1);
  if (!all.known() || !own.known() || !times.known() || own.value * times.value != all.value)
    return std::nullopt;
  if (dim_of(g, apart, axis + 1) != Dim(1) || dim_of(g, copies, axis) != own) return std::nullopt;
  for (int a = 0; a < 4; ++a)
    if (a != axis && !(surely_equal(dim_of(g, x, a), dim_of(g, v, a)) &&
                       surely_equal(dim_of(g, copies, a > axis ? a + 1 : a), dim_of(g, v, a))))
      return std::nullopt;
  return Repeated{x, times.value};
}

std::vector<int64_t> swapped_last(std::vector<int64_t> perm) {
  std::swap(perm[perm.size() - 2], perm[perm.size() - 1]);
  return perm;
}

// No permutation is asked for where none is needed.
std::vector<int64_t> unless_identity(std::vector<int64_t> perm) {
  if (std::is_sorted(perm.begin(), perm.end())) perm.clear();
  return perm;
}

// Keys and values without their repetition, when both have the same.
void drop_repeats(const Graph& g, Attention& a) {
  const auto heads_axis = [](const std::vector<int64_t>& perm) {
    return perm.empty() ? 1 : static_cast<int>(perm[1]);
  };
  const auto v_turned = transposed(g, a.v);
  const ValueId v = v_turned ? v_turned->value : a.v;
  const std::vector<int64_t> v_perm = v_turned ? v_turned->perm : std::vector<int64_t>{};
  const auto keys = repeated_heads(g, a.k, heads_axis(a.k_perm)),
             values = repeated_heads(g, v, heads_axis(v_perm));
  if (!keys || !values || keys->times != values->times) return;
  a.k = keys->value;
  a.v = values->value;
  a.v_perm = v_perm;
}

std::optional<Attention> match_attention(const Graph& g, ValueId y) {
  const Node* last = made_by(g, y, "MatMul");
  const Node* softmax = last != nullptr ? made_by(g, last->inputs[0], "Softmax") : nullptr;
  const auto rank = rank_of(g, y);
  if (softmax == nullptr || !rank || (*rank != 3 && *rank != 4)) return std::nullopt;
  if (const int64_t axis = softmax->get_int("axis", -1); axis != -1 && axis != *rank - 1) return std::nullopt;
  const auto s = match_scores(g, softmax->inputs[0]);
  const auto turned = s ? transposed(g, s->turned_k) : std::nullopt;
  if (!turned || !std::isfinite(s->scale)) return std::nullopt;
  for (ValueId v : {s->q, s->product, turned->value, last->inputs[1]})
    if (rank_of(g, v) != rank) return std::nullopt;
  Attention a;
  a.q = s->q, a.k = turned->value, a.v = last->inputs[1];
  a.k_perm = unless_identity(swapped_last(turned->perm));
  a.product = s->product, a.mask = s->mask, a.kept = s->kept, a.otherwise = s->otherwise, a.scale = s->scale;
  if (*rank == 4) drop_repeats(g, a);
  return a;
}

// "" when the mask fits the scores without making them more.
std::string mask_obstacle(const Graph& g, Lengths& lengths, ValueId mask, ValueId scores) {
  const auto rank = rank_of(g, mask);
  if (!rank || *rank < 2 || *rank > *rank_of(g, scores)) return "its mask has another rank than its scores";
  for (int axis = 1; axis <= *rank; ++axis) {
    const Dim own = dim_of(g, mask, -axis), wanted = dim_of(g, scores, -axis);
    if (!lengths.fit(mask, -axis, wanted) && (axis == 1 || own != Dim(1)))
      return fmt::format("its mask has {} where the scores have {}", own.str(), wanted.str());
  }
  return "";
}

// "" when samples and heads of the operands belong together: one head of keys and values for each head of
// queries, or for a group of them.
std::string operand_obstacle(const Graph& g, const Attention& a) {
  const auto dim = [&](ValueId v, const std::vector<int64_t>& perm, size_t axis) {
    return dim_of(g, v, perm.empty() ? static_cast<int>(axis) : static_cast<int>(perm[axis]));
  };
  const Dim batch = dim(a.q, {}, 0);
  if (!surely_equal(batch, dim(a.k, a.k_perm, 0)) || !surely_equal(batch, dim(a.v, a.v_perm, 0)))
    return "the batch of its operands is not the same for certain";
  if (rank_of(g, a.q) == 3) return "";
  const Dim q = dim(a.q, {}, 1), k = dim(a.k, a.k_perm, 1), v = dim(a.v, a.v_perm, 1);
  const bool grouped = q.known() && k.known() && k.value > 0 && q.value % k.value == 0;
  if (!surely_equal(k, v) || (!surely_equal(q, k) && !grouped))
    return "the heads of its operands do not belong together for certain";
  return "";
}

class AttentionFuser {
 public:
  explicit AttentionFuser(Graph& g) : g_(g), lengths_(g) {}
  FusionResult run() {
    for_each_last(g_, {"MatMul"}, [&](NodeId id) {
      if (const auto a = match_attention(g_, g_.node(id).outputs[0])) fuse(id, *a);
    });
    return std::move(result_);
  }

 private:
  void fuse(NodeId id, const Attention& a) {
    const ValueId y = g_.node(id).outputs[0], mask = a.mask ? a.mask : a.kept;
    std::string obstacle = mask ? mask_obstacle(g_, lengths_, mask, a.product) : "";
    if (obstacle.empty()) obstacle = operand_obstacle(g_, a);
    if (!obstacle.empty()) {
      result_.notes.push_back(fmt::format("'{}' has the form of Attention and stays as it is: {}",
                                          printable(g_.value(y).name), obstacle));
      return;
    }
    std::vector<ValueId> leaves = {a.q, a.k, a.v};
    if (mask) leaves.push_back(mask);
    const auto nodes = claim(g_, id, leaves, "Attention", result_);
    if (!nodes) return;
    GraphBuilder b = GraphBuilder::before(g_, id);
    Replacement by{"Attention",
                   {a.q, turned(b, a.k, a.k_perm), turned(b, a.v, a.v_perm)},
                   {{"scale", static_cast<float>(a.scale)}}};
    const bool one_head = rank_of(g_, a.q) == 3;  // heads were made part of the batch, or there are none
    if (one_head) by.attributes.insert({{"q_num_heads", int64_t{1}}, {"kv_num_heads", int64_t{1}}});
    if (mask) by.inputs.push_back(added_mask(b, a, one_head));
    become(g_, id, *nodes, std::move(by), result_);
    if (!one_head) join_heads(id, b);
  }

  // Numbers to add, with a dimension for the head where scores have none.
  ValueId added_mask(GraphBuilder& b, const Attention& a, bool one_head) const {
    ValueId mask = a.mask;
    if (a.kept) mask = b.op("Where", {a.kept, b.scalar(0, "kept"), b.scalar(a.otherwise, "left_out")});
    if (!one_head || rank_of(g_, a.mask ? a.mask : a.kept) != 3) return mask;
    return b.op("Unsqueeze", {mask, b.ints({1}, "heads_axis")});
  }

  static ValueId turned(GraphBuilder& b, ValueId v, const std::vector<int64_t>& perm) {
    return perm.empty() ? v : b.op("Transpose", {v}, {{"perm", perm}});
  }

  // Heads before their transposition, when their number and size are known.
  ValueId heads_apart(ValueId v) const {
    const ValueId x = behind_swapped_heads(g_, v);
    return x && dim_of(g_, x, 2).known() && dim_of(g_, x, 3).known() ? x : ValueId{};
  }

  // Rows instead of transposed heads.
  void join_heads(NodeId id, GraphBuilder& b) {
    const std::vector<ValueId> inputs = g_.node(id).inputs;
    const ValueId y = g_.node(id).outputs[0];
    ValueId apart[3];
    for (size_t i = 0; i < 3; ++i)
      if (!(apart[i] = heads_apart(inputs[i]))) return;
    if (!only_read_once(g_, y)) return;
    const NodeId back = g_.value(y).uses[0].node;
    const Node& n = g_.node(back);
    const auto t = transposed(g_, n.outputs[0]);
    if (!t || t->perm != kSwapHeads) return;
    const int64_t heads = dim_of(g_, apart[0], 2).value, kv_heads = dim_of(g_, apart[1], 2).value;
    for (size_t i = 0; i < 3; ++i) g_.set_input(id, i, as_rows(g_, b, apart[i]));
    g_.node(id).attributes["q_num_heads"] = heads;
    g_.node(id).attributes["kv_num_heads"] = kv_heads;
    for (size_t i = 0; i < 3; ++i) remove_unread(inputs[i]);
    g_.node(back).op = "Reshape";
    g_.node(back).attributes.clear();
    g_.set_inputs(back, {y, heads_shape(b, heads, dim_of(g_, apart[2], 3).value)});
    g_.value(y).type.shape.reset();  // it is inferred anew
  }

  void remove_unread(ValueId v) {
    if (g_.value(v).uses.empty() && !g_.is_output(v) && g_.value(v).producer)
      g_.remove_node(g_.value(v).producer);
  }

  Graph& g_;
  Lengths lengths_;
  FusionResult result_;
};

}  // namespace

FusionResult fuse_attention(Graph& g) { return AttentionFuser(g).run(); }

}  // namespace precis::fusions
