// Text tables.
#include "precis/report/table.h"

#include <gtest/gtest.h>

namespace precis::report {
namespace {

TEST(Table, AlignsByDisplayWidth) {
  Table t;
  t.column("name");
  t.column("n", Table::Align::kRight);
  t.row({"é", "1"});
  t.row({"abcdef", "1000"});
  EXPECT_EQ(t.str(2), "  name       n\n  é          1\n  abcdef  1000\n");
  EXPECT_EQ(display_width("é"), 1u);
}

}  // namespace
}  // namespace precis::report
