// yaml-cpp's event stream -> YamlNode. Limits are checked while events come in, before any tree grows.
#include "precis/data/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "precis/core/check.h"
#include "precis/core/io.h"
#include "precis/core/limits.h"
#include "precis/core/text.h"

namespace precis::data {
namespace {

constexpr size_t kMaxDepth = 32;

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::shared_ptr<const std::string> file) : file_(std::move(file)) {}

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse(mark, anchor != 0, "an anchor");
    add(make(YamlNode::Kind::kNull, mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, true, "an alias"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_plain(mark, tag, anchor);
    YamlNode node = make(YamlNode::Kind::kScalar, mark);
    node.quoted = tag == "!";
    node.text = value;
    const bool null = !node.quoted && (value.empty() || value == "~" || value == "null" || value == "Null");
    const bool is_key = !open_.empty() && open_.back().is_map() && !key_pending();
    if (null && !is_key) node.kind = YamlNode::Kind::kNull;
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(YamlNode::Kind::kSequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  YamlNode make(YamlNode::Kind kind, const YAML::Mark& mark) const {
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.file = file_;
    return node;
  }

  void refuse(const YAML::Mark& mark, bool condition, const char* what) const {
    check(!condition, ErrorCode::kUsage, "'{}' line {}: {} is not accepted here; write the value out", *file_,
          mark.line + 1, what);
  }

  void check_plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    refuse(mark, anchor != 0, "an anchor");
    refuse(mark, !tag.empty() && tag != "?" && tag != "!", "a tag");
  }

  bool key_pending() const { return open_.back().keys.size() > open_.back().items.size(); }

  void start(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check_plain(mark, tag, anchor);
    check(open_.size() < kMaxDepth, ErrorCode::kLimit, "'{}' line {}: nested more than {} deep", *file_,
          mark.line + 1, kMaxDepth);
    YamlNode node = make(kind, mark);
    const bool is_key = !open_.empty() && open_.back().is_map() && !key_pending();
    if (is_key) node.fail_value("a map key must be a plain word");
    open_.push_back(std::move(node));
    seen_keys_.emplace_back();
  }

  void end() {
    YamlNode node = std::move(open_.back());
    open_.pop_back();
    seen_keys_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    YamlNode& parent = open_.back();
    if (!parent.is_map() || key_pending()) {
      parent.items.push_back(std::move(node));
      return;
    }
    if (!node.is_scalar() || node.text.empty()) node.fail_value("a map key must be a plain word");
    const bool first = seen_keys_.back().insert(node.text).second;
    if (!first) node.fail_value(fmt::format("the key '{}' is there twice", printable(node.text)));
    parent.keys.push_back(std::move(node.text));
  }

  std::shared_ptr<const std::string> file_;
  std::vector<YamlNode> open_;                    // the containers from the root to where the parser is
  std::vector<std::set<std::string>> seen_keys_;  // parallel to open_
  YamlNode root_;
};

bool parse_fraction(std::string_view text, double& value) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return parse_double(text, value);
  double over = 0.0;
  if (!parse_double(trim(text.substr(0, slash)), value) || !parse_double(trim(text.substr(slash + 1)), over))
    return false;
  value /= over;
  return true;
}

const char* kind_name(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a value";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "";
}

std::string shown(const YamlNode& node) {
  return node.is_scalar() ? fmt::format("'{}'", printable(node.text)) : kind_name(node);
}

}  // namespace

std::string YamlNode::where() const { return fmt::format("'{}' line {}", file ? *file : "yaml", line); }

void YamlNode::fail_value(const std::string& message) const {
  fail(ErrorCode::kUsage, "{}: {}", where(), message);
}

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto at = std::find(keys.begin(), keys.end(), key);
  return at == keys.end() ? nullptr : &items[static_cast<size_t>(at - keys.begin())];
}

std::string YamlNode::as_string(const char* what) const {
  if (!is_scalar()) fail_value(fmt::format("{} is {}, expected text", what, kind_name(*this)));
  return text;
}

int64_t YamlNode::as_int(const char* what) const {
  int64_t value = 0;
  if (!is_scalar() || quoted || !parse_int(text, value))
    fail_value(fmt::format("{} is {}, expected a whole number", what, shown(*this)));
  return value;
}

double YamlNode::as_double(const char* what) const {
  double value = 0.0;
  if (!is_scalar() || quoted || !parse_fraction(text, value) || !std::isfinite(value))
    fail_value(
        fmt::format("{} is {}, expected a finite number (or a fraction such as 1/255)", what, shown(*this)));
  return value;
}

bool YamlNode::as_bool(const char* what) const {
  const std::string word = is_scalar() && !quoted ? to_lower(text) : "";
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word != "false" && word != "no" && word != "off")
    fail_value(fmt::format("{} is {}, expected true or false", what, shown(*this)));
  return false;
}

std::vector<double> YamlNode::as_doubles(const char* what) const {
  if (!is_sequence()) return {as_double(what)};
  std::vector<double> values;
  for (const YamlNode& item : items) values.push_back(item.as_double(what));
  return values;
}

std::vector<int64_t> YamlNode::as_ints(const char* what) const {
  if (!is_sequence()) return {as_int(what)};
  std::vector<int64_t> values;
  for (const YamlNode& item : items) values.push_back(item.as_int(what));
  return values;
}

void YamlNode::check_keys(std::span<const std::string> known, const char* what) const {
  if (!is_map()) fail_value(fmt::format("{} is {}, expected a map of keys", what, shown(*this)));
  for (size_t i = 0; i < keys.size(); ++i) {
    if (std::find(known.begin(), known.end(), keys[i]) != known.end()) continue;
    const std::string near = nearest(keys[i], known);
    items[i].fail_value(fmt::format("unknown key '{}' in {}{}; known: {}", printable(keys[i]), what,
                                    near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near),
                                    fmt::join(known, ", ")));
  }
}

YamlNode parse_yaml(std::string_view text, const std::string& where) {
  const auto file = std::make_shared<const std::string>(printable(where));
  check(text.size() <= limits().max_yaml_bytes, ErrorCode::kLimit, "'{}' has {} of YAML; the limit is {}",
        *file, format_bytes(text.size()), format_bytes(limits().max_yaml_bytes));
  check(text.find('\0') == std::string_view::npos, ErrorCode::kUsage, "'{}' is no YAML: it holds NUL bytes",
        *file);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(file);
    if (!parser.HandleNextDocument(builder)) {
      YamlNode empty;
      empty.file = file;
      return empty;
    }
    TreeBuilder second(file);
    check(!parser.HandleNextDocument(second), ErrorCode::kUsage,
          "'{}' holds several YAML documents; expected one", *file);
    return builder.take();
  } catch (const YAML::Exception& error) {
    fail(ErrorCode::kUsage, "'{}' line {}: no valid YAML: {}", *file, error.mark.line + 1, error.msg);
  }
}

YamlNode read_yaml_file(const std::string& path) {
  return parse_yaml(read_text_file(path, limits().max_yaml_bytes), path);
}

}  // namespace precis::data
