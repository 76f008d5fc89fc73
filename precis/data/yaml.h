// YAML files (preprocessing, recipes, run lists) as a plain tree with line numbers. JSON is a subset and
// reads the same. Behind limits: size (limits().max_yaml_bytes), depth 32; aliases, anchors, tags, duplicate
// keys and second documents are refused, so a small file can never become a large tree.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace precis::data {

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  Kind kind = Kind::kNull;
  std::string text;               // kScalar
  bool quoted = false;            // kScalar written in quotes: text, never a number or null
  std::vector<YamlNode> items;    // elements of a sequence, values of a map
  std::vector<std::string> keys;  // of a map, in file order, parallel to items
  int line = 1;
  std::shared_ptr<const std::string> file;  // for messages; printable

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_sequence() const { return kind == Kind::kSequence; }
  bool is_map() const { return kind == Kind::kMap; }

  const YamlNode* find(std::string_view key) const;  // null when the map has no such key
  // Conversions; `what` names the value in the Error(kUsage) for one of another kind ("crop").
  std::string as_string(const char* what) const;  // any scalar, as written
  int64_t as_int(const char* what) const;
  double as_double(const char* what) const;                // finite; also a fraction, "1/255"
  bool as_bool(const char* what) const;                    // true, false, yes, no, on, off
  std::vector<double> as_doubles(const char* what) const;  // a number or a sequence of numbers
  std::vector<int64_t> as_ints(const char* what) const;

  // Error(kUsage) naming file, line and the nearest known key when the map has a key that is not in `known`.
  void check_keys(std::span<const std::string> known, const char* what) const;
  // "'recipe.yaml' line 7": the head of a message about this node.
  std::string where() const;
  [[noreturn]] void fail_value(const std::string& message) const;  // Error(kUsage) "'file' line n: message"
};

// Errors: kUsage for text that is no YAML or uses what is refused, kLimit above the limits. `where` names the
// text.
YamlNode parse_yaml(std::string_view text, const std::string& where);
YamlNode read_yaml_file(const std::string& path);  // kLimit, kIo

}  // namespace precis::data
