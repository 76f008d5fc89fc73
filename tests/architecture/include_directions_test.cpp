// The rooms and who may enter: every #include of the tree is held against the map of docs/overview.md,
// third-party packages against their fences, and the installed headers against the promise to name nothing
// but Precis and std.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/architecture/source_tree.h"

namespace precis {
namespace {

using test::Include;
using test::public_headers;
using test::read_sources;
using test::SourceFile;

using Rooms = std::set<std::string>;

// What a room may include directly; what those may include, it may, too.
const std::map<std::string, Rooms>& direct_edges() {
  static const std::map<std::string, Rooms> edges = {
      {"core", {}},
      {"graph", {"core"}},
      {"onnx", {"graph"}},
      {"quant", {"graph"}},
      {"prune", {"graph"}},
      {"factor", {"graph"}},
      {"data", {"core"}},
      {"codec", {"core"}},
      {"pack", {"codec", "graph"}},
      {"kernels", {"core"}},
      {"runtime", {"kernels", "graph", "quant"}},
      {"calib", {"runtime", "data"}},
      {"passes", {"graph", "quant", "prune", "factor"}},
      {"flow", {"passes", "calib", "runtime", "data", "onnx", "pack"}},
      {"search", {"flow"}},
      {"report", {"search"}},
      {"train", {"graph", "quant", "prune", "data", "flow"}},
      {"cli", {"report"}},
  };
  return edges;
}

// The room itself and everything below it.
Rooms reachable(const std::string& room) {
  Rooms seen = {room};
  std::vector<std::string> open = {room};
  while (!open.empty()) {
    const std::string next = open.back();
    open.pop_back();
    const auto edges = direct_edges().find(next);
    if (edges == direct_edges().end()) continue;
    for (const std::string& to : edges->second)
      if (seen.insert(to).second) open.push_back(to);
  }
  return seen;
}

// Third-party headers by the beginning of their path, and the folders that may see them.
struct Fence {
  const char* prefix;
  std::vector<std::string> folders;
};

const std::vector<Fence>& fences() {
  static const std::vector<Fence> list = {
      {"google/protobuf", {"precis/onnx"}},
      {"onnx/", {"precis/onnx"}},
      {"oneapi/dnnl", {"precis/runtime/onednn"}},
      {"dnnl", {"precis/runtime/onednn"}},
      {"torch/", {"precis/train"}},
      {"ATen/", {"precis/train"}},
      {"c10/", {"precis/train"}},
      {"CLI/", {"precis/cli"}},
      {"hwy/", {"precis/kernels"}},
      {"Eigen/", {"precis/factor", "precis/prune", "precis/calib", "precis/flow"}},
      {"nlohmann/", {"precis/report", "precis/search", "precis/flow", "precis/quant"}},
      {"yaml-cpp/", {"precis/data", "precis/flow"}},
      {"jpeglib", {"precis/data"}},
      {"jerror", {"precis/data"}},
      {"png", {"precis/data"}},
      {"zlib", {"precis/data", "precis/codec"}},
      {"zstd", {"precis/codec"}},
      {"xxhash", {"precis/core"}},
      {"omp", {"precis/core", "precis/runtime/onednn"}},
  };
  return list;
}

bool is_below(const std::string& folder, const std::string& parent) {
  return folder == parent || folder.rfind(parent + "/", 0) == 0;
}

// "path:line includes X, which ...": empty when all is well.
std::vector<std::string> room_violations(const SourceFile& file) {
  std::vector<std::string> found;
  const Rooms allowed = reachable(file.room());
  for (const Include& include : file.includes) {
    SourceFile target;
    target.path = include.path;
    const std::string where = file.path + ":" + std::to_string(include.line) + " includes " + include.path;
    if (include.quoted && include.path.rfind("precis/", 0) != 0)
      found.push_back(where + ", not a path from the root");
    if (include.path.rfind("precis/", 0) != 0) continue;
    if (allowed.count(target.room()) == 0) found.push_back(where + ", against the direction of the rooms");
    if (include.path.find("/detail/") != std::string::npos && target.room() != file.room())
      found.push_back(where + ", private to another room");
  }
  return found;
}

std::vector<std::string> fence_violations(const SourceFile& file) {
  std::vector<std::string> found;
  for (const Include& include : file.includes)
    for (const Fence& fence : fences()) {
      if (include.quoted || include.path.rfind(fence.prefix, 0) != 0) continue;
      const bool inside =
          std::any_of(fence.folders.begin(), fence.folders.end(),
                      [&](const std::string& folder) { return is_below(file.folder(), folder); });
      if (!inside)
        found.push_back(file.path + ":" + std::to_string(include.line) + " includes <" + include.path + ">");
    }
  return found;
}

// A header of the C++ library has no dot and no slash in its name; the C ones of the system are known by
// name.
bool is_standard(const std::string& path) { return path.find_first_of("./") == std::string::npos; }

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

const std::vector<SourceFile>& sources() {
  static const std::vector<SourceFile> files = read_sources(PRECIS_SOURCE_DIR, "precis");
  return files;
}

SourceFile sample(const std::string& path, const std::string& text) {
  return {path, text, test::parse_includes(text)};
}

TEST(IncludeDirections, RoomsAreEnteredFromAboveOnly) {
  ASSERT_GT(sources().size(), 50u);
  std::vector<std::string> found;
  for (const SourceFile& file : sources()) {
    EXPECT_EQ(direct_edges().count(file.room()), 1u) << file.path << " lies in no known room";
    for (std::string& line : room_violations(file)) found.push_back(std::move(line));
  }
  EXPECT_TRUE(found.empty()) << joined(found);
}

TEST(IncludeDirections, ThirdPartyStaysBehindItsFence) {
  std::vector<std::string> found;
  for (const SourceFile& file : sources())
    for (std::string& line : fence_violations(file)) found.push_back(std::move(line));
  EXPECT_TRUE(found.empty()) << joined(found);
}

// Installed headers include the C++ library and other installed headers, nothing else.
TEST(IncludeDirections, PublicHeadersAreSelfContained) {
  const std::vector<std::string> listed = public_headers(PRECIS_SOURCE_DIR);
  const std::set<std::string> is_public(listed.begin(), listed.end());
  ASSERT_GT(is_public.size(), 20u);
  for (const SourceFile& file : sources()) {
    if (is_public.count(file.path) == 0) continue;
    for (const Include& include : file.includes) {
      const bool good = include.quoted ? is_public.count(include.path) == 1 : is_standard(include.path);
      EXPECT_TRUE(good) << file.path << ":" << include.line << " is installed, but not " << include.path;
    }
  }
  for (const std::string& header : listed)
    EXPECT_TRUE(std::any_of(sources().begin(), sources().end(),
                            [&](const SourceFile& file) { return file.path == header; }))
        << header << " is listed as public but does not exist";
}

// Beside the fences, only two headers let a third-party package through: fmt for messages.
TEST(IncludeDirections, HeadersNameNoThirdParty) {
  const std::set<std::string> with_fmt = {"precis/core/check.h", "precis/graph/op.h"};
  for (const SourceFile& file : sources()) {
    const bool fenced = is_below(file.folder(), "precis/runtime/onednn") || file.room() == "cli" ||
                        is_below(file.folder(), "precis/kernels/simd") ||
                        file.path == "precis/onnx/proto_messages.h";
    if (!file.is_header() || fenced) continue;
    for (const Include& include : file.includes) {
      const bool fmt = include.path.rfind("fmt/", 0) == 0 && with_fmt.count(file.path) == 1;
      EXPECT_TRUE(include.quoted || is_standard(include.path) || fmt)
          << file.path << ":" << include.line << " includes <" << include.path << ">";
    }
  }
}

// All file access goes through precis/core, where every call can be made to fail.
TEST(IncludeDirections, FilesAreOpenedInCoreOnly) {
  const std::set<std::string> forbidden = {"fstream",  "filesystem", "fcntl.h",
                                           "dirent.h", "sys/mman.h", "sys/stat.h"};
  for (const SourceFile& file : sources())
    for (const Include& include : file.includes)
      EXPECT_TRUE(file.room() == "core" || forbidden.count(include.path) == 0)
          << file.path << ":" << include.line << " includes <" << include.path << ">; use precis/core/io.h";
}

// Only the program prints and exits.
TEST(Sources, LibrariesNeitherPrintNorExit) {
  for (const SourceFile& file : sources()) {
    if (file.room() == "cli") continue;
    for (const char* word :
         {"std::cout", "std::cerr", "std::exit", "std::abort", "std::terminate", "printf(", "::_exit"})
      EXPECT_EQ(file.text.find(word), std::string::npos) << file.path << " uses " << word;
  }
}

TEST(Sources, OpenWithTheirPurpose) {
  for (const char* folder : {"precis", "tests"})
    for (const SourceFile& file : read_sources(PRECIS_SOURCE_DIR, folder)) {
      EXPECT_EQ(file.text.rfind("//", 0), 0u) << file.path << " does not open with a comment";
      const bool once = !file.is_header() || file.text.find("\n#pragma once\n") != std::string::npos;
      EXPECT_TRUE(once) << file.path << " has no #pragma once";
    }
}

// The checks themselves: what they must find and what they must let pass.
TEST(IncludeChecker, FindsWhatItIsFor) {
  EXPECT_EQ(room_violations(sample("precis/core/x.cpp", "#include \"precis/graph/graph.h\"\n")).size(), 1u);
  EXPECT_EQ(room_violations(sample("precis/passes/x.cpp", "#include \"precis/runtime/session.h\"\n")).size(),
            1u);
  EXPECT_EQ(room_violations(sample("precis/onnx/x.cpp", "#include \"precis/quant/quantize.h\"\n")).size(),
            1u);
  EXPECT_EQ(room_violations(sample("precis/flow/x.cpp", "  #  include  \"precis/cli/app.h\"\n")).size(), 1u);
  EXPECT_EQ(room_violations(sample("precis/core/x.cpp", "#include \"tensor.h\"\n")).size(), 1u);
  EXPECT_EQ(room_violations(sample("precis/graph/x.cpp", "#include \"precis/core/detail/y.h\"\n")).size(),
            1u);
  EXPECT_TRUE(room_violations(sample("precis/flow/x.cpp", "#include \"precis/core/io.h\"\n")).empty());
  EXPECT_EQ(fence_violations(sample("precis/runtime/x.cpp", "#include <oneapi/dnnl/dnnl.hpp>\n")).size(), 1u);
  EXPECT_EQ(fence_violations(sample("precis/flow/x.h", "#include <onnx/onnx_pb.h>\n")).size(), 1u);
  EXPECT_TRUE(
      fence_violations(sample("precis/runtime/onednn/x.cpp", "#include <oneapi/dnnl/dnnl.hpp>\n")).empty());
}

}  // namespace
}  // namespace precis
