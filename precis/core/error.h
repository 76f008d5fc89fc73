// The one error type of Precis (raised by fail() and check() of precis/core/check.h).
// Every message names the object (file, node, tensor), what was found, what was expected and what to do next.
// Libraries throw Error and never print, exit or abort; only the program's main turns an Error into text and an exit code.
#pragma once

#include <stdexcept>
#include <string>

namespace precis {

// Numeric values are the program's exit codes (docs/cli.md).
enum class ErrorCode {
  kInternal = 1,     // a bug in Precis
  kUsage = 2,        // wrong command line, recipe or API argument
  kMalformed = 3,    // an input file or tensor breaks its own format
  kUnsupported = 4,  // a valid input that uses a feature Precis does not have
  kBudget = 5,       // the accuracy, size or latency budget was not met
  kIo = 6,           // read, write, disk full
  kLimit = 7,        // memory, time or size limit
  kVerify = 8,       // the written file did not pass its verification
  kInterrupted = 130,
  kTerminated = 143,
};

// "malformed input", "I/O error" ...: the phrase that opens a printed message.
const char* error_code_name(ErrorCode code);

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace precis
