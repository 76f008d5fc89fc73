// What the reader itself checks of a graph (docs/reliability.md, B), and how it takes constants, names and
// versions.
#include <gtest/gtest.h>

#include "onnx_bytes.h"
#include "precis/graph/text.h"
#include "precis/onnx/onnx_io.h"
#include "tests/support/expect_error.h"

namespace precis::onnx_io {
namespace {

using namespace precis::test;

ReadResult read(const std::string& m) { return read_model_bytes(as_bytes(m)); }
void refuse(const std::string& m, const char* fragment, ErrorCode code = ErrorCode::kMalformed) {
  EXPECT_ERROR(read(m), code, fragment);
}

std::string io() { return graph_input("x", {2}) + graph_output("y", {2}); }
std::string relu(const std::string& from, const std::string& to) {
  return in_node(node("Relu", {from}, {to}));
}
std::string float_tensor(const std::string& name) {
  return tensor_name(name) + dims({2}) + data_type(1) + float_data({1, 2});
}

TEST(Import, B01_B02_B03_Model) {
  refuse(number(1, 8) + opset(13), "the model has no graph");
  refuse(opset(13) + bytes(7, io() + relu("x", "y")), "no ir_version");
  refuse(model(io() + relu("x", "y"), 13, 0), "ir_version is 0");
  refuse(model(io() + relu("x", "y"), 13, 99), "ir_version is 99");
  refuse(model(io() + relu("x", "y"), 13, 1ll << 31), "ir_version is 2147483648");
  refuse(model(io() + relu("x", "y"), 13, 14), "newer than the newest known", ErrorCode::kUnsupported);
}

TEST(Import, B04_B05_B06_Opsets) {
  refuse(number(1, 8) + bytes(7, io() + relu("x", "y")), "imports no operator set");
  refuse(model(io() + relu("x", "y"), 0), "is 0, expected 1 or more");
  refuse(model(io() + relu("x", "y"), -1), "is -1, expected 1 or more");
  refuse(model(io() + relu("x", "y"), 5'000'000'000), "opset is 5000000000");
  refuse(model(io() + relu("x", "y"), 28), "opset is 28, newer than the newest known (27)",
         ErrorCode::kUnsupported);
  refuse(model(io() + relu("x", "y"), 13) + opset(12), "imported twice, with opset 13 and 12");
  refuse(model(io() + relu("x", "y"), 13) + opset(12, "ai.onnx"), "imported twice");
  EXPECT_NO_THROW(read(model(io() + relu("x", "y"), 13) + opset(13)));
  EXPECT_NO_THROW(read(model(io() + relu("x", "y"), 13) + opset(7, "com.example.unused")));
  refuse(number(1, 8) + opset(3, "ai.onnx.ml") + bytes(7, io() + relu("x", "y")),
         "imports no opset for the ONNX operators");
}

TEST(Import, B09_OperatorOfAnotherOpset) {
  refuse(model(io() + in_node(node("Gelu", {"x"}, {"y"})), 13),
         "opset 13 has no such operator, it came with opset 20");
  refuse(model(io() + in_node(node("Upsample", {"x", "x"}, {"y"})), 11), "the last opset with it was 9");
}

TEST(Import, B14_B15_B16_B17_NamesWithSeveralOrigins) {
  refuse(model(io() + relu("x", "y") + relu("x", "y")), "writes 'y', which another node writes too");
  refuse(model(io() + relu("y", "x")), "writes 'x', which is a graph input");
  refuse(model(initializer(float_tensor("w")) + initializer(float_tensor("w")) + io() + relu("x", "y")),
         "the name 'w' is taken");
  refuse(model(initializer(float_tensor("y")) + io() + relu("x", "y")),
         "writes 'y', which is an initializer");
  refuse(model(graph_input("x", {2}) + io() + relu("x", "y")), "graph input 'x': the name 'x' is taken");
  const std::string shadow = attribute("then_branch", 5, bytes(6, graph_output("y", {2}) + relu("x", "y")));
  refuse(model(io() + graph_input("c", {}, 9) + in_node(node("If", {"c"}, {"z"}, shadow)) + relu("x", "y")),
         "hides a value of the enclosing graph");
}

TEST(Import, B18_InitializersListedAsInputs) {
  const ReadResult r = read(model(
      initializer(float_tensor("w")) + graph_input("w", {2}) + io() + in_node(node("Add", {"x", "w"}, {"y"})),
      7, 3));
  EXPECT_EQ(r.model.graph.inputs().size(), 1u);
  EXPECT_TRUE(r.model.graph.constant(r.model.graph.find_value("w")));
}

TEST(Import, B21_B22_B23_UnknownNames) {
  refuse(model(io() + relu("x", "z")), "graph output 'y' reads 'y', which nothing makes");
  refuse(model(io() + graph_output("y", {2}) + relu("x", "y")), "graph output 'y' is listed twice");
  refuse(model(io() + relu("nothing", "y")), "reads 'nothing', which nothing makes");
}

TEST(Import, B19_B20_B29_B30_AreFine) {
  const std::string twice = in_node(node("Relu", {"x"}, {"a"}, bytes(3, "same"))) +
                            in_node(node("Relu", {"a"}, {"y"}, bytes(3, "same")));
  EXPECT_NO_THROW(read(model(io() + twice)));
  EXPECT_EQ(read(model(graph_input("x", {2}) + graph_output("x", {2}))).model.graph.order().size(), 0u);
  const ReadResult unused = read(model(initializer(float_tensor("w")) + io() + relu("x", "y")));
  EXPECT_TRUE(unused.model.graph.find_value("w"));
}

TEST(Import, B36_Names) {
  const std::string strange = "a\n\x1b[2J\xe2\x80\xae\xff";
  EXPECT_NO_THROW(read(model(io() + relu("x", strange) + relu(strange, "y"))));
  refuse(model(io() + relu("x", std::string("a\0b", 3)) + relu("x", "y")), "contains a NUL byte");
  refuse(model(io() + relu("x", std::string(1 << 20, 'a')) + relu("x", "y")),
         "has 1048576 bytes, at most 4096");
}

TEST(Import, B40_MetadataKeys) {
  const std::string m = model(io() + relu("x", "y"));
  refuse(m + bytes(14, entry("k", "1")) + bytes(14, entry("k", "2")), "metadata_props has the key 'k' twice");
  EXPECT_EQ(read(m + bytes(14, entry("b", "1")) + bytes(14, entry("a", "2"))).model.metadata.size(), 2u);
}

TEST(Import, E32_Attributes) {
  const auto leaky = [](const std::string& attributes) {
    return model(io() + in_node(node("LeakyRelu", {"x"}, {"y"}, attributes)));
  };
  refuse(leaky(attribute("alpha", 1, number(3, 1))), "declared as float but holds a int");
  refuse(leaky(int_attribute("a", 1) + int_attribute("a", 2)), "attribute 'a': it is given twice");
  refuse(leaky(attribute("a", 2, number(3, 1) + bytes(4, "s"))), "both a int and a string are set");
  refuse(leaky(bytes(5, bytes(1, "a") + bytes(21, "outer") + number(20, 2))),
         "refers to the function attribute 'outer'");
  refuse(leaky(bytes(5, bytes(1, "a"))), "neither a type nor a value");
  refuse(leaky(attribute("", 2, number(3, 1))), "has an empty name");
}

TEST(Import, NumbersOnly) {
  refuse(model(bytes(11, value_info("x", tensor_type(8, {2}))) + graph_output("y", {2}) + relu("x", "y")),
         "graph input 'x' is a tensor of type STRING", ErrorCode::kUnsupported);
  refuse(model(bytes(11, value_info("x", bytes(4, bytes(1, tensor_type(8, {2}))))) + graph_output("y", {2}) +
               relu("x", "y")),
         "graph input 'x' is a sequence of tensor of type STRING", ErrorCode::kUnsupported);
}

TEST(Import, SequencesAndOptionals) {
  const std::string sequence = bytes(4, bytes(1, tensor_type(1, {2})));
  const auto text = [&](const std::string& type) {
    return print_graph(read(model(bytes(11, value_info("x", type)) + bytes(12, value_info("y", type)) +
                                  in_node(node("Identity", {"x"}, {"y"})), 16))
                           .model.graph);
  };
  EXPECT_THAT(text(sequence), testing::HasSubstr("(x: seq(f32[2])) -> (y)"));
  EXPECT_THAT(text(bytes(9, bytes(1, sequence))), testing::HasSubstr("(x: optional(seq(f32[2]))) -> (y)"));
  std::string deep = sequence;
  for (int i = 0; i < 5; ++i) deep = bytes(4, bytes(1, deep));
  refuse(model(bytes(11, value_info("x", deep)) + graph_output("y", {2}) + relu("x", "y")),
         "graph input 'x': its type is nested more than 4 deep");
}

TEST(Import, ConstantNodesBecomeInitializers) {
  const auto constant = [](const std::string& attribute) {
    const ReadResult r = read(model(io() + in_node(node("Constant", {}, {"c"}, attribute)) +
                                    in_node(node("Add", {"x", "c"}, {"y"}))));
    return print_graph(r.model.graph);
  };
  EXPECT_THAT(constant(attribute("value", 4, bytes(5, dims({2}) + data_type(1) + float_data({1, 2})))),
              testing::HasSubstr("c: f32[2] = [1, 2]"));
  EXPECT_THAT(constant(attribute("value_float", 1, tag(2, 5) + raw<float>({0.5}))),
              testing::HasSubstr("c: f32[] = 0.5"));
  EXPECT_THAT(constant(attribute("value_floats", 6, bytes(7, raw<float>({0.5, 1})))),
              testing::HasSubstr("c: f32[2] = [0.5, 1]"));
  EXPECT_THAT(constant(int_attribute("value_int", -3)), testing::HasSubstr("c: i64[] = -3"));
  EXPECT_THAT(constant(attribute("value_ints", 7, packed(8, {1, 2}))),
              testing::HasSubstr("c: i64[2] = [1, 2]"));
  const std::string sparse = bytes(1, dims({1}) + data_type(1) + float_data({7})) +
                             bytes(2, dims({1}) + data_type(7) + int64_data({1})) + number(3, 2);
  EXPECT_THAT(constant(attribute("sparse_value", 11, bytes(22, sparse))),
              testing::HasSubstr("c: f32[2] = [0, 7]"));
  refuse(model(io() + in_node(node("Constant", {}, {"c"}, attribute("value_string", 3, bytes(4, "s")))) +
               relu("x", "y")),
         "constants of string are not supported", ErrorCode::kUnsupported);
  refuse(model(io() + in_node(node("Constant", {}, {"c"})) + relu("x", "y")),
         "0 attributes, expected none, one and one");
}

TEST(Import, SubgraphsCaptureByName) {
  const auto branch = [](const char* name, const char* op) {
    return attribute(name, 5,
                     bytes(6, bytes(2, name) + graph_output(std::string(name) + "_y", {2}) +
                                  in_node(node(op, {"x"}, {std::string(name) + "_y"}))));
  };
  const std::string m =
      model(io() + graph_input("c", {}, 9) +
            in_node(node("If", {"c"}, {"y"}, branch("then_branch", "Relu") + branch("else_branch", "Neg"))));
  const Graph g = read(m).model.graph;
  const Graph& body = *std::get<SubgraphPtr>(*g.node(g.order()[0]).find("then_branch"));
  const Value& x = body.value(body.find_value("x"));
  EXPECT_TRUE(x.captured);
  EXPECT_EQ(shape_str(x.type.shape), "[2]");
}

TEST(Import, KeepsWhatTravelsWithAModel) {
  const std::string m = model(io() + bytes(2, "net") + bytes(10, "graph doc") + relu("x", "y")) +
                        bytes(2, "tool") + bytes(3, "1.2") + bytes(4, "dom") + number(5, 7) +
                        bytes(6, "doc") + bytes(14, entry("key", "value"));
  const Model model = read(m).model;
  EXPECT_EQ(model.producer_name, "tool");
  EXPECT_EQ(model.model_version, 7);
  EXPECT_EQ(model.graph.name, "net");
  EXPECT_EQ(model.graph.doc, "graph doc");
  const Model again = read_model_bytes(serialize_model(model)).model;
  EXPECT_EQ(again.producer_version, "1.2");
  EXPECT_EQ(again.domain, "dom");
  EXPECT_EQ(again.doc, "doc");
  EXPECT_EQ(again.metadata, model.metadata);
}

TEST(Import, AnOldOperatorWithoutItsOutput) {
  const std::string nodes = in_node(node("Hardmax", {"x"}, {""}));
  EXPECT_ERROR(read_model_bytes(as_bytes(model(graph_input("x", {2, 3, 4}) + nodes, 1, 3))),
               ErrorCode::kMalformed, "has no output 0");
}

}  // namespace
}  // namespace precis::onnx_io
