// Graph: building, editing, order and compaction keep names, uses and producers true.
#include <gtest/gtest.h>

#include "precis/core/error.h"
#include "precis/graph/builder.h"
#include "precis/graph/graph.h"
#include "precis/graph/text.h"

namespace precis {
namespace {

std::vector<std::string> op_names(const Graph& g) {
  std::vector<std::string> names;
  for (NodeId id : g.order()) names.push_back(g.node(id).op);
  return names;
}

std::string message_of(const std::function<void()>& action, ErrorCode code) {
  try {
    action();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

using Names = std::vector<std::string>;

TEST(GraphEdit, UsesAreKeptByEveryEdit) {
  Graph g = parse_graph("graph g(x: f32[2]) -> (c) { a = Relu(x)  b = Neg(x)  c = Add(a, b) }");
  const ValueId x = g.find_value("x"), a = g.find_value("a"), b = g.find_value("b");
  ASSERT_EQ(g.value(x).uses.size(), 2u);
  const NodeId add = g.value(a).uses[0].node;
  g.set_input(add, 1, a);
  EXPECT_TRUE(g.value(b).uses.empty());
  EXPECT_EQ(g.value(a).uses, (std::vector<Use>{{add, 0}, {add, 1}}));
  g.replace_uses_in_nodes(a, b);
  EXPECT_EQ(g.value(b).uses, (std::vector<Use>{{add, 0}, {add, 1}}));
  EXPECT_TRUE(g.value(a).uses.empty());
  g.set_inputs(add, {x});
  EXPECT_EQ(g.value(x).uses.back(), (Use{add, 0}));
  EXPECT_EQ(g.node(add).inputs.size(), 1u);
}

TEST(GraphEdit, ReplaceUsesMovesGraphOutputs) {
  Graph g = parse_graph("graph g(x: f32[2]) -> (a, a2) { a = Relu(x)  a2 = Neg(a)  n = Abs(x) }");
  const ValueId a = g.find_value("a"), n = g.find_value("n");
  g.replace_uses(a, n);
  EXPECT_TRUE(g.is_output(n));
  EXPECT_FALSE(g.is_output(a));
  EXPECT_EQ(g.outputs()[0], n);
  EXPECT_EQ(g.value(n).uses.size(), 1u);
}

TEST(GraphEdit, InsertionKeepsTheOrder) {
  Graph g = parse_graph("graph g(x: f32[2]) -> (c) { a = Relu(x)  c = Neg(a) }");
  const NodeId relu = g.order()[0], neg = g.order()[1];
  const ValueId a = g.find_value("a");
  GraphBuilder before = GraphBuilder::before(g, neg);
  before.op("Abs", {a});
  before.op("Exp", {a});
  GraphBuilder after = GraphBuilder::after(g, relu);
  after.op("Sin", {a});
  after.op("Cos", {a});
  EXPECT_EQ(op_names(g), (Names{"Relu", "Sin", "Cos", "Abs", "Exp", "Neg"}));
  g.remove_node(neg);
  EXPECT_EQ(op_names(g), (Names{"Relu", "Sin", "Cos", "Abs", "Exp"}));
}

TEST(GraphEdit, NodesMayBeRemovedWhileWalkingTheOrder) {
  Graph g =
      parse_graph("graph g(x: f32[2]) -> (d) { a = Relu(x)  b = Identity(a)  c = Identity(b)  d = Neg(c) }");
  for (NodeId id : g.order()) {
    if (!g.node(id).is("Identity")) continue;
    const ValueId in = g.node(id).inputs[0], out = g.node(id).outputs[0];
    g.remove_node(id);
    g.replace_uses(out, in);
  }
  g.remove_dead_values();
  EXPECT_EQ(op_names(g), (Names{"Relu", "Neg"}));
  EXPECT_FALSE(g.find_value("b"));
  EXPECT_EQ(g.value(g.node(g.order()[1]).inputs[0]).name, "a");
}

TEST(GraphEdit, RemoveNodesInOneSweep) {
  Graph g = parse_graph("graph g(x: f32[2]) -> (a) { a = Relu(x)  b = Neg(x)  c = Abs(x)  d = Add(x, x) }");
  const std::vector<NodeId> gone(g.order().begin() + 1, g.order().end());
  g.remove_nodes(gone);
  EXPECT_EQ(op_names(g), Names{"Relu"});
  EXPECT_EQ(g.value(g.find_value("x")).uses.size(), 1u);
  EXPECT_FALSE(g.value(g.find_value("d")).producer);
}

TEST(GraphEdit, SortIsStableAndRepairsOrder) {
  Graph g = parse_graph("graph g(x: f32[2]) -> (c) { c = Add(a, b)  z = Sin(x)  b = Neg(a)  a = Relu(x) }");
  g.sort();
  EXPECT_EQ(op_names(g), (Names{"Sin", "Relu", "Neg", "Add"}));
  const std::vector<NodeId> once(g.order().begin(), g.order().end());
  g.sort();
  EXPECT_EQ(std::vector<NodeId>(g.order().begin(), g.order().end()), once);
}

TEST(GraphEdit, SortHonoursCapturesOfSubgraphs) {
  Graph g = parse_graph(R"(graph g(c: bool[], x: f32[2]) -> (y) {
    y = If(c) {then_branch=graph t() -> (u) { u = Neg(late) }, else_branch=graph e() -> (v) { v = Abs(x) }}
    late = Relu(x)
  })");
  EXPECT_EQ(captured_names(g.node(g.order()[0])), (Names{"late", "x"}));
  g.sort();
  EXPECT_EQ(op_names(g), (Names{"Relu", "If"}));
}

TEST(GraphEdit, CyclesNameANode) {
  Graph g = parse_graph(
      "graph g(x: f32[2]) -> (c) { s = Sin(x)  a = Add(s, c)  b = Neg(a)  c = Abs(b)  d = Exp(c) }");
  const std::string text = message_of([&] { g.sort(); }, ErrorCode::kMalformed);
  EXPECT_NE(text.find("part of a cycle"), std::string::npos) << text;
  EXPECT_EQ(text.find("'s'"), std::string::npos) << text;
  EXPECT_EQ(text.find("'d'"), std::string::npos) << text;
  EXPECT_TRUE(g.cycle_node());
}

TEST(GraphEdit, CompactRenumbersEverything) {
  Graph g =
      parse_graph("graph g(x: f32[2]) -> (c) { w: f32[2] = [1, 2]  a = Relu(x)  b = Neg(a)  c = Add(a, w) }");
  g.remove_node(g.value(g.find_value("b")).producer);
  g.remove_dead_values();
  const std::string before = print_graph(g);
  g.compact();
  EXPECT_EQ(print_graph(g), before);
  EXPECT_EQ(g.num_values(), 4u);
  EXPECT_EQ(g.num_node_slots(), 2u);
  EXPECT_EQ(g.producer(g.find_value("c"))->op, "Add");
  EXPECT_EQ(g.value(g.find_value("w")).uses, (std::vector<Use>{{NodeId{1}, 1}}));
  EXPECT_TRUE(g.is_output(g.find_value("c")));
}

TEST(GraphEdit, CopiesAreIndependent) {
  Graph g = parse_graph(
      "graph g(c: bool[]) -> (y) { y = If(c) {then_branch=graph t() -> (u) { u: f32[1] = [1] }} }");
  Graph copy = g;
  auto& body = std::get<SubgraphPtr>(copy.node(copy.order()[0]).attributes.at("then_branch"));
  body->name = "changed";
  copy.rename_value(copy.find_value("y"), "z");
  EXPECT_EQ(std::get<SubgraphPtr>(g.node(g.order()[0]).attributes.at("then_branch"))->name, "t");
  EXPECT_TRUE(g.find_value("y"));
}

TEST(GraphEdit, NamesAreUnique) {
  Graph g = parse_graph("graph g(x: f32[2]) -> (y) { y = Relu(x) }");
  EXPECT_EQ(g.unique_value_name("z"), "z");
  for (int i = 1; i <= 100; ++i) {
    const std::string name = g.unique_value_name("x");
    EXPECT_EQ(name, "x_" + std::to_string(i));
    g.add_value(name);
  }
  EXPECT_EQ(g.unique_node_name("y"), "y_1");
  EXPECT_NE(message_of([&] { g.add_value("x"); }, ErrorCode::kMalformed).find("'x' is defined twice"),
            std::string::npos);
  EXPECT_NE(message_of([&] { g.add_value(""); }, ErrorCode::kMalformed).find("empty name"),
            std::string::npos);
  message_of([&] { g.rename_value(g.find_value("x"), "y"); }, ErrorCode::kInternal);
}

TEST(GraphEdit, EveryValueHasOneOrigin) {
  Graph g = parse_graph("graph g(x: f32[2]) -> (y) { w: f32[1] = [1]  y = Relu(x) }");
  const auto writing = [&](std::vector<ValueId> outputs) {
    Node n;
    n.op = "Neg";
    n.name = "n";
    n.inputs = {g.find_value("x")};
    n.outputs = std::move(outputs);
    return message_of([&] { g.add_node(n); }, ErrorCode::kMalformed);
  };
  EXPECT_NE(writing({g.find_value("x")}).find("the graph's inputs"), std::string::npos);
  EXPECT_NE(writing({g.find_value("w")}).find("an initializer"), std::string::npos);
  EXPECT_NE(writing({g.find_value("y")}).find("node 'y' (Relu)"), std::string::npos);
  const ValueId fresh = g.add_value("fresh");
  EXPECT_NE(writing({fresh, fresh}).find("the same node"), std::string::npos);
  EXPECT_FALSE(g.value(fresh).producer);  // a failed call changes nothing
}

TEST(GraphEdit, AttributesAreTyped) {
  Graph g = parse_graph("graph g(x: f32[2]) -> (y) { y = Foo(x) {i=1, f=0.5, s=\"a\", l=[1, 2]} }");
  const Node& n = g.node(g.order()[0]);
  EXPECT_EQ(n.get_int("i", 0), 1);
  EXPECT_EQ(n.get_int("absent", 7), 7);
  EXPECT_EQ(n.get_float("f", 0), 0.5f);
  EXPECT_EQ(n.get_string("s", ""), "a");
  EXPECT_EQ(n.get_ints("l"), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(message_of([&] { n.get_int("s", 0); }, ErrorCode::kMalformed),
            "node 'y' (Foo): attribute 's' is of kind string, expected int");
}

}  // namespace
}  // namespace precis
