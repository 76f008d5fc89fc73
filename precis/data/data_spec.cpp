// "PATH,key=value,..." -> DataSpec.
#include <cctype>

#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/data/source.h"

namespace precis::data {
namespace {

const std::vector<std::string> kKeys = {"rows", "count", "labels", "targets", "preprocess", "cast",
                                        "task", "rate",  "frame",  "context", "seed"};

constexpr int64_t kMaxFrame = int64_t{1} << 30;

// Where the options start: the first comma that is followed by a word and '='. A path may hold other commas.
size_t options_start(std::string_view text) {
  for (size_t comma = text.find(','); comma != std::string_view::npos; comma = text.find(',', comma + 1)) {
    size_t end = comma + 1;
    while (end < text.size() && std::isalpha(static_cast<unsigned char>(text[end]))) ++end;
    if (end > comma + 1 && end < text.size() && text[end] == '=') return comma;
  }
  return text.size();
}

int64_t whole(std::string_view text, const char* what, int64_t otherwise) {
  if (text.empty()) return otherwise;
  int64_t value = 0;
  check(parse_int(text, value) && value >= 0, ErrorCode::kUsage,
        "data option {} has '{}', expected a whole number of 0 or more", what, printable(text));
  return value;
}

int64_t positive(std::string_view text, const char* what) {
  const int64_t value = whole(text, what, 0);
  check(value > 0 && value <= kMaxFrame, ErrorCode::kUsage, "data option {} is {}, expected 1 to {}", what,
        value, kMaxFrame);
  return value;
}

void set_rows(std::string_view value, DataSpec& spec) {
  const size_t colon = value.find(':');
  check(colon != std::string_view::npos, ErrorCode::kUsage,
        "data option rows is '{}', expected FIRST:END (rows=0:100 takes rows 0 to 99)", printable(value));
  spec.first = whole(value.substr(0, colon), "rows", 0);
  spec.last = whole(value.substr(colon + 1), "rows", -1);
  check(spec.last < 0 || spec.last > spec.first, ErrorCode::kUsage, "data option rows={} holds no row",
        printable(value));
}

void set_option(std::string_view key, std::string_view value, DataSpec& spec) {
  check(!value.empty(), ErrorCode::kUsage, "data option {} has no value", printable(key));
  if (key == "rows") return set_rows(value, spec);
  if (key == "labels") {
    spec.labels = value;
  } else if (key == "targets") {
    spec.targets = value;
  } else if (key == "preprocess") {
    spec.preprocess = resolve_preprocess(std::string(value));
  } else if (key == "seed") {
    spec.seed = static_cast<uint64_t>(whole(value, "seed", 0));
  } else if (key == "cast") {
    check(value == "model", ErrorCode::kUsage, "data option cast is '{}', expected 'model'",
          printable(value));
    spec.cast = DataSpec::Cast::kModel;
  } else if (key == "task") {
    check(value == "next-token", ErrorCode::kUsage, "data option task is '{}', expected 'next-token'",
          printable(value));
    spec.next_token = true;
  } else if (key == "rate") {
    spec.rate = positive(value, "rate");
  } else if (key == "frame") {
    spec.frame = positive(value, "frame");
  } else if (key == "context") {
    spec.context = whole(value, "context", 0);
  } else if (key == "count") {
    spec.count = whole(value, "count", -1);
    check(spec.count != 0, ErrorCode::kUsage, "data option count=0 leaves no sample; give 1 or more");
  } else {
    const std::string near = nearest(key, kKeys);
    fail(ErrorCode::kUsage, "unknown data option '{}'{}; known: {}", printable(key),
         near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near), fmt::join(kKeys, ", "));
  }
}

}  // namespace

DataSpec parse_data_spec(const std::string& text) {
  DataSpec spec;
  std::string_view rest = text;
  const size_t start = options_start(rest);
  spec.path = rest.substr(0, start);
  check(!spec.path.empty(), ErrorCode::kUsage,
        "data '{}' names no path; expected PATH[,rows=A:B][,count=N]...", printable(text));
  rest.remove_prefix(start);
  while (!rest.empty()) {
    rest.remove_prefix(1);  // the comma
    const size_t equals = rest.find('=');
    const size_t end = options_start(rest);
    check(equals < end, ErrorCode::kUsage, "data option '{}' is not of the form key=value", printable(rest));
    set_option(rest.substr(0, equals), rest.substr(equals + 1, end - equals - 1), spec);
    rest.remove_prefix(end);
  }
  check(spec.context == 0 || (spec.frame > 0 && spec.context <= kMaxFrame), ErrorCode::kUsage,
        "data option context={} needs frame=N: it is what precedes each frame", spec.context);
  return spec;
}

}  // namespace precis::data
