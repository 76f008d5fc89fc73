// What tells packed weights of one node from those of another: place, operator, attributes and contents.
#include <fmt/format.h>

#include "precis/core/hash.h"
#include "precis/runtime/plan_builder.h"

namespace precis::runtime {
namespace {

class ContentHash {
 public:
  void add(std::span<const std::byte> bytes) { hash_ = xxh3(bytes, hash_); }
  void add(const std::string& s) { add(std::as_bytes(std::span(s))); }
  template <typename T>
  void add(const std::vector<T>& values) {
    add(std::as_bytes(std::span(values)));
  }
  void add(int64_t v) { add(std::as_bytes(std::span(&v, 1))); }
  void add(float v) { add(std::as_bytes(std::span(&v, 1))); }
  void add(const Tensor& t) {
    add(static_cast<int64_t>(t.dtype()));
    if (!t.defined()) return;
    add(t.shape().dims());
    add(std::span(t.bytes(), static_cast<size_t>(t.nbytes())));
  }
  // Numbers, lists of numbers and texts: operators with weights have no others that matter to them.
  void add(const Attribute& a) {
    std::visit(
        [&](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, int64_t> || std::is_same_v<T, float> ||
                        std::is_same_v<T, std::string> || std::is_same_v<T, std::vector<int64_t>> ||
                        std::is_same_v<T, std::vector<float>>) {
            add(v);
          } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            for (const std::string& s : v) add(s);
          }
        },
        a);
  }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0;
};

}  // namespace

std::string PlanBuilder::weights_key(const FusedOp& op, std::string_view what,
                                     std::span<const Tensor> contents) const {
  const Node& main = node(op);
  ContentHash hash;
  hash.add(main.op);
  for (const auto& [name, attribute] : main.attributes) {
    hash.add(name);
    hash.add(attribute);
  }
  for (const Tensor& t : contents) hash.add(t);
  return fmt::format("{} {:016x} {} ", op.node.index, hash.value(), what);
}

}  // namespace precis::runtime
