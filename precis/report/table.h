// Text tables: columns as wide as their content, numbers to the right, UTF-8 aware.
#pragma once

#include <string>
#include <vector>

namespace precis::report {

class Table {
 public:
  enum class Align { kLeft, kRight };
  void column(std::string title, Align align = Align::kLeft);
  void row(std::vector<std::string> cells);   // as many as there are columns
  bool empty() const { return rows_.empty(); }
  std::string str(int indent = 2) const;

 private:
  struct Column {
    std::string title;
    Align align;
  };
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Characters a UTF-8 text takes on a terminal (code points; combining marks count as one).
size_t display_width(const std::string& text);

}  // namespace precis::report
