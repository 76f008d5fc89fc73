// The validator: structure, unknown operators, several problems at once, and graphs of a million nodes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "precis/core/limits.h"
#include "precis/graph/builder.h"
#include "precis/graph/op.h"
#include "precis/graph/text.h"
#include "precis/graph/validate.h"

namespace precis {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

Model model_of(const std::string& text) {
  Model m;
  m.graph = parse_graph(text);
  return m;
}

std::vector<std::string> lines(const Model& model, Problem::Level level) {
  std::vector<std::string> out;
  for (const Problem& p : find_problems(model))
    if (p.level == level) out.push_back(p.where + ": " + p.message);
  return out;
}

std::vector<std::string> errors(const std::string& text) {
  return lines(model_of(text), Problem::Level::kError);
}
std::vector<std::string> warnings(const std::string& text) {
  return lines(model_of(text), Problem::Level::kWarning);
}

Error thrown(const Model& model) {
  try {
    validate(model);
  } catch (const Error& e) {
    return e;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorCode::kInternal, "");
}

TEST(Validate, GoodGraphsHaveNoProblems) {
  EXPECT_THAT(find_problems(model_of(
                  "graph g(x: f32[N,3,8,8]) -> (y) { w: f32[4,3,3,3] = constant(fill) y = Conv(x, w) }")),
              IsEmpty());
  EXPECT_THAT(find_problems(model_of("graph g(x: f32[2]) -> (x) {}")), IsEmpty());  // no nodes: the identity
  EXPECT_THAT(find_problems(model_of("graph g() -> (w) { w: f32[2] = [1, 2] }")),
              IsEmpty());  // an initializer as output
  // Empty and repeated node names are allowed.
  EXPECT_THAT(find_problems(model_of(
                  "graph g(x: f32[2]) -> (y) { a = Relu(x) as \"\" b = Relu(a) as n y = Relu(b) as n }")),
              IsEmpty());
  // So are names that only look dangerous.
  EXPECT_THAT(
      find_problems(model_of(
          "graph g(x: f32[2]) -> (\"</script>\") { \"../../x\" = Relu(x) \"%n%s\" = Relu(\"../../x\") "
          "\"</script>\" = Relu(\"%n%s\") }")),
      IsEmpty());
}

TEST(Validate, MissingOrigins) {
  EXPECT_THAT(errors("graph g(x: f32[2]) -> (y) { y = Add(x, z) }"),
              Contains(HasSubstr("value 'z': is read by node 'y' (Add), but nothing makes it")));
  EXPECT_THAT(errors("graph g(x: f32[2]) -> (y) { a = Relu(x) }"),
              Contains(HasSubstr("graph output 'y': is made by no node")));
  EXPECT_THAT(errors("graph g(x: f32[2]) -> (x, x) { a = Relu(x) }"),
              Contains(HasSubstr("graph output 'x': is listed twice")));
  EXPECT_THAT(errors("graph g(x: f32[2]) -> () { a = Relu(x) }"),
              Contains(HasSubstr("graph 'g': has no outputs")));
  EXPECT_THAT(errors("graph g(x: f32[2]) -> (x) { _ = Relu(x) as n }"),
              Contains(HasSubstr("node 'n' (Relu): has no outputs")));
  EXPECT_THAT(errors("graph g(x) -> (x) { }"), Contains(HasSubstr("graph input 'x': has no element type")));
}

TEST(Validate, OrderAndCycles) {
  EXPECT_THAT(errors("graph g(x: f32[2]) -> (y) { y = Relu(a) a = Relu(x) }"),
              Contains(HasSubstr(
                  "node 'y' (Relu): reads 'a' before node 'a' (Relu) makes it; nodes must be sorted")));
  EXPECT_THAT(errors("graph g(x: f32[2]) -> (y) { y = Add(x, y) }"),
              Contains(HasSubstr("node 'y' (Add): is part of a cycle")));
  EXPECT_THAT(errors("graph g(x: f32[2]) -> (y) { y = Add(x, a) a = Relu(y) }"),
              Contains(HasSubstr("is part of a cycle")));
  EXPECT_THAT(errors("graph g(c: bool[]) -> (y) { y = If(c) {b=graph t() -> (u) { u = Relu(y) }} }"),
              Contains(HasSubstr("node 'y' (If): is part of a cycle")));
}

TEST(Validate, ScopesOfSubgraphs) {
  EXPECT_THAT(
      errors("graph g(x: f32[2], c: bool[]) -> (y) { y = If(c) {b=graph t() -> (x) { x: f32[1] = [1] }} }"),
      Contains(HasSubstr("value 'x': of subgraph 't' has the name of a value of an enclosing graph")));
  EXPECT_THAT(
      errors("graph g(x: f32[2], c: bool[]) -> (y) { y = If(c) {b=graph t() -> (u) { u = Relu(nowhere) }} }"),
      Contains(HasSubstr("value 'nowhere': is read in subgraph 't', but no enclosing graph has it")));
}

TEST(Validate, Names) {
  const auto named = [](const std::string& name) {
    Model m = model_of("graph g(x: f32[2]) -> (y) { y = Relu(x) }");
    m.graph.rename_value(m.graph.find_value("y"), name);
    return m;
  };
  const std::string bad[] = {std::string("a\0b", 3), "a\nb", "a\x1b[2J",
                             "a\xe2\x80\xae"
                             "b",
                             "\xff\xfe"};
  for (const std::string& name : bad) {
    const Error e = thrown(named(name));
    EXPECT_EQ(e.code(), ErrorCode::kMalformed);
    EXPECT_THAT(e.what(), HasSubstr("control characters or invalid UTF-8"));
  }
  EXPECT_NO_THROW(validate(named("größe_\xe5\x90\x8d\xe5\x89\x8d" + std::string(200, 'x'))));
  EXPECT_NO_THROW(validate(named(std::string(4096, 'n'))));
  const Error e = thrown(named(std::string(1 << 20, 'n')));
  EXPECT_EQ(e.code(), ErrorCode::kLimit);
  EXPECT_THAT(e.what(), HasSubstr("its name has 1048576 bytes, at most 4096"));
  EXPECT_LT(std::string(e.what()).size(), 400u);
}

TEST(Validate, UnknownOperatorsAreNamedAllAtOnce) {
  const Model m = model_of(R"(graph g(x: f32[2]) -> (y) {
    a = com.example::Fused(x)  b = com.example::Fused(a)  c = ImageDecoder(b)  y = If(c) {then_branch=graph t() -> (u) { u = StringSplit(x) }, else_branch=graph e() -> (v) { v = Scatter(x) }}
  })");
  const Error e = thrown(m);
  EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(
      e.what(),
      AllOf(HasSubstr("operator com.example::Fused: is not supported; 2 nodes use it, the first is node 'a'"),
            HasSubstr("operator ImageDecoder"), HasSubstr("operator StringSplit"), HasSubstr("operator Scatter")));
}

