// Reads, runs and compares conformance cases; everything that a case throws becomes a line of the summary.
#include "tests/runtime/conformance_cases.h"

#include <fmt/format.h>

#include <set>

#include "precis/core/io.h"
#include "precis/graph/op.h"
#include "precis/onnx/onnx_io.h"
#include "precis/runtime/reference_ops.h"
#include "tests/support/tensor_compare.h"

namespace precis::test {
namespace {

struct Unsupported {
  std::set<std::string> reasons;
};

std::string label(const Node& node) { return node.domain.empty() ? node.op : node.domain + "::" + node.op; }

// Operators of the graph that are not declared, or declared but without a kernel.
std::set<std::string> missing_operators(const Graph& graph) {
  std::set<std::string> missing;
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (find_op(node.domain, node.op) == nullptr)
      missing.insert(label(node));
    else if (node.domain != "precis" && runtime::find_reference_op(node.domain, node.op) == nullptr)
      missing.insert(label(node) + " (declared, no kernel)");
  }
  return missing;
}

// What a message says without the names in it, so that equal reasons count as one.
std::string last_clause(const std::string& message) {
  const size_t at = message.find_last_of(";:");
  return at == std::string::npos ? message : message.substr(at + 2);
}

Graph read_case(const std::string& path) {
  try {
    Graph graph = std::move(onnx_io::read_model(path).model.graph);
    const auto missing = missing_operators(graph);
    if (!missing.empty()) throw Unsupported{missing};
    return graph;
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kUnsupported) throw;
    throw Unsupported{{"reader: " + last_clause(e.what())}};
  }
}

std::vector<std::pair<std::string, Tensor>> read_tensors(const std::string& folder, const std::string& kind) {
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (int i = 0;; ++i) {
    const std::string path = fmt::format("{}/{}_{}.pb", folder, kind, i);
    if (path_kind(path) != PathKind::kFile) return tensors;
    std::string name;
    Tensor tensor = onnx_io::read_tensor_file(path, &name);
    tensors.emplace_back(std::move(name), std::move(tensor));
  }
}

// Release 1.12 stores the data of bf16 cases as u16.
Tensor as_bf16(const Tensor& t, DType expected) {
  if (expected != DType::kBF16 || t.dtype() != DType::kU16) return t;
  return Tensor::view(DType::kBF16, t.shape(), const_cast<std::byte*>(t.bytes())).clone();
}

// By name where the names agree, else in order.
std::vector<Tensor> arrange(const Graph& graph, const std::vector<std::pair<std::string, Tensor>>& given) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const std::string& name = graph.value(graph.inputs()[i]).name;
    const Tensor* found = i < given.size() ? &given[i].second : nullptr;
    for (const auto& [n, t] : given)
      if (n == name) found = &t;
    if (found == nullptr) throw Error(ErrorCode::kMalformed, "no data for input '" + name + "'");
    inputs.push_back(as_bf16(*found, graph.value(graph.inputs()[i]).type.dtype));
  }
  return inputs;
}

void compare(const Tensor& got, const Tensor& want, size_t output) {
  const auto same = is_float(want.dtype()) ? tensors_close(got, want, {.absolute = 1e-7, .relative = 1e-3})
                                           : tensors_equal(got, want);
  if (!same) throw Error(ErrorCode::kVerify, fmt::format("output {}: {}", output, same.message()));
}

void run_case(const std::string& folder, const RunModel& run) {
  const Graph graph = read_case(join_path(folder, "model.onnx"));
  for (int set = 0;; ++set) {
    const std::string data = fmt::format("{}/test_data_set_{}", folder, set);
    if (path_kind(data) != PathKind::kDirectory) return;
    const auto want = read_tensors(data, "output");
    std::vector<Tensor> got;
    try {
      got = run(graph, arrange(graph, read_tensors(data, "input")));
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kUnsupported) throw;
      throw Unsupported{{std::string("run: ") + e.what()}};
    }
    if (got.size() < want.size())
      throw Error(ErrorCode::kVerify, fmt::format("{} outputs, expected {}", got.size(), want.size()));
    for (size_t i = 0; i < want.size(); ++i) compare(got[i], as_bf16(want[i].second, got[i].dtype()), i);
  }
}

}  // namespace

int ConformanceSummary::total() const {
  int n = passed + static_cast<int>(failed.size());
  for (const auto& [reason, count] : unsupported) n += count;
  return n;
}

std::string ConformanceSummary::str() const {
  std::string text = fmt::format("{} cases: {} passed, {} failed, {} unsupported\n", total(), passed,
                                 failed.size(), total() - passed - static_cast<int>(failed.size()));
  for (const std::string& f : failed) text += "  FAILED " + f + "\n";
  for (const auto& [reason, count] : unsupported)
    text += fmt::format("  unsupported {:4} x {}\n", count, reason);
  return text;
}

ConformanceSummary run_conformance(const std::string& root, const std::vector<std::string>& suites,
                                   const RunModel& run, const std::map<std::string, std::string>& known) {
  ConformanceSummary summary;
  for (const std::string& suite : suites)
    for (const std::string& name : list_folder(join_path(root, suite))) {
      const std::string folder = join_path(join_path(root, suite), name);
      if (path_kind(join_path(folder, "model.onnx")) != PathKind::kFile) continue;
      const auto reason = known.find(name);
      if (reason != known.end()) {
        ++summary.unsupported["known: " + reason->second];
        continue;
      }
      try {
        run_case(folder, run);
        ++summary.passed;
      } catch (const Unsupported& u) {
        std::string all;
        for (const std::string& r : u.reasons) all += (all.empty() ? "" : ", ") + r;
        ++summary.unsupported[all];
      } catch (const std::exception& e) {
        summary.failed.push_back(suite + "/" + name + ": " + e.what());
      }
    }
  return summary;
}

}  // namespace precis::test
