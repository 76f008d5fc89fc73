// Limits that a test changes are what they were behind it.
#pragma once

#include "precis/core/limits.h"

namespace precis::test {

class LimitsScope {
 public:
  LimitsScope() : saved_(limits()) {}
  ~LimitsScope() { set_limits(saved_); }
  LimitsScope(const LimitsScope&) = delete;
  LimitsScope& operator=(const LimitsScope&) = delete;

 private:
  Limits saved_;
};

}  // namespace precis::test
