// read_model and its kin: file -> wire scan -> protobuf -> Graph -> canonical opset -> encodings.
#include <limits>
#include <memory>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/limits.h"
#include "precis/core/parallel.h"
#include "precis/core/text.h"
#include "precis/onnx/file_kind.h"
#include "precis/onnx/function_call.h"
#include "precis/onnx/microsoft_expand.h"
#include "precis/onnx/onnx_io.h"
#include "precis/onnx/opset_upgrade.h"
#include "precis/onnx/proto_import.h"
#include "precis/onnx/qdq_fold.h"
#include "precis/onnx/qoperator_expand.h"
#include "precis/onnx/wire_scan.h"

namespace precis::onnx_io {
namespace {

constexpr size_t kHeadBytes = 1024;

void check_kind(std::span<const std::byte> head, const std::string& what) {
  const std::string kind = foreign_file_kind(head);
  check(kind.empty(), ErrorCode::kMalformed, "{} is {}", what, kind);
}

template <typename Message>
void parse(std::span<const std::byte> bytes, const std::string& what, Message& message) {
  const google::protobuf::LogSilencer silence;
  check(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())), ErrorCode::kMalformed,
        "{} is not a valid ONNX file: its bytes do not parse", what);
}

// File content after its first bytes were judged; nothing is read from a file that is too large.
std::vector<std::byte> read_protobuf(const std::string& path, const std::string& what) {
  const InputFile file = InputFile::open(path);
  std::vector<std::byte> bytes(static_cast<size_t>(std::min<uint64_t>(file.size(), kHeadBytes)));
  file.read_exact(0, bytes);
  check_kind(bytes, what);
  check(file.size() <= limits().max_onnx_bytes, ErrorCode::kLimit,
        "{} has {}, a protobuf file cannot have more than {}; store its tensors as external data", what,
        format_bytes(file.size()), format_bytes(limits().max_onnx_bytes));
  bytes.resize(static_cast<size_t>(file.size()));
  file.read_exact(0, bytes);
  file.check_unchanged();
  return bytes;
}

// Ids without gaps: rewriting left dead nodes and values behind.
void compact(Graph& graph) {
  for (NodeId id : graph.order())
    for (auto& [key, attribute] : graph.node(id).attributes)
      if (auto* body = std::get_if<SubgraphPtr>(&attribute)) compact(**body);
  graph.compact();
}

// Names the file in front of what went wrong inside it.
template <typename Work>
auto within(const std::string& what, const Work& work) {
  try {
    return work();
  } catch (const Error& e) {
    throw Error(e.code(), what + ": " + e.what());
  }
}

ReadResult read_bytes(std::vector<std::byte> bytes, const std::string& what, ExternalData* external,
                      const ReadOptions& options) {
  ReadResult result;
  result.bytes = bytes.size();
  ImportContext context;
  context.tensors = {external, memory_limit(bytes.size())};
  auto proto = std::make_unique<onnx::ModelProto>();
  // Of a large file the hash takes as long as the rest.
  parallel_for(2, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task)
      if (task == 0) {
        wire_scan(bytes, MessageKind::kModel, what);
        parse(bytes, what, *proto);
      } else {
        result.sha256 = sha256_hex(bytes);
      }
  });
  bytes = {};
  within(what, [&] {
    result.model = import_model(*proto, context);
    proto.reset();  // of a large graph it takes as much memory as the graph
    if (external) external->check_unchanged();
    upgrade_model(result.model);
    expand_calls(result.model.graph, context, memory_limit(result.bytes));
    expand_microsoft(result.model.graph);
    if (options.qdq == ReadOptions::QdqFolding::kFold) {
      expand_qoperators(result.model.graph);
      fold_qdq(result.model.graph);
    }
    compact(result.model.graph);
  });
  result.warnings = std::move(context.warnings);
  return result;
}

}  // namespace

ReadResult read_model(const std::string& path, const ReadOptions& options) {
  const std::string what = "'" + printable(path) + "'";
  ExternalData external(parent_folder(path), options.links);
  ReadResult result = read_bytes(read_protobuf(path, what), what, &external, options);
  result.bytes += external.bytes();
  result.external_files = external.files();
  result.warnings.insert(result.warnings.end(), external.warnings().begin(), external.warnings().end());
  return result;
}

ReadResult read_model_bytes(std::span<const std::byte> bytes, const ReadOptions& options) {
  const std::string what = "the model";
  check_kind(bytes, what);
  check(bytes.size() <= limits().max_onnx_bytes, ErrorCode::kLimit,
        "{} has {}, more than a protobuf message can have", what, format_bytes(bytes.size()));
  return read_bytes({bytes.begin(), bytes.end()}, what, nullptr, options);
}

Tensor read_tensor_file(const std::string& path, std::string* name) {
  return read_value_file(path, DType::kUndefined, name);
}

namespace {

std::string label(const char* what, const std::string& name) {
  return std::string(what) + " '" + printable(name) + "'";
}

Tensor import_value(const onnx::TensorProto& p, TensorSource& source) {
  return import_tensor(p, label("tensor", p.name()), source);
}

Tensor import_value(const onnx::SequenceProto& p, TensorSource& source) {
  check(p.sparse_tensor_values_size() == 0 && p.map_values_size() == 0 && p.optional_values_size() == 0,
        ErrorCode::kUnsupported, "{}: only tensors and sequences are supported in it",
        label("sequence", p.name()));
  std::vector<Tensor> items;
  for (const auto& t : p.tensor_values()) items.push_back(import_value(t, source));
  for (const auto& s : p.sequence_values()) items.push_back(import_value(s, source));
  return Tensor::sequence(std::move(items));
}

Tensor import_value(const onnx::OptionalProto& p, TensorSource& source) {
  check(!p.has_sparse_tensor_value() && !p.has_map_value() && !p.has_optional_value(),
        ErrorCode::kUnsupported, "{}: only a tensor or a sequence is supported in it",
        label("optional", p.name()));
  std::vector<Tensor> items;
  if (p.has_tensor_value()) items.push_back(import_value(p.tensor_value(), source));
  if (p.has_sequence_value()) items.push_back(import_value(p.sequence_value(), source));
  return Tensor::optional(std::move(items));
}

template <typename Proto>
Tensor read_value(const std::string& path, MessageKind kind, std::string* name) {
  const std::string what = "'" + printable(path) + "'";
  const std::vector<std::byte> bytes = read_protobuf(path, what);
  wire_scan(bytes, kind, what);
  Proto proto;
  parse(bytes, what, proto);
  ExternalData external(parent_folder(path), Links::kRefuse);
  TensorSource source{&external, memory_limit(bytes.size())};
  if (name) *name = proto.name();
  return within(what, [&] { return import_value(proto, source); });
}

}  // namespace

Tensor read_value_file(const std::string& path, DType type, std::string* name) {
  if (type == DType::kSequence) return read_value<onnx::SequenceProto>(path, MessageKind::kSequence, name);
  if (type == DType::kOptional) return read_value<onnx::OptionalProto>(path, MessageKind::kOptional, name);
  return read_value<onnx::TensorProto>(path, MessageKind::kTensor, name);
}

}  // namespace precis::onnx_io
