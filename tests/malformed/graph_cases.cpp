// B (but for functions): models that parse but are no sound graphs, and strange graphs that are sound.
#include <string>

#include "tests/malformed/malformed_case.h"
#include "tests/malformed/op_bytes.h"

namespace precis::test {
namespace {

using namespace std::string_literals;

constexpr ErrorCode kBad = ErrorCode::kMalformed, kNot = ErrorCode::kUnsupported;

std::string relu(const std::string& from, const std::string& to, const std::string& more = "") {
  return in_node(node("Relu", {from}, {to}, more));
}
std::string io() { return graph_input("x", {2}) + graph_output("y", {2}); }
std::string weights(const std::string& name) {
  return initializer(tensor_name(name) + dims({2}) + data_type(1) + float_data({1, 2}));
}
std::string small() { return io() + relu("x", "y"); }
std::string via(const std::string& name) { return model(io() + relu("x", name) + relu(name, "y")); }

std::vector<MalformedCase> headers() {
  return {
      bytes_case("B01_no_graph", kBad, "the model has no graph", number(1, 8) + opset(13)),
      bytes_case("B02_no_ir_version", kBad, "no ir_version", opset(13) + bytes(7, small())),
      bytes_case("B03_ir_0", kBad, "ir_version is 0", model(small(), 13, 0)),
      bytes_case("B03b_ir_99", kBad, "ir_version is 99", model(small(), 13, 99)),
      bytes_case("B03c_ir_2_31", kBad, "ir_version is 2147483648", model(small(), 13, 1ll << 31)),
      bytes_case("B03d_ir_newer", kNot, "newer than the newest known", model(small(), 13, 14)),
      bytes_case("B04_no_opset", kBad, "imports no operator set", number(1, 8) + bytes(7, small())),
      bytes_case("B05_opset_0", kBad, "is 0, expected 1 or more", model(small(), 0)),
      bytes_case("B05b_opset_negative", kBad, "is -1, expected 1 or more", model(small(), -1)),
      bytes_case("B05c_opset_huge", kBad, "opset is 5000000000", model(small(), 5'000'000'000)),
      bytes_case("B05d_opset_newer", kNot, "opset is 28, newer", model(small(), 28)),
      bytes_case("B06_domain_twice", kBad, "imported twice, with opset 13 and 12",
                 model(small(), 13) + opset(12)),
      bytes_case("B06b_domain_twice_same", kAccepted, "", model(small(), 13) + opset(13)),
      bytes_case("B06c_foreign_import_unused", kAccepted, "", model(small(), 13) + opset(3, "com.acme")),
      bytes_case("B40_metadata_twice", kBad, "the key 'k' twice",
                 model(small()) + bytes(14, entry("k", "1")) + bytes(14, entry("k", "2"))),
  };
}

std::vector<MalformedCase> operators() {
  const auto with = [](const std::string& node) {
    return model(io() + in_node(node)) + opset(1, "com.acme");
  };
  return {
      bytes_case("B07_unknown_domain", kNot, "com.acme",
                 with(node("Magic", {"x"}, {"y"}, bytes(7, "com.acme")))),
      bytes_case("B08_unknown_op", kBad, "Rellu", with(node("Rellu", {"x"}, {"y"}))),
      bytes_case("B08b_no_op", kBad, "operator's name is empty", with(node("", {"x"}, {"y"}))),
      bytes_case("B08c_valid_but_unsupported", kNot, "StringNormalizer",
                 with(node("StringNormalizer", {"x"}, {"y"}))),
      bytes_case("B09_op_of_later_opset", kBad, "it came with opset 20", with(node("Gelu", {"x"}, {"y"}))),
      bytes_case("B10_no_outputs", kBad, "has no outputs", model(small() + in_node(node("Relu", {"x"}, {})))),
      bytes_case("B10b_outputs_unnamed", kBad, "has no outputs",
                 model(small() + in_node(node("Relu", {"x"}, {""})))),
  };
}

std::vector<MalformedCase> structure() {
  const std::string c = graph_input("c", {}, kBoolType);
  const auto branch = [&](const std::string& body) { return graph_attribute("then_branch", body); };
  const std::string hides = branch(graph_output("y", {2}) + relu("x", "y"));
  const std::string captures = branch(graph_output("b", {2}) + relu("z", "b"));
  return {
      bytes_case("B11_self_cycle", kBad, "cycle", model(io() + in_node(node("Add", {"x", "y"}, {"y"})))),
      bytes_case("B12_cycle_of_two", kBad, "cycle",
                 model(io() + in_node(node("Add", {"x", "b"}, {"a"})) + relu("a", "b") + relu("b", "y"))),
      bytes_case("B13_cycle_through_subgraph", kBad, "cycle",
                 model(io() + c + in_node(node("If", {"c"}, {"z"}, captures)) + relu("z", "y"))),
      bytes_case("B13b_cycle_through_a_capture", kBad, "cycle",
                 model(io() + c + relu("y", "z") + in_node(node("If", {"c"}, {"y"}, captures)))),
      bytes_case("B14_output_twice", kBad, "'y', which another node writes too",
                 model(small() + relu("x", "y"))),
      bytes_case("B14b_output_twice_one_node", kBad, "'y', which another node writes too",
                 model(io() + in_node(node("Split", {"x"}, {"y", "y"})))),
      bytes_case("B15_output_shadows_input", kBad, "writes 'x', which is a graph input",
                 model(io() + relu("y", "x"))),
      bytes_case("B15b_output_shadows_initializer", kBad, "writes 'y', which is an initializer",
                 model(weights("y") + small())),
      bytes_case("B16_hides_outer_name", kBad, "hides a value of the enclosing graph",
                 model(io() + c + in_node(node("If", {"c"}, {"z"}, hides)) + relu("x", "y"))),
      bytes_case("B17_initializer_twice", kBad, "the name 'w' is taken",
                 model(weights("w") + weights("w") + small())),
      bytes_case("B17b_input_twice", kBad, "the name 'x' is taken", model(graph_input("x", {2}) + small())),
      bytes_case("B18_initializer_is_input", kAccepted, "",
                 model(weights("w") + graph_input("w", {2}) + io() + in_node(node("Add", {"x", "w"}, {"y"})),
                       13, 3)),
      bytes_case("B19_node_names_twice", kAccepted, "",
                 model(io() + relu("x", "a", bytes(3, "n")) + relu("a", "y", bytes(3, "n")))),
      bytes_case("B20_node_names_empty", kAccepted, "", model(io() + relu("x", "a") + relu("a", "y"))),
      bytes_case("B21_output_not_made", kBad, "'y', which nothing makes", model(io() + relu("x", "z"))),
      bytes_case("B21b_no_graph_outputs", kBad, "has no outputs",
                 model(graph_input("x", {2}) + relu("x", "y"))),
      bytes_case("B22_output_listed_twice", kBad, "'y' is listed twice",
                 model(graph_output("y", {2}) + small())),
      bytes_case("B23_input_not_made", kBad, "reads 'q', which nothing makes", model(io() + relu("q", "y"))),
      bytes_case("B24_not_sorted", kBad, "sorted topologically",
                 model(io() + relu("a", "y") + relu("x", "a"))),
      bytes_case("B29_no_nodes", kAccepted, "", model(graph_input("x", {2}) + graph_output("x", {2}))),
      bytes_case("B30_unused_initializer", kAccepted, "", model(weights("w") + small())),
      bytes_case(
          "B41_value_info_contradicts", kAccepted, "",
          model(io() + bytes(13, value_info("a", tensor_type(1, {3, 4}))) + relu("x", "a") + relu("a", "y"))),
  };
}

std::vector<MalformedCase> names() {
  return {
      bytes_case("B36_name_with_nul", kBad, "contains a NUL byte", via("a\0b"s)),
      bytes_case("B36b_name_with_newline", kBad, "'a\\x0ab'", via("a\nb")),
      bytes_case("B36c_name_with_escape", kBad, "\\x1b[2J", via("\x1b[2J")),
      bytes_case("B36d_name_right_to_left", kBad, "\\xe2\\x80\\xae",
                 via("\xe2\x80\xae"
                     "a")),
      bytes_case("B36e_name_invalid_utf8", kBad, "\\xff", via("\xff")),
      bytes_case("B36f_name_of_a_mebibyte", kBad, "at most 4096", via(std::string(1 << 20, 'a'))),
      bytes_case("B36g_name_empty_input", kBad, "empty name", model(graph_input("", {2}) + small())),
      bytes_case("B37_name_is_html", kAccepted, "", via("</script><img onerror=alert(1)>")),
      bytes_case("B38_name_is_a_path", kAccepted, "", via("../../etc/passwd")),
      bytes_case("B39_name_is_a_format", kAccepted, "", via("%n%s%s{}{0}")),
      bytes_case("B39b_name_is_unicode", kAccepted, "", via("größe-尺寸")),
  };
}

// Large, regular graphs: reading and checking must stay linear.
std::vector<MalformedCase> large() {
  std::string chain = io(), fan = io(), ladder = io();
  std::string last = "x";
  for (int i = 0; i < 100'000; ++i) {
    const std::string next = "c" + std::to_string(i);
    chain += relu(last, next);
    fan += relu("x", next);
    last = next;
  }
  chain += relu(last, "y");
  fan += relu("x", "y");
  last = "x";
  for (int i = 0; i < 30'000; ++i) {
    const std::string n = std::to_string(i);
    ladder += relu(last, "a" + n) + relu(last, "b" + n) + in_node(node("Add", {"a" + n, "b" + n}, {"s" + n}));
    last = "s" + n;
  }
  ladder += relu(last, "y");
  const std::string wide =
      graph_input("x", {2}) + graph_output("y", {200'000}) +
      in_node(node("Concat", std::vector<std::string>(100'000, "x"), {"y"}, int_attribute("axis", 0)));
  std::vector<MalformedCase> cases = {bytes_case("B25_chain_of_100000", kAccepted, "", model(chain)),
                                      bytes_case("B26_fan_of_100000", kAccepted, "", model(fan)),
                                      bytes_case("B27_concat_of_100000", kAccepted, "", model(wide)),
                                      bytes_case("B28_ladder_of_30000", kAccepted, "", model(ladder))};
  for (MalformedCase& c : cases)
    c.limit_seconds = 20;  // sanitizers on a busy machine; linear work takes below 1
  return cases;
}

}  // namespace

std::vector<MalformedCase> graph_cases() {
  std::vector<MalformedCase> all;
  for (const auto& part : {headers(), operators(), structure(), names(), large()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace precis::test
