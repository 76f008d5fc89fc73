// A parser for {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } and nothing else.
#include "precis/data/npy_header.h"

#include <set>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis::data {
namespace {

class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  NpyHeader parse() {
    NpyHeader header;
    std::set<std::string> seen;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      if (!seen.insert(key).second) damaged("has the key '" + printable(key) + "' twice");
      expect(':');
      entry(key, header);
      if (accept(',')) continue;
      expect('}');
      break;
    }
    skip_space();
    if (at_ != text_.size()) damaged("goes on after its dict");
    for (const char* key : {"descr", "fortran_order", "shape"})
      if (seen.count(key) == 0) damaged(std::string("lacks the key '") + key + "'");
    return header;
  }

 private:
  [[noreturn]] void damaged(const std::string& what) const {
    fail(ErrorCode::kMalformed,
         "'{}': the npy header {}; expected a plain dict with descr, fortran_order and shape", file_, what);
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c))
      damaged(fmt::format("is not a dict literal (byte {}: '{}' expected, found '{}')", at_, c,
                          printable(text_.substr(at_, 12))));
  }
  bool accept_word(std::string_view word) {
    skip_space();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  std::string string() {
    skip_space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    const size_t end = quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : std::string_view::npos;
    if (end == std::string_view::npos)
      damaged(fmt::format("is not a dict literal (byte {}: a string expected)", at_));
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }

  void entry(const std::string& key, NpyHeader& header) {
    if (key == "descr") {
      skip_space();
      if (at_ < text_.size() && text_[at_] == '[')
        fail(ErrorCode::kMalformed,
             "'{}' is a structured array (several fields a row); save each field as its own array", file_);
      set_type(string(), header);
    } else if (key == "fortran_order") {
      header.fortran = accept_word("True");
      if (!header.fortran && !accept_word("False"))
        damaged("has a fortran_order that is neither True nor False");
    } else if (key == "shape") {
      header.shape = shape();
    } else {
      damaged("has the unknown key '" + printable(key) + "'");
    }
  }

  Shape shape() {
    std::vector<int64_t> dims;
    expect('(');
    while (!accept(')')) {
      skip_space();
      const size_t end = std::min(text_.find_first_not_of("0123456789", at_), text_.size());
      int64_t value = 0;
      if (end == at_ || !parse_int(text_.substr(at_, end - at_), value))
        damaged(fmt::format("has a dimension '{}' that is no number of 63 bits",
                            printable(text_.substr(at_, 24))));
      at_ = end;
      accept('L');  // Python 2 wrote long integers so
      dims.push_back(value);
      if (accept(',')) continue;
      expect(')');
      break;
    }
    return Shape(std::move(dims));
  }

  void set_type(const std::string& descr, NpyHeader& header) {
    struct Known {
      const char* code;
      DType dtype;
    };
    static constexpr Known kKnown[] = {{"f2", DType::kF16}, {"f4", DType::kF32}, {"f8", DType::kF64},
                                       {"i1", DType::kI8},  {"i2", DType::kI16}, {"i4", DType::kI32},
                                       {"i8", DType::kI64}, {"u1", DType::kU8},  {"u2", DType::kU16},
                                       {"u4", DType::kU32}, {"u8", DType::kU64}, {"b1", DType::kBool}};
    std::string_view code = descr;
    char order = '=';
    if (!code.empty() && std::string_view("<>=|").find(code.front()) != std::string_view::npos) {
      order = code.front();
      code.remove_prefix(1);
    }
    header.big_endian = order == '>';
    for (const Known& known : kKnown)
      if (code == known.code) header.dtype = known.dtype;
    if (header.dtype != DType::kUndefined) return;
    const bool object = !code.empty() && code.front() == 'O';
    fail(ErrorCode::kMalformed,
         "'{}' holds {} (descr '{}'); expected floats f2 f4 f8, integers i1..i8 u1..u8 or bool: {}", file_,
         object ? "Python objects" : "an element type that is not read", printable(descr),
         object ? "objects are pickled programs and are never loaded" : "convert it with astype");
  }

  std::string_view text_;
  const std::string& file_;
  size_t at_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text, const std::string& file) {
  return HeaderParser(text, file).parse();
}

}  // namespace precis::data
