// The Python dict literal that heads an npy file, parsed by hand and never evaluated.
#pragma once

#include <string>
#include <string_view>

#include "precis/core/dtype.h"
#include "precis/core/shape.h"

namespace precis::data {

struct NpyHeader {
  DType dtype = DType::kUndefined;
  bool big_endian = false;
  bool fortran = false;
  Shape shape;
};

// `text`: what follows the length field. Error(kMalformed) naming `file` and what is wrong.
NpyHeader parse_npy_header(std::string_view text, const std::string& file);

}  // namespace precis::data
