// Models of one operator, byte by byte: arguments with shapes and contents, attributes of any kind.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/onnx/onnx_bytes.h"

namespace precis::test {

inline constexpr int kFloatType = 1, kU8Type = 2, kI8Type = 3, kI32Type = 6, kI64Type = 7, kBoolType = 9,
                     kF16Type = 10;

// A graph input, or an initializer when contents are given.
struct Arg {
  std::string name;
  std::vector<int64_t> shape;
  int type = kFloatType;
  std::optional<std::string> contents = {};  // raw bytes
};

inline Arg floats(const std::string& name, const std::vector<int64_t>& shape,
                  const std::vector<float>& values) {
  return {name, shape, kFloatType, raw(values)};
}
inline Arg ints(const std::string& name, const std::vector<int64_t>& values) {
  return {name, {static_cast<int64_t>(values.size())}, kI64Type, raw(values)};
}
inline Arg zeros(const std::string& name, const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t d : shape) count *= d;
  return floats(name, shape, std::vector<float>(static_cast<size_t>(count), 0.0f));
}

inline std::string ints_attribute(std::string_view name, const std::vector<int64_t>& values) {
  return attribute(name, 7, packed(8, values));
}
inline std::string float_attribute(std::string_view name, float value) {
  return attribute(name, 1, tag(2, 5) + raw<float>({value}));
}
inline std::string string_attribute(std::string_view name, std::string_view value) {
  return attribute(name, 3, bytes(4, value));
}
inline std::string graph_attribute(std::string_view name, const std::string& graph) {
  return attribute(name, 5, bytes(6, graph));
}

inline std::string declare(const Arg& a) {
  if (!a.contents) return graph_input(a.name, a.shape, a.type);
  return initializer(tensor_name(a.name) + dims(a.shape) + data_type(a.type) + raw_data(*a.contents));
}

// op(args...) -> y, ("z", ...) for more outputs; an argument without a name is omitted.
inline std::string op_model(std::string_view op, const std::vector<Arg>& args,
                            const std::string& attributes = "", int64_t version = 21,
                            const std::vector<std::string>& outputs = {"y"}) {
  std::string graph;
  std::vector<std::string> names;
  for (const Arg& a : args) {
    if (!a.name.empty()) graph += declare(a);
    names.push_back(a.name);
  }
  graph += in_node(node(op, names, outputs, bytes(3, "n") + attributes));
  for (const std::string& out : outputs) graph += bytes(12, bytes(1, out));
  return model(graph, version, 10);
}

}  // namespace precis::test