TEST(Validate, OperatorsThatNobodyDefinesAreMalformed) {
  const Error e = thrown(model_of("graph g(x: f32[2]) -> (y) { y = Rleu(x) }"));
  EXPECT_EQ(e.code(), ErrorCode::kMalformed);
  EXPECT_THAT(e.what(),
              HasSubstr("operator Rleu: does not exist (did you mean Relu?); node 'y' (Rleu) uses it"));
  EXPECT_EQ(thrown(model_of("graph g(x: f32[2]) -> (y) { y = precis::Quantise(x) }")).code(),
            ErrorCode::kMalformed);
}

TEST(Validate, CheckingGoesOnAfterABrokenNode) {
  const std::vector<std::string> all = errors(R"(graph g(x: f32[2,3]) -> (d, e) {
    a = Softmax(x) {axis=7}
    b = Transpose(a) {perm=[0,1,2]}     # a is unknown now: nothing to say
    c = Transpose(x) {perm=[0,1,2]}
    d = Relu(b)
    e = Gemm(c, c, c, c) {transA="yes"}
  })");
  EXPECT_EQ(all.size(), 4u);
  EXPECT_THAT(
      all, Contains("node 'a' (Softmax): attribute 'axis' 7 is out of range, expected -2 to 1 for rank 2"));
  EXPECT_THAT(
      all, Contains("node 'c' (Transpose): attribute 'perm' has 3 values, expected 2 for the input [2,3]"));
  EXPECT_THAT(all, Contains("node 'e' (Gemm): has 4 inputs, expected 2 to 3"));
  EXPECT_THAT(all, Contains("node 'e' (Gemm): attribute 'transA' is of kind string, expected int"));
}

