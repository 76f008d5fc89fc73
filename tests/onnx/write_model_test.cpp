// Writing files: exact sizes, determinism, external data, verification before publishing, nothing left after
// failures.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "precis/graph/text.h"
#include "precis/onnx/onnx_io.h"
#include "tests/support/expect_error.h"
#include "tests/support/faulty_calls.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tensor_compare.h"

namespace precis::onnx_io {
namespace {

using namespace precis::test;

Model model() {
  Model m;
  m.graph = parse_graph(
      "graph g(x: f32[1000]) -> (y) { w: f32[1000] = constant(uniform, seed=1)  v: f32[1000] = "
      "constant(uniform, seed=2)"
      "  s: f32[2] = [1,2]  a = Add(x, w)  y = Mul(a, v) }");
  return m;
}
WriteOptions external() {
  WriteOptions o;
  o.external_threshold = 1000;
  return o;
}
std::vector<std::string> entries(const TempDir& dir) {
  std::vector<std::string> names;
  for (const auto& e : std::filesystem::directory_iterator(dir.path()))
    names.push_back(e.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(WriteModel, SizeIsExactAndBytesAreTheSame) {
  const TempDir dir;
  const uint64_t written = write_model(model(), dir / "m.onnx", {}, Overwrite::kRefuse);
  EXPECT_EQ(written, serialized_size(model()));
  EXPECT_EQ(written, slurp(dir / "m.onnx").size());
  const auto bytes = serialize_model(model());
  EXPECT_EQ(slurp(dir / "m.onnx"), std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

TEST(WriteModel, ExternalDataBesideTheModel) {
  const TempDir dir;
  WriteOptions options = external();
  const uint64_t written = write_model(model(), dir / "m.onnx", options, Overwrite::kRefuse);
  options.external_name = "m.onnx";
  EXPECT_EQ(written, serialized_size(model(), options));
  const auto names = entries(dir);
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[1].rfind("m.onnx.", 0), 0u);
  EXPECT_EQ(names[1].size(), std::string("m.onnx.0123456789abcdef.data").size());
  EXPECT_EQ(written, slurp(dir / names[0]).size() + slurp(dir / names[1]).size());
  const ReadResult r = read_model(dir / "m.onnx");
  EXPECT_EQ(r.bytes, written);
  for (const char* name : {"w", "v", "s"})
    EXPECT_TRUE(tensors_equal(*r.model.graph.constant(r.model.graph.find_value(name)),
                              *model().graph.constant(model().graph.find_value(name))));
}

TEST(WriteModel, ExternalDataOfOlderVersionsGoes) {
  const TempDir dir;
  write_model(model(), dir / "m.onnx", external(), Overwrite::kRefuse);
  spit(dir / "m.onnx.notes.data", "somebody else's");
  Model other = model();
  other.graph.set_constant(other.graph.find_value("w"), random_tensor(Shape{1000}, 3));
  write_model(other, dir / "m.onnx", external(), Overwrite::kReplace);
  EXPECT_EQ(entries(dir).size(), 3u);  // the model, its data, the notes
  EXPECT_NO_THROW(read_model(dir / "m.onnx"));
}

TEST(WriteModel, SameModelTwiceReusesItsData) {
  const TempDir dir;
  write_model(model(), dir / "m.onnx", external(), Overwrite::kRefuse);
  const Model back = read_model(dir / "m.onnx").model;
  EXPECT_NO_THROW(write_model(back, dir / "m.onnx", external(), Overwrite::kReplace));
  const auto names = entries(dir);
  ASSERT_EQ(names.size(), 2u);
  spit(dir / names[1], "damaged");  // D29: an existing file of that name is never written over
  EXPECT_ERROR(write_model(back, dir / "m.onnx", external(), Overwrite::kReplace), ErrorCode::kUsage,
               "exists with other content");
  EXPECT_EQ(slurp(dir / names[1]), "damaged");
}

TEST(WriteModel, VerificationComesBeforePublishing) {
  const TempDir dir;
  const auto refuse = [](const std::string& path) {
    EXPECT_NO_THROW(read_model(path));
    throw Error(ErrorCode::kVerify, "not good enough");
  };
  EXPECT_ERROR(write_model(model(), dir / "m.onnx", external(), Overwrite::kRefuse, refuse),
               ErrorCode::kVerify, "not good enough");
  EXPECT_TRUE(entries(dir).empty());
}

// Whatever call fails, the folder holds a model with its data or nothing: also when the folder cannot be
// synced after the renames.
TEST(WriteModel, NoFaultSeparatesAModelFromItsData) {
  int failed = 0, published = 0;
  for (int n = 1;; ++n) {
    const TempDir dir;
    bool reached = false, threw = false;
    {
      FaultyCalls calls({.at = n, .error = EIO});
      try {
        write_model(model(), dir / "m.onnx", external(), Overwrite::kRefuse);
      } catch (const Error&) {
        threw = true;
      }
      reached = calls.reached();
    }
    if (path_kind(dir / "m.onnx") == PathKind::kFile) {
      EXPECT_NO_THROW(read_model(dir / "m.onnx")) << "call " << n;
      published += threw;
    } else {
      EXPECT_TRUE(entries(dir).empty()) << "call " << n;
    }
    failed += threw;
    if (!reached) break;
  }
  EXPECT_GT(failed, 10);
  EXPECT_GT(published, 0);
}

TEST(WriteModel, RefusesToReplaceUnlessAsked) {
  const TempDir dir;
  spit(dir / "m.onnx", "mine");
  EXPECT_ERROR(write_model(model(), dir / "m.onnx", external(), Overwrite::kRefuse), ErrorCode::kUsage,
               "m.onnx");
  EXPECT_EQ(entries(dir).size(), 1u);
  EXPECT_EQ(slurp(dir / "m.onnx"), "mine");
}

}  // namespace
}  // namespace precis::onnx_io
