// Tokens of the text form: see text_lexer.h.
#include "precis/graph/text_lexer.h"

#include <limits>

#include "precis/core/text.h"

namespace precis::text {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
}
bool is_name_char(char c) { return is_name_start(c) || is_digit(c) || c == '.'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

Lexer::Lexer(std::string_view source) : rest_(source) { lex(); }

void Lexer::fail_at(const Token& token, const std::string& message) const {
  fail(ErrorCode::kMalformed, "line {}, column {}: {}", token.line, token.column, message);
}

Token Lexer::next() {
  Token t = std::move(token_);
  lex();
  return t;
}

bool Lexer::accept(std::string_view punct) {
  if (!at(punct)) return false;
  lex();
  return true;
}

void Lexer::expect(std::string_view punct) {
  if (!accept(punct))
    fail_at(token_, fmt::format("expected '{}', found '{}'", punct, printable(token_.text)));
}

std::string Lexer::name(const char* what) {
  if (token_.kind != Token::Kind::kName && token_.kind != Token::Kind::kString)
    fail_at(token_, fmt::format("expected {}, found '{}'", what, printable(token_.text)));
  return next().text;
}

std::string Lexer::word(const char* what) {
  if (token_.kind != Token::Kind::kName)
    fail_at(token_, fmt::format("expected {}, found '{}'", what, printable(token_.text)));
  return next().text;
}

int64_t Lexer::integer(const char* what) {
  int64_t value = 0;
  if (token_.kind != Token::Kind::kNumber || !parse_int(token_.text, value))
    fail_at(token_, fmt::format("expected {} (an integer), found '{}'", what, printable(token_.text)));
  lex();
  return value;
}

bool Lexer::at_number() const {
  return token_.kind == Token::Kind::kNumber || at_name("inf") || at_name("nan");
}

double Lexer::real(const char* what) {
  double value = 0;
  const std::string& t = token_.text;
  if (t == "inf" || t == "-inf")
    value = t[0] == '-' ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  else if (t == "nan")
    value = std::numeric_limits<double>::quiet_NaN();
  else if (token_.kind != Token::Kind::kNumber || !parse_double(t, value))
    fail_at(token_, fmt::format("expected {} (a number), found '{}'", what, printable(t)));
  lex();
  return value;
}

void Lexer::advance(size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    if (rest_[i] == '\n') {
      ++line_;
      column_ = 1;
    } else {
      ++column_;
    }
  }
  rest_.remove_prefix(bytes);
}

void Lexer::skip_blanks() {
  while (!rest_.empty()) {
    const char c = rest_[0];
    if (c == '#')
      advance(std::min(rest_.find('\n'), rest_.size()));
    else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
      advance(1);
    else
      return;
  }
}

void Lexer::lex_string() {
  token_.kind = Token::Kind::kString;
  size_t i = 1;
  for (; i < rest_.size() && rest_[i] != '"'; ++i) {
    if (rest_[i] != '\\') {
      token_.text += rest_[i];
      continue;
    }
    ++i;
    const char escape = i < rest_.size() ? rest_[i] : '\0';
    if (escape == 'n') {
      token_.text += '\n';
    } else if (escape == '"' || escape == '\\') {
      token_.text += escape;
    } else if (escape == 'x' && i + 2 < rest_.size() && hex_digit(rest_[i + 1]) >= 0 &&
               hex_digit(rest_[i + 2]) >= 0) {
      token_.text += static_cast<char>(hex_digit(rest_[i + 1]) * 16 + hex_digit(rest_[i + 2]));
      i += 2;
    } else {
      fail_at(token_, "unknown escape in a string, expected \\n, \\\", \\\\ or \\xNN");
    }
  }
  if (i >= rest_.size()) fail_at(token_, "a string is not closed");
  advance(i + 1);
}

bool Lexer::number_starts() const {
  const size_t sign = rest_[0] == '-' || rest_[0] == '+' ? 1 : 0;
  if (rest_.size() <= sign) return false;
  if (is_digit(rest_[sign])) return true;
  if (rest_[sign] == '.') return rest_.size() > sign + 1 && is_digit(rest_[sign + 1]);
  return sign == 1 && rest_.substr(1, 3) == "inf";
}

void Lexer::lex_number() {
  token_.kind = Token::Kind::kNumber;
  size_t n = 1;
  while (n < rest_.size()) {
    const char c = rest_[n], before = rest_[n - 1];
    const bool exponent_sign = (c == '-' || c == '+') && (before == 'e' || before == 'E');
    if (!is_name_char(c) && !exponent_sign) break;
    ++n;
  }
  token_.text = rest_.substr(0, n);
  advance(n);
}

void Lexer::lex() {
  skip_blanks();
  token_ = Token{Token::Kind::kEnd, "", line_, column_};
  if (rest_.empty()) {
    token_.text = "end of text";
    return;
  }
  if (rest_[0] == '"') return lex_string();
  if (number_starts()) return lex_number();
  size_t n = 1;
  if (is_name_start(rest_[0])) {
    token_.kind = Token::Kind::kName;
    while (n < rest_.size() && is_name_char(rest_[n])) ++n;
  } else {
    token_.kind = Token::Kind::kPunct;
    for (const std::string_view longer : {"...", "->", "::"})
      if (rest_.substr(0, longer.size()) == longer) n = longer.size();
  }
  token_.text = rest_.substr(0, n);
  advance(n);
}

bool is_bare_name(std::string_view name) {
  if (name.empty() || !is_name_start(name[0]) || name == "_" || name == "inf" || name == "nan") return false;
  for (char c : name)
    if (!is_name_char(c)) return false;
  return true;
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else if (c == '\n')
      out += "\\n";
    else if (code < 0x20 || code == 0x7f)
      out += fmt::format("\\x{:02x}", static_cast<int>(code));
    else
      out += c;
  }
  return out + "\"";
}

std::string quote_name(std::string_view name) { return is_bare_name(name) ? std::string(name) : quote(name); }

}  // namespace precis::text
