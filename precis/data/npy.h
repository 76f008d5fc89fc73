// NumPy files: .npy (format 1.0 to 3.0; C and Fortran order, both byte orders; f2 f4 f8 i1..i8 u1..u8 b1) and
// the members of .npz archives. Object and structured arrays are refused: nothing in a header is ever
// executed. Format: numpy.lib.format in NumPy's documentation.
#pragma once

#include <string>
#include <vector>

#include "precis/core/io.h"
#include "precis/core/tensor.h"
#include "precis/data/stored_array.h"

namespace precis::data {

bool is_npy(std::span<const std::byte> prefix);
// Errors (kMalformed): magic, version, header above 64 KiB or no plain dict, types that are not read, sizes
// that differ.
StoredArray parse_npy(BytesPtr bytes);
StoredArray open_npy(const std::string& path);
Tensor read_npy(const std::string& path);  // the whole array

struct NamedArray {
  std::string name;  // the key, without ".npy"
  StoredArray array;
};
// All members of an npz, in directory order; data checked against their CRC.
std::vector<NamedArray> parse_npz(BytesPtr bytes);

// The header (magic included) of a C-order little-endian array, padded to 64 bytes as NumPy does.
std::string npy_header(DType dtype, const Shape& shape);
// Writes `values` atomically. bf16 is written as f32 and 4-bit integers as 8-bit ones: NumPy has neither.
void write_npy(const std::string& path, const Tensor& values, Overwrite overwrite);

}  // namespace precis::data
