// fail() and check(): how Precis raises Error, with fmt format strings checked at compile time.
// Not part of the installed headers (those name no third-party type).
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "precis/core/error.h"

namespace precis {

template <typename... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

// Throws when `condition` is false. For everything that an input can cause; use assert for our own promises.
template <typename... Args>
void check(bool condition, ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) [[unlikely]]
    throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace precis
