// See the header.
#include "precis/graph/fusions/rotation.h"

#include <algorithm>

namespace precis::fusions {
namespace {

// v = x[.., begin:end:step] of the last dimension.
struct Part {
  ValueId x;
  int64_t begin = 0, end = 0, step = 1;
  bool is(int64_t b, int64_t e, int64_t s) const { return begin == b && end == e && step == s; }
};

std::optional<int64_t> whole_number(const Graph& g, ValueId v) {
  const Tensor* t = v ? g.constant(v) : nullptr;
  if (t == nullptr || t->numel() != 1 || (t->dtype() != DType::kI64 && t->dtype() != DType::kI32))
    return std::nullopt;
  return t->at_int(0);
}

std::optional<Part> part_by_slice(const Graph& g, const Node& n) {
  const Dim size = dim_of(g, n.inputs[0], -1);
  const auto rank = rank_of(g, n.inputs[0]);
  const auto begin = whole_number(g, n.input(1)), end = whole_number(g, n.input(2)),
             axis = whole_number(g, n.input(3));
  const auto step = n.input(4) ? whole_number(g, n.input(4)) : std::optional<int64_t>(1);
  if (!rank || !size.known() || !begin || !end || !axis || !step) return std::nullopt;
  if (*axis != -1 && *axis != *rank - 1) return std::nullopt;
  const auto bound = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + size.value : at, 0, size.value);
  };
  return Part{n.inputs[0], bound(*begin), bound(*end), *step};
}

// One of two halves.
std::optional<Part> part_by_split(const Graph& g, const Node& n, ValueId v) {
  const Dim size = dim_of(g, n.inputs[0], -1), own = dim_of(g, v, -1);
  const auto rank = rank_of(g, n.inputs[0]);
  const int64_t axis = n.get_int("axis", 0);
  if (!rank || (axis != -1 && axis != *rank - 1) || n.outputs.size() != 2) return std::nullopt;
  if (!size.known() || !own.known() || 2 * own.value != size.value) return std::nullopt;
  return v == n.outputs[0] ? Part{n.inputs[0], 0, own.value, 1} : Part{n.inputs[0], own.value, size.value, 1};
}

std::optional<Part> part_of(const Graph& g, ValueId v) {
  const Node* n = v ? g.producer(v) : nullptr;
  if (n == nullptr) return std::nullopt;
  if (n->is("Slice")) return part_by_slice(g, *n);
  return n->is("Split") ? part_by_split(g, *n, v) : std::nullopt;
}

// The two inputs of a Concat along the last dimension.
const Node* pair_concat(const Graph& g, ValueId v) {
  const Node* n = made_by(g, v, "Concat");
  const auto rank = rank_of(g, v);
  if (n == nullptr || !rank || n->inputs.size() != 2) return nullptr;
  const int64_t axis = n->get_int("axis", 0);
  return axis == -1 || axis == *rank - 1 ? n : nullptr;
}

// v = Concat(Neg(x[half:]), x[:half])
bool is_half_turn(const Graph& g, ValueId v, ValueId x, int64_t size) {
  const Node* n = pair_concat(g, v);
  if (n == nullptr) return false;
  const auto second = part_of(g, operand_of(g, n->inputs[0], "Neg")), first = part_of(g, n->inputs[1]);
  return first && second && first->x == x && second->x == x && first->is(0, size / 2, 1) &&
         second->is(size / 2, size, 1);
}

// The constant turns pairs by a quarter: column a takes -1 of row b, column b takes 1 of row a.
bool is_turn_matrix(const Tensor& t, int64_t size, bool interleaved) {
  if (t.dtype() != DType::kF32 || t.shape() != Shape({size, size})) return false;
  std::vector<float> wanted(static_cast<size_t>(size * size), 0.0f);
  for (int64_t i = 0; i < size / 2; ++i) {
    const int64_t a = interleaved ? 2 * i : i, b = interleaved ? 2 * i + 1 : size / 2 + i;
    wanted[static_cast<size_t>(b * size + a)] = -1;
    wanted[static_cast<size_t>(a * size + b)] = 1;
  }
  return std::equal(wanted.begin(), wanted.end(), t.data<float>().begin());
}

