// Types, encodings and tensor contents in the text form: see docs/graph_text.md.
#include "precis/graph/text_values.h"

#include <cmath>

#include "precis/core/hash.h"
#include "precis/core/limits.h"
#include "precis/core/rng.h"
#include "precis/core/text.h"

namespace precis::text {
namespace {

// Dtype names, and s8 for i8 and the like, as encodings are often written.
DType parse_dtype(Lexer& lexer) {
  if (lexer.accept("?")) return DType::kUndefined;
  const Token at = lexer.peek();
  std::string word = lexer.word("an element type");
  if (word[0] == 's' && word.size() > 1) word[0] = 'i';
  const DType dtype = dtype_from_name(word);
  if (dtype == DType::kUndefined) lexer.fail_at(at, "unknown element type '" + printable(at.text) + "'");
  return dtype;
}

SymbolicShape parse_shape(Lexer& lexer) {
  lexer.expect("[");
  std::vector<Dim> dims;
  if (lexer.accept("...")) {
    lexer.expect("]");
    return std::nullopt;
  }
  while (!lexer.accept("]")) {
    if (!dims.empty()) lexer.expect(",");
    if (lexer.accept("?")) {
      dims.emplace_back();
    } else if (lexer.peek().kind == Token::Kind::kNumber) {
      const Token at = lexer.peek();
      const int64_t length = lexer.integer("a dimension");
      if (length < 0) lexer.fail_at(at, "a dimension is negative");
      dims.emplace_back(length);
    } else {
      dims.push_back(Dim::named(lexer.name("a dimension")));
    }
  }
  return dims;
}

std::vector<double> parse_reals(Lexer& lexer) {
  std::vector<double> values;
  if (!lexer.accept("[")) return {lexer.real("a number")};
  while (!lexer.accept("]")) {
    if (!values.empty()) lexer.expect(",");
    values.push_back(lexer.real("a number"));
  }
  return values;
}

template <typename T>
std::vector<T> parse_list(Lexer& lexer) {
  const Token at = lexer.peek();
  std::vector<T> out;
  for (double v : parse_reals(lexer)) {
    // 2^30 and 2^62 hold every value these fields can take, and keep the conversion defined.
    if (std::is_integral_v<T> && !(std::abs(v) <= std::ldexp(1.0, static_cast<int>(sizeof(T)) * 8 - 2)))
      lexer.fail_at(at, "number out of range");
    out.push_back(static_cast<T>(v));
  }
  return out;
}

constexpr int kMaxContainerDepth = 4;
constexpr const char* kGrids[] = {"uniform", "codebook", "power_of_two", "binary"};

void parse_encoding_field(Lexer& lexer, Encoding& e, int& axis) {
  const Token at = lexer.peek();
  const std::string key = lexer.word("a field of the encoding");
  if (key == "dynamic") {
    e.dynamic = true;
    return;
  }
  lexer.expect("=");
  if (key == "scale") {
    e.scales = parse_list<float>(lexer);
  } else if (key == "zp") {
    e.zero_points = parse_list<int32_t>(lexer);
  } else if (key == "axis") {
    axis = static_cast<int>(lexer.integer("an axis"));
  } else if (key == "block") {
    e.block = parse_list<int64_t>(lexer);
  } else if (key == "min") {
    e.code_min = static_cast<int32_t>(lexer.integer("a code"));
  } else if (key == "max") {
    e.code_max = static_cast<int32_t>(lexer.integer("a code"));
  } else if (key == "bits") {
    e.bits = static_cast<int>(lexer.integer("a number of bits"));
  } else if (key == "codebook") {
    e.codebook = parse_list<float>(lexer);
  } else if (key == "grid") {
    const std::string grid = lexer.word("a grid");
    int i = 0;
    while (i < 4 && grid != kGrids[i]) ++i;
    if (i == 4) lexer.fail_at(at, "unknown grid '" + printable(grid) + "'");
    e.grid = static_cast<Encoding::Grid>(i);
  } else {
    lexer.fail_at(at, "unknown field '" + printable(key) + "' of an encoding");
  }
}

Encoding parse_encoding(Lexer& lexer, const SymbolicShape& shape) {
  const Token start = lexer.peek();
  const DType code = parse_dtype(lexer);
  if (!is_integer(code) || dtype_bits(code) > 32)
    lexer.fail_at(start, "codes must be of an integer type of at most 32 bits");
  Encoding e = Encoding::per_tensor_uniform(code, 1.0f, 0);
  e.scales.clear();
  int axis = -1;
  lexer.expect("(");
  for (bool first = true; !lexer.accept(")"); first = false) {
    if (!first) lexer.expect(",");
    parse_encoding_field(lexer, e, axis);
  }
  if (axis >= 0) {
    if (!fully_known(shape) || axis >= static_cast<int>(shape->size()))
      lexer.fail_at(start, "an encoding per axis needs a known shape that has this axis");
    e.block = to_shape(shape).dims();
    e.block[static_cast<size_t>(axis)] = 1;
  }
  // The plain record keeps "all zero" as an empty list.
  bool all_zero = true;
  for (int32_t zp : e.zero_points) all_zero = all_zero && zp == 0;
  if (all_zero) e.zero_points.clear();
  return e;
}

template <typename T>
std::string join(const std::vector<T>& values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) text += fmt::format("{}{}", i ? "," : "", values[i]);
  return text + "]";
}

std::string print_encoding(const Encoding& e, const SymbolicShape& shape) {
  std::string fields;
  const auto add = [&](const std::string& field) { fields += (fields.empty() ? "" : ", ") + field; };
  const int axis = fully_known(shape) ? encoding_axis(e, to_shape(shape)) : (e.per_tensor() ? -1 : -2);
  Encoding plain = Encoding::per_tensor_uniform(e.code, 1.0f, 0);
  if (e.grid != Encoding::Grid::kUniform) add(fmt::format("grid={}", kGrids[static_cast<int>(e.grid)]));
  if (e.bits != plain.bits) add(fmt::format("bits={}", e.bits));
  if (e.code_min != plain.code_min) add(fmt::format("min={}", e.code_min));
  if (e.code_max != plain.code_max) add(fmt::format("max={}", e.code_max));
  if (e.dynamic) add("dynamic");
  if (!e.per_tensor()) add(axis >= 0 ? fmt::format("axis={}", axis) : "block=" + join(e.block));
  if (!e.scales.empty())
    add("scale=" + (e.per_tensor() && e.scales.size() == 1 ? fmt::to_string(e.scale()) : join(e.scales)));
  if (!e.zero_points.empty())
    add("zp=" + (e.zero_points.size() == 1 ? fmt::to_string(e.zero_points[0]) : join(e.zero_points)));
  if (!e.codebook.empty()) add("codebook=" + join(e.codebook));
  return fmt::format("{}({})", dtype_name(e.code), fields);
}

// constant(kind, option=value, ...)
struct Fill {
  std::string kind;
  uint64_t seed = 0;
  double scale = 1, mean = 0, lo = 0, hi = 1, value = 0, start = 0, step = 1;
};

Fill parse_fill(Lexer& lexer) {
  Fill fill;
  lexer.next();
  lexer.expect("(");
  const Token kind_at = lexer.peek();
  fill.kind = lexer.word("a kind of filling");
  if (fill.kind == "hash") lexer.fail_at(kind_at, "a hash stands for contents that the text does not hold");
  while (lexer.accept(",")) {
    const Token at = lexer.peek();
    const std::string key = lexer.word("an option");
    lexer.expect("=");
    if (key == "seed")
      fill.seed = static_cast<uint64_t>(lexer.integer("a seed"));
    else if (key == "scale")
      fill.scale = lexer.real("a scale");
    else if (key == "mean")
      fill.mean = lexer.real("a mean");
    else if (key == "lo")
      fill.lo = lexer.real("a bound");
    else if (key == "hi")
      fill.hi = lexer.real("a bound");
    else if (key == "value")
      fill.value = lexer.real("a value");
    else if (key == "start")
      fill.start = lexer.real("a value");
    else if (key == "step")
      fill.step = lexer.real("a value");
    else
      lexer.fail_at(at, "unknown option '" + printable(key) + "' of a filling");
  }
  lexer.expect(")");
  if (fill.kind != "normal" && fill.kind != "uniform" && fill.kind != "fill" && fill.kind != "iota")
    lexer.fail_at(kind_at,
                  "unknown filling '" + printable(fill.kind) + "', expected normal, uniform, fill or iota");
  return fill;
}

std::vector<double> filled(const Fill& fill, int64_t count) {
  std::vector<double> values(static_cast<size_t>(count));
  Rng rng(fill.seed);
  for (size_t i = 0; i < values.size(); ++i) {
    if (fill.kind == "normal") values[i] = fill.mean + fill.scale * static_cast<double>(rng.normal());
    if (fill.kind == "uniform")
      values[i] = fill.lo + (fill.hi - fill.lo) * static_cast<double>(rng.uniform());
    if (fill.kind == "fill") values[i] = fill.value;
    if (fill.kind == "iota") values[i] = fill.start + fill.step * static_cast<double>(i);
  }
  return values;
}

Shape contents_shape(Lexer& lexer, const ValueType& type) {
  if (!fully_known(type.shape) || type.storage_dtype() == DType::kUndefined)
    lexer.fail_at(lexer.peek(),
                  "a constant needs an element type and a known shape, found " + print_type(type));
  Shape shape = to_shape(type.shape);
  constexpr int64_t kMaxTextElements = 1 << 26;  // a filling must not ask for all memory
  if (shape.numel() > kMaxTextElements)
    lexer.fail_at(lexer.peek(), "the constant is too large for the text form");
  return shape;
}

Tensor integers(Lexer& lexer, const Shape& shape, DType dtype) {
  std::vector<int64_t> values;
  const Token at = lexer.peek();
  if (!lexer.accept("[")) {
    values = {lexer.integer("an element")};
  } else {
    while (!lexer.accept("]")) {
      if (!values.empty()) lexer.expect(",");
      values.push_back(lexer.integer("an element"));
    }
  }
  if (static_cast<int64_t>(values.size()) != shape.numel())
    lexer.fail_at(at, fmt::format("{} elements for shape {}", values.size(), shape.str()));
  return Tensor::from<int64_t>(shape, std::span<const int64_t>(values)).cast(dtype);
}

std::string print_element(const Tensor& t, int64_t i) {
  if (t.dtype() == DType::kF64) return fmt::to_string(t.at_double(i));
  if (t.dtype() == DType::kU64) return fmt::to_string(static_cast<uint64_t>(t.at_int(i)));
  return is_float(t.dtype()) ? fmt::to_string(static_cast<float>(t.at_double(i)))
                             : fmt::to_string(t.at_int(i));
}

}  // namespace

