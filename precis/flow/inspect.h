// What a model is: the facts behind `precis inspect`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "precis/flow/quantization_summary.h"

namespace precis::flow {

struct ValueSummary {
  std::string name, type;            // "f32[N,3,224,224]", encodings included
};

struct OperatorSummary {
  std::string op;
  int64_t count = 0, macs = 0;
  uint64_t weight_bytes = 0;
  int64_t quantized = 0;             // nodes that read or write encoded values
};

struct ModelSummary {
  uint64_t file_bytes = 0;
  int64_t ir_version = 0, opset = 0;
  std::string producer;
  std::vector<ValueSummary> inputs, outputs;
  std::vector<OperatorSummary> operators;            // by operator name
  int64_t nodes = 0, parameters = 0, macs = 0;
  uint64_t weight_bytes = 0;
  std::map<std::string, int64_t> parameters_by_type; // "f32", "s8 per channel" ... -> elements
  QuantizationSummary quantization;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> warnings;
};

// Infers types first; works on models with unknown operators too (their types stay unknown).
ModelSummary summarize(const Model& model, uint64_t file_bytes);
std::string type_str(const ValueType& type);         // "u8[1,64,55,55] @ 0.0123+4"

}  // namespace precis::flow
