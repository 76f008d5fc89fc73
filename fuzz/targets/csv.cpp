// Tables and label files.
#include "fuzz/targets/targets.h"
#include "precis/data/csv_rows.h"
#include "precis/data/label_file.h"

namespace precis::fuzz {

void csv_target(Bytes input) {
  const std::string text = text_of(input);
  accepts([&] {
    size_t cells = 0;
    for (const data::CsvRow& row : data::parse_csv(text, "t.csv")) cells += row.cells.size();
    promise(cells <= text.size() + 1, "no more cells than bytes");
  });
  accepts([&] {
    const data::LabelList list = data::parse_label_text(text, "t.csv");
    promise(list.files.empty() || list.files.size() == list.labels.size(), "each file has a label");
    for (int64_t label : list.labels) promise(label >= 0, "labels are 0 or more");
  });
}

}  // namespace precis::fuzz