namespace {

// seq(f32[2,3]), optional(seq(f32[...])); seq(?) when it is not known of what.
bool parse_container(Lexer& lexer, ValueType& type, int depth) {
  const Token at = lexer.peek();
  if (!lexer.at_name("seq") && !lexer.at_name("optional")) return false;
  if (depth >= kMaxContainerDepth) lexer.fail_at(at, "types are nested too deep");
  type.dtype = lexer.word("a type") == "seq" ? DType::kSequence : DType::kOptional;
  lexer.expect("(");
  ValueType element;
  if (!parse_container(lexer, element, depth + 1)) {
    element.dtype = parse_dtype(lexer);
    if (!lexer.at(")")) element.shape = parse_shape(lexer);
  }
  lexer.expect(")");
  if (element.dtype != DType::kUndefined) type.element = std::make_shared<const ValueType>(std::move(element));
  return true;
}

}  // namespace

ValueType parse_type(Lexer& lexer) {
  ValueType type;
  if (parse_container(lexer, type, 0)) return type;
  type.dtype = parse_dtype(lexer);
  type.shape = parse_shape(lexer);
  if (lexer.accept("@")) type.encoding = parse_encoding(lexer, type.shape);
  return type;
}

std::string print_type(const ValueType& type) {
  if (is_container(type.dtype))
    return fmt::format("{}({})", type.dtype == DType::kSequence ? "seq" : "optional",
                       type.element == nullptr ? "?" : print_type(*type.element));
  std::string text = type.dtype == DType::kUndefined ? "?" : dtype_name(type.dtype);
  if (!type.shape) {
    text += "[...]";
  } else {
    text += '[';
    for (size_t i = 0; i < type.shape->size(); ++i) {
      const Dim& d = (*type.shape)[i];
      text += (i ? "," : "") + (d.known() || d.symbol.empty() ? d.str() : quote_name(d.symbol));
    }
    text += ']';
  }
  return type.encoded() ? text + " @ " + print_encoding(type.encoding, type.shape) : text;
}

