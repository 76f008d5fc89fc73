// Local functions, written out: which nodes take a call's place, under which names, from which opset, and the
// limits on what they come to.
#include <gtest/gtest.h>

#include "onnx_bytes.h"
#include "precis/core/limits.h"
#include "precis/graph/text.h"
#include "precis/graph/validate.h"
#include "precis/onnx/onnx_io.h"
#include "tests/support/expect_error.h"
#include "tests/support/limits_scope.h"

namespace precis::onnx_io {
namespace {

using namespace precis::test;

std::string io() { return graph_input("x", {2}) + graph_output("y", {2}); }
std::string with(const std::string& functions, const std::string& graph, int64_t version = 13) {
  return model(graph, version) + opset(1, "f.d") + functions;
}
std::string calling(const std::string& functions, const std::string& more = "") {
  return with(functions, io() + in_node(call("f", {"x"}, {"y"}, bytes(3, "n") + more)));
}
std::string float_attribute(std::string_view name, float value) {
  return attribute(name, 1, tag(2, 5) + raw<float>({value}));
}
std::string default_float(std::string_view name, float value) {
  return bytes(11, bytes(1, name) + tag(2, 5) + raw<float>({value}) + number(20, 1));
}

ReadResult read(const std::string& m) {
  ReadResult r = read_model_bytes(as_bytes(m));
  validate(r.model);
  return r;
}
// The statements of the graph, one a line, without types.
std::string statements(const std::string& m) {
  const Graph g = read(m).model.graph;
  std::string text;
  for (ValueId id : g.initializers())
    text += g.value(id).name + " = " + std::to_string(g.constant(id)->at_double(0)).substr(0, 4) + "\n";
  for (NodeId id : g.order()) {
    const Node& n = g.node(id);
    std::string outs, ins;
    for (ValueId v : n.outputs) outs += (outs.empty() ? "" : ", ") + (v ? g.value(v).name : "_");
    for (ValueId v : n.inputs) ins += (ins.empty() ? "" : ", ") + (v ? g.value(v).name : "_");
    text += outs + " = " + n.op + "(" + ins + ")" + (n.name.empty() ? "" : " as " + n.name) + "\n";
  }
  return text;
}
std::string one(const std::string& name, const std::string& node, const std::string& more = "",
                int64_t version = 13) {
  return local_function(name, {"x"}, {"y"}, function_node(node), more, version);
}

TEST(Functions, InnerNamesFollowTheCall) {
  const std::string f = local_function("f", {"x"}, {"y"},
                                       function_node(node("Relu", {"x"}, {"m"}, bytes(3, "first"))) +
                                           function_node(node("Neg", {"m"}, {"y"}, bytes(3, "second"))));
  EXPECT_EQ(statements(calling(f)), "n/m = Relu(x) as n/first\ny = Neg(n/m) as n/second\n");
  const std::string twice = io() + in_node(call("f", {"x"}, {"a"}, bytes(3, "n"))) +
                            in_node(call("f", {"a"}, {"b"}, bytes(3, "n"))) +
                            in_node(call("f", {"b"}, {"y"}));
  EXPECT_EQ(statements(with(f, twice)),
            "n/m = Relu(x) as n/first\na = Neg(n/m) as n/second\n"
            "n_1/m = Relu(a) as n_1/first\nb = Neg(n_1/m) as n_1/second\n"
            "y/m = Relu(b) as y/first\ny = Neg(y/m) as y/second\n");
}

TEST(Functions, NamesOfTheGraphStayTheirs) {
  const std::string f =
      local_function("f", {"x"}, {"y"},
                     function_node(node("Relu", {"x"}, {"m"})) + function_node(node("Neg", {"m"}, {"y"})));
  const std::string graph =
      io() + in_node(node("Abs", {"x"}, {"n/m"})) + in_node(call("f", {"n/m"}, {"y"}, bytes(3, "n")));
  EXPECT_EQ(statements(with(f, graph)), "n/m = Abs(x)\nn/m_1 = Relu(n/m)\ny = Neg(n/m_1)\n");
}

TEST(Functions, AttributesComeFromTheCallOrTheDefault) {
  const std::string leaky = node("LeakyRelu", {"x"}, {"y"}, reference("alpha", 1, "a"));
  const auto alpha = [](const std::string& m) {
    const Graph g = read(m).model.graph;
    return g.node(g.order()[0]).get_float("alpha", -1);
  };
  EXPECT_EQ(alpha(calling(one("f", leaky, bytes(6, "a")), float_attribute("a", 0.25f))), 0.25f);
  EXPECT_EQ(alpha(calling(one("f", leaky, default_float("a", 0.5f)))), 0.5f);
  EXPECT_EQ(alpha(calling(one("f", leaky, default_float("a", 0.5f)), float_attribute("a", 0.25f))), 0.25f);
  EXPECT_EQ(alpha(calling(one("f", leaky, bytes(6, "a")))), -1);  // then the operator's own default holds
}

TEST(Functions, ConstantsTakeAttributes) {
  const std::string f =
      local_function("f", {"x"}, {"y"},
                     function_node(node("Constant", {}, {"c"}, reference("value_float", 1, "a"))) +
                         function_node(node("Mul", {"x", "c"}, {"y"})),
                     bytes(6, "a"));
  EXPECT_EQ(statements(calling(f, float_attribute("a", 0.25f))), "n/c = 0.25\ny = Mul(x, n/c)\n");
  EXPECT_ERROR(read(calling(f)), ErrorCode::kMalformed, "the call gives no attribute 'a'");
}

TEST(Functions, AttributesThatAFunctionDoesNotHaveAreLeftOut) {
  const ReadResult r = read(calling(one("f", node("Relu", {"x"}, {"y"})), float_attribute("q", 1)));
  ASSERT_EQ(r.warnings.size(), 1u);
  EXPECT_EQ(r.warnings[0],
            "attribute 'q' of calls of function 'f.d::f' was dropped, the function has no such attribute");
}

TEST(Functions, CallsInCallsPassAttributesOn) {
  const std::string inner =
      one("g", node("LeakyRelu", {"x"}, {"y"}, reference("alpha", 1, "b")), bytes(6, "b"));
  const std::string outer =
      one("f", call("g", {"x"}, {"y"}, bytes(3, "inner") + reference("b", 1, "a")), bytes(6, "a"));
  const Graph g = read(calling(outer + inner, float_attribute("a", 0.25f))).model.graph;
  ASSERT_EQ(g.order().size(), 1u);
  EXPECT_EQ(g.node(g.order()[0]).get_float("alpha", -1), 0.25f);
}

TEST(Functions, OmittedInputsAndOutputs) {
  const std::string clip = local_function(
      "f", {"x", "lo", "hi"}, {"u", "y"},
      function_node(node("Relu", {"x"}, {"u"})) + function_node(node("Clip", {"u", "lo", "hi"}, {"y"})));
  const std::string graph =
      io() + graph_input("h", {}) + in_node(call("f", {"x", "", "h"}, {"", "y"}, bytes(3, "n")));
  EXPECT_EQ(statements(with(clip, graph)), "n/u = Relu(x)\ny = Clip(n/u, _, h)\n");
  const std::string less = io() + in_node(call("f", {"x"}, {"z", "y"}, bytes(3, "n")));
  EXPECT_EQ(statements(with(clip, less)), "z = Relu(x)\ny = Clip(z)\n");
}

TEST(Functions, OutputsThatNoNodeMakesAreCopied) {
  EXPECT_EQ(statements(calling(local_function("f", {"x"}, {"x"}, ""))), "y = Identity(x) as n/x\n");
  const std::string twice = local_function("f", {"x"}, {"r", "x"}, function_node(node("Relu", {"x"}, {"r"})));
  const std::string graph =
      io() + in_node(call("f", {"x"}, {"a", "b"})) + in_node(node("Add", {"a", "b"}, {"y"}));
  EXPECT_EQ(statements(with(twice, graph)), "a = Relu(x)\nb = Identity(x) as a/x\ny = Add(a, b)\n");
  const std::string omitted = local_function("f", {"w", "x"}, {"x"}, "");
  EXPECT_ERROR(read(with(omitted, io() + in_node(call("f", {"x"}, {"y"})))), ErrorCode::kMalformed,
               "is an input, which the call omits");
}

TEST(Functions, AreBroughtUpFromTheirOwnOpset) {
  // Squeeze of opset 11 has its axes as an attribute; the model is of opset 13.
  const std::string f =
      local_function("f", {"x"}, {"y"},
                     function_node(node("Unsqueeze", {"x"}, {"m"}, attribute("axes", 7, packed(8, {0})))) +
                         function_node(node("Squeeze", {"m"}, {"y"}, attribute("axes", 7, packed(8, {0})))),
                     "", 11);
  EXPECT_EQ(statements(calling(f)),
            "n/m/axes = 0.00\ny/axes = 0.00\nn/m = Unsqueeze(x, n/m/axes)\ny = Squeeze(n/m, y/axes)\n");
}

TEST(Functions, OldFormsThatNeedShapesGetThem) {
  // Softmax of opset 12 flattens: the function must know the rank that its input has.
  const std::string f = one("f", node("Softmax", {"x"}, {"y"}), "", 12);
  const std::string graph = graph_input("x", {2, 3}) + graph_output("y", {2, 3}) +
                            in_node(node("Relu", {"x"}, {"r"})) + in_node(call("f", {"r"}, {"y"}));
  EXPECT_EQ(statements(with(f, graph)), "r = Relu(x)\ny = Softmax(r)\n");
}

TEST(Functions, ComeBeforeTheOperatorOfTheSameName) {
  const std::string gelu = bytes(25, bytes(1, "Gelu") + bytes(4, "x") + bytes(5, "y") +
                                         bytes(9, number(2, 13)) + function_node(node("Relu", {"x"}, {"y"})));
  EXPECT_EQ(statements(model(io() + in_node(node("Gelu", {"x"}, {"y"}))) + gelu), "y = Relu(x)\n");
  const std::string constant =
      bytes(25, bytes(1, "Constant") + bytes(4, "x") + bytes(5, "y") + bytes(9, number(2, 13)) +
                    function_node(node("Abs", {"x"}, {"y"})));
  EXPECT_EQ(statements(model(io() + in_node(node("Constant", {"x"}, {"y"}, bytes(7, "ai.onnx")))) + constant),
            "y = Abs(x)\n");
}

TEST(Functions, OverloadsAreFunctionsOfTheirOwn) {
  const std::string both =
      one("f", node("Relu", {"x"}, {"y"})) + one("f", node("Abs", {"x"}, {"y"}), bytes(13, "o"));
  EXPECT_EQ(statements(calling(both)), "y = Relu(x)\n");
  EXPECT_EQ(statements(calling(both, bytes(8, "o"))), "y = Abs(x)\n");
  EXPECT_ERROR(read(calling(both, bytes(8, "p"))), ErrorCode::kUnsupported, "f.d");
}

// Bodies of a function see its values, not those of the graph that calls it; calls may stand in bodies.
TEST(Functions, InAndAroundBodies) {
  const auto branch = [](const std::string& name, const std::string& node, const std::string& out) {
    return attribute(name, 5, bytes(6, in_node(node) + graph_output(out, {2})));
  };
  const std::string g = one("g", node("Neg", {"x"}, {"y"}));
  const std::string f = local_function(
      "f", {"x", "c"}, {"y"},
      function_node(node("Relu", {"x"}, {"m"})) +
          function_node(node("If", {"c"}, {"y"},
                             branch("then_branch", call("g", {"m"}, {"t"}, bytes(3, "inner")), "t") +
                                 branch("else_branch", node("Add", {"m", "x"}, {"t"}), "t"))));
  const std::string graph = io() + graph_input("c", {}, 9) + graph_input("x2", {2}) +
                            in_node(node("Add", {"x", "x2"}, {"t"})) +
                            in_node(call("f", {"t", "c"}, {"y"}, bytes(3, "n")));
  const Graph read_graph = read(with(f + g, graph)).model.graph;
  EXPECT_EQ(read_graph.order().size(), 3u);
  const Node& node_if = read_graph.node(read_graph.order()[2]);
  const Graph& then_branch = *std::get<SubgraphPtr>(node_if.attributes.at("then_branch"));
  const Graph& else_branch = *std::get<SubgraphPtr>(node_if.attributes.at("else_branch"));
  EXPECT_EQ(then_branch.node(then_branch.order()[0]).op, "Neg");
  EXPECT_TRUE(then_branch.find_value("n/m"));
  const Node& add = else_branch.node(else_branch.order()[0]);
  EXPECT_EQ(else_branch.value(add.inputs[0]).name, "n/m");
  EXPECT_EQ(else_branch.value(add.inputs[1]).name, "t");
  EXPECT_TRUE(else_branch.value(add.inputs[1]).captured);
}

TEST(Functions, TensorsAreHeldOnce) {
  const std::string weights = attribute("value", 4, bytes(5, dims({2}) + data_type(1) + float_data({1, 2})));
  const std::string f = local_function(
      "f", {"x"}, {"y"},
      function_node(node("Constant", {}, {"w"}, weights)) + function_node(node("Add", {"x", "w"}, {"y"})));
  const Graph g =
      read(with(f, io() + in_node(call("f", {"x"}, {"a"})) + in_node(call("f", {"a"}, {"y"})))).model.graph;
  ASSERT_EQ(g.initializers().size(), 2u);
  EXPECT_EQ(g.constant(g.initializers()[0])->bytes(), g.constant(g.initializers()[1])->bytes());
  EXPECT_EQ(g.constant(g.initializers()[1])->at_double(1), 2);
}

TEST(Functions, UncalledOnesAreNamedInAWarning) {
  const ReadResult r = read(with(one("f", call("g", {"x"}, {"y"})) + one("g", node("Relu", {"x"}, {"y"})),
                                 io() + in_node(node("Relu", {"x"}, {"y"}))));
  ASSERT_EQ(r.warnings.size(), 1u);
  EXPECT_EQ(r.warnings[0], "2 local functions that no node calls were dropped");
}

TEST(Functions, B34_B35_LimitsOnBothSides) {
  const LimitsScope scope;
  const std::string deep = calling(one("f", call("g", {"x"}, {"y"})) + one("g", node("Relu", {"x"}, {"y"})));
  const std::string four =
      local_function("g", {"x"}, {"y"},
                     function_node(node("Relu", {"x"}, {"m"})) + function_node(node("Neg", {"m"}, {"y"})));
  const std::string wide =
      with(local_function("f", {"x"}, {"y"},
                          function_node(call("g", {"x"}, {"m"})) + function_node(call("g", {"m"}, {"y"}))) +
               four,
           io() + in_node(call("f", {"x"}, {"y"})));
  Limits l = limits();
  l.max_call_depth = 2;
  l.max_functions = 2;
  l.max_nodes = 5;  // the file itself has five node messages
  set_limits(l);
  EXPECT_NO_THROW(read(deep));
  EXPECT_NO_THROW(read(wide));
  l.max_call_depth = 1;
  set_limits(l);
  EXPECT_ERROR(read(deep), ErrorCode::kLimit, "nested 2 deep, at most 1");
  l.max_call_depth = 2;
  l.max_functions = 1;
  set_limits(l);
  EXPECT_ERROR(read(deep), ErrorCode::kLimit, "has 2 local functions, at most 1");
  l.max_functions = 2;
  const std::string wider =
      with(local_function("f", {"x"}, {"y"},
                          function_node(call("g", {"x"}, {"m"})) + function_node(call("g", {"m"}, {"y"}))) +
               four,
           io() + in_node(call("f", {"x"}, {"z"})) + in_node(call("f", {"z"}, {"y"})));
  l.max_nodes = 8;
  set_limits(l);
  EXPECT_NO_THROW(read(wider));
  l.max_nodes = 7;
  set_limits(l);
  EXPECT_ERROR(read(wider), ErrorCode::kLimit, "has 8 nodes, at most 7");
}

TEST(Functions, ResultsAreTheSameEachTimeAndWrittenWithoutThem) {
  const std::string f =
      local_function("f", {"x"}, {"y"},
                     function_node(node("Relu", {"x"}, {"m"})) + function_node(node("Neg", {"m"}, {"y"})));
  const std::string m =
      with(f, bytes(2, "net") + io() + in_node(call("f", {"x"}, {"a"})) + in_node(call("f", {"a"}, {"y"})));
  EXPECT_EQ(print_graph(read(m).model.graph), print_graph(read(m).model.graph));
  const std::vector<std::byte> written = serialize_model(read(m).model);
  EXPECT_EQ(print_graph(read_model_bytes(written).model.graph), print_graph(read(m).model.graph));
}

}  // namespace
}  // namespace precis::onnx_io
