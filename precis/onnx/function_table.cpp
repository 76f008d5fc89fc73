// Taking the functions in, and counting what their calls come to, without recursion on the stack.
#include "precis/onnx/function_table.h"

#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <limits>
#include <set>

#include "precis/core/check.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"
#include "precis/graph/graph.h"
#include "precis/onnx/proto_import.h"

namespace precis::onnx_io {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

// Fields newer than ONNX 1.12's message classes, which keep them as unknown ones.
constexpr int kNodeOverload = 8, kFunctionDefaults = 11, kFunctionOverload = 13;
template <typename T>
concept KnowsDefaults = requires(const T& f) {
  f.attribute_proto();
};
static_assert(!KnowsDefaults<onnx::FunctionProto>, "these classes know the fields: read them from there");

std::vector<std::string> unknown_bytes(const google::protobuf::Message& message, int field) {
  std::vector<std::string> all;
  const auto& unknown = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i)
    if (const auto& f = unknown.field(i);
        f.number() == field && f.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      all.push_back(f.length_delimited());
  return all;
}

std::string overload_of(const google::protobuf::Message& message, int field) {
  const std::vector<std::string> all = unknown_bytes(message, field);
  return all.empty() ? "" : all.back();
}

// All nodes of a list, those of subgraphs included.
template <typename Visit>
void for_each_node(const Nodes& nodes, const Visit& visit) {
  std::vector<const Nodes*> open{&nodes};
  while (!open.empty()) {
    const Nodes& some = *open.back();
    open.pop_back();
    for (const onnx::NodeProto& n : some) {
      visit(n);
      for (const auto& a : n.attribute()) {
        if (a.has_g()) open.push_back(&a.g().node());
        for (const auto& g : a.graphs()) open.push_back(&g.node());
      }
    }
  }
}

int64_t saturating_sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}
int64_t saturating_product(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<int64_t>::max() : product;
}

// A list of nodes: how many are none that call, and what they call how often.
struct Calls {
  int64_t nodes = 0;
  std::map<int, int64_t> times;  // by function
};

Calls calls_of(const Nodes& nodes, const FunctionTable& table) {
  Calls calls;
  for_each_node(nodes, [&](const onnx::NodeProto& n) {
    if (const int f = table.find(n); f >= 0)
      ++calls.times[f];
    else
      ++calls.nodes;
  });
  return calls;
}

// What a call comes to, all calls in it written out.
struct Extent {
  int64_t nodes = 0;
  int depth = 0;
};

Extent extent_of(const Calls& calls, const std::vector<Extent>& known) {
  Extent e{calls.nodes, 0};
  for (const auto& [f, times] : calls.times) {
    const Extent& inner = known[static_cast<size_t>(f)];
    // A call of a function without nodes leaves something, too: its outputs are its inputs.
    e.nodes = saturating_sum(e.nodes, saturating_product(times, std::max<int64_t>(inner.nodes, 1)));
    e.depth = std::max(e.depth, inner.depth);
  }
  ++e.depth;
  return e;
}

class CallGraph {
 public:
  explicit CallGraph(const FunctionTable& table) : table_(table) {
    for (size_t f = 0; f < table.size(); ++f)
      calls_.push_back(calls_of(table.at(static_cast<int>(f)).proto.node(), table));
    extents_.resize(table.size());
    visits_.resize(table.size(), Visit::kNew);
    for (size_t f = 0; f < table.size(); ++f)
      if (visits_[f] == Visit::kNew) measure(static_cast<int>(f));
  }

  const std::vector<Extent>& extents() const { return extents_; }

  int64_t uncalled(const Calls& from_graph) const {
    std::vector<bool> reached(calls_.size(), false);
    std::vector<const Calls*> open{&from_graph};
    int64_t count = static_cast<int64_t>(calls_.size());
    while (!open.empty()) {
      const Calls& some = *open.back();
      open.pop_back();
      for (const auto& [f, times] : some.times) {
        const auto i = static_cast<size_t>(f);
        if (reached[i]) continue;
        reached[i] = true;
        --count;
        open.push_back(&calls_[i]);
      }
    }
    return count;
  }

 private:
  enum class Visit : uint8_t { kNew, kOpen, kDone };
  struct Step {
    int function;
    std::map<int, int64_t>::const_iterator next;
  };

  // Callees first.
  void measure(int first) {
    std::vector<Step> path;
    const auto enter = [&](int f) {
      visits_[static_cast<size_t>(f)] = Visit::kOpen;
      path.push_back({f, calls_[static_cast<size_t>(f)].times.begin()});
    };
    enter(first);
    while (!path.empty()) {
      Step& step = path.back();
      const auto i = static_cast<size_t>(step.function);
      if (step.next == calls_[i].times.end()) {
        extents_[i] = extent_of(calls_[i], extents_);
        visits_[i] = Visit::kDone;
        path.pop_back();
        continue;
      }
      const int callee = (step.next++)->first;
      if (visits_[static_cast<size_t>(callee)] == Visit::kOpen) fail_cycle(path, callee);
      if (visits_[static_cast<size_t>(callee)] == Visit::kNew) enter(callee);
    }
  }

