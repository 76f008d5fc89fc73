// The exporter: one small helper per operator, then the network as a list of calls that reads like
// fashion_net.h. A value has the name of the node that makes it (`stem/conv`); a weight begins with the name
// of the node that uses it (`stem/conv/weight`).
#include "export_onnx.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include <cstring>
#include <set>
#include <stdexcept>

namespace train_demo {
namespace {

constexpr std::int64_t kOpset = 13;     // read by every runtime of the last years
constexpr std::int64_t kIrVersion = 7;  // the IR version that came with opset 13
constexpr float kBnEpsilon = 1e-5F;     // libtorch's default
constexpr float kBnMomentum = 0.9F;     // libtorch's 0.1 in ONNX's sense; not used in inference
constexpr float kRelu6Max = 6.0F;

class GraphWriter {
 public:
  GraphWriter(onnx::GraphProto& graph, const WeightTable& weights) : graph_(graph), weights_(weights) {}

  void add_input(const std::string& name, const std::vector<std::int64_t>& item_shape) {
    fill_type(*graph_.add_input(), name, item_shape);
  }
  void add_output(const std::string& name, const std::vector<std::int64_t>& item_shape) {
    fill_type(*graph_.add_output(), name, item_shape);
  }

  // `path` is the name of the libtorch module that holds the convolution and its batch normalization.
  std::string conv_bn(const std::string& x, const std::string& path) {
    return batch_norm(conv(x, path + "/conv"), path + "/bn");
  }

  std::string relu(const std::string& x, const std::string& name) {
    add_node("Relu", name, {x});
    return name;
  }

  std::string relu6(const std::string& x, const std::string& name) {
    add_node("Clip", name, {x, use_scalar("relu6/min", 0.0F), use_scalar("relu6/max", kRelu6Max)});
    return name;
  }

  std::string max_pool2(const std::string& x, const std::string& name) {
    onnx::NodeProto& node = add_node("MaxPool", name, {x});
    set_ints(node, "kernel_shape", {2, 2});
    set_ints(node, "strides", {2, 2});
    return name;
  }

  std::string add(const std::string& a, const std::string& b, const std::string& name) {
    add_node("Add", name, {a, b});
    return name;
  }

  std::string concat_channels(const std::string& a, const std::string& b, const std::string& name) {
    set_int(add_node("Concat", name, {a, b}), "axis", 1);
    return name;
  }

  std::string global_average_pool(const std::string& x, const std::string& name) {
    add_node("GlobalAveragePool", name, {x});
    return name;
  }

  std::string flatten(const std::string& x, const std::string& name) {
    set_int(add_node("Flatten", name, {x}), "axis", 1);
    return name;
  }

  // The last node: its value carries the name of the graph's output.
  void fully_connected(const std::string& x, const std::string& name, const std::string& output) {
    onnx::NodeProto& node =
        add_node("Gemm", name, {x, use_weight(name + "/weight"), use_weight(name + "/bias")});
    node.set_output(0, output);
    set_int(node, "transB", 1);  // libtorch keeps [out, in]
  }

  static constexpr const char* kImageName = "image";
  static constexpr const char* kLogitsName = "logits";

 private:
  std::string conv(const std::string& x, const std::string& name) {
    const std::string weight = use_weight(name + "/weight");
    const std::vector<std::int64_t>& shape = weights_.at(weight).shape;  // [out, in / groups, kernel, kernel]
    // A depthwise filter sees one channel; the stem sees one too, but there the image has no more.
    const bool depthwise = shape[1] == 1 && x != kImageName;
    onnx::NodeProto& node = add_node("Conv", name, {x, weight});
    set_ints(node, "dilations", {1, 1});
    set_int(node, "group", depthwise ? shape[0] : 1);
    set_ints(node, "kernel_shape", {shape[2], shape[3]});
    const std::int64_t pad = shape[2] / 2;
    set_ints(node, "pads", {pad, pad, pad, pad});
    set_ints(node, "strides", {1, 1});
    return name;
  }

  std::string batch_norm(const std::string& x, const std::string& name) {
    onnx::NodeProto& node = add_node("BatchNormalization", name,
                                     {x, use_weight(name + "/weight"), use_weight(name + "/bias"),
                                      use_weight(name + "/running_mean"), use_weight(name + "/running_var")});
    set_float(node, "epsilon", kBnEpsilon);
    set_float(node, "momentum", kBnMomentum);
    return name;
  }

