// Small tables of text: comma, semicolon or tab separated values (RFC 4180 quotes, CRLF, byte order mark).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace precis::data {

struct CsvRow {
  int64_t line = 0;  // where the row starts in the file, from 1
  std::vector<std::string> cells;
};

// Blank lines are skipped. A first line without comma, semicolon or tab makes the file one of words: each row
// is then split at its last blank ("images/a b.jpg 7"). Errors (kMalformed, naming file and line): a quote
// that never ends, text after a closing quote, a NUL byte, a line above 1 MiB.
std::vector<CsvRow> parse_csv(std::string_view text, const std::string& where);

}  // namespace precis::data
