// Look-ups in the generated table.
#include "precis/onnx/op_versions.h"

#include <algorithm>
#include <iterator>

#include "precis/graph/graph.h"

namespace precis::onnx_io {
namespace {

constexpr OpVersion kVersions[] = {
#include "precis/onnx/op_versions_data.inc"
};

// The rows of one operator: the table is sorted by name, then version.
std::pair<const OpVersion*, const OpVersion*> rows(std::string_view op) {
  const auto first = std::lower_bound(std::begin(kVersions), std::end(kVersions), op,
                                      [](const OpVersion& v, std::string_view name) { return v.op < name; });
  auto last = first;
  while (last != std::end(kVersions) && last->op == op) ++last;
  return {first, last};
}

// Operators that take or give tensors, sequences and optionals in one place, with the first version that
// does.
struct Containers {
  std::string_view op;
  int sequence, optional;
};
constexpr Containers kContainers[] = {
    {"Identity", 14, 16},
    {"If", 13, 16},
    {"Loop", 13, 16},
    {"Optional", 15, 15},
    {"OptionalGetElement", 15, 15},
    {"OptionalHasElement", 15, 15},
    {"SequenceMap", 17, 17},
};

template <size_t N>
bool accepts(const OpVersion& version, const std::array<uint32_t, N>& types, size_t i, DType dtype) {
  if (dtype == DType::kUndefined) return true;
  i = std::min(i, N - 1);
  if (is_container(dtype)) {
    const auto mixed = std::find_if(std::begin(kContainers), std::end(kContainers),
                                    [&](const Containers& c) { return c.op == version.op; });
    if (mixed == std::end(kContainers)) return types[i] == 0;
    return version.since >= (dtype == DType::kSequence ? mixed->sequence : mixed->optional);
  }
  while (i > 0 && types[i] == 0) --i;  // further inputs of a variadic operator are like its last
  return (types[i] >> (static_cast<int>(dtype) - 1) & 1) != 0;
}

}  // namespace

const OpVersion* op_version(std::string_view op, int opset) {
  const OpVersion* found = nullptr;
  const auto [first, last] = rows(op);
  for (const OpVersion* v = first; v != last; ++v)
    if (v->since <= opset) found = v;
  return found && found->usable ? found : nullptr;
}

OpLifetime op_lifetime(std::string_view op) {
  OpLifetime life;
  const auto [first, last] = rows(op);
  for (const OpVersion* v = first; v != last; ++v) {
    if (life.first == 0 && v->usable) life.first = v->since;
    life.last = v->usable ? kCanonicalOpset : v->since - 1;
  }
  return life;
}

bool takes_input(const OpVersion& version, size_t i, DType dtype) {
  return accepts(version, version.input_types, i, dtype);
}
bool gives_output(const OpVersion& version, size_t i, DType dtype) {
  return accepts(version, version.output_types, i, dtype);
}

AttributeFact find_attribute(const OpVersion& version, std::string_view name) {
  std::string_view list = version.attributes;
  while (!list.empty()) {
    const std::string_view word = list.substr(0, list.find(' '));
    list.remove_prefix(std::min(list.size(), word.size() + 1));
    const size_t equals = word.find('=');
    if (word.substr(0, equals) != name) continue;
    return {true, equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1)};
  }
  return {};
}

}  // namespace precis::onnx_io
