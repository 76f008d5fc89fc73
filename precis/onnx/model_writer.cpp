// Graph -> file: encodings to nodes, the opset, one protobuf message, external data for large models.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/text.h"
#include "precis/core/unfinished.h"
#include "precis/onnx/onnx_io.h"
#include "precis/onnx/opset_downgrade.h"
#include "precis/onnx/opset_expand.h"
#include "precis/onnx/proto_export.h"
#include "precis/onnx/proto_tensor.h"
#include "precis/onnx/qdq_lower.h"

namespace precis::onnx_io {
namespace {

constexpr int kQuantizedFloor = 13;          // runtimes know integer pools and per-axis scales from here on
constexpr int64_t kSmallestExternal = 1024;  // smaller tensors stay in the model
constexpr uint64_t kExternalAlignment = 64;
constexpr uint64_t kMaxMessage = (1ull << 31) - 1;

bool has_qdq_nodes(const Graph& graph) {
  return std::any_of(graph.order().begin(), graph.order().end(), [&](NodeId id) {
    const Node& n = graph.node(id);
    return n.is("QuantizeLinear") || n.is("DequantizeLinear");
  });
}

// Graphs that came from no file have the newest forms.
int source_opset(const Model& model) {
  return model.source_opset > 0 ? static_cast<int>(model.source_opset) : kCanonicalOpset;
}

// The tensors that go into the external file, each at its aligned place.
struct ExternalLayout {
  struct Part {
    Tensor tensor;
    uint64_t offset = 0;
  };
  std::vector<Part> parts;
  uint64_t size = 0;
  std::string file;  // name beside the model

  void add(const Tensor& t) {
    size = (size + kExternalAlignment - 1) / kExternalAlignment * kExternalAlignment;
    parts.push_back({t, size});
    size += static_cast<uint64_t>(t.nbytes());
  }
  // Calls out(bytes) over the whole file, gaps as zeros.
  template <typename Out>
  void for_each_piece(const Out& out) const {
    static constexpr std::byte kGap[kExternalAlignment] = {};
    uint64_t at = 0;
    for (const Part& p : parts) {
      out(std::span(kGap, static_cast<size_t>(p.offset - at)));
      out(std::span(p.tensor.bytes(), static_cast<size_t>(p.tensor.nbytes())));
      at = p.offset + static_cast<uint64_t>(p.tensor.nbytes());
    }
  }
};

// A model ready to be written: lowered, with its opset chosen, and its large tensors set aside when they must
// be.
class Output {
 public:
  Output(const Model& model, const WriteOptions& options) : model_(model), options_(options) {
    const bool quantized = has_encodings(model_.graph) || has_qdq_nodes(model_.graph);
    lower_encodings(model_.graph, options.format, options.bias);
    check(options.opset == 0 || (options.opset >= kLowestWrittenOpset && options.opset <= kCanonicalOpset),
          ErrorCode::kUsage, "opset {} cannot be written; choose one from {} to {}", options.opset,
          kLowestWrittenOpset, kCanonicalOpset);
    const int floor = quantized ? kQuantizedFloor : kLowestWrittenOpset;
    if (options.opset != 0)
      expand_newer_operators(model_.graph, options.opset, Expand::kAll);
    else
      expand_newer_operators(model_.graph, std::max(floor, source_opset(model)), Expand::kFused);
    opset_ = options.opset != 0 ? options.opset : lowest_opset(model_.graph, floor, {source_opset(model)});
    build();
  }

  const ExternalLayout& external() const { return layout_; }
  uint64_t message_bytes() const { return proto_.ByteSizeLong(); }

  std::vector<std::byte> serialize() const {
    const size_t size = proto_.ByteSizeLong();
    check(size <= kMaxMessage, ErrorCode::kLimit,
          "the model would have {}, a protobuf message cannot have more than {}", format_bytes(size),
          format_bytes(kMaxMessage));
    std::vector<std::byte> bytes(size);
    google::protobuf::io::ArrayOutputStream array(bytes.data(), static_cast<int>(size));
    google::protobuf::io::CodedOutputStream stream(&array);
    stream.SetSerializationDeterministic(true);
    check(proto_.SerializeToCodedStream(&stream), ErrorCode::kInternal, "the model could not be serialized");
    return bytes;
  }

 private:
  void build() {
    if (tensor_bytes(model_.graph) <= options_.external_threshold) {
      export_model(model_, opset_, {}, proto_);
      if (proto_.ByteSizeLong() <= options_.external_threshold) return;
      proto_.Clear();
    }
    export_model(
        model_, opset_, [&](const Tensor& t, onnx::TensorProto& out) { return set_aside(t, out); }, proto_);
    Sha256 hash;
    layout_.for_each_piece([&](std::span<const std::byte> piece) { hash.update(piece); });
    const std::string base = options_.external_name.empty() ? "model.onnx" : options_.external_name;
    layout_.file = base + "." + hash.hex().substr(0, 16) + ".data";
    for (auto& t : *proto_.mutable_graph()->mutable_initializer())
      for (auto& entry : *t.mutable_external_data())
        if (entry.key() == "location") entry.set_value(layout_.file);
  }

