// Reading little- and big-endian numbers from bytes of a file; every load is bounded by the caller's span.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <span>

namespace precis::data {

static_assert(std::endian::native == std::endian::little, "Precis runs on little-endian CPUs");

// The first sizeof(T) bytes of `bytes`, which must be there (callers have checked the size).
template <typename T>
T load_le(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.first(sizeof(T)).data(), sizeof(T));
  return value;
}

template <typename T>
T load_be(std::span<const std::byte> bytes) {
  std::byte reversed[sizeof(T)];
  std::reverse_copy(bytes.begin(), bytes.begin() + sizeof(T), reversed);
  return load_le<T>(reversed);
}

// Reverses the bytes of every `width`-byte element in place.
inline void swap_elements(std::span<std::byte> bytes, size_t width) {
  for (size_t i = 0; i + width <= bytes.size(); i += width)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                 bytes.begin() + static_cast<std::ptrdiff_t>(i + width));
}

}  // namespace precis::data
