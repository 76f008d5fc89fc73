// The table parser: one pass, one state.
#include "precis/data/csv_rows.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis::data {
namespace {

constexpr size_t kMaxLine = 1u << 20;

// The separator of the first line; '\0' for lines of words. One quoted cell a line is a table of one column.
char separator_of(std::string_view text) {
  const std::string_view line = trim(text.substr(0, text.find('\n')));
  if (line.size() >= 2 && line.front() == '"' && line.find('"', 1) == line.size() - 1) return ',';
  for (char c : {',', ';', '\t'})
    if (line.find(c) != std::string_view::npos) return c;
  return '\0';
}

class CsvParser {
 public:
  CsvParser(std::string_view text, const std::string& where)
      : text_(text), where_(where), separator_(separator_of(text)) {}

  std::vector<CsvRow> parse() {
    std::vector<CsvRow> rows;
    while (at_ < text_.size()) {
      CsvRow row = separator_ == '\0' ? words() : cells();
      const bool blank = row.cells.size() == 1 && row.cells[0].empty();
      if (!blank) rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  [[noreturn]] void damaged(int64_t line, const char* what) const {
    fail(ErrorCode::kMalformed, "'{}' line {}: {}", where_, line, what);
  }

  CsvRow words() {
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    check_line(end - at_);
    const std::string_view line = trim(text_.substr(at_, end - at_));
    CsvRow row{line_, {}};
    const size_t blank = line.find_last_of(" \t");
    if (blank == std::string_view::npos)
      row.cells = {std::string(line)};
    else
      row.cells = {std::string(trim(line.substr(0, blank))), std::string(line.substr(blank + 1))};
    at_ = end + 1;
    ++line_;
    return row;
  }

  CsvRow cells() {
    CsvRow row{line_, {}};
    const size_t start = at_;
    for (;;) {
      row.cells.push_back(cell(row.line));
      check_line(at_ - start);
      if (at_ < text_.size() && text_[at_] == separator_) {
        ++at_;
        continue;
      }
      ++at_;  // the line's end, or beyond the text
      ++line_;
      return row;
    }
  }

  std::string cell(int64_t line) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ < text_.size() && text_[at_] == '"') return quoted(line);
    const size_t end = std::min(text_.find_first_of(separator_ == ';'   ? ";\n"
                                                    : separator_ == ',' ? ",\n"
                                                                        : "\t\n",
                                                    at_),
                                text_.size());
    const std::string_view value = trim(text_.substr(at_, end - at_));
    at_ = end;
    return std::string(value);
  }

  std::string quoted(int64_t line) {
    std::string value;
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) damaged(line, "a quoted cell never ends");
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        value += text_[at_];
        continue;
      }
      if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') break;
      value += text_[at_++];  // "" stands for one quote
    }
    ++at_;
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\r')) ++at_;
    if (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n')
      damaged(line, "text follows the closing quote of a cell; expected a separator");
    return value;
  }

  void check_line(size_t size) const {
    if (size > kMaxLine) damaged(line_, "longer than 1 MiB; this is no table of labels");
  }

  std::string_view text_;
  const std::string& where_;
  char separator_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, const std::string& where) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  check(text.find('\0') == std::string_view::npos, ErrorCode::kMalformed,
        "'{}' holds NUL bytes: it is no text file (UTF-16 must be saved as UTF-8)", where);
  return CsvParser(text, where).parse();
}

}  // namespace precis::data
