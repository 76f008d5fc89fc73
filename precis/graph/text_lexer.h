// Tokens of the text form of graphs (docs/graph_text.md). Private to the room: text_parser.cpp and
// text_values.cpp use it.
#pragma once

#include <string>
#include <string_view>

#include "precis/core/check.h"

namespace precis::text {

struct Token {
  enum class Kind { kEnd, kName, kString, kNumber, kPunct };
  Kind kind = Kind::kEnd;
  std::string text;  // strings without quotes and escapes
  int line = 1, column = 1;
};

// One token of look-ahead over the text. Every failure is Error(kMalformed) that opens with "line L, column
// C: ".
class Lexer {
 public:
  explicit Lexer(std::string_view source);
  const Token& peek() const { return token_; }
  Token next();
  bool at(std::string_view punct) const { return token_.kind == Token::Kind::kPunct && token_.text == punct; }
  bool at_name(std::string_view word) const {
    return token_.kind == Token::Kind::kName && token_.text == word;
  }
  bool accept(std::string_view punct);
  void expect(std::string_view punct);
  std::string name(const char* what);  // a bare or quoted name
  std::string word(const char* what);  // a bare name only
  int64_t integer(const char* what);
  double real(const char* what);  // any number, inf, -inf or nan
  bool at_number() const;
  [[noreturn]] void fail_at(const Token& token, const std::string& message) const;

 private:
  void skip_blanks();
  void advance(size_t bytes);
  void lex_string();
  void lex_number();
  bool number_starts() const;
  void lex();

  std::string_view rest_;
  int line_ = 1, column_ = 1;
  Token token_;
};

bool is_bare_name(std::string_view name);       // may stand without quotes
std::string quote(std::string_view text);       // with quotes and escapes
std::string quote_name(std::string_view name);  // quoted only where needed

}  // namespace precis::text
