// B31 to B35: local functions that call themselves, that are there twice, that are nested too deep or would
// become a graph without end; and functions whose parts do not fit.
#include <string>

#include "tests/malformed/malformed_case.h"
#include "tests/malformed/op_bytes.h"

namespace precis::test {
namespace {

constexpr ErrorCode kBad = ErrorCode::kMalformed, kNot = ErrorCode::kUnsupported, kLimit = ErrorCode::kLimit;

std::string io() { return graph_input("x", {2}) + graph_output("y", {2}); }
std::string with(const std::string& functions, const std::string& graph) {
  return model(graph) + opset(1, "f.d") + functions;
}
// x -> f0 -> y
std::string calling(const std::string& functions) {
  return with(functions, io() + in_node(call("f0", {"x"}, {"y"}, bytes(3, "n"))));
}
// A function x -> y of one node.
std::string one(const std::string& name, const std::string& node, const std::string& more = "") {
  return local_function(name, {"x"}, {"y"}, function_node(node), more);
}
std::string relu() { return node("Relu", {"x"}, {"y"}); }
std::string f(int i) { return "f" + std::to_string(i); }

// f0 calls f1, ... the last one is a Relu: `depth` functions.
std::string chain(int depth) {
  std::string functions;
  for (int i = 0; i + 1 < depth; ++i) functions += one(f(i), call(f(i + 1), {"x"}, {"y"}));
  return calling(functions + one(f(depth - 1), relu()));
}

// Each level calls the next twice: 2^levels nodes.
std::string doubling(int levels, bool empty = false) {
  std::string functions;
  for (int i = 0; i < levels; ++i)
    functions += local_function(
        f(i), {"x"}, {"y"},
        function_node(call(f(i + 1), {"x"}, {"m"})) + function_node(call(f(i + 1), {"m"}, {"y"})));
  functions += empty ? local_function(f(levels), {"x"}, {"x"}, "") : one(f(levels), relu());
  return calling(functions);
}

std::vector<MalformedCase> recursion() {
  const std::string inside =
      graph_attribute("then_branch", in_node(call("f0", {"x"}, {"t"})) + graph_output("t", {2})) +
      graph_attribute("else_branch", in_node(node("Relu", {"x"}, {"e"})) + graph_output("e", {2}));
  const std::string condition = function_node(node("ReduceSum", {"x"}, {"s"}, int_attribute("keepdims", 0))) +
                                function_node(node("Cast", {"s"}, {"c"}, int_attribute("to", kBoolType)));
  return {
      bytes_case("B31_function_cycle", kBad, "function 'f.d::f0' calls itself through 'f.d::f1'",
                 calling(one("f0", call("f1", {"x"}, {"y"})) + one("f1", call("f0", {"x"}, {"y"})))),
      bytes_case("B31b_function_cycle_behind_a_call", kBad,
                 "function 'f.d::f1' calls itself through 'f.d::f2'",
                 calling(one("f0", call("f1", {"x"}, {"y"})) + one("f1", call("f2", {"x"}, {"y"})) +
                         one("f2", call("f1", {"x"}, {"y"})))),
      bytes_case("B31c_function_cycle_uncalled", kBad, "function 'f.d::f1' calls itself;",
                 calling(one("f0", relu()) + one("f1", call("f1", {"x"}, {"y"})))),
      bytes_case("B32_function_recursion_in_a_body", kBad, "function 'f.d::f0' calls itself;",
                 calling(local_function("f0", {"x"}, {"y"},
                                        condition + function_node(node("If", {"c"}, {"y"}, inside))))),
      bytes_case("B33_functions_same_id", kBad, "function 'f.d::f0' is defined twice",
                 calling(one("f0", relu()) + one("f0", relu()))),
      bytes_case("B33b_functions_same_overload", kBad, "function 'f.d::f0:o' is defined twice",
                 calling(one("f0", relu(), bytes(13, "o")) + one("f0", relu(), bytes(13, "o")))),
      bytes_case("B33c_functions_of_two_overloads", kAccepted, "",
                 calling(one("f0", relu(), bytes(13, "o")) + one("f0", relu()))),
  };
}

std::vector<MalformedCase> extent() {
  std::string many;
  for (int i = 0; i < 10'001; ++i) many += one(f(i), relu());
  return {
      bytes_case("B34_call_depth_100", kAccepted, "", chain(100)),
      bytes_case("B34b_call_depth_101", kLimit, "nested 101 deep, at most 100", chain(101)),
      bytes_case("B34c_call_depth_100000", kLimit, "at most 10000", chain(100'000)),
      bytes_case("B34d_call_depth_10000", kLimit, "nested 10000 deep, at most 100", chain(10'000)),
      bytes_case("B35_functions_of_2_40", kLimit, "has 1099511627776 nodes, at most 4000000", doubling(40)),
      bytes_case("B35b_functions_of_2_90", kLimit, "has 9223372036854775807 nodes", doubling(90)),
      bytes_case("B35c_functions_of_2_22", kLimit, "has 4194304 nodes, at most 4000000", doubling(22)),
      bytes_case("B35d_functions_of_2_12", kAccepted, "", doubling(12)),
      bytes_case("B35e_empty_functions_of_2_40", kLimit, "nodes, at most 4000000", doubling(40, true)),
      bytes_case("B35f_10001_functions", kLimit, "has 10001 local functions, at most 10000", calling(many)),
  };
}

std::vector<MalformedCase> parts() {
  const std::string leaky = node("LeakyRelu", {"x"}, {"y"}, reference("alpha", 1, "a"));
  const std::string default_a = bytes(11, bytes(1, "a") + tag(2, 5) + raw<float>({0.5f}) + number(20, 1));
  const std::string long_ints =
      node("Relu", {"x"}, {"y"}, ints_attribute("i", std::vector<int64_t>(100'000)));
  std::string calls = io();
  for (int i = 0; i < 2000; ++i) calls += in_node(call("f0", {"x"}, {"v" + std::to_string(i)}));
  MalformedCase large = bytes_case("B35g_long_attributes_of_many_calls", kLimit, "raise --max-memory",
                                   with(one("f0", long_ints), calls + in_node(node("Relu", {"x"}, {"y"}))));
  large.max_memory = 512ull << 20;
  const std::string two = in_node(call("f0", {"x", "x"}, {"y"}));
  return {
      large,
      bytes_case("B30b_function_uncalled", kAccepted, "",
                 with(one("f0", relu()), io() + in_node(node("Relu", {"x"}, {"y"})))),
      bytes_case("B23b_function_reads_nothing", kBad,
                 "function 'f.d::f0', called by node 'n': ", calling(one("f0", node("Relu", {"q"}, {"y"})))),
      bytes_case("B23c_functions_see_no_outer_value", kBad, "reads 'z', which nothing makes",
                 with(one("f0", node("Relu", {"z"}, {"y"})),
                      io() + in_node(node("Relu", {"x"}, {"z"})) + in_node(call("f0", {"z"}, {"y"})))),
      bytes_case("B21c_function_output_not_made", kBad, "no node makes its output 'y'",
                 calling(one("f0", node("Relu", {"x"}, {"z"})))),
      bytes_case("B15c_function_output_is_its_input", kBad, "writes 'x'",
                 calling(one("f0", node("Relu", {"x"}, {"x"})))),
      bytes_case("B11b_cycle_in_a_function", kBad, "cycle",
                 calling(one("f0", node("Add", {"x", "y"}, {"y"})))),
      bytes_case("B08d_function_of_unknown_operators", kBad, "Rellu",
                 calling(one("f0", node("Rellu", {"x"}, {"y"})))),
      bytes_case("B09b_function_of_a_later_opset", kBad, "it came with opset 20",
                 calling(one("f0", node("Gelu", {"x"}, {"y"})))),
      bytes_case("B05e_function_opset_newer", kNot, "imports opset 28, newer than",
                 calling(local_function("f0", {"x"}, {"y"}, function_node(relu()), "", 28))),
      bytes_case("B05f_function_opset_negative", kBad, "imports opset -1",
                 calling(local_function("f0", {"x"}, {"y"}, function_node(relu()), "", -1))),
      bytes_case("B06d_function_opset_twice", kBad, "once",
                 calling(one("f0", relu(), bytes(9, number(2, 12))))),
      bytes_case("B04b_function_without_opset", kBad, "imports no opset",
                 calling(bytes(25, bytes(1, "f0") + bytes(10, "f.d") + bytes(4, "x") + bytes(5, "y") +
                                       function_node(relu())))),
      bytes_case("B33d_function_input_twice", kBad, "has the input 'x' twice",
                 calling(local_function("f0", {"x", "x"}, {"y"}, function_node(relu())))),
      bytes_case("B33e_function_attribute_twice", kBad, "has the attribute 'a' twice",
                 calling(one("f0", leaky, bytes(6, "a") + default_a))),
      bytes_case("B36h_function_without_name", kBad, "empty name", calling(one("", relu()))),
      bytes_case("E32_too_many_inputs_of_a_call", kBad, "it gives 2 inputs, the function has 1",
                 with(one("f0", relu()), io() + two)),
      bytes_case("E32_too_many_outputs_of_a_call", kBad, "it takes 2 outputs, the function has 1",
                 with(one("f0", relu()), io() + in_node(call("f0", {"x"}, {"y", "z"})))),
      bytes_case("E32_reference_to_no_attribute", kBad, "attribute 'a', which the function does not have",
                 calling(one("f0", leaky))),
      bytes_case("E32_reference_of_another_kind", kBad, "of kind float, expected int",
                 calling(one("f0", node("LeakyRelu", {"x"}, {"y"}, reference("alpha", 2, "a")), default_a))),
      bytes_case("E32_attribute_not_given", kAccepted, "", calling(one("f0", leaky, bytes(6, "a")))),
      bytes_case("E32_default_attribute_does_not_parse", kBad, "is a varint of more than 10 bytes",
                 calling(one("f0", leaky, bytes(11, tag(3, 0) + std::string(11, '\xff'))))),
      bytes_case("E32_graph_as_argument", kNot, "its attribute 'a' is a graph",
                 with(one("f0", relu(), bytes(6, "a")),
                      io() + in_node(call("f0", {"x"}, {"y"},
                                          graph_attribute("a", graph_output("b", {2}) +
                                                                   in_node(node("Relu", {"x"}, {"b"}))))))),
      bytes_case("B07b_reserved_domain", kBad, "'precis.function' is reserved",
                 model(io() + in_node(node("0", {"x"}, {"y"}, bytes(7, "precis.function"))))),
  };
}

}  // namespace

std::vector<MalformedCase> function_cases() {
  std::vector<MalformedCase> all;
  for (const auto& part : {recursion(), extent(), parts()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace precis::test