// Whether `v` is x turned by a quarter, and in which pairs.
std::optional<bool> turn_of(const Graph& g, ValueId v, ValueId x, int64_t size) {
  if (is_half_turn(g, v, x, size)) return false;
  const Node* n = made_by(g, v, "MatMul");
  const Tensor* t = n != nullptr && n->inputs[0] == x && !g.value(n->inputs[1]).type.encoded()
                        ? g.constant(n->inputs[1])
                        : nullptr;
  if (t == nullptr) return std::nullopt;
  for (bool interleaved : {false, true})
    if (is_turn_matrix(*t, size, interleaved)) return interleaved;
  return std::nullopt;
}

// Size of a value that can be rotated; 0 for others.
int64_t even_size(const Graph& g, ValueId x) {
  const Dim size = dim_of(g, x, 3);
  return rank_of(g, x) == 4 && size.known() && size.value % 2 == 0 ? size.value : 0;
}

// y = x cos + turned sin
std::optional<Rotation> match_turned(const Graph& g, ValueId y) {
  return in_either_order(g, y, "Add", [&](ValueId kept, ValueId moved) {
    return in_either_order(g, kept, "Mul", [&](ValueId x, ValueId cosines) {
      return in_either_order(g, moved, "Mul", [&](ValueId turned, ValueId sines) -> std::optional<Rotation> {
        const int64_t size = even_size(g, x);
        const auto interleaved = size > 0 ? turn_of(g, turned, x, size) : std::nullopt;
        if (!interleaved) return std::nullopt;
        return Rotation{x, cosines, sines, *interleaved, false};
      });
    });
  });
}

// v = Mul(a, b) in either order.
bool is_product_of(const Graph& g, ValueId v, ValueId a, ValueId b) {
  const Node* n = made_by(g, v, "Mul");
  return n != nullptr &&
         ((n->inputs[0] == a && n->inputs[1] == b) || (n->inputs[0] == b && n->inputs[1] == a));
}

// What v = Unsqueeze(x) has got a last dimension of 1 for.
ValueId behind_last_dimension(const Graph& g, ValueId v) {
  const Node* n = made_by(g, v, "Unsqueeze");
  const auto axis = n != nullptr ? whole_number(g, n->input(1)) : std::nullopt;
  return axis && (*axis == -1 || *axis == 4) && rank_of(g, n->inputs[0]) == 4 ? n->inputs[0] : ValueId{};
}

// The first and the second elements of all pairs of y: its halves, or its even and odd elements.
struct PairElements {
  ValueId first, second;
  bool interleaved = false;
};
std::optional<PairElements> elements_of_pairs(const Graph& g, ValueId y) {
  if (const Node* halves = pair_concat(g, y))
    return PairElements{halves->inputs[0], halves->inputs[1], false};
  const Node* neighbours = pair_concat(g, operand_of(g, y, "Reshape"));
  if (neighbours == nullptr) return std::nullopt;
  const PairElements found{behind_last_dimension(g, neighbours->inputs[0]),
                           behind_last_dimension(g, neighbours->inputs[1]), true};
  return found.first && found.second ? std::optional(found) : std::nullopt;
}

// a and b are the first and the second elements of pairs of one x, which has the shape of y.
ValueId paired_source(const Graph& g, ValueId a, ValueId b, bool interleaved, ValueId y) {
  const auto first = part_of(g, a), second = part_of(g, b);
  const int64_t size = first && second && first->x == second->x ? even_size(g, first->x) : 0;
  if (size == 0) return {};
  const bool fits =
      interleaved ? first->step == 2 && first->begin == 0 && first->end >= size - 1 && second->is(1, size, 2)
                  : first->is(0, size / 2, 1) && second->is(size / 2, size, 1);
  for (int axis = 0; axis < 4; ++axis)
    if (!fits || !surely_equal(dim_of(g, first->x, axis), dim_of(g, y, axis))) return {};
  return first->x;
}

