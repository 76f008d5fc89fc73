// H: one malformed (or strange but valid) input of data: how it is made and what the program must answer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "precis/core/error.h"
#include "tests/malformed/malformed_case.h"

namespace precis::test {

// The models that data is fed to: rows [N,16] and [4,16] (fixed batch), picture [N,3,8,8], gray [N,1,4,4],
// ids (i64) [N,16]; all give [batch, 8].
inline constexpr const char *kRows = "rows.onnx", *kFixed = "fixed.onnx", *kPicture = "picture.onnx",
                            *kGray = "gray.onnx", *kIds = "ids.onnx";
void write_data_models(const TempDir& dir);

struct DataCase {
  std::string id;
  ErrorCode code = ErrorCode::kMalformed;  // kAccepted: exit code 0
  std::string fragment;                    // of the message, or of the output when accepted
  std::string data;                        // the data specification, relative to the folder
  std::function<void(const TempDir&)> make = [](const TempDir&) {};
  std::string model = kRows;
  std::string flags = "";  // more flags of the commands
  enum class Use { kBoth, kEval, kCalibration };
  Use use = Use::kBoth;  // calibration reads no labels; judging bears a NaN
};

// A case of one file.
DataCase file_case(std::string id, ErrorCode code, std::string fragment, const std::string& name,
                   const std::string& content);

std::vector<DataCase> array_cases();    // npy, npz, protobuf
std::vector<DataCase> picture_cases();  // JPEG, PNG, IDX, CIFAR, folders
std::vector<DataCase> table_cases();    // labels, CSV
std::vector<DataCase> sample_cases();   // counts, shapes, values, specifications

std::vector<DataCase> all_data_cases();

}  // namespace precis::test
