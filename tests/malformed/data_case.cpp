// The models and the list of all cases.
#include "tests/malformed/data_case.h"

#include "precis/core/rng.h"
#include "tests/malformed/op_bytes.h"
#include "tests/support/files.h"

namespace precis::test {
namespace {

// input -> (Cast) -> Reshape to [batch, features] -> MatMul with [features, 8] -> y
std::string classifier(const std::vector<int64_t>& input, int64_t features, int type = kFloatType) {
  std::string shape;
  for (int64_t d : input) shape += bytes(1, d < 0 ? bytes(2, "N") : number(1, d));
  std::vector<float> weights(static_cast<size_t>(features) * 8);
  Rng rng(3);
  for (float& w : weights) w = rng.uniform(-1.0f, 1.0f);
  std::string g = bytes(11, bytes(1, "x") + bytes(2, bytes(1, number(1, type) + bytes(2, shape))));
  g += declare(ints("s", {-1, features})) + declare(floats("w", {features, 8}, weights));
  g += in_node(node("Cast", {"x"}, {"f"}, int_attribute("to", kFloatType)));
  g += in_node(node("Reshape", {"f", "s"}, {"r"})) + in_node(node("MatMul", {"r", "w"}, {"y"}));
  return model(g + bytes(12, bytes(1, "y")));
}

}  // namespace

void write_data_models(const TempDir& dir) {
  spit(dir / kRows, classifier({-1, 16}, 16));
  spit(dir / kFixed, classifier({4, 16}, 16));
  spit(dir / kPicture, classifier({-1, 3, 8, 8}, 192));
  spit(dir / kGray, classifier({-1, 1, 4, 4}, 16));
  spit(dir / kIds, classifier({-1, 16}, 16, kI64Type));
}

DataCase file_case(std::string id, ErrorCode code, std::string fragment, const std::string& name,
                   const std::string& content) {
  DataCase c;
  c.id = std::move(id);
  c.code = code;
  c.fragment = std::move(fragment);
  c.data = name;
  c.make = [=](const TempDir& dir) { spit(dir / name, content); };
  return c;
}

std::vector<DataCase> all_data_cases() {
  std::vector<DataCase> all;
  for (const auto& part : {array_cases(), picture_cases(), table_cases(), sample_cases()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace precis::test
