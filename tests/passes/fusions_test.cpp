// Operators found again in what exporters write: every form becomes the node with the same outputs, and what
// only looks like it stays.
#include "pass_harness.h"
#include "precis/graph/text.h"

namespace precis::test {
namespace {

// `statements` with numbers that forms are made of, and rows for normalizations.
std::string graph(const std::string& statements, const std::string& outputs = "y") {
  return "graph g(x: f32[2,3,8]) -> (" + outputs +
         ") { half: f32[] = [0.5] one: f32[] = [1] two: f32[] = [2] three: f32[] = [3] root2: f32[] = "
         "[1.4142135] "
         "inv_root2: f32[] = [0.70710677] k: f32[] = [0.7978845608] c: f32[] = [0.044715] eps: f32[] = "
         "[0.00001] "
         "minus_half: f32[] = [-0.5] ones: f32[1,1,1] = [1] last: i64[1] = [-1] two_last: i64[2] = [1, 2] "
         "first: i64[1] = [1] "
         "w: f32[8] = [1, 2, 3, 4, -1, 0.5, 1, 2] b: f32[8] = [0, 1, 0, -1, 2, 0, 0, 1] w1: f32[1,1,8] = [1, "
         "2, 3, 4, -1, 0.5, 1, 2] " +
         statements + " }";
}

// After the pass, `nodes` is all that is left.
void expect_becomes(const char* pass, const std::string& statements, const std::string& node,
                    double tolerance = 1e-5) {
  SCOPED_TRACE(statements);
  Model wanted = model_of(graph(node));
  wanted.graph.remove_dead_values();
  expect_rewrite(pass, graph(statements), print_graph(wanted.graph), tolerance);
}

void expect_stays(const char* pass, const std::string& statements, const std::string& outputs = "y") {
  SCOPED_TRACE(statements);
  expect_unchanged(pass, graph(statements, outputs));
}

TEST(FuseGelu, ByErf) {
  for (const char* form : {
           // PyTorch
           "d = Div(x, root2) e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Mul(m, half)",
           // TensorFlow, Keras
           "d = Mul(x, inv_root2) e = Erf(d) a = Add(one, e) h = Mul(half, a) y = Mul(x, h)",
           "h = Mul(half, x) d = Div(x, root2) e = Erf(d) a = Add(ones, e) y = Mul(h, a)",
           "h = Div(x, two) d = Div(x, root2) e = Erf(d) a = Add(e, one) y = Mul(a, h)",
       })
    expect_becomes("fuse_gelu", form, "y = Gelu(x)");
}

TEST(FuseGelu, ByTanh) {
  const std::string outer = " t = Tanh(u) g = Add(t, one) h = Mul(half, g) y = Mul(x, h)";
  for (const char* argument : {
           "p = Pow(x, three) q = Mul(c, p) s = Add(x, q) u = Mul(s, k)",
           "q = Mul(c, x) q2 = Mul(x, q) q3 = Mul(x, q2) s = Add(x, q3) u = Mul(k, s)",
           "p = Mul(x, x) p3 = Mul(p, x) q = Mul(p3, c) s = Add(q, x) u = Mul(k, s)",
           "p = Mul(c, x) q = Mul(p, x) s = Add(q, one) r = Mul(x, k) u = Mul(r, s)",
           "p = Pow(x, two) q = Mul(p, c) s = Add(one, q) r = Mul(k, x) u = Mul(r, s)",
       })
    expect_becomes("fuse_gelu", argument + outer, "y = Gelu(x) {approximate=\"tanh\"}");
}

TEST(FuseGelu, OfAProduct) {
  expect_becomes("fuse_gelu",
                 "z = Mul(x, x) d = Div(z, root2) e = Erf(d) a = Add(e, one) m = Mul(z, a) y = Mul(m, half)",
                 "z = Mul(x, x) y = Gelu(z)");
}

TEST(FuseGelu, OnlyWhereItIsGelu) {
  for (const char* form : {
           "d = Div(x, two) e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Mul(m, half)",
           "d = Div(x, root2) e = Erf(d) a = Add(e, two) m = Mul(x, a) y = Mul(m, half)",
           "d = Div(x, root2) e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Mul(m, two)",
           "d = Div(x, root2) e = Erf(d) a = Add(e, one) z = Relu(x) m = Mul(z, a) y = Mul(m, half)",
           "p = Pow(x, two) q = Mul(c, p) s = Add(x, q) u = Mul(s, k) t = Tanh(u) a = Add(t, one) h = "
           "Mul(half, a) y = Mul(x, h)",
       })
    expect_stays("fuse_gelu", form);
  expect_stays("fuse_gelu", "d = Div(x, root2) e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Mul(m, half)",
               "y, a");
}

TEST(FuseGelu, TellsWhatIsInTheWay) {
  Model m = model_of(graph(
      "d = Div(x, root2) e = Erf(d) a = Add(e, one) m = Mul(x, a) y = Mul(m, half) z = Relu(e)", "y, z"));
  const passes::PassResult r = run_pass(m, "fuse_gelu");
  EXPECT_EQ(r.changes, 0);
  ASSERT_EQ(r.notes.size(), 1u);
  EXPECT_EQ(r.notes[0], "'y' has the form of Gelu and stays as it is: 'e' inside it is needed elsewhere");
}

TEST(FuseSwish, WithAndWithoutASlope) {
  expect_becomes("fuse_swish", "s = Sigmoid(x) y = Mul(x, s)", "y = Swish(x)");
  expect_becomes("fuse_swish", "s = Sigmoid(x) y = Mul(s, x)", "y = Swish(x)");
  expect_becomes("fuse_swish", "a = Mul(x, two) s = Sigmoid(a) y = Mul(x, s)", "y = Swish(x) {alpha=2.0}");
  expect_stays("fuse_swish", "z = Relu(x) s = Sigmoid(z) y = Mul(x, s)");
  expect_stays("fuse_swish", "s = Sigmoid(x) y = Mul(x, s)", "y, s");
}

TEST(FuseLayerNorm, EveryWayToComposeIt) {
  const std::string mean = "m = ReduceMean(x, last) d = Sub(x, m) ", tail = " n = Mul(r, w) y = Add(n, b)";
  for (
      const char* form : {
          "q = Pow(d, two) v = ReduceMean(q, last) s = Add(v, eps) t = Sqrt(s) r = Div(d, t)",
          "q = Mul(d, d) v = ReduceMean(q, last) s = Add(eps, v) t = Sqrt(s) i = Reciprocal(t) r = Mul(d, i)",
          "q = Mul(d, d) v = ReduceMean(q, last) s = Add(v, eps) i = Pow(s, minus_half) r = Mul(i, d)",
          "q = Mul(d, d) v = ReduceMean(q, last) s = Add(v, eps) t = Pow(s, half) r = Div(d, t)",
          "q = Mul(d, d) v = ReduceMean(q, last) s = Add(v, eps) t = Sqrt(s) i = Div(one, t) r = Mul(d, i)",
          "d2 = Sub(x, m) q = Pow(d2, two) v = ReduceMean(q, last) s = Add(v, eps) t = Sqrt(s) r = Div(d, t)",
      })
    expect_becomes("fuse_layer_norm", mean + form + tail,
                   "y = LayerNormalization(x, w, b) {axis=-1, epsilon=1e-05}");
}

TEST(FuseLayerNorm, WithoutBiasOrScale) {
  const std::string core =
      "m = ReduceMean(x, last) d = Sub(x, m) q = Pow(d, two) v = ReduceMean(q, last) s = Add(v, eps) t = "
      "Sqrt(s) ";
  expect_becomes("fuse_layer_norm", core + "r = Div(d, t) y = Mul(w, r)",
                 "y = LayerNormalization(x, w) {axis=-1, epsilon=1e-05}");
  Model m = model_of(graph(core + "y = Div(d, t)"));
  EXPECT_EQ(run_pass(m, "fuse_layer_norm").changes, 1);
  const Node& n = m.graph.node(m.graph.order()[0]);
  EXPECT_TRUE(n.is("LayerNormalization"));
  EXPECT_EQ(m.graph.constant(n.inputs[1])->numel(), 8);
  // a sum that is no bias
  expect_becomes("fuse_layer_norm", core + "r = Div(d, t) n = Mul(w, r) y = Add(n, x)",
                 "n = LayerNormalization(x, w) {axis=-1, epsilon=1e-05} y = Add(n, x)");
}

TEST(FuseLayerNorm, AsTensorFlowWritesIt) {
  expect_becomes("fuse_layer_norm",
                 "m = ReduceMean(x, last) d = Sub(x, m) q = Mul(d, d) v = ReduceMean(q, last) s = Add(v, "
                 "eps) t = Sqrt(s) "
                 "i = Reciprocal(t) f = Mul(i, w) p = Mul(x, f) pm = Mul(m, f) o = Sub(b, pm) y = Add(p, o)",
                 "y = LayerNormalization(x, w, b) {axis=-1, epsilon=1e-05}");
}

TEST(FuseLayerNorm, OverTwoDimensions) {
  Model m =
      model_of(graph("m = ReduceMean(x, two_last) d = Sub(x, m) q = Pow(d, two) v = ReduceMean(q, two_last) "
                     "s = Add(v, eps) t = Sqrt(s) y = Div(d, t)"));
  EXPECT_EQ(run_pass(m, "fuse_layer_norm").changes, 1);
  EXPECT_EQ(m.graph.node(m.graph.order()[0]).get_int("axis", 0), -2);
}

TEST(FuseLayerNorm, OnlyWhereItIsLayerNorm) {
  const auto form = [](const std::string& axes, const std::string& axes2, const std::string& root) {
    return "m = ReduceMean(x, " + axes + ") d = Sub(x, m) q = Pow(d, two) v = ReduceMean(q, " + axes2 +
           ") s = Add(v, eps) t = " + root + " r = Div(d, t) y = Relu(r)";
  };
  expect_stays("fuse_layer_norm", form("first", "first", "Sqrt(s)"));
  expect_stays("fuse_layer_norm", form("last", "two_last", "Sqrt(s)"));
  expect_stays("fuse_layer_norm", form("last", "last", "Exp(s)"));
  expect_stays("fuse_layer_norm",
               "m = ReduceMean(x, last) d = Sub(x, m) q = Pow(d, three) v = ReduceMean(q, last) s = Add(v, "
               "eps) t = Sqrt(s) y = Div(d, t)");
  expect_stays("fuse_layer_norm",
               "m = ReduceMean(x, last) d = Sub(x, m) q = Pow(d, two) v = ReduceMean(q, last) s = Add(v, "
               "eps) t = Sqrt(s) y = Div(d, t)",
               "y, t");
}

TEST(FuseRmsNorm, EveryWayToComposeIt) {
  for (const char* form : {
           "q = Pow(x, two) v = ReduceMean(q, last) s = Add(v, eps) t = Sqrt(s) r = Div(x, t) y = Mul(r, w)",
           "q = Mul(x, x) v = ReduceMean(q, last) s = Add(eps, v) t = Sqrt(s) i = Reciprocal(t) r = Mul(x, "
           "i) y = Mul(w, r)",
           "q = Mul(x, x) v = ReduceMean(q, last) s = Add(v, eps) i = Pow(s, minus_half) f = Mul(i, w) y = "
           "Mul(x, f)",
           "q = Pow(x, two) v = ReduceMean(q, last) s = Add(v, eps) t = Sqrt(s) i = Div(one, t) r = Mul(x, "
           "i) y = Mul(w, r)",
           "q = Pow(x, two) v = ReduceMean(q, last) s = Add(v, eps) t = Sqrt(s) n = Mul(x, w) y = Div(n, t)",
       })
    expect_becomes("fuse_rms_norm", form, "y = RMSNormalization(x, w) {axis=-1, epsilon=1e-05}");
  Model m = model_of(graph(
      "q = Pow(x, two) v = ReduceMean(q, last) s = Add(v, eps) t = Sqrt(s) r = Div(x, t) y = Mul(r, w1)"));
  EXPECT_EQ(run_pass(m, "fuse_rms_norm").changes, 1);
  EXPECT_EQ(m.graph.constant(m.graph.node(m.graph.order()[0]).inputs[1])->shape(), Shape({8}));
}

TEST(FuseRmsNorm, OnlyWhereItIsRmsNorm) {
  expect_stays("fuse_rms_norm",
               "q = Pow(x, three) v = ReduceMean(q, last) s = Add(v, eps) t = Sqrt(s) y = Div(x, t)");
  expect_stays("fuse_rms_norm",
               "q = Pow(x, two) v = ReduceMean(q, first) s = Add(v, eps) t = Sqrt(s) y = Div(x, t)");
  expect_stays(
      "fuse_rms_norm",
      "z = Relu(x) q = Pow(z, two) v = ReduceMean(q, last) s = Add(v, eps) t = Sqrt(s) y = Div(x, t)");
  expect_stays("fuse_rms_norm",
               "q = Pow(x, two) v = ReduceMean(q, last) s = Add(v, eps) t = Sqrt(s) y = Div(x, t)", "y, v");
  expect_stays("fuse_rms_norm",
               "q = Pow(x, two) v = ReduceMean(q, last) {keepdims=0} s = Add(v, eps) t = Sqrt(s) z = "
               "Unsqueeze(t, last) y = Div(x, z)");
}

}  // namespace
}  // namespace precis::test
