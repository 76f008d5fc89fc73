// Pieces that several texts are made of. Internal to precis/report.
#pragma once

#include <string>

#include "precis/report/format.h"

namespace precis::report {

std::string percent(double rate);                        // "12.34 %" of 0.1234
std::string ms(double milliseconds);                     // three digits
std::string facts_line(const RunFacts& facts);           // what every text ends with
std::string operators_of(const runtime::StepInfo& step);  // "Conv+Relu"
std::string peak_text(const flow::MachinePeak& peak);

}  // namespace precis::report