  onnx::NodeProto& add_node(const char* op, const std::string& name, const std::vector<std::string>& inputs) {
    onnx::NodeProto& node = *graph_.add_node();
    node.set_op_type(op);
    node.set_name(name);
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(name);
    return node;
  }

  static onnx::AttributeProto& add_attribute(onnx::NodeProto& node, const char* name,
                                             onnx::AttributeProto::AttributeType type) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
  }
  static void set_int(onnx::NodeProto& node, const char* name, std::int64_t value) {
    add_attribute(node, name, onnx::AttributeProto::INT).set_i(value);
  }
  static void set_float(onnx::NodeProto& node, const char* name, float value) {
    add_attribute(node, name, onnx::AttributeProto::FLOAT).set_f(value);
  }
  static void set_ints(onnx::NodeProto& node, const char* name, const std::vector<std::int64_t>& values) {
    onnx::AttributeProto& attribute = add_attribute(node, name, onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute.add_ints(value);
  }

  std::string use_weight(const std::string& name) {
    const auto found = weights_.find(name);
    if (found == weights_.end()) throw std::runtime_error("export_onnx: no weight named " + name);
    if (used_.insert(name).second) add_initializer(name, found->second);
    return name;
  }

  std::string use_scalar(const std::string& name, float value) {
    if (used_.insert(name).second) add_initializer(name, Weight{{}, {value}});
    return name;
  }

  void add_initializer(const std::string& name, const Weight& weight) {
    onnx::TensorProto& tensor = *graph_.add_initializer();
    for (const std::int64_t dim : weight.shape) tensor.add_dims(dim);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    tensor.set_name(name);
    // raw_data is little-endian by definition, and so is every machine that libtorch-dev is packaged for
    // here.
    std::string raw(weight.values.size() * sizeof(float), '\0');
    std::memcpy(raw.data(), weight.values.data(), raw.size());
    tensor.set_raw_data(raw);
  }

  static void fill_type(onnx::ValueInfoProto& info, const std::string& name,
                        const std::vector<std::int64_t>& item_shape) {
    info.set_name(name);
    onnx::TypeProto::Tensor& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    type.mutable_shape()->add_dim()->set_dim_param("N");
    for (const std::int64_t dim : item_shape) type.mutable_shape()->add_dim()->set_dim_value(dim);
  }

  onnx::GraphProto& graph_;
  const WeightTable& weights_;
  std::set<std::string> used_;
};

void write_fashion_net(GraphWriter& g) {
  g.add_input(GraphWriter::kImageName, {1, 28, 28});
  std::string x = g.relu(g.conv_bn(GraphWriter::kImageName, "stem"), "stem/relu");
  x = g.max_pool2(x, "stem/pool");

  const std::string squeezed = g.relu(g.conv_bn(x, "fire/squeeze"), "fire/squeeze/relu");
  const std::string left = g.relu(g.conv_bn(squeezed, "fire/expand1x1"), "fire/expand1x1/relu");
  const std::string right = g.relu(g.conv_bn(squeezed, "fire/expand3x3"), "fire/expand3x3/relu");
  x = g.max_pool2(g.concat_channels(left, right, "fire/concat"), "fire/pool");

  const std::string shortcut = x;
  x = g.relu(g.conv_bn(x, "residual/1"), "residual/1/relu");
  x = g.relu(g.add(g.conv_bn(x, "residual/2"), shortcut, "residual/add"), "residual/relu");

  x = g.relu6(g.conv_bn(x, "separable/depthwise"), "separable/depthwise/relu6");
  x = g.relu6(g.conv_bn(x, "separable/pointwise"), "separable/pointwise/relu6");

  x = g.flatten(g.global_average_pool(x, "head/pool"), "head/flatten");
  g.fully_connected(x, "head/fc", GraphWriter::kLogitsName);
  g.add_output(GraphWriter::kLogitsName, {10});
}

std::string serialized(const onnx::ModelProto& model) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    if (!model.SerializeToCodedStream(&coded)) throw std::runtime_error("export_onnx: serialization failed");
  }  // both streams flush here
  return bytes;
}

}  // namespace

std::string onnx_bytes(const WeightTable& weights) {
  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("precis-train-demo");
  model.set_producer_version("1");
  onnx::OperatorSetIdProto& opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(kOpset);
  model.mutable_graph()->set_name("fashion_cnn");
  GraphWriter writer(*model.mutable_graph(), weights);
  write_fashion_net(writer);
  return serialized(model);
}

}  // namespace train_demo