  [[noreturn]] void fail_cycle(const std::vector<Step>& path, int again) const {
    constexpr size_t kShown = 3;
    std::string through;
    size_t shown = 0;
    const auto start =
        std::find_if(path.begin(), path.end(), [&](const Step& s) { return s.function == again; });
    for (auto step = start + 1; step != path.end() && shown < kShown; ++step, ++shown)
      through += (shown == 0 ? " through '" : ", '") + table_.at(step->function).label + "'";
    fail(ErrorCode::kMalformed, "function '{}' calls itself{}; functions cannot be recursive",
         table_.at(again).label, through);
  }

  const FunctionTable& table_;
  std::vector<Calls> calls_;
  std::vector<Extent> extents_;
  std::vector<Visit> visits_;
};

void check_distinct(const LocalFunction& f, const google::protobuf::RepeatedPtrField<std::string>& names,
                    const char* what) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    check_name(name, what);
    check(seen.insert(name).second, ErrorCode::kMalformed, "function '{}' has the {} '{}' twice", f.label,
          what, printable(name));
  }
}

void take_defaults(LocalFunction& f) {
  for (const std::string& content : unknown_bytes(f.proto, kFunctionDefaults)) {
    onnx::AttributeProto a;
    check(a.ParseFromString(content), ErrorCode::kMalformed,
          "function '{}': a default attribute does not parse", f.label);
    check_name(a.name(), "attribute");
    check(!f.has_attribute(a.name()), ErrorCode::kMalformed, "function '{}' has the attribute '{}' twice",
          f.label, printable(a.name()));
    f.defaults.push_back(std::move(a));
  }
}

int opset_of(const LocalFunction& f) {
  int64_t opset = 0;
  for (const auto& import : f.proto.opset_import()) {
    if (!canonical_domain(import.domain()).empty()) continue;
    check(import.version() >= 1 && (opset == 0 || opset == import.version()), ErrorCode::kMalformed,
          "function '{}' imports opset {}, expected 1 to {}, once", f.label, import.version(),
          kCanonicalOpset);
    opset = import.version();
    check(opset <= kCanonicalOpset, ErrorCode::kUnsupported,
          "function '{}' imports opset {}, newer than the newest known ({})", f.label, opset,
          kCanonicalOpset);
  }
  return static_cast<int>(opset);
}

}  // namespace

std::string canonical_domain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

bool LocalFunction::has_attribute(const std::string& name) const {
  const auto& required = proto.attribute();
  return std::find(required.begin(), required.end(), name) != required.end() ||
         std::any_of(defaults.begin(), defaults.end(), [&](const auto& a) { return a.name() == name; });
}

void FunctionTable::add(onnx::FunctionProto& proto) {
  LocalFunction& f = functions_.emplace_back();
  f.proto.Swap(&proto);
  check_name(f.proto.name(), "function");
  const std::string overload = overload_of(f.proto, kFunctionOverload);
  f.label = printable(f.proto.domain()) + "::" + printable(f.proto.name()) +
            (overload.empty() ? "" : ":" + printable(overload));
  const Id id{canonical_domain(f.proto.domain()), f.proto.name(), overload};
  check(by_id_.emplace(id, static_cast<int>(functions_.size()) - 1).second, ErrorCode::kMalformed,
        "function '{}' is defined twice; domain, name and overload must be unique", f.label);
  check_distinct(f, f.proto.input(), "input");
  check_distinct(f, f.proto.output(), "output");
  check_distinct(f, f.proto.attribute(), "attribute");
  take_defaults(f);
  f.opset = opset_of(f);
}

FunctionTable::FunctionTable(onnx::ModelProto& model) {
  if (model.functions_size() == 0) return;
  const Limits& l = limits();
  check(model.functions_size() <= l.max_functions, ErrorCode::kLimit,
        "the model has {} local functions, at most {} are allowed", model.functions_size(), l.max_functions);
  for (auto& f : *model.mutable_functions()) add(f);
  model.clear_functions();
  const CallGraph graph(*this);
  const Calls calls = calls_of(model.graph().node(), *this);
  uncalled_ = graph.uncalled(calls);
  const Extent whole = extent_of(calls, graph.extents());
  check(whole.depth - 1 <= l.max_call_depth, ErrorCode::kLimit,
        "calls of local functions are nested {} deep, at most {} are allowed", whole.depth - 1,
        l.max_call_depth);
  check(whole.nodes <= l.max_nodes, ErrorCode::kLimit,
        "with its local functions written out the graph has {} nodes, at most {} are allowed", whole.nodes,
        l.max_nodes);
}

int FunctionTable::find(const onnx::NodeProto& node) const {
  if (functions_.empty()) return -1;
  const auto it =
      by_id_.find({canonical_domain(node.domain()), node.op_type(), overload_of(node, kNodeOverload)});
  return it == by_id_.end() ? -1 : it->second;
}

}  // namespace precis::onnx_io
