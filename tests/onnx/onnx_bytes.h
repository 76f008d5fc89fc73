// ONNX files written byte by byte, so that tests can make what no library would write: wrong lengths, wrong
// wire types, contradictory tensors. A message is a std::string of its fields.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace precis::test {

inline std::string varint(uint64_t v) {
  std::string s;
  for (; v >= 0x80; v >>= 7) s += static_cast<char>((v & 0x7f) | 0x80);
  return s + static_cast<char>(v);
}
inline std::string tag(int field, int wire_type) {
  return varint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(wire_type));
}
inline std::string number(int field, int64_t v) { return tag(field, 0) + varint(static_cast<uint64_t>(v)); }
inline std::string bytes(int field, std::string_view content) {
  return tag(field, 2) + varint(content.size()) + std::string(content);
}
template <typename T>
std::string raw(const std::vector<T>& values) {
  std::string s(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(s.data(), values.data(), s.size());
  return s;
}
inline std::string packed(int field, const std::vector<int64_t>& values) {
  std::string s;
  for (int64_t v : values) s += varint(static_cast<uint64_t>(v));
  return bytes(field, s);
}

// --- TensorProto
inline std::string dims(const std::vector<int64_t>& d) {
  std::string s;
  for (int64_t v : d) s += number(1, v);
  return s;
}
inline std::string data_type(int type) { return number(2, type); }
inline std::string tensor_name(std::string_view name) { return bytes(8, name); }
inline std::string raw_data(std::string_view content) { return bytes(9, content); }
inline std::string float_data(const std::vector<float>& v) { return bytes(4, raw(v)); }
inline std::string int32_data(const std::vector<int64_t>& v) { return packed(5, v); }
inline std::string int64_data(const std::vector<int64_t>& v) { return packed(7, v); }
inline std::string entry(std::string_view key, std::string_view value) {
  return bytes(1, key) + bytes(2, value);
}
inline std::string external(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string s;
  for (const auto& [key, value] : entries) s += bytes(13, entry(key, value));
  return s + number(14, 1);
}

// --- GraphProto and what lies in it
inline std::string node(std::string_view op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::string& more = "") {
  std::string s;
  for (const std::string& in : inputs) s += bytes(1, in);
  for (const std::string& out : outputs) s += bytes(2, out);
  return s + bytes(4, op) + more;
}
inline std::string in_node(const std::string& node) { return bytes(1, node); }
inline std::string initializer(const std::string& tensor) { return bytes(5, tensor); }
inline std::string tensor_type(int type, const std::vector<int64_t>& shape) {
  std::string d;
  for (int64_t v : shape) d += bytes(1, number(1, v));
  return bytes(1, number(1, type) + bytes(2, d));
}
inline std::string value_info(std::string_view name, const std::string& type) {
  return bytes(1, name) + bytes(2, type);
}
inline std::string graph_input(std::string_view name, const std::vector<int64_t>& shape, int type = 1) {
  return bytes(11, value_info(name, tensor_type(type, shape)));
}
inline std::string graph_output(std::string_view name, const std::vector<int64_t>& shape, int type = 1) {
  return bytes(12, value_info(name, tensor_type(type, shape)));
}

// --- AttributeProto: INT 2, GRAPH 5, INTS 7
inline std::string attribute(std::string_view name, int type, const std::string& content) {
  return bytes(5, bytes(1, name) + content + number(20, type));
}
inline std::string int_attribute(std::string_view name, int64_t v) {
  return attribute(name, 2, number(3, v));
}

// --- ModelProto
inline std::string opset(int64_t version, std::string_view domain = "") {
  return bytes(8, bytes(1, domain) + number(2, version));
}
inline std::string model(const std::string& graph, int64_t version = 13, int64_t ir = 8) {
  return number(1, ir) + opset(version) + bytes(7, graph);
}
// A local function of the domain "f.d": `nodes` are nodes with tags of their own (function_node), `more`
// further fields of the FunctionProto.
inline std::string function_node(const std::string& node) { return bytes(7, node); }
inline std::string local_function(std::string_view name, const std::vector<std::string>& inputs,
                                  const std::vector<std::string>& outputs, const std::string& nodes,
                                  const std::string& more = "", int64_t version = 13) {
  std::string s = bytes(1, name) + bytes(10, "f.d") + nodes + bytes(9, number(2, version)) + more;
  for (const std::string& in : inputs) s += bytes(4, in);
  for (const std::string& out : outputs) s += bytes(5, out);
  return bytes(25, s);
}
// A node that calls one.
inline std::string call(std::string_view name, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::string& more = "") {
  return node(name, inputs, outputs, bytes(7, "f.d") + more);
}
// An attribute of a node in a function, that the call gives.
inline std::string reference(std::string_view name, int type, std::string_view argument) {
  return bytes(5, bytes(1, name) + bytes(21, argument) + number(20, type));
}
// x -> Add(x, w) -> y with the initializer `tensor` named "w".
inline std::string model_with(const std::string& tensor, int64_t version = 21) {
  return model(initializer(tensor_name("w") + tensor) + graph_input("x", {2}) + graph_output("y", {2}) +
                   in_node(node("Add", {"x", "w"}, {"y"})),
               version, 10);
}

inline std::span<const std::byte> as_bytes(const std::string& s) {
  return std::as_bytes(std::span(s.data(), s.size()));
}

}  // namespace precis::test
