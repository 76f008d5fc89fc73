// The version of Precis, as printed and as written into output models.
#pragma once

namespace precis {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace precis
