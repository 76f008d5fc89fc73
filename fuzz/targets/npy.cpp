// npy arrays from memory: header, sizes, rows.
#include "precis/data/npy.h"
#include "fuzz/targets/targets.h"

namespace precis::fuzz {

void npy_target(Bytes input) {
  const SmallLimits small;
  accepts([&] {
    const data::StoredArray array =
        data::parse_npy(data::memory_bytes({input.begin(), input.end()}, "x.npy"));
    const Tensor all = data::read_all(array);
    promise(all.nbytes() <= static_cast<int64_t>(2 * input.size()) || all.dtype() == DType::kF64,
            "no more values than bytes");
    if (array.rows() > 0) data::row_hash(array, array.rows() - 1);
  });
}

}  // namespace precis::fuzz