  static uint64_t tensor_bytes(const Graph& graph) {
    uint64_t sum = 0;
    for (ValueId id : graph.initializers()) sum += static_cast<uint64_t>(graph.constant(id)->nbytes());
    return sum;
  }

  bool set_aside(const Tensor& t, onnx::TensorProto& out) {
    if (t.nbytes() < kSmallestExternal) return false;
    layout_.add(t);
    describe_tensor(t, out);
    out.set_data_location(onnx::TensorProto::EXTERNAL);
    const auto entry = [&](const char* key, std::string value) {
      auto* e = out.add_external_data();
      e->set_key(key);
      e->set_value(std::move(value));
    };
    entry("location", "");
    entry("offset", fmt::to_string(layout_.parts.back().offset));
    entry("length", fmt::to_string(t.nbytes()));
    return true;
  }

  Model model_;
  const WriteOptions& options_;
  int opset_ = 0;
  ExternalLayout layout_;
  onnx::ModelProto proto_;
};

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The data file has the hash of its content in its name: one that is there already is either the same or
// damaged.
bool same_content(const std::string& path, const ExternalLayout& layout) {
  const InputFile file = InputFile::open(path);
  if (file.size() != layout.size) return false;
  uint64_t at = 0;
  bool same = true;
  std::vector<std::byte> buffer(1 << 20);
  layout.for_each_piece([&](std::span<const std::byte> piece) {
    for (size_t done = 0; same && done < piece.size(); done += buffer.size()) {
      const auto part = std::span(buffer).first(std::min(buffer.size(), piece.size() - done));
      file.read_exact(at + done, part);
      same = std::equal(part.begin(), part.end(), piece.begin() + static_cast<std::ptrdiff_t>(done));
    }
    at += piece.size();
  });
  return same;
}

// Returns whether a new file was published.
bool write_external(const ExternalLayout& layout, const std::string& path) {
  if (path_kind(path) != PathKind::kMissing) {
    check(same_content(path, layout), ErrorCode::kUsage,
          "'{}' exists with other content than the model's external data; remove it or choose another output "
          "name",
          printable(path));
    return false;
  }
  AtomicFile file(path, Overwrite::kRefuse, layout.size);
  layout.for_each_piece([&](std::span<const std::byte> piece) { file.write(piece); });
  try {
    file.publish();
  } catch (...) {
    if (file.published()) remove_file(path);  // no model refers to it yet
    throw;
  }
  return true;
}

// Data files of earlier versions of the model at `path`: "<model>.<16 hex digits>.data", all but `current`.
void remove_stale_data(const std::string& path, const std::string& current) {
  const std::string prefix = file_name(path) + ".", suffix = ".data";
  for (const std::string& name : list_folder(parent_folder(path))) {
    if (name == current || name.size() != prefix.size() + 16 + suffix.size() || name.rfind(prefix, 0) != 0)
      continue;
    const std::string digits = name.substr(prefix.size(), 16);
    if (name.substr(prefix.size() + 16) == suffix &&
        digits.find_first_not_of("0123456789abcdef") == std::string::npos)
      remove_file(join_path(parent_folder(path), name));
  }
}

}  // namespace

std::vector<std::byte> serialize_model(const Model& model, const WriteOptions& options) {
  return Output(model, options).serialize();
}

uint64_t serialized_size(const Model& model, const WriteOptions& options) {
  const Output output(model, options);
  return output.message_bytes() + output.external().size;
}

uint64_t write_model(const Model& model, const std::string& path, const WriteOptions& options,
                     Overwrite overwrite, const std::function<void(const std::string& temp_path)>& verify) {
  WriteOptions named = options;
  if (named.external_name.empty()) named.external_name = file_name(path);
  const Output output(model, named);
  const std::vector<std::byte> bytes = output.serialize();
  const ExternalLayout& external = output.external();
  AtomicFile file(path, overwrite, bytes.size());
  const std::string data_path = join_path(parent_folder(path), external.file);
  const bool fresh = !external.file.empty() && write_external(external, data_path);
  // A process that is interrupted before the model has its name takes the data with it.
  if (fresh) add_unfinished(data_path, file.temp_path());
  try {
    file.write(bytes);
    file.publish(verify);
  } catch (...) {
    if (fresh && !file.published()) remove_file(data_path);  // a model with its name needs its data
    forget_unfinished(data_path);
    throw;
  }
  forget_unfinished(data_path);
  remove_stale_data(path, external.file);
  return bytes.size() + external.size;
}

std::vector<std::byte> tensor_to_bytes(const Tensor& tensor, const std::string& name) {
  onnx::TensorProto proto;
  export_tensor(tensor, name, proto);
  std::vector<std::byte> bytes(proto.ByteSizeLong());
  check(proto.SerializeToArray(bytes.data(), static_cast<int>(bytes.size())), ErrorCode::kLimit,
        "tensor '{}' of {} does not fit a protobuf message", printable(name),
        format_bytes(static_cast<uint64_t>(tensor.nbytes())));
  return bytes;
}

}  // namespace precis::onnx_io
