// Graph: the order of nodes (a linked list, so that inserting and removing stay cheap), topological sorting,
// compaction.
#include <algorithm>
#include <queue>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/graph/graph.h"

namespace precis {
namespace {

// Node-to-node dependencies of a graph in compressed rows, captures of subgraphs included. Positions, not
// ids.
struct Dependencies {
  std::vector<int32_t> counts;  // per node position: producers it waits for (with repetition)
  std::vector<size_t> row;      // consumers of position p: consumers[row[p] .. row[p+1])
  std::vector<int32_t> consumers;
};

template <typename Visit>
void for_each_dependency(const Graph& graph, std::span<const NodeId> order,
                         const std::vector<int32_t>& position, const Visit& visit) {
  const auto visit_value = [&](ValueId id, size_t consumer) {
    if (!id) return;
    const NodeId producer = graph.value(id).producer;
    if (producer) visit(position[static_cast<size_t>(producer.index)], static_cast<int32_t>(consumer));
  };
  for (size_t p = 0; p < order.size(); ++p) {
    const Node& n = graph.node(order[p]);
    for (ValueId in : n.inputs) visit_value(in, p);
    for (const std::string& name : captured_names(n)) visit_value(graph.find_value(name), p);
  }
}

Dependencies find_dependencies(const Graph& graph, std::span<const NodeId> order) {
  std::vector<int32_t> position(graph.num_node_slots(), -1);
  for (size_t p = 0; p < order.size(); ++p)
    position[static_cast<size_t>(order[p].index)] = static_cast<int32_t>(p);
  Dependencies d;
  d.counts.assign(order.size(), 0);
  d.row.assign(order.size() + 1, 0);
  for_each_dependency(graph, order, position, [&](int32_t producer, int32_t consumer) {
    ++d.counts[static_cast<size_t>(consumer)];
    ++d.row[static_cast<size_t>(producer) + 1];
  });
  for (size_t p = 0; p < order.size(); ++p) d.row[p + 1] += d.row[p];
  d.consumers.resize(d.row.back());
  std::vector<size_t> next(d.row.begin(), d.row.end() - 1);
  for_each_dependency(graph, order, position, [&](int32_t producer, int32_t consumer) {
    d.consumers[next[static_cast<size_t>(producer)]++] = consumer;
  });
  return d;
}

// Kahn's algorithm: positions in a valid order, as far as there is one. The ready node that came first in the
// old order goes first, so a valid order stays as it is. Counts that stay positive belong to cycles and what
// depends on them.
std::vector<int32_t> kahn(Dependencies& d) {
  std::priority_queue<int32_t, std::vector<int32_t>, std::greater<>> ready;
  for (size_t p = 0; p < d.counts.size(); ++p)
    if (d.counts[p] == 0) ready.push(static_cast<int32_t>(p));
  std::vector<int32_t> sorted;
  sorted.reserve(d.counts.size());
  while (!ready.empty()) {
    const auto p = static_cast<size_t>(ready.top());
    ready.pop();
    sorted.push_back(static_cast<int32_t>(p));
    for (size_t k = d.row[p]; k < d.row[p + 1]; ++k)
      if (--d.counts[static_cast<size_t>(d.consumers[k])] == 0) ready.push(d.consumers[k]);
  }
  return sorted;
}

// Some node on a cycle: walk from a stuck node to stuck producers until one comes twice.
size_t find_cycle_position(const Dependencies& d) {
  const size_t n = d.counts.size();
  std::vector<int32_t> stuck_producer(n, -1);
  for (size_t p = 0; p < n; ++p) {
    if (d.counts[p] <= 0) continue;
    for (size_t k = d.row[p]; k < d.row[p + 1]; ++k)
      stuck_producer[static_cast<size_t>(d.consumers[k])] = static_cast<int32_t>(p);
  }
  size_t at = 0;
  while (d.counts[at] <= 0) ++at;
  std::vector<bool> seen(n, false);
  while (!seen[at]) {
    seen[at] = true;
    at = static_cast<size_t>(stuck_producer[at]);
  }
  return at;
}

}  // namespace

void Graph::link_before(int32_t position, NodeId id) {
  Link& link = links_[static_cast<size_t>(id.index)];
  link.next = position;
  link.previous = position < 0 ? last_ : links_[static_cast<size_t>(position)].previous;
  (link.previous < 0 ? first_ : links_[static_cast<size_t>(link.previous)].next) = id.index;
  (position < 0 ? last_ : links_[static_cast<size_t>(position)].previous) = id.index;
  if (position < 0 && !order_stale_)
    order_.push_back(id);
  else
    order_stale_ = true;
}

void Graph::unlink(NodeId id) {
  const Link link = links_[static_cast<size_t>(id.index)];
  (link.previous < 0 ? first_ : links_[static_cast<size_t>(link.previous)].next) = link.next;
  (link.next < 0 ? last_ : links_[static_cast<size_t>(link.next)].previous) = link.previous;
  order_stale_ = true;
}

std::span<const NodeId> Graph::order() const {
  if (order_stale_) {
    order_.clear();
    for (int32_t i = first_; i >= 0; i = links_[static_cast<size_t>(i)].next) order_.push_back(NodeId{i});
    order_stale_ = false;
  }
  return order_;
}

NodeId Graph::cycle_node() const {
  Dependencies d = find_dependencies(*this, order());
  const size_t sorted = kahn(d).size();
  return sorted == order().size() ? NodeId{} : order()[find_cycle_position(d)];
}

void Graph::sort() {
  const std::vector<NodeId> old(order().begin(), order().end());
  Dependencies d = find_dependencies(*this, old);
  const std::vector<int32_t> sorted = kahn(d);
  if (sorted.size() != old.size())
    fail(ErrorCode::kMalformed,
         "{} is part of a cycle: its inputs depend on its own outputs; graphs must be acyclic",
         describe(*this, node(old[find_cycle_position(d)])));
  first_ = last_ = -1;
  order_.clear();
  order_stale_ = false;
  for (int32_t position : sorted) link_before(-1, old[static_cast<size_t>(position)]);
}

void Graph::compact() {
  // Nothing is dead and the order is that of the ids: as read from most files.
  const std::span<const NodeId> now = order();
  bool done = now.size() == nodes_.size();
  for (size_t p = 0; done && p < now.size(); ++p) done = now[p].index == static_cast<int32_t>(p);
  if (done && std::all_of(values_.begin(), values_.end(), [](const Value& v) { return v.alive; })) return;

  std::vector<int32_t> new_value(values_.size(), -1), new_node(nodes_.size(), -1);
  const auto value_of = [&](ValueId id) {
    return id ? ValueId{new_value[static_cast<size_t>(id.index)]} : id;
  };
  const auto node_of = [&](NodeId id) { return id ? NodeId{new_node[static_cast<size_t>(id.index)]} : id; };
  const std::vector<NodeId> old(order().begin(), order().end());
  int32_t next = 0;
  for (size_t i = 0; i < values_.size(); ++i)
    if (values_[i].alive) new_value[i] = next++;
  for (size_t p = 0; p < old.size(); ++p)
    new_node[static_cast<size_t>(old[p].index)] = static_cast<int32_t>(p);

  std::deque<Value> values;
  std::vector<int32_t> counts;
  for (size_t i = 0; i < values_.size(); ++i) {
    if (!values_[i].alive) continue;
    Value& v = values.emplace_back(std::move(values_[i]));
    counts.push_back(output_counts_[i]);
    v.producer = node_of(v.producer);
    for (Use& use : v.uses) use.node = node_of(use.node);
    std::sort(v.uses.begin(), v.uses.end());
    by_name_[v.name] = ValueId{static_cast<int32_t>(values.size()) - 1};
  }
  std::deque<Node> nodes;
  for (NodeId id : old) {
    Node& n = nodes.emplace_back(std::move(node(id)));
    for (ValueId& v : n.inputs) v = value_of(v);
    for (ValueId& v : n.outputs) v = value_of(v);
  }
  for (ValueId& v : inputs_) v = value_of(v);
  for (ValueId& v : outputs_) v = value_of(v);
  values_ = std::move(values);
  nodes_ = std::move(nodes);
  output_counts_ = std::move(counts);
  links_.assign(nodes_.size(), {});
  first_ = last_ = -1;
  order_.clear();
  for (size_t p = 0; p < nodes_.size(); ++p) link_before(-1, NodeId{static_cast<int32_t>(p)});
}

}  // namespace precis
