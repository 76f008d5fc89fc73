// EXPECT_ERROR(statement, ErrorCode::kX, "fragment"): the statement throws precis::Error with this code, and
// the message contains the fragment.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "precis/core/error.h"

#define EXPECT_ERROR(statement, expected_code, fragment)                                \
  try {                                                                                 \
    statement;                                                                          \
    ADD_FAILURE() << "no error from " #statement ", expected one with: " << (fragment); \
  } catch (const ::precis::Error& e) {                                                  \
    EXPECT_EQ(e.code(), expected_code) << e.what();                                     \
    EXPECT_THAT(e.what(), ::testing::HasSubstr(fragment));                              \
  }
