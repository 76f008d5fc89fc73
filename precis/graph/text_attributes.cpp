// Attributes in the text form: the spelling of a value decides its kind (docs/graph_text.md).
#include <cmath>

#include "precis/core/text.h"
#include "precis/graph/onnx_dtype.h"
#include "precis/graph/text_values.h"

namespace precis::text {
namespace {

// Numbers with a point, an exponent, inf or nan are floats; all others are ints.
bool is_float_token(const Token& t) {
  if (t.kind == Token::Kind::kName) return t.text == "inf" || t.text == "nan";
  return t.kind == Token::Kind::kNumber && t.text.find_first_of(".eEn") != std::string::npos;
}

std::string print_float(float v) {
  std::string text = fmt::to_string(v);
  if (std::isfinite(v) && text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

Attribute parse_number_list(Lexer& lexer) {
  std::vector<int64_t> ints;
  std::vector<float> floats;
  bool any_float = false;
  for (bool first = true; !lexer.accept("]"); first = false) {
    if (!first) lexer.expect(",");
    if (is_float_token(lexer.peek())) {
      any_float = true;
      floats.push_back(static_cast<float>(lexer.real("a number")));
    } else {
      ints.push_back(lexer.integer("a number"));
      floats.push_back(static_cast<float>(ints.back()));
    }
  }
  if (any_float) return floats;
  return ints;
}

Attribute parse_string_list(Lexer& lexer) {
  std::vector<std::string> strings;
  for (bool first = true; !lexer.accept("]"); first = false) {
    if (!first) lexer.expect(",");
    strings.push_back(lexer.name("a string"));
  }
  return strings;
}

// floats[], strings[]: lists whose elements do not show their kind; tensor(type, contents); type(...): a type;
// f32: an element type's ONNX code.
Attribute parse_word(Lexer& lexer) {
  const Token at = lexer.peek();
  const std::string word = lexer.word("an attribute");
  if (word == "floats") {
    lexer.expect("[");
    const Attribute list = parse_number_list(lexer);
    if (const auto* ints = std::get_if<std::vector<int64_t>>(&list))
      return std::vector<float>(ints->begin(), ints->end());
    return list;
  }
  if (word == "strings") {
    lexer.expect("[");
    return parse_string_list(lexer);
  }
  if (word == "tensor") {
    lexer.expect("(");
    const ValueType type = parse_type(lexer);
    lexer.expect(",");
    Tensor tensor = parse_contents(lexer, type);
    lexer.expect(")");
    return tensor;
  }
  if (word == "type") {
    lexer.expect("(");
    ValueType type = parse_type(lexer);
    lexer.expect(")");
    return type;
  }
  const DType dtype = dtype_from_name(word);
  if (dtype == DType::kUndefined)
    lexer.fail_at(at, "expected an attribute's value, found '" + printable(word) + "' (strings need quotes)");
  return onnx_code(dtype);
}

template <typename T, typename Print>
std::string join(const std::vector<T>& values, const Print& print) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) text += (i ? "," : "") + print(values[i]);
  return text + "]";
}

bool holds_dtype(const std::string& key) {
  return key == "to" || key == "dtype" || key == "output_dtype" || key == "output_datatype" || key == "precision";
}

}  // namespace

Attribute parse_attribute(Lexer& lexer) {
  const Token& t = lexer.peek();
  if (is_float_token(t)) return static_cast<float>(lexer.real("a number"));
  if (t.kind == Token::Kind::kNumber) return lexer.integer("a number");
  if (t.kind == Token::Kind::kString) return lexer.next().text;
  if (lexer.accept("["))
    return lexer.peek().kind == Token::Kind::kString ? parse_string_list(lexer) : parse_number_list(lexer);
  return parse_word(lexer);
}

std::string print_attribute(const std::string& key, const Attribute& attribute) {
  if (const auto* v = std::get_if<int64_t>(&attribute)) {
    const DType dtype = holds_dtype(key) ? dtype_from_onnx_code(*v) : DType::kUndefined;
    return dtype == DType::kUndefined ? fmt::to_string(*v) : dtype_name(dtype);
  }
  if (const auto* v = std::get_if<float>(&attribute)) return print_float(*v);
  if (const auto* v = std::get_if<std::string>(&attribute)) return quote(*v);
  if (const auto* v = std::get_if<Tensor>(&attribute)) {
    ValueType type;
    type.dtype = v->dtype();
    type.shape = symbolic(v->shape());
    return "tensor(" + print_type(type) + ", " + print_contents(*v, v->numel()) + ")";
  }
  if (const auto* v = std::get_if<std::vector<int64_t>>(&attribute))
    return join(*v, [](int64_t i) { return fmt::to_string(i); });
  if (const auto* v = std::get_if<std::vector<float>>(&attribute))
    return (v->empty() ? "floats" : "") + join(*v, print_float);
  if (const auto* v = std::get_if<std::vector<std::string>>(&attribute))
    return (v->empty() ? "strings" : "") + join(*v, quote);
  if (const auto* v = std::get_if<ValueType>(&attribute)) return "type(" + print_type(*v) + ")";
  return attribute_kind(attribute);  // graphs and lists of tensors: shown, not readable
}

}  // namespace precis::text