// y made of the pairs (a cos - b sin, a sin + b cos)
std::optional<Rotation> match_split(const Graph& g, ValueId y) {
  const auto pairs = elements_of_pairs(g, y);
  const Node* difference = pairs ? made_by(g, pairs->first, "Sub") : nullptr;
  const Node* sum = pairs ? made_by(g, pairs->second, "Add") : nullptr;
  if (difference == nullptr || sum == nullptr) return std::nullopt;
  return in_either_order(g, difference->inputs[0], "Mul", [&](ValueId a, ValueId cosines) {
    return in_either_order(g, difference->inputs[1], "Mul",
                           [&](ValueId b, ValueId sines) -> std::optional<Rotation> {
                             const ValueId x = paired_source(g, a, b, pairs->interleaved, y);
                             const auto adds = [&](size_t i) {
                               return is_product_of(g, sum->inputs[i], a, sines) &&
                                      is_product_of(g, sum->inputs[1 - i], b, cosines);
                             };
                             if (!x || (!adds(0) && !adds(1))) return std::nullopt;
                             return Rotation{x, cosines, sines, pairs->interleaved, true};
                           });
  });
}

bool pairs_equal(const Tensor& t, bool interleaved) {
  const Shape& shape = t.shape();
  if (t.dtype() != DType::kF32 || shape.rank() == 0) return false;
  const int64_t size = shape[shape.rank() - 1], half = size / 2;
  if (size == 0 || size % 2 != 0) return false;
  const auto values = t.data<float>();
  for (int64_t row = 0; row < t.numel(); row += size)
    for (int64_t i = 0; i < half; ++i) {
      const int64_t a = row + (interleaved ? 2 * i : i), b = interleaved ? a + 1 : a + half;
      if (values[static_cast<size_t>(a)] != values[static_cast<size_t>(b)]) return false;
    }
  return true;
}

constexpr int kMaxSteps = 12;  // from a table back to where its pairs were made

// The first operand carries v's last dimension on, element by element or moved as a whole.
bool keeps_last_dimension(const Graph& g, const Node& n, ValueId v) {
  if (n.is("Cos") || n.is("Sin") || n.is("Neg")) return true;
  const auto rank = rank_of(g, v);
  if (!rank) return false;
  if (n.is("Gather")) return n.get_int("axis", 0) == 0 && rank_of(g, n.inputs[0]).value_or(0) >= 2;
  if (!n.is("Unsqueeze") && !n.is("Squeeze") && !n.is("Slice")) return false;
  const Tensor* axes = g.constant(n.input(n.is("Slice") ? 3 : 1));
  const int64_t last = n.is("Unsqueeze") ? *rank - 1 : rank_of(g, n.inputs[0]).value_or(0) - 1;
  if (axes == nullptr || last < 0) return false;
  const auto list = to_int64s(*axes, "axes");
  return std::none_of(list.begin(), list.end(), [&](int64_t a) { return a == -1 || a == last; });
}

// Both elements of each pair of `v`'s last dimension are the same for certain.
bool repeats_pairs(const Graph& g, ValueId v, bool interleaved, int steps = 0) {
  if (!v || steps == kMaxSteps) return false;
  if (const Tensor* t = g.constant(v)) return !g.value(v).type.encoded() && pairs_equal(*t, interleaved);
  const Node* n = g.producer(v);
  if (n == nullptr) return false;
  if (const Node* twice = pair_concat(g, v)) return !interleaved && twice->inputs[0] == twice->inputs[1];
  if (n->is("Mul") && scalar(g, n->inputs[0])) return repeats_pairs(g, n->inputs[1], interleaved, steps + 1);
  if (n->is("Mul") && scalar(g, n->inputs[1])) return repeats_pairs(g, n->inputs[0], interleaved, steps + 1);
  return keeps_last_dimension(g, *n, v) && repeats_pairs(g, n->inputs[0], interleaved, steps + 1);
}

