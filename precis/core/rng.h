// Counter-based random numbers (Philox 4x32-10, Salmon et al., SC'11): value i of stream (seed, stream) is a
// pure function, so results depend neither on order nor on the thread count. Own distributions: std:: ones
// differ between libraries.
#pragma once

#include <array>
#include <cstdint>

namespace precis {

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

class Rng {
 public:
  explicit Rng(uint64_t seed, uint64_t stream = 0) : seed_(seed), stream_(stream) {}
  uint32_t next_u32();
  uint64_t next_u64();
  uint64_t below(uint64_t n);  // uniform in [0, n), unbiased; n > 0
  float uniform();             // [0, 1), 24 bits
  float uniform(float lo, float hi);
  float normal();  // mean 0, sd 1; inverse distribution function (AS 241), two draws

 private:
  uint64_t seed_, stream_, counter_ = 0;
  std::array<uint32_t, 4> block_{};
  int left_ = 0;
};

}  // namespace precis
