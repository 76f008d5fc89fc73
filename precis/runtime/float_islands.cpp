// Finding the islands, and putting the conversions around them.
#include "precis/runtime/float_islands.h"

#include <algorithm>
#include <map>
#include <set>

#include "precis/graph/builder.h"
#include "precis/runtime/lowering.h"
#include "precis/runtime/reference_codes.h"
#include "precis/runtime/reference_encoded.h"

namespace precis::runtime {
namespace {

class Splitter {
 public:
  explicit Splitter(Graph& graph) : g_(graph) {
    for (NodeId id : g_.order()) {
      const auto chain = match_integer_chain(g_, id);
      if (!chain) continue;
      in_chain_.insert(id);
      in_chain_.insert(chain->absorbed.begin(), chain->absorbed.end());
    }
  }

  void run() {
    const std::vector<NodeId> order(g_.order().begin(), g_.order().end());
    for (NodeId id : order)
      if (is_island(id)) split(id);
    g_.order();  // rebuilt here: plans share the graph
  }

 private:
  const ValueType& type(ValueId v) const { return g_.value(v).type; }

  // Encoded values are f32 with one scale per tensor; weights may have one per channel.
  bool can_convert(const Node& n) const {
    const auto fits = [&](ValueId v) {
      if (!v || !type(v).encoded()) return true;
      return type(v).dtype == DType::kF32 && (is_per_tensor(type(v).encoding) || g_.value(v).is_constant());
    };
    return std::all_of(n.inputs.begin(), n.inputs.end(), fits) && std::all_of(n.outputs.begin(), n.outputs.end(), fits);
  }

  bool has_integer_form(const Node& n) const {
    if (runs_on_codes(g_, n)) return true;
    const bool both = n.inputs.size() >= 2 && type(n.inputs[0]).encoded() && type(n.inputs[1]).encoded();
    if (n.is("Conv") || n.is("ConvTranspose") || n.is("Gemm") || n.is("MatMul")) return both;  // codes to reals
    const auto known = lowerings_for(n);
    const bool table = std::find(known.begin(), known.end(), lower_code_function) != known.end();
    return table && type(n.inputs[0]).encoded() && type(n.outputs[0]).encoded();
  }

  bool is_island(NodeId id) const {
    const Node& n = g_.node(id);
    if (!n.domain.empty() || in_chain_.count(id) != 0 || !touches_codes(g_, n)) return false;
    if (n.is("QuantizeLinear") || n.is("DequantizeLinear") || lowerings_for(n).empty()) return false;
    return !has_integer_form(n) && can_convert(n);
  }

  ValueId real_value(ValueId v) {
    ValueType t = type(v);
    t.encoding = {};
    return g_.add_value(g_.unique_value_name(g_.value(v).name + "/real"), std::move(t));
  }

  ValueId reals_of(ValueId v, NodeId reader) {
    const auto known = reals_.find(v);
    if (known != reals_.end()) return known->second;
    ValueId real;
    if (const Tensor* codes = g_.constant(v)) {
      real = g_.add_constant(g_.unique_value_name(g_.value(v).name + "/real"), decoded(g_.node(reader), *codes, type(v).encoding));
    } else {
      real = real_value(v);
      g_.insert_node_before(reader, conversion_node(g_, "Dequantize", v, real));
    }
    return reals_[v] = real;
  }

  void split(NodeId id) {
    for (size_t i = 0; i < g_.node(id).inputs.size(); ++i) {
      const ValueId v = g_.node(id).inputs[i];
      if (v && type(v).encoded()) g_.set_input(id, i, reals_of(v, id));
    }
    for (size_t i = 0; i < g_.node(id).outputs.size(); ++i) {
      const ValueId v = g_.node(id).outputs[i];
      if (!v || !type(v).encoded()) continue;
      const ValueId real = real_value(v);
      g_.set_output(id, i, real);
      g_.insert_node_after(id, conversion_node(g_, "Quantize", real, v));
    }
  }

  Graph& g_;
  std::set<NodeId> in_chain_;
  std::map<ValueId, ValueId> reals_;  // of encoded values that some island reads
};

}  // namespace

void split_float_islands(Graph& graph) { Splitter(graph).run(); }

}  // namespace precis::runtime
