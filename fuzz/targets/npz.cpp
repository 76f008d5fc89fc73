// npz archives from memory: directory, compressed members, their arrays.
#include "fuzz/targets/targets.h"
#include "precis/data/npy.h"

namespace precis::fuzz {

void npz_target(Bytes input) {
  const SmallLimits small;
  accepts([&] {
    for (const data::NamedArray& member :
         data::parse_npz(data::memory_bytes({input.begin(), input.end()}, "x.npz")))
      if (member.array.shape.numel() <= 1 << 20) data::read_all(member.array);
  });
}

}  // namespace precis::fuzz
