// Small text helpers: safe display of names from files, nearest-match suggestions, globs, byte and number formats.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace precis {

// Names from files are untrusted: control characters, invalid UTF-8 and direction overrides become \xNN; cut at 120 characters.
std::string printable(std::string_view name);
// Levenshtein distance with adjacent transpositions; suggestion = the nearest candidate within a third of its length, or "".
int edit_distance(std::string_view a, std::string_view b);
std::string nearest(std::string_view word, std::span<const std::string> candidates);
// Shell-like glob over the whole string: * ? [a-z] (linear time, '/' is an ordinary character).
bool glob_match(std::string_view pattern, std::string_view text);
std::string format_bytes(uint64_t bytes);   // "1.24 MiB"
std::string format_count(double n);         // "352.1 M"
std::string format_seconds(double s);       // "1.52 ms", "3.4 s", "2 min 05 s"
std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
// Whole-string conversions; false when there is anything else in the text. Locale-independent.
bool parse_int(std::string_view text, int64_t& value);
bool parse_double(std::string_view text, double& value);

}  // namespace precis