// The constant as [1 or batch, length, size / 2].
Tensor constant_table(const Tensor& t, const Rotation& r, int64_t length) {
  const int64_t size = t.shape()[t.shape().rank() - 1], half = r.half_tables ? size : size / 2;
  const int64_t step = r.interleaved && !r.half_tables ? 2 : 1;
  const int64_t rows = t.numel() / size;
  Tensor pairs(DType::kF32, {rows / length, length, half});
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < half; ++i)
      pairs.data<float>()[static_cast<size_t>(row * half + i)] =
          t.data<float>()[static_cast<size_t>(row * size + i * step)];
  return pairs;
}

}  // namespace

std::optional<Rotation> match_rotation(const Graph& g, ValueId y) {
  if (auto r = match_turned(g, y)) {
    const bool repeated =
        repeats_pairs(g, r->cosines, r->interleaved) && repeats_pairs(g, r->sines, r->interleaved);
    return repeated ? r : std::nullopt;
  }
  return match_split(g, y);
}

std::optional<TableAxes> axes_of_tables(const Graph& g, Lengths& lengths, const Rotation& r) {
  const int64_t size = dim_of(g, r.x, 3).value, width = r.half_tables ? size / 2 : size;
  const auto aligned = [&](ValueId table, int axis) {  // the table's dimension over dimension `axis` of x
    const int rank = rank_of(g, table).value_or(0), own = axis - (4 - rank);
    return own < 0 ? Dim(1) : dim_of(g, table, own);
  };
  for (int heads : {1, 2}) {
    const TableAxes axes{heads, 3 - heads, aligned(r.cosines, 0)};
    const auto fits = [&](ValueId table) {
      const int rank = rank_of(g, table).value_or(0);
      if (rank < 2 || rank > 4 || g.value(table).type.dtype != DType::kF32 || g.value(table).type.encoded())
        return false;
      const Dim length = dim_of(g, r.x, axes.length), batch = aligned(table, 0);
      const int own = axes.length - (4 - rank);
      if (length == Dim(0) || dim_of(g, r.x, 0) == Dim(0)) return false;  // nothing to rotate
      return aligned(table, heads) == Dim(1) && aligned(table, 3) == Dim(width) &&
             (own < 0 ? length == Dim(1) : lengths.fit(table, own, length)) &&
             (batch == Dim(1) || surely_equal(batch, dim_of(g, r.x, 0)));
    };
    if (fits(r.cosines) && fits(r.sines)) return axes;
  }
  return std::nullopt;
}

ValueId build_table(Graph& g, GraphBuilder& b, const Rotation& r, const TableAxes& axes, ValueId full,
                    const Counted& counted) {
  const Dim batch = dim_of(g, r.x, 0);
  const int64_t size = dim_of(g, r.x, 3).value;
  const bool by_sample = rank_of(g, full) == 4 && dim_of(g, full, 0) != Dim(1);
  ValueId v = full;
  if (const Tensor* t = g.constant(full)) {  // its length is that of x
    v = b.constant(constant_table(*t, r, dim_of(g, r.x, axes.length).value), g.value(full).name + "/pairs");
  } else {
    if (!r.half_tables)
      v = b.op("Slice", {v, b.ints({0}, "first"), b.ints({r.interleaved ? size : size / 2}, "last"),
                         b.ints({-1}, "axis"), b.ints({r.interleaved ? 2 : 1}, "step")});
    if (rank_of(g, full) == 4)
      v = b.op("Squeeze", {v, b.ints({axes.heads}, "heads_axis")});
    else
      v = b.op("Reshape", {v, b.ints({1, -1, size / 2}, "table")});
  }
  if (by_sample || batch == Dim(1)) return v;
  if (batch.known()) return b.op("Expand", {v, b.ints({batch.value, 1, 1}, "batch")});
  const ValueId lengths = b.op("Shape", {counted.value});
  const ValueId count = b.op("Slice", {lengths, b.ints({counted.axis}, "first"),
                                       b.ints({counted.axis + 1}, "last"), b.ints({0}, "axis")});
  return b.op("Expand", {v, b.op("Concat", {count, b.ints({1, 1}, "ones")}, {{"axis", int64_t{0}}})});
}

}  // namespace precis::fusions
