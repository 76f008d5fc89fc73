// One pass over the equation's terms. Dimensions of an ellipsis are labelled from the right, so that shorter
// ones align at their ends.
#include "precis/graph/einsum.h"

#include <algorithm>
#include <array>

#include "precis/core/check.h"
#include "precis/core/shape.h"
#include "precis/core/text.h"

namespace precis {
namespace {

constexpr int kLetters = EinsumLabels::kFirstOfEllipsis;
constexpr std::string_view kDots = "...";

int label_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  return c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

class Parser {
 public:
  Parser(const std::string& equation, std::span<const int> ranks, const std::string& where)
      : where_(where), shown_(printable(equation)), ranks_(ranks) {
    for (char c : equation)
      if (c != ' ') text_ += c;
  }

  EinsumLabels run() {
    const size_t arrow = text_.find("->");
    std::vector<std::string> terms;
    std::string left = text_.substr(0, arrow);
    for (size_t from = 0;;) {
      const size_t comma = left.find(',', from);
      terms.push_back(left.substr(from, comma - from));
      if (comma == std::string::npos) break;
      from = comma + 1;
    }
    if (terms.size() != ranks_.size())
      bad(fmt::format("it has {} terms for {} inputs", terms.size(), ranks_.size()));
    for (size_t i = 0; i < terms.size(); ++i)
      ellipsis_ = std::max(ellipsis_, dotted_rank(terms[i], ranks_[i]));
    EinsumLabels labels;
    for (size_t i = 0; i < terms.size(); ++i)
      labels.inputs.push_back(term(terms[i], std::max(0, dotted_rank(terms[i], ranks_[i]))));
    for (size_t i = 0; i < terms.size(); ++i)
      if (static_cast<int>(labels.inputs[i].size()) != ranks_[i])
        bad(fmt::format("its term '{}' names {} dimensions, input {} has rank {}", printable(terms[i]),
                        labels.inputs[i].size(), i, ranks_[i]));
    labels.output = arrow == std::string::npos ? implied(labels) : output(text_.substr(arrow + 2), labels);
    return labels;
  }

 private:
  [[noreturn]] void bad(const std::string& what) const {
    fail(ErrorCode::kMalformed, "{}: attribute 'equation' is '{}': {}", where_, shown_, what);
  }

  // How many dimensions the term's ellipsis stands for; -1 without one.
  int dotted_rank(const std::string& term, int rank) const {
    if (term.find(kDots) == std::string::npos) return -1;
    return rank - static_cast<int>(term.size() - kDots.size());
  }

  std::vector<int> term(const std::string& t, int dotted) const {
    std::vector<int> labels;
    bool dots = false;
    for (size_t i = 0; i < t.size(); ++i) {
      if (t.compare(i, kDots.size(), kDots) == 0 && !dots) {
        dots = true;
        i += kDots.size() - 1;
        for (int d = ellipsis_ - dotted; d < ellipsis_; ++d) labels.push_back(kLetters + d);
        continue;
      }
      if (label_of(t[i]) < 0) bad(fmt::format("unexpected '{}' in a term", printable(t.substr(i, 1))));
      labels.push_back(label_of(t[i]));
    }
    return labels;
  }

  // Without "->": the ellipsis, then the letters that occur once, in the order of the alphabet.
  std::vector<int> implied(const EinsumLabels& labels) const {
    std::array<int, kLetters> count{};
    for (const auto& input : labels.inputs)
      for (int l : input)
        if (l < kLetters) ++count[static_cast<size_t>(l)];
    std::vector<int> out;
    for (int d = 0; d < ellipsis_; ++d) out.push_back(kLetters + d);
    for (int l = 0; l < kLetters; ++l)
      if (count[static_cast<size_t>(l)] == 1) out.push_back(l);
    return out;
  }

  std::vector<int> output(const std::string& t, const EinsumLabels& labels) const {
    const bool dots = t.find(kDots) != std::string::npos;
    if (!dots && ellipsis_ > 0) bad("its output has no ellipsis, its inputs have one");
    std::vector<int> out = term(t, std::max(0, ellipsis_));
    for (size_t i = 0; i < out.size(); ++i) {
      if (std::find(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(i), out[i]) !=
          out.begin() + static_cast<std::ptrdiff_t>(i))
        bad("its output names a dimension twice");
      const bool known = std::any_of(labels.inputs.begin(), labels.inputs.end(), [&](const auto& in) {
        return std::find(in.begin(), in.end(), out[i]) != in.end();
      });
      if (!known) bad("its output names a dimension that no input has");
    }
    return out;
  }

  const std::string& where_;
  std::string shown_, text_;
  std::span<const int> ranks_;
  int ellipsis_ = -1;  // the longest; -1 without any
};

}  // namespace

EinsumLabels parse_einsum(const std::string& equation, std::span<const int> ranks, const std::string& where) {
  return Parser(equation, ranks, where).run();
}

}  // namespace precis
