// Recipes and rules: canonical round trips, and errors with line and nearest word.
#include "precis/flow/recipe.h"

#include <gtest/gtest.h>

#include "precis/core/check.h"
#include "precis/flow/run.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_dir.h"
#include "precis/core/io.h"

namespace precis::flow {
namespace {

constexpr const char* kRecipe =
    "recipe: 1\n"
    "stages:\n"
    "  - prepare: {}\n"
    "  - calibrate: {count: 100}\n"
    "  - quantize_static: {observer: entropy, rules: [\"/fc$/.quantize=false\", \"op:Conv.weight_bits=6\"], target: tensorrt}\n"
    "  - write: {format: qdq}\n";

TEST(Recipe, PrintsCanonicallyAndReadsBack) {
  const Recipe r = parse_recipe(kRecipe, "r");
  EXPECT_EQ(print_recipe(r), kRecipe);
  EXPECT_EQ(print_recipe(parse_recipe(print_recipe(r), "again")), kRecipe);
}

TEST(Recipe, NamesAndJsonAreAccepted) {
  const Recipe r = parse_recipe(R"({"recipe": 1, "stages": ["prepare", {"write": {"format": "qoperator"}}]})", "r");
  ASSERT_EQ(r.stages.size(), 2u);
  EXPECT_EQ(r.stages[0].name, "prepare");
  EXPECT_EQ(r.stages[1].options.at("format")[0], "qoperator");
}

TEST(Recipe, OptionsBecomeQuantizeOptionsAndBack) {
  const Recipe r = parse_recipe(kRecipe, "r");
  const passes::QuantizeOptions o = quantize_options_from(*r.find("quantize_static"));
  EXPECT_EQ(o.target, passes::Target::kTensorRt);
  EXPECT_EQ(o.activations.code, DType::kI8);
  EXPECT_EQ(o.observer.kind, quant::ObserverKind::kEntropy);
  ASSERT_EQ(o.rules.size(), 2u);
  EXPECT_EQ(o.rules[0].match, "/fc$/");
  EXPECT_EQ(o.rules[1].weight_bits, 6);
  const passes::QuantizeOptions again = quantize_options_from(quantize_stage_from(o));
  EXPECT_EQ(again.target, o.target);
  EXPECT_EQ(again.rules.size(), 2u);
}

TEST(Recipe, MistakesAreNamedWithLineAndNearestWord) {
  EXPECT_ERROR(parse_recipe("stages: []", "r"), ErrorCode::kUsage, "version");
  EXPECT_ERROR(parse_recipe("recipe: 1\nstagess: []", "r"), ErrorCode::kUsage, "stages");
  EXPECT_ERROR(check_recipe(parse_recipe("recipe: 1\nstages:\n  - quantise_static: {}", "r")), ErrorCode::kUsage, "did you mean 'quantize_static'");
  EXPECT_ERROR(check_recipe(parse_recipe("recipe: 1\nstages:\n  - quantize_static: {observr: mse}", "r")), ErrorCode::kUsage, "did you mean 'observer'");
  EXPECT_ERROR(check_recipe(parse_recipe("recipe: 1\nstages:\n  - quantize_static: {observer: mean}", "r")), ErrorCode::kUsage, "no observer 'mean'");
  EXPECT_ERROR(check_recipe(parse_recipe("recipe: 1\nstages:\n  - write: {format: tflite}", "r")), ErrorCode::kUsage, "one of qdq, qoperator");
}

TEST(Rules, KeysValuesAndPatternsWithDots) {
  const passes::OverrideRule r = parse_rule("re:.*conv\\.[0-9]+$.observer=minmax");
  EXPECT_EQ(r.match, "re:.*conv\\.[0-9]+$");
  EXPECT_EQ(r.observer, quant::ObserverKind::kMinMax);
  EXPECT_EQ(parse_rule("x.range=-1.5:2").range_min, -1.5f);
  EXPECT_EQ(print_rules(parse_rule("a.b.quantize=no"))[0], "a.b.quantize=false");
  EXPECT_ERROR(parse_rule("conv1"), ErrorCode::kUsage, "MATCH.key=value");
  EXPECT_ERROR(parse_rule("conv1.weight_bits=9"), ErrorCode::kUsage, "2 to 8");
  EXPECT_ERROR(parse_rule("conv1.range=2:1"), ErrorCode::kUsage, "MIN <= MAX");
}

TEST(TensorOverrides, OnnxRuntimesFormat) {
  const test::TempDir dir;
  write_file(dir / "o.json", R"({"data": [{"scale": 0.02, "zero_point": 114}], "r": [{"rmin": 0.0, "rmax": 6.0}], "s": [{"symmetric": true}], "t": []})", Overwrite::kRefuse);
  const auto rules = read_tensor_overrides(dir / "o.json");
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0].match, "data");
  EXPECT_EQ(rules[0].zero_point, 114);
  EXPECT_EQ(rules[1].range_max, 6.0f);
  write_file(dir / "bad.json", R"({"data": [{"scale": 0.02}]})", Overwrite::kRefuse);
  EXPECT_ERROR(read_tensor_overrides(dir / "bad.json"), ErrorCode::kUsage, "expected both");
  write_file(dir / "worse.json", "{", Overwrite::kRefuse);
  EXPECT_ERROR(read_tensor_overrides(dir / "worse.json"), ErrorCode::kUsage, "not valid JSON");
}

TEST(TensorOverrides, NumbersThatNoCodeOrFloatCanHold) {
  const test::TempDir dir;
  const auto read = [&](const std::string& entry) {
    write_file(dir / "o.json", R"({"data": [{)" + entry + "}]}", Overwrite::kReplace);
    read_tensor_overrides(dir / "o.json");
  };
  EXPECT_ERROR(read(R"("scale": 1, "zero_point": 1e30)"), ErrorCode::kUsage, "expected a whole number between");
  EXPECT_ERROR(read(R"("scale": 1, "zero_point": 1.5)"), ErrorCode::kUsage, "expected a whole number between");
  EXPECT_ERROR(read(R"("scale": 1e300, "zero_point": 1)"), ErrorCode::kUsage, "that float can hold");
}

}  // namespace
}  // namespace precis::flow
