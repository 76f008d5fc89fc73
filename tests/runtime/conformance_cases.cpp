// Reads, runs and compares conformance cases; everything that a case throws becomes a line of the summary.
#include "tests/runtime/conformance_cases.h"

#include <fmt/format.h>

#include <algorithm>
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
  const auto is_control = [](const Node& node) {
    bool has_body = false;
    for (const auto& [key, attribute] : node.attributes)
      has_body = has_body || std::holds_alternative<SubgraphPtr>(attribute);
    return has_body;
  };
  for (NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    for (const auto& [key, attribute] : node.attributes)
      if (const auto* body = std::get_if<SubgraphPtr>(&attribute)) missing.merge(missing_operators(**body));
    if (find_op(node.domain, node.op) == nullptr)
      missing.insert(label(node));
    else if (node.domain != "precis" && !is_control(node) && runtime::find_reference_op(node.domain, node.op) == nullptr)
      missing.insert(label(node) + " (declared, no kernel)");
  }
  return missing;
}

Graph read_case(const std::string& path) {
  try {
    Graph graph = std::move(onnx_io::read_model(path).model.graph);
    const auto missing = missing_operators(graph);
    if (!missing.empty()) throw Unsupported{missing};
    return graph;
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kUnsupported) throw;
    throw Unsupported{{std::string("reader: ") + e.what()}};
  }
}

// `types`: of the graph's inputs or outputs, in order.
std::vector<std::pair<std::string, Tensor>> read_tensors(const std::string& folder, const std::string& kind,
                                                         const std::vector<DType>& types) {
  std::vector<std::pair<std::string, Tensor>> tensors;
  for (size_t i = 0;; ++i) {
    const std::string path = fmt::format("{}/{}_{}.pb", folder, kind, i);
    if (path_kind(path) != PathKind::kFile) return tensors;
    std::string name;
    Tensor tensor = onnx_io::read_value_file(path, i < types.size() ? types[i] : DType::kUndefined, &name);
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

// What is drawn at random is compared by type and shape.
bool draws(const Graph& graph) {
  return std::any_of(graph.order().begin(), graph.order().end(),
                     [&](NodeId id) { return draws_random_numbers(graph, graph.node(id)); });
}

void compare_kinds(const Tensor& got, const Tensor& want, size_t output) {
  if (got.dtype() != want.dtype() || got.shape() != want.shape())
    throw Error(ErrorCode::kVerify,
                fmt::format("output {} is {}{}, expected {}{}", output, dtype_name(got.dtype()),
                            got.shape().str(), dtype_name(want.dtype()), want.shape().str()));
}

// Cases whose expected values carry the rounding of sums in f32, and how far that goes.
double absolute_tolerance(const std::string& folder) {
  static const std::map<std::string, double> kRounded = {{"test_dft_inverse", 1e-6},
                                                         {"test_dft_inverse_opset19", 1e-6}};
  const auto at = kRounded.find(folder.substr(folder.rfind('/') + 1));
  return at == kRounded.end() ? 1e-7 : at->second;
}

std::vector<DType> types_of(const Graph& graph, std::span<const ValueId> ids) {
  std::vector<DType> types;
  for (ValueId id : ids) types.push_back(graph.value(id).type.dtype);
  return types;
}

void compare(const Tensor& got, const Tensor& want, size_t output, double absolute) {
  if (is_container(want.dtype())) {
    if (got.dtype() != want.dtype() || got.items().size() != want.items().size())
      throw Error(ErrorCode::kVerify, fmt::format("output {}: {} of {}, expected {} of {}", output,
                                                  dtype_name(got.dtype()), got.numel(),
                                                  dtype_name(want.dtype()), want.numel()));
    for (size_t i = 0; i < want.items().size(); ++i)
      compare(got.items()[i], want.items()[i], output, absolute);
    return;
  }
  const auto same = is_float(want.dtype())
                        ? tensors_close(got, want, {.absolute = absolute, .relative = 1e-3})
                        : tensors_equal(got, want);
  if (!same) throw Error(ErrorCode::kVerify, fmt::format("output {}: {}", output, same.message()));
}

// The key among the left out that names the reason; empty when there is none.
std::string key_of(const std::string& reason, const std::map<std::string, std::string>& left_out) {
  if (left_out.count(reason) != 0) return reason;
  for (const auto& [key, why] : left_out)
    if (key.find(' ') != std::string::npos && reason.find(key) != std::string::npos) return key;
  return "";
}

void count_unsupported(const std::string& name, const std::set<std::string>& reasons,
                       const std::map<std::string, std::string>& left_out, ConformanceSummary& summary) {
  std::set<std::string> keys;
  for (const std::string& r : reasons) {
    const std::string key = key_of(r, left_out);
    if (key.empty()) summary.not_listed.push_back(name + ": " + r);
    keys.insert(key.empty() ? r : key);
    summary.met.insert(key);
  }
  std::string all;
  for (const std::string& k : keys) all += (all.empty() ? "" : ", ") + k;
  ++summary.unsupported[all];
}

void run_case(const std::string& folder, const RunModel& run) {
  const Graph graph = read_case(join_path(folder, "model.onnx"));
  for (int set = 0;; ++set) {
    const std::string data = fmt::format("{}/test_data_set_{}", folder, set);
    if (path_kind(data) != PathKind::kDirectory) return;
    const auto want = read_tensors(data, "output", types_of(graph, graph.outputs()));
    std::vector<Tensor> got;
    try {
      got = run(graph, arrange(graph, read_tensors(data, "input", types_of(graph, graph.inputs()))));
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kUnsupported) throw;
      throw Unsupported{{std::string("run: ") + e.what()}};
    }
    if (got.size() < want.size())
      throw Error(ErrorCode::kVerify, fmt::format("{} outputs, expected {}", got.size(), want.size()));
    for (size_t i = 0; i < want.size(); ++i) {
      const Tensor expected = as_bf16(want[i].second, got[i].dtype());
      if (draws(graph))
        compare_kinds(got[i], expected, i);
      else
        compare(got[i], expected, i, absolute_tolerance(folder));
    }
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
  for (const std::string& n : not_listed) text += "  NOT LISTED " + n + "\n";
  for (const auto& [reason, count] : unsupported)
    text += fmt::format("  unsupported {:4} x {}\n", count, reason);
  return text;
}

ConformanceSummary run_conformance(const std::string& root, const std::vector<std::string>& suites,
                                   const RunModel& run, const std::map<std::string, std::string>& known,
                                   const std::map<std::string, std::string>& left_out) {
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
        count_unsupported(suite + "/" + name, u.reasons, left_out, summary);
      } catch (const std::exception& e) {
        summary.failed.push_back(suite + "/" + name + ": " + e.what());
      }
    }
  return summary;
}

}  // namespace precis::test
