// Counting what a model is made of.
#include "precis/flow/inspect.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/graph/macs.h"
#include "precis/graph/op.h"

namespace precis::flow {
namespace {

std::string parameter_kind(const ValueType& t) {
  if (!t.encoded()) return dtype_name(t.dtype);
  return fmt::format("{} {}", dtype_name(t.encoding.code), t.encoding.per_tensor() ? "per tensor" : "per channel");
}

bool touches_codes(const Graph& g, const Node& n) {
  const auto encoded = [&](ValueId v) { return v && g.value(v).type.encoded(); };
  return std::any_of(n.inputs.begin(), n.inputs.end(), encoded) || std::any_of(n.outputs.begin(), n.outputs.end(), encoded);
}

void count_operators(const Graph& g, ModelSummary& s) {
  const MacCount count = count_macs(g);
  std::map<std::string, OperatorSummary> by_name;
  for (NodeId id : g.order()) {
    const Node& n = g.node(id);
    OperatorSummary& o = by_name[n.domain.empty() ? n.op : n.domain + "::" + n.op];
    ++o.count;
    const int64_t macs = count.by_node[static_cast<size_t>(id.index)];
    o.macs += macs;
    s.macs += macs;
    o.quantized += touches_codes(g, n);
    for (ValueId v : n.inputs)
      if (const Tensor* t = g.constant(v); v && t) o.weight_bytes += static_cast<uint64_t>(t->nbytes());
  }
  for (auto& [name, o] : by_name) {
    o.op = name;
    s.operators.push_back(o);
  }
  s.nodes = static_cast<int64_t>(g.order().size());
}

}  // namespace

std::string type_str(const ValueType& t) {
  std::string s = std::string(dtype_name(t.storage_dtype())) + shape_str(t.shape);
  if (!t.encoded()) return s;
  if (t.encoding.per_tensor() && !t.encoding.scales.empty())
    return s + fmt::format(" @ {:.4g}{:+d}", t.encoding.scale(), t.encoding.zero_point());
  return s + " @ per channel";
}

ModelSummary summarize(const Model& model, uint64_t file_bytes) {
  Model m = model;
  ModelSummary s;
  try {
    infer_types(m.graph);
  } catch (const Error& e) {
    s.warnings.push_back(e.what());
  }
  const Graph& g = m.graph;
  s.file_bytes = file_bytes;
  s.ir_version = m.ir_version;
  s.opset = m.source_opset;
  s.producer = m.producer_name + (m.producer_version.empty() ? "" : " " + m.producer_version);
  for (ValueId v : g.inputs()) s.inputs.push_back({g.value(v).name, type_str(g.value(v).type)});
  for (ValueId v : g.outputs()) s.outputs.push_back({g.value(v).name, type_str(g.value(v).type)});
  for (ValueId v : g.initializers()) {
    const Tensor& t = *g.constant(v);
    s.parameters += t.numel();
    s.weight_bytes += static_cast<uint64_t>(t.nbytes());
    s.parameters_by_type[parameter_kind(g.value(v).type)] += t.numel();
  }
  count_operators(g, s);
  s.quantization = summarize_quantization(g);
  s.metadata = m.metadata;
  return s;
}

}  // namespace precis::flow
