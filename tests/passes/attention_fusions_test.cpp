// Attention and rotary embeddings found again in what exporters write, and what only looks like them.
#include <algorithm>

#include <fmt/format.h>

#include "pass_harness.h"
#include "precis/graph/text.h"
#include "precis/runtime/reference_engine.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {
namespace {

size_t count(const Graph& g, const char* op) {
  const auto order = g.order();
  return static_cast<size_t>(
      std::count_if(order.begin(), order.end(), [&](NodeId id) { return g.node(id).is(op); }));
}

std::vector<Tensor> inputs_of(const Graph& g) {
  std::vector<Tensor> inputs;
  uint64_t seed = 1;
  for (ValueId v : g.inputs()) {
    std::vector<int64_t> dims;
    for (const Dim& d : *g.value(v).type.shape) dims.push_back(d.known() ? d.value : 3);
    const DType dtype = g.value(v).type.dtype;
    inputs.push_back(random_tensor(Shape(dims), seed++, dtype == DType::kF32 ? -1.0f : 0.0f,
                                   dtype == DType::kF32 ? 1.0f : 2.0f)
                         .cast(dtype));
  }
  return inputs;
}

// The graph after `pass`, with the same outputs as before it.
Model after_pass(const char* pass, const std::string& text) {
  Model m = model_of(text);
  const auto inputs = inputs_of(m.graph);
  const auto want = runtime::run_reference(m.graph, inputs);
  run_pass(m, pass);
  const auto got = runtime::run_reference(m.graph, inputs);
  for (size_t i = 0; i < want.size(); ++i)
    EXPECT_TRUE(tensors_close(got[i], want[i], {.absolute = 1e-5, .relative = 1e-5})) << print_graph(m.graph);
  return m;
}

constexpr const char* kNumbers =
    "half: f32[] = [0.5] two: f32[] = [2] four: f32[] = [4] huge: f32[] = [-3e38] small: f32[] = [-10000] ";

// q [2,4,3,8], k and v [2,4,5,8], a mask, and the statements between them and y.
std::string attention(const std::string& statements, const std::string& outputs = "y") {
  return "graph g(q: f32[2,4,3,8], k: f32[2,4,5,8], v: f32[2,4,5,8], m: f32[3,5], column: f32[3,1], keep: "
         "bool[1,1,3,5]) -> (" +
         outputs + ") { " + kNumbers + statements + " }";
}
const std::string kTurned = "t = Transpose(k) {perm=[0,1,3,2]} ";

TEST(FuseAttention, ScalesAndMasks) {
  for (const char* form : {
           "s = MatMul(q, t) a = Mul(s, half) w = Softmax(a) y = MatMul(w, v)",
           "s = MatMul(q, t) a = Div(s, two) w = Softmax(a) {axis=3} y = MatMul(w, v)",
           "q2 = Mul(half, q) s = MatMul(q2, t) w = Softmax(s) y = MatMul(w, v)",
           "q2 = Div(q, two) t2 = Div(t, four) s = MatMul(q2, t2) w = Softmax(s) y = MatMul(w, v)",
           "s = MatMul(q, t) a = Mul(s, half) b = Add(a, m) w = Softmax(b) y = MatMul(w, v)",
           "s = MatMul(q, t) b = Add(m, s) w = Softmax(b) y = MatMul(w, v)",
           "s = MatMul(q, t) a = Div(s, two) b = Where(keep, a, huge) w = Softmax(b) y = MatMul(w, v)",
       }) {
    SCOPED_TRACE(form);
    const Model m = after_pass("fuse_attention", attention(kTurned + form));
    EXPECT_EQ(count(m.graph, "Attention"), 1u);
    EXPECT_EQ(count(m.graph, "Softmax") + count(m.graph, "MatMul") + count(m.graph, "Transpose"), 0u);
  }
}

TEST(FuseAttention, AsText) {
  expect_rewrite(
      "fuse_attention",
      "graph g(q: f32[2,4,3,8], k: f32[2,4,5,8], v: f32[2,4,5,8], m: f32[3,5]) -> (y) { c: f32[] = [0.25] t "
      "= Transpose(k) "
      "{perm=[0,1,3,2]} s = MatMul(q, t) a = Mul(s, c) b = Add(a, m) w = Softmax(b) y = MatMul(w, v) }",
      "graph g(q: f32[2,4,3,8], k: f32[2,4,5,8], v: f32[2,4,5,8], m: f32[3,5]) -> (y) { y = Attention(q, k, "
      "v, m) {scale=0.25} }");
}

TEST(FuseAttention, OnlyWhereItIsAttention) {
  for (const std::string& form : {
           std::string(
               "t = Transpose(k) {perm=[0,1,3,2]} s = MatMul(q, t) w = Softmax(s) {axis=2} y = MatMul(w, v)"),
           kTurned + "s = MatMul(q, t) w = Sigmoid(s) y = MatMul(w, v)",
           kTurned + "s = MatMul(q, t) a = Where(keep, s, small) w = Softmax(a) y = MatMul(w, v)",
           kTurned + "s = MatMul(q, t) a = Where(keep, huge, s) w = Softmax(a) y = MatMul(w, v)",
           kTurned + "s = MatMul(q, t) a = Add(s, m) b = Mul(a, half) w = Softmax(b) y = MatMul(w, v)",
           kTurned + "s = MatMul(q, t) a = Add(s, column) w = Softmax(a) y = MatMul(w, v)",
       })
    expect_unchanged("fuse_attention", attention(form));
  expect_unchanged("fuse_attention",
                   attention(kTurned + "s = MatMul(q, t) w = Softmax(s) y = MatMul(w, v)", "y, w"));
}

TEST(FuseAttention, TellsWhyAMaskDoesNotFit) {
  Model m =
      model_of(attention(kTurned + "s = MatMul(q, t) a = Add(s, column) w = Softmax(a) y = MatMul(w, v)"));
  const auto r = run_pass(m, "fuse_attention");
  ASSERT_EQ(r.notes.size(), 1u);
  EXPECT_EQ(r.notes[0],
            "'y' has the form of Attention and stays as it is: its mask has 1 where the scores have 5");
}

// Heads as a part of the batch.
TEST(FuseAttention, OfThreeDimensions) {
  const std::string text =
      "graph g(q: f32[8,3,8], k: f32[8,5,8], v: f32[8,5,6], m: f32[8,3,5], r: f32[3,5]) -> (y) { c: f32[] = "
      "[0.3] q2 = Mul(q, c) "
      "t = Transpose(k) {perm=[0,2,1]} s = MatMul(q2, t) ";
  for (const char* rest :
       {"w = Softmax(s) y = MatMul(w, v) }", "a = Add(s, m) w = Softmax(a) {axis=2} y = MatMul(w, v) }",
        "a = Add(r, s) w = Softmax(a) y = MatMul(w, v) }"}) {
    SCOPED_TRACE(rest);
    const Model m = after_pass("fuse_attention", text + rest);
    EXPECT_EQ(count(m.graph, "Attention"), 1u);
    EXPECT_EQ(count(m.graph, "MatMul") + count(m.graph, "Mul"), 0u);
  }
}

// One head of keys for all of the queries is a group; one of queries for all of the keys is none.
TEST(FuseAttention, HeadsThatBroadcast) {
  const auto text = [](const char* q, const char* k, const char* v) {
    return fmt::format(
        "graph g(q: f32[2,{},3,8], k: f32[2,{},5,8], v: f32[2,{},5,8]) -> (y) {{ t = Transpose(k) "
        "{{perm=[0,1,3,2]}} s = MatMul(q, t) "
        "w = Softmax(s) y = MatMul(w, v) }}",
        q, k, v);
  };
  EXPECT_EQ(count(after_pass("fuse_attention", text("4", "1", "1")).graph, "Attention"), 1u);
  expect_unchanged("fuse_attention", text("1", "4", "4"));
  expect_unchanged("fuse_attention", text("4", "1", "4"));
  expect_unchanged("fuse_attention", text("h", "j", "j"));
}

// Lengths that are known by their name alone: a mask cut to the length of the input out of a longer one.
TEST(FuseAttention, MasksCutToTheLengthOfTheInput) {
  const std::string text =
      "graph g(q: f32[n,4,t,8], k: f32[n,4,t,8], v: f32[n,4,t,8]) -> (y) { whole: f32[1,1,9,9] = "
      "constant(normal, seed=1, scale=1) zero: i64[1] = [0] "
      "two: i64[1] = [2] three: i64[1] = [3] shape = Shape(q) end = Slice(shape, two, three, zero) rows = "
      "Slice(whole, zero, end, two) "
      "m = Slice(rows, zero, end, three) kt = Transpose(k) {perm=[0,1,3,2]} s = MatMul(q, kt) a = Add(s, m) "
      "w = Softmax(a) y = MatMul(w, v) }";
  EXPECT_EQ(count(after_pass("fuse_attention", text).graph, "Attention"), 1u);
  // of one element each length would be made: it is no mask of that many columns
  std::string narrow = text;
  narrow.replace(narrow.find("[1,1,9,9]"), 9, "[1,1,9,1]");
  expect_unchanged("fuse_attention", narrow);
}

// However many slices of other dimensions lie in front: the search for the one that matters ends.
TEST(FuseAttention, MasksBehindManySlices) {
  constexpr int kSlices = 100'000;
  std::string cut = "m0 = Slice(whole, zero, nine, two) ";
  for (int i = 1; i <= kSlices; ++i) cut += fmt::format("m{} = Slice(m{}, zero, nine, two) ", i, i - 1);
  expect_unchanged(
      "fuse_attention",
      "graph g(q: f32[n,4,t,8], k: f32[n,4,t,8], v: f32[n,4,t,8]) -> (y) { whole: f32[1,1,9,1] = "
      "constant(normal, seed=1, scale=1) zero: i64[1] = [0] two: i64[1] = [2] nine: i64[1] = [9] " +
          cut +
          fmt::format(
              "kt = Transpose(k) {{perm=[0,1,3,2]}} s = MatMul(q, kt) a = Add(s, m{}) w = Softmax(a) y = "
              "MatMul(w, v) }}",
              kSlices));
}

// Rows split into heads, and the heads of keys and values repeated for two heads of queries each.
std::string grouped(const std::string& repeat) {
  return "graph g(q: f32[n,t,32], k: f32[n,t,16], v: f32[n,t,16]) -> (y) { c: f32[] = [0.35] sq: i64[4] = "
         "[0,0,4,8] sk: i64[4] = [0,0,2,8] "
         "three: i64[1] = [3] times: i64[5] = [1,1,1,2,1] rows: i64[3] = [0,0,32] "
         "q4 = Reshape(q, sq) k4 = Reshape(k, sk) v4 = Reshape(v, sk) k5 = Unsqueeze(k4, three) v5 = "
         "Unsqueeze(v4, three) k6 = " +
         repeat + "(k5, times) v6 = " + repeat +
         "(v5, times) k7 = Reshape(k6, sq) v7 = Reshape(v6, sq) "
         "qt = Transpose(q4) {perm=[0,2,1,3]} kt = Transpose(k7) {perm=[0,2,3,1]} vt = Transpose(v7) "
         "{perm=[0,2,1,3]} "
         "s = MatMul(qt, kt) a = Mul(s, c) w = Softmax(a) o = MatMul(w, vt) b = Transpose(o) "
         "{perm=[0,2,1,3]} y = Reshape(b, rows) }";
}

TEST(FuseAttention, HeadsInGroupsWithoutTranspositions) {
  const Model m = after_pass("fuse_attention", grouped("Tile"));
  ASSERT_EQ(count(m.graph, "Attention"), 1u);
  EXPECT_EQ(count(m.graph, "Transpose") + count(m.graph, "Tile"), 0u);
  for (NodeId id : m.graph.order())
    if (const Node& n = m.graph.node(id); n.is("Attention")) {
      EXPECT_EQ(n.get_int("q_num_heads", 0), 4);
      EXPECT_EQ(n.get_int("kv_num_heads", 0), 2);
      EXPECT_EQ(m.graph.value(n.inputs[0]).name, "q");
      EXPECT_EQ(m.graph.value(n.inputs[1]).name, "k");
    }
}

// Heads repeated to shapes that are computed, and that others read, too.
TEST(FuseAttention, HeadsInGroupsByComputedShapes) {
  const Model m = after_pass("fuse_attention",
                             "graph g(q: f32[n,4,t,8], k: f32[n,2,t,8], v: f32[n,2,t,8]) -> (y, s) { two: "
                             "i64[1] = [2] zero: i64[1] = [0] one: i64[1] = [1] "
                             "three: i64[1] = [3] four: i64[1] = [4] eight: i64[1] = [8] s = Shape(k) n = "
                             "Slice(s, zero, one, zero) t = Slice(s, two, three, zero) "
                             "apart = Concat(n, two, two, t, eight) {axis=0} all = Concat(n, four, t, eight) "
                             "{axis=0} k1 = Unsqueeze(k, two) k2 = Expand(k1, apart) "
                             "k3 = Reshape(k2, all) v1 = Unsqueeze(v, two) v2 = Expand(v1, apart) v3 = "
                             "Reshape(v2, all) kt = Transpose(k3) {perm=[0,1,3,2]} "
                             "p = MatMul(q, kt) w = Softmax(p) y = MatMul(w, v3) }");
  ASSERT_EQ(count(m.graph, "Attention"), 1u);
  EXPECT_EQ(count(m.graph, "Expand"), 0u);
}

// x in one of the two layouts, full tables with a 1 for the heads, and the statements that rotate.
std::string rotary(bool heads_first, bool halves, const std::string& statements) {
  const std::string x = heads_first ? "[2,4,3,8]" : "[2,3,4,8]",
                    table = heads_first ? "[1,1,3,8]" : "[1,3,1,8]";
  std::string c, s;
  for (int i = 0; i < 24; ++i) {
    const int pair = i / 8 * 4 + (halves ? i % 4 : i % 8 / 2);
    c += (i ? ", " : "") + std::to_string(0.1 * pair);
    s += (i ? ", " : "") + std::to_string(1 - 0.05 * pair);
  }
  return "graph g(x: f32" + x + ") -> (y) { c: f32" + table + " = [" + c + "] s: f32" + table + " = [" + s +
         "] zero: i64[1] = [0] h: i64[1] = [4] end: i64[1] = [9223372036854775807] last: i64[1] = [-1] "
         "turn: f32[8,8] = [0,1,0,0,0,0,0,0, -1,0,0,0,0,0,0,0, 0,0,0,1,0,0,0,0, 0,0,-1,0,0,0,0,0, "
         "0,0,0,0,0,1,0,0, 0,0,0,0,-1,0,0,0, "
         "0,0,0,0,0,0,0,1, 0,0,0,0,0,0,-1,0] " +
         statements + " }";
}
const std::string kHalfTurn =
    "b = Slice(x, h, end, last) a = Slice(x, zero, h, last) n = Neg(b) r = Concat(n, a) {axis=-1} ";
const std::string kSum = "p = Mul(x, c) q = Mul(r, s) y = Add(p, q)";

TEST(FuseRotary, HalvesAndNeighbours) {
  for (bool heads_first : {true, false}) {
    SCOPED_TRACE(heads_first);
    const Model halves = after_pass("fuse_rotary", rotary(heads_first, true, kHalfTurn + kSum));
    EXPECT_EQ(count(halves.graph, "RotaryEmbedding"), 1u);
    EXPECT_EQ(count(halves.graph, "Neg") + count(halves.graph, "Concat") + count(halves.graph, "Mul"), 0u);
    const Model split = after_pass(
        "fuse_rotary",
        rotary(heads_first, true,
               "a, b = Split(x) {axis=-1, num_outputs=2} n = Neg(b) r = Concat(n, a) {axis=3} " + kSum));
    EXPECT_EQ(count(split.graph, "RotaryEmbedding"), 1u);
    const Model pairs = after_pass("fuse_rotary", rotary(heads_first, false, "r = MatMul(x, turn) " + kSum));
    ASSERT_EQ(count(pairs.graph, "RotaryEmbedding"), 1u);
    EXPECT_EQ(count(pairs.graph, "MatMul"), 0u);
  }
}

TEST(FuseRotary, ElementsOfPairsApart) {
  const std::string graph =
      "graph g(x: f32[2,4,3,8], c: f32[1,1,3,4], s: f32[1,1,3,4]) -> (y) { zero: i64[1] = [0] one: i64[1] = "
      "[1] two: i64[1] = [2] "
      "h: i64[1] = [4] end: i64[1] = [9223372036854775807] last: i64[1] = [-1] shape: i64[4] = [0,0,0,8] ";
  const std::string turn =
      "ac = Mul(a, c) bs = Mul(b, s) sa = Mul(s, a) bc = Mul(b, c) d = Sub(ac, bs) e = Add(sa, bc) ";
  const Model halves =
      after_pass("fuse_rotary", graph + "a = Slice(x, zero, h, last) b = Slice(x, h, end, last) " + turn +
                                    "y = Concat(d, e) {axis=-1} }");
  EXPECT_EQ(count(halves.graph, "RotaryEmbedding"), 1u);
  const Model pairs = after_pass(
      "fuse_rotary",
      graph + "a = Slice(x, zero, end, last, two) b = Slice(x, one, end, last, two) " + turn +
          "u = Unsqueeze(d, last) v = Unsqueeze(e, last) j = Concat(u, v) {axis=-1} y = Reshape(j, shape) }");
  EXPECT_EQ(count(pairs.graph, "RotaryEmbedding"), 1u);
  EXPECT_EQ(count(pairs.graph, "Sub"), 0u);
}

TEST(FuseRotary, OnlyWhereItIsARotation) {
  expect_unchanged("fuse_rotary",
                   rotary(true, false, kHalfTurn + kSum));  // tables of the other kind of pairs
  expect_unchanged("fuse_rotary", rotary(true, true, "r = MatMul(x, turn) " + kSum));
  expect_unchanged(
      "fuse_rotary",
      rotary(true, true,
             "b = Slice(x, h, end, last) a = Slice(x, zero, h, last) n = Neg(a) r = Concat(b, n) {axis=-1} " +
                 kSum));
  expect_unchanged("fuse_rotary",
                   rotary(true, true, kHalfTurn + "p = Mul(x, c) q = Mul(r, s) y = Sub(p, q)"));
}

// Constant tables are kept once, whatever the batch.
TEST(FuseRotary, TablesDoNotGrowWithTheBatch) {
  const Model m = after_pass("fuse_rotary", rotary(true, true, kHalfTurn + kSum));
  ASSERT_EQ(count(m.graph, "RotaryEmbedding"), 1u);
  for (NodeId id : m.graph.order())
    for (ValueId v : m.graph.node(id).inputs)
      if (const Tensor* t = v ? m.graph.constant(v) : nullptr; t != nullptr && t->dtype() == DType::kF32) {
        EXPECT_LE(t->numel(), 3 * 4) << m.graph.value(v).name;
      }
}

TEST(FuseRotary, NothingToRotate) {
  const std::string text =
      "graph g(x: f32[2,4,0,8]) -> (y) { c: f32[1,1,0,8] = constant(normal, seed=1, scale=1) s: f32[1,1,0,8] "
      "= "
      "constant(normal, seed=2, scale=1) zero: i64[1] = [0] h: i64[1] = [4] end: i64[1] = "
      "[9223372036854775807] "
      "last: i64[1] = [-1] " +
      kHalfTurn + kSum + " }";
  expect_unchanged("fuse_rotary", text);
}

// Angles computed as PyTorch exports them: a Concat of one half with itself, and a batch that is only known
// at run time.
TEST(FuseRotary, ComputedAngles) {
  const Model m = after_pass(
      "fuse_rotary",
      "graph g(x: f32[n,t,32], f: f32[1,t,4]) -> (y) { heads: i64[4] = [0,0,4,8] zero: i64[1] = [0] one: "
      "i64[1] = [1] h: i64[1] = [4] "
      "end: i64[1] = [9223372036854775807] last: i64[1] = [-1] x4 = Reshape(x, heads) xt = Transpose(x4) "
      "{perm=[0,2,1,3]} "
      "ff = Concat(f, f) {axis=-1} c3 = Cos(ff) s3 = Sin(ff) c = Unsqueeze(c3, one) s = Unsqueeze(s3, one) "
      "b = Slice(xt, h, end, last) a = Slice(xt, zero, h, last) n = Neg(b) r = Concat(n, a) {axis=-1} p = "
      "Mul(xt, c) q = Mul(r, s) y = Add(p, q) }");
  ASSERT_EQ(count(m.graph, "RotaryEmbedding"), 1u) << print_graph(m.graph);
  EXPECT_EQ(count(m.graph, "Neg"), 0u);
  EXPECT_EQ(count(m.graph, "Transpose"), 1u);
}

}  // namespace
}  // namespace precis::test
