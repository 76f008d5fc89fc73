// Names of the error codes, as they open a printed message.
#include "precis/core/error.h"

#include "precis/core/check.h"
#include "precis/core/checked.h"

namespace precis {

const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInternal:
      return "internal error";
    case ErrorCode::kUsage:
      return "usage error";
    case ErrorCode::kMalformed:
      return "malformed input";
    case ErrorCode::kUnsupported:
      return "not supported";
    case ErrorCode::kBudget:
      return "budget not met";
    case ErrorCode::kIo:
      return "I/O error";
    case ErrorCode::kLimit:
      return "limit exceeded";
    case ErrorCode::kVerify:
      return "verification failed";
    case ErrorCode::kInterrupted:
      return "interrupted";
    case ErrorCode::kTerminated:
      return "terminated";
  }
  return "error";
}

void fail_overflow(int64_t a, const char* op, int64_t b) {
  fail(ErrorCode::kLimit, "size overflow: {} {} {} does not fit 63 bits", a, op, b);
}

}  // namespace precis
