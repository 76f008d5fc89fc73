// Display, comparison and conversion of short texts; all locale-independent.
#include "precis/core/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "precis/core/check.h"

namespace precis {
namespace {

constexpr size_t kMaxPrinted = 120;

// Length of the valid UTF-8 sequence at the start of `s` and its code point; 0 when it is not valid
// (overlong forms, surrogates and values past U+10FFFF are not).
size_t decode_utf8(std::string_view s, uint32_t& code) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(s[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return code = first, 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || s.size() < length) return 0;
  code = first & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = (code << 6) | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool valid = code >= kSmallest[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return valid ? length : 0;
}

// Control characters, and the invisible ones that reorder or hide text on a terminal.
bool is_unsafe(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

// Does the set "[...]" at pattern[p] match c? Moves p past it. An unclosed '[' is an ordinary character.
bool match_set(std::string_view pattern, size_t& p, char c) {
  size_t i = p + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (const size_t first = i; i < pattern.size(); ++i) {
    if (pattern[i] == ']' && i > first) {
      p = i + 1;
      return found != negated;
    }
    const bool range = i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']';
    found = found || (range ? pattern[i] <= c && c <= pattern[i + 2] : pattern[i] == c);
    if (range) i += 2;
  }
  return c == pattern[p++];
}

bool match_one(std::string_view pattern, size_t& p, char c) {
  if (pattern[p] == '[') return match_set(pattern, p, c);
  const bool matches = pattern[p] == '?' || pattern[p] == c;
  ++p;
  return matches;
}

template <typename T>
bool parse_whole(std::string_view text, T& value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  T parsed{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  value = parsed;
  return true;
}

}  // namespace

std::string printable(std::string_view name) {
  std::string out;
  size_t shown = 0;
  while (!name.empty() && shown < kMaxPrinted) {
    uint32_t code = 0;
    const size_t length = decode_utf8(name, code);
    if (length > 0 && !is_unsafe(code)) {
      out += name.substr(0, length);
    } else {
      for (size_t i = 0; i < std::max<size_t>(length, 1); ++i)
        out += fmt::format("\\x{:02x}", static_cast<uint8_t>(name[i]));
    }
    name.remove_prefix(std::max<size_t>(length, 1));
    ++shown;
  }
  if (!name.empty()) out += "...";
  return out;
}

// Optimal string alignment: three rows of the usual table.
int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, above);
    std::swap(above, row);
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  std::string best;
  int best_distance = INT32_MAX;
  for (const std::string& candidate : candidates) {
    const int distance = edit_distance(word, candidate);
    const int allowed = std::max(1, static_cast<int>(candidate.size()) / 3);
    if (distance <= allowed && distance < best_distance) best = candidate, best_distance = distance;
  }
  return best;
}

// A mismatch goes back to the last '*' only, which is enough and keeps the work below pattern x text.
bool glob_match(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
      continue;
    }
    if (p < pattern.size() && match_one(pattern, p, text[t])) {
      ++t;
      continue;
    }
    if (star == std::string_view::npos) return false;
    p = star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string format_bytes(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1023.995 && unit < 5) value /= 1024, ++unit;
  return fmt::format("{:.2f} {}", value, kUnits[unit]);
}

std::string format_count(double n) {
  if (std::fabs(n) < 1000) return fmt::format("{}", n);
  constexpr const char* kUnits[] = {"k", "M", "G", "T", "P"};
  double value = n / 1000;
  size_t unit = 0;
  while (std::fabs(value) >= 999.95 && unit < 4) value /= 1000, ++unit;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string format_seconds(double s) {
  if (s < 0.9995e-3) return fmt::format("{:.2f} us", s * 1e6);
  if (s < 0.9995) return fmt::format("{:.2f} ms", s * 1e3);
  if (s < 59.95) return fmt::format("{:.1f} s", s);
  const auto whole = static_cast<int64_t>(std::llround(s));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool parse_int(std::string_view text, int64_t& value) { return parse_whole(text, value); }

bool parse_double(std::string_view text, double& value) { return parse_whole(text, value); }

}  // namespace precis