bool at_contents(const Lexer& lexer) {
  return lexer.at("[") || lexer.at_number() || lexer.at_name("constant");
}

Tensor parse_contents(Lexer& lexer, const ValueType& type) {
  const Shape shape = contents_shape(lexer, type);
  const DType dtype = type.storage_dtype();
  std::vector<double> values;
  const Token at = lexer.peek();
  if (lexer.at_name("constant")) {
    values = filled(parse_fill(lexer), shape.numel());
  } else if (!is_float(dtype)) {
    return integers(lexer, shape, dtype);
  } else {
    values = parse_reals(lexer);
  }
  if (static_cast<int64_t>(values.size()) != shape.numel())
    lexer.fail_at(at, fmt::format("{} elements for shape {}", values.size(), shape.str()));
  return Tensor::from<double>(shape, std::span<const double>(values)).cast(dtype);
}

std::string print_contents(const Tensor& tensor, int64_t max_elements) {
  if (tensor.numel() > max_elements)
    return fmt::format("constant(hash={:016x})",
                       xxh3({tensor.bytes(), static_cast<size_t>(tensor.nbytes())}));
  if (tensor.shape().rank() == 0) return print_element(tensor, 0);
  std::string text = "[";
  for (int64_t i = 0; i < tensor.numel(); ++i) text += (i ? ", " : "") + print_element(tensor, i);
  return text + "]";
}

}  // namespace precis::text