TEST(Validate, Warnings) {
  EXPECT_THAT(
      warnings("graph g(x: f32[2]) -> (y) { y = Softmax(x) {axes=0} }"),
      Contains("node 'y' (Softmax): attribute 'axes' is not known and has no effect (did you mean 'axis'?)"));
  EXPECT_THAT(warnings("graph g(x: f32[2]) -> (y) { a: f32[1] = [1] b: f32[1] = [1] y = Relu(x) }"),
              Contains("graph 'g': 2 initializers are not used, the first is 'a'"));
  EXPECT_THAT(warnings("graph g(x: f32[2]) -> (y) { y: f32[3] = Relu(x) }"),
              Contains("value 'y': is declared as f32[3], but inference gives f32[2]"));
  EXPECT_THAT(warnings("graph g(x: f32[N]) -> (y) { y: f32[3] = Relu(x) }"), IsEmpty());
  EXPECT_NO_THROW(validate(model_of("graph g(x: f32[2]) -> (y) { y: f32[3] = Relu(x) }")));
}

TEST(Validate, Encodings) {
  const auto problem = [](const std::string& type, const std::string& codes) {
    const auto all = errors("graph g(x: f32[2]) -> (w) { w: " + type + " = " + codes + " }");
    return all.empty() ? "" : all[0];
  };
  EXPECT_EQ(problem("f32[2] @ u8(scale=0.1, zp=3)", "[1, 2]"), "");
  EXPECT_EQ(problem("f32[2,3] @ i8(axis=1, scale=[1,2,3])", "constant(fill)"), "");
  EXPECT_EQ(problem("f32[2,4] @ i4(block=[1,2], scale=[1,2,3,4])", "constant(fill)"), "");
  EXPECT_THAT(problem("f32[2] @ u8(scale=0)", "[1, 2]"),
              HasSubstr("has a scale of 0, expected a positive finite number"));
  EXPECT_THAT(problem("f32[2] @ u8(scale=inf)", "[1, 2]"), HasSubstr("has a scale of inf"));
  EXPECT_THAT(problem("f32[2] @ u8(zp=3)", "[1, 2]"), HasSubstr("has 1 zero points for 0 scales"));
  EXPECT_THAT(problem("f32[2] @ u8(scale=1, zp=300)", "[1, 2]"),
              HasSubstr("has a zero point of 300, expected 0 to 255"));
  EXPECT_THAT(problem("f32[2,3] @ i8(axis=1, scale=[1,2])", "constant(fill)"),
              HasSubstr("has 2 scales, expected 3 for shape [2,3]"));
  EXPECT_THAT(problem("f32[2,3] @ i8(block=[1], scale=[1,2])", "constant(fill)"),
              HasSubstr("has 1 block lengths for shape [2,3]"));
  EXPECT_THAT(problem("f32[2,3] @ i8(block=[0,1], scale=[1,2])", "constant(fill)"),
              HasSubstr("has a block length of 0"));
  EXPECT_THAT(problem("f32[2] @ i8(min=-200, scale=1)", "[1, 2]"),
              HasSubstr("run from -200 to 127, which i8 does not hold"));
  EXPECT_THAT(problem("f32[2] @ i8(bits=9, scale=1)", "[1, 2]"), HasSubstr("has 9 bits in i8"));
}

