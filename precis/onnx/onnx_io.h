// ONNX files in and out of the Graph; the only room that sees protobuf, and no protobuf type leaves it.
// Reading: wire scan (limits) -> parse -> tensors -> upgrade to the canonical opset, local functions written
// out -> fold Q/DQ pairs into encodings. Writing: encodings -> Q/DQ or QOperator nodes -> lowest sufficient
// opset -> deterministic bytes -> atomic file.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "precis/core/io.h"
#include "precis/graph/graph.h"

namespace precis::onnx_io {

struct ReadOptions {
  InputFile::Links links =
      InputFile::Links::kRefuse;  // external data through symbolic or hard links (--follow-links)
  enum class QdqFolding { kFold, kKeep };
  QdqFolding qdq = QdqFolding::kFold;  // kKeep leaves QuantizeLinear/DequantizeLinear nodes as they are
};

struct ReadResult {
  Model model;
  uint64_t bytes = 0;                       // size of the model file plus its external data
  std::string sha256;                       // of the model file
  std::vector<std::string> external_files;  // relative names of external data read
  std::vector<std::string> warnings;
};

// Reads and checks the file's own form (not the graph's rules: see graph/validate.h).
// Errors: kIo, kMalformed (naming the object and byte offset where known), kUnsupported, kLimit.
ReadResult read_model(const std::string& path, const ReadOptions& options = {});
// The same from memory; external data is refused (kMalformed) as there is no folder.
ReadResult read_model_bytes(std::span<const std::byte> bytes, const ReadOptions& options = {});
// One TensorProto file (test_data_set_N/input_i.pb). `name` receives the tensor's own name.
Tensor read_tensor_file(const std::string& path, std::string* name = nullptr);
// The same for any value: a SequenceProto or OptionalProto where `type` says so.
Tensor read_value_file(const std::string& path, DType type, std::string* name = nullptr);
std::vector<std::byte> tensor_to_bytes(const Tensor& tensor, const std::string& name);  // a TensorProto

enum class QuantFormat { kQdq, kQOperator };

struct WriteOptions {
  int opset = 0;  // 0 = the lowest that can say what the model says
  QuantFormat format = QuantFormat::kQdq;
  uint64_t external_threshold =
      1ull << 31;  // models above this go to external data (one file beside the model)
  // What a target runtime wants; see docs/quantization.md.
  enum class BiasForm { kInt32, kFloat };
  BiasForm bias = BiasForm::kInt32;
  std::string external_name;  // external data lies in "<external_name>.<hash>.data"; write_model takes the
                              // model's file name
};

// Exact serialized bytes of the model (without external data files). Deterministic.
std::vector<std::byte> serialize_model(const Model& model, const WriteOptions& options = {});
// Exact size on disk, external data included, without writing.
uint64_t serialized_size(const Model& model, const WriteOptions& options = {});
// Atomic; `verify` sees the temp file before it is published. Returns the bytes written in all files.
uint64_t write_model(const Model& model, const std::string& path, const WriteOptions& options,
                     Overwrite overwrite,
                     const std::function<void(const std::string& temp_path)>& verify = {});

// Name and version of the libraries that only this room sees, for `precis doctor`.
std::vector<std::pair<std::string, std::string>> library_versions();

}  // namespace precis::onnx_io
