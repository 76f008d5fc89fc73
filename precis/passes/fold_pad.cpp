// Before:  x -> Pad([0,0,1,1, 0,0,1,1]) -> Conv(w) -> y      After:  x -> Conv(w) {pads=[1,1,1,1]} -> y
// Where that is exact: a Pad by constants, outside the batch and channel axes, that takes nothing away and
// writes zeros, in front of a Conv; in front of an AveragePool that counts its padding (or has none: then it
// counts it from now on); or one that writes minus infinity, in front of a MaxPool. Pools must not round
// their size up, and their padding stays smaller than the window.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "precis/passes/pass_list.h"

namespace precis::passes {
namespace {

// Padding at the begins and ends of the spatial axes; empty when the Pad is none for convolutions.
std::vector<int64_t> spatial_padding(const Graph& g, const Node& pad) {
  const SymbolicShape& shape = g.value(pad.input(0)).type.shape;
  const Tensor* amounts = g.constant(pad.input(1));
  if (!shape || shape->size() < 3 || amounts == nullptr || pad.get_string("mode", "constant") != "constant")
    return {};
  const size_t rank = shape->size();
  std::vector<int64_t> axes(rank), given = to_int64s(*amounts, "pads");
  for (size_t i = 0; i < rank; ++i) axes[i] = static_cast<int64_t>(i);
  if (pad.input(3)) {
    const Tensor* t = g.constant(pad.input(3));
    if (t == nullptr) return {};
    axes = to_int64s(*t, "axes");
  }
  std::vector<int64_t> all(2 * rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t axis = static_cast<size_t>(axes[i] < 0 ? axes[i] + static_cast<int64_t>(rank) : axes[i]);
    all[axis] = given[i];
    all[axis + rank] = given[i + axes.size()];
  }
  const bool spatial_only = all[0] == 0 && all[1] == 0 && all[rank] == 0 && all[rank + 1] == 0;
  if (!spatial_only || std::any_of(all.begin(), all.end(), [](int64_t p) { return p < 0; })) return {};
  std::vector<int64_t> spatial(all.begin() + 2, all.begin() + static_cast<std::ptrdiff_t>(rank));
  spatial.insert(spatial.end(), all.begin() + static_cast<std::ptrdiff_t>(rank) + 2, all.end());
  return spatial;
}

// What the Pad writes; NaN when that is not known.
double written_value(const Graph& g, const Node& pad) {
  if (!pad.input(2)) return 0;
  const Tensor* t = g.constant(pad.input(2));
  return t != nullptr && t->numel() == 1 ? t->at_double(0) : std::nan("");
}

bool stays_within_windows(const Node& pool, const std::vector<int64_t>& pads) {
  const std::vector<int64_t> kernel = pool.get_ints("kernel_shape");
  for (size_t i = 0; i < pads.size(); ++i)
    if (pads[i] >= kernel[i % kernel.size()]) return false;
  return true;
}

// Why the Pad cannot become `reader`'s own padding; empty when it can.
std::string obstacle(const Node& reader, double value, const std::vector<int64_t>& own,
                     const std::vector<int64_t>& joined) {
  const std::string auto_pad = reader.get_string("auto_pad", "NOTSET");
  if (auto_pad != "NOTSET" && auto_pad != "VALID") return "its padding depends on the size of its input";
  if (reader.is("Conv")) return value == 0 ? "" : "the Pad writes other values than zeros";
  if (reader.get_int("ceil_mode", 0) != 0) return "its size is rounded up";
  if (!stays_within_windows(reader, joined)) return "the padding would be as large as the window";
  if (reader.is("MaxPool")) {
    if (reader.outputs.size() > 1) return "the indices of its results count the padding";
    return value == -std::numeric_limits<double>::infinity()
               ? ""
               : "the Pad writes other values than minus infinity";
  }
  const bool counts = reader.get_int("count_include_pad", 0) != 0 ||
                      std::all_of(own.begin(), own.end(), [](int64_t p) { return p == 0; });
  return value != 0 ? "the Pad writes other values than zeros"
         : counts   ? ""
                    : "its average leaves its own padding out";
}

}  // namespace

PassResult fold_pad(Model& model) {
  Graph& g = model.graph;
  PassResult result;
  const std::vector<NodeId> order(g.order().begin(), g.order().end());
  for (NodeId id : order) {
    Node& reader = g.node(id);
    const Node* pad = reader.input(0) ? g.producer(reader.input(0)) : nullptr;
    const bool takes_padding = reader.is("Conv") || reader.is("AveragePool") || reader.is("MaxPool");
    if (!takes_padding || pad == nullptr || !pad->is("Pad") || g.value(reader.input(0)).type.encoded())
      continue;
    const std::vector<int64_t> padding = spatial_padding(g, *pad);
    if (padding.empty()) continue;
    const std::vector<int64_t> own = reader.get_ints("pads", std::vector<int64_t>(padding.size(), 0));
    std::vector<int64_t> joined = padding;
    for (size_t i = 0; i < joined.size(); ++i) joined[i] += own[i];
    const std::string why_not = obstacle(reader, written_value(g, *pad), own, joined);
    if (!why_not.empty()) {
      result.notes.push_back(fmt::format("{}: the Pad before it stays: {}", describe(g, reader), why_not));
      continue;
    }
    reader.attributes["pads"] = std::move(joined);
    reader.attributes.erase("auto_pad");
    if (reader.is("AveragePool")) reader.attributes["count_include_pad"] = int64_t{1};
    g.set_input(id, 0, pad->input(0));
    ++result.changes;
  }
  return result;
}

}  // namespace precis::passes