TEST(Validate, HugeDeclaredDimensionsAreRefused) {
  EXPECT_THAT(errors("graph g(x: f32[9223372036854775807,9223372036854775807]) -> (y) { y = Flatten(x) }"),
              Contains(HasSubstr("has a dimension of 9223372036854775807")));
}

TEST(Validate, NodeLimit) {
  const Limits before = limits();
  Limits small = before;
  small.max_nodes = 2;
  set_limits(small);
  const Error e = thrown(model_of("graph g(x: f32[2]) -> (c) { a = Relu(x) b = Relu(a) c = Relu(b) }"));
  set_limits(before);
  EXPECT_EQ(e.code(), ErrorCode::kLimit);
  EXPECT_THAT(e.what(), HasSubstr("has 3 nodes, at most 2 are allowed"));
}

TEST(Validate, ListsOfProblemsAreBounded) {
  std::string text = "graph g(x: f32[2]) -> (x) {";
  for (int i = 0; i < 3000; ++i) text += " v" + std::to_string(i) + " = Softmax(x) {axis=5}";
  const auto problems = find_problems(model_of(text + "}"));
  EXPECT_EQ(problems.size(), 1001u);
  EXPECT_EQ(problems.back().message, "2000 more problems are not listed");
}

class Million : public testing::Test {
 protected:
  static constexpr int kNodes = 1'000'000;

  ValueId add(std::string_view op, std::vector<ValueId> inputs) {
    Node n;
    n.op = op;
    n.inputs = std::move(inputs);
    const ValueId out = model_.graph.add_value("v" + std::to_string(next_++));
    n.outputs = {out};
    model_.graph.add_node(std::move(n));
    return out;
  }
  ValueId input() { return model_.graph.add_input("x", {DType::kF32, symbolic(Shape{1, 8}), {}}); }

  void expect_fast_and_valid() {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_NO_THROW(validate(model_));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    RecordProperty("seconds", std::to_string(taken.count()));
    EXPECT_LT(taken.count(), 60.0);  // quadratic work would take hours
  }

  Model model_;
  int next_ = 0;
};

TEST_F(Million, Chain) {
  ValueId v = input();
  for (int i = 0; i < kNodes; ++i) v = add("Relu", {v});
  model_.graph.set_outputs({v});
  expect_fast_and_valid();
  model_.graph.sort();
  EXPECT_EQ(model_.graph.order().size(), static_cast<size_t>(kNodes));
}

TEST_F(Million, ReadersOfOneTensorAndOneNodeThatJoinsThem) {
  const ValueId x = input();
  std::vector<ValueId> all;
  for (int i = 0; i < kNodes / 4; ++i) all.push_back(add("Relu", {x}));
  const ValueId joined = add("Concat", all);
  model_.graph.node(model_.graph.value(joined).producer).attributes["axis"] = int64_t{0};
  model_.graph.set_outputs({joined});
  expect_fast_and_valid();
  std::vector<NodeId> nodes(model_.graph.order().begin(), model_.graph.order().end());
  model_.graph.remove_nodes(nodes);
  EXPECT_TRUE(model_.graph.value(x).uses.empty());
}

TEST_F(Million, LadderOfDiamonds) {
  ValueId v = input();
  for (int i = 0; i < 100'000; ++i) v = add("Add", {add("Relu", {v}), add("Neg", {v})});
  model_.graph.set_outputs({v});
  expect_fast_and_valid();
}

TEST_F(Million, ChainInReverseOrder) {
  Graph& g = model_.graph;
  input();
  std::vector<ValueId> values{g.find_value("x")};
  for (int i = 0; i < kNodes / 4; ++i) values.push_back(g.add_value("r" + std::to_string(i)));
  for (size_t i = values.size() - 1; i > 0; --i) {
    Node n;
    n.op = "Relu";
    n.inputs = {values[i - 1]};
    n.outputs = {values[i]};
    g.add_node(std::move(n));
  }
  g.set_outputs({values.back()});
  EXPECT_THAT(thrown(model_).what(), HasSubstr("nodes must be sorted"));
  g.sort();
  expect_fast_and_valid();
}

}  // namespace
}  // namespace precis
