// What tells packed weights of one node from those of another: place, operator, attributes and contents.
#include <fmt/format.h>

#include "precis/core/hash.h"
#include "precis/graph/content_key.h"
#include "precis/runtime/plan_builder.h"

namespace precis::runtime {

std::string PlanBuilder::weights_key(const FusedOp& op, std::string_view what,
                                     std::span<const Tensor> contents) const {
  const Node& main = node(op);
  ContentKey key;
  key.add(main.op);
  for (const auto& [name, attribute] : main.attributes) {
    key.add(name);
    key.add(attribute);  // operators with weights have no others that matter to them
  }
  uint64_t hash = xxh3(std::as_bytes(std::span(key.text())));
  for (const Tensor& t : contents) {
    ContentKey form;
    form.add(static_cast<int64_t>(t.dtype()));
    if (t.defined()) form.add(t.shape().dims());
    hash = xxh3(std::as_bytes(std::span(form.text())), hash);
    if (t.defined()) hash = xxh3(std::span(t.bytes(), static_cast<size_t>(t.nbytes())), hash);
  }
  return fmt::format("{} {:016x} {} ", op.node.index, hash, what);
}

}  // namespace precis::runtime
