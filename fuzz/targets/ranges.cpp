// Range tables. Their checksum would keep every mutation out, so it is made right first; what is read is
// written as it was.
#include <cstring>

#include "fuzz/targets/targets.h"
#include "precis/core/hash.h"
#include "precis/quant/observer.h"
#include "precis/quant/range_table.h"

namespace precis::fuzz {
namespace {

void use(const quant::RangeTable& table) {
  for (const auto& entry : table.entries)
    for (quant::ObserverKind kind :
         {quant::ObserverKind::kMinMax, quant::ObserverKind::kMse, quant::ObserverKind::kEntropy}) {
      quant::ObserverOptions options;
      options.kind = kind;
      accepts([&] { quant::choose_range(entry.second, quant::GridSpec{}, options); });
    }
}

}  // namespace

void ranges_target(Bytes input) {
  std::string bytes = text_of(input);
  accepts([&] { quant::RangeTable::from_bytes(bytes, "ranges"); });
  if (bytes.size() < 8) return;
  const uint64_t sum = xxh3(input.first(input.size() - 8));
  std::memcpy(bytes.data() + bytes.size() - 8, &sum, 8);
  quant::RangeTable table;
  if (!accepts([&] { table = quant::RangeTable::from_bytes(bytes, "ranges"); })) return;
  const std::string written = table.to_bytes();
  promise(accepts([&] {
            promise(quant::RangeTable::from_bytes(written, "again").to_bytes() == written,
                    "a table survives writing");
          }),
          "a table that was read can be written and read again");
  use(table);
}

}  // namespace precis::fuzz
