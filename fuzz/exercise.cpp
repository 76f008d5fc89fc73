// Reading, feeding and running.
#include "fuzz/exercise.h"

#include <cmath>

#include "precis/core/rng.h"
#include "precis/graph/op.h"
#include "precis/graph/validate.h"
#include "precis/onnx/onnx_io.h"

namespace precis::fuzz {
namespace {

constexpr int64_t kOpenLength = 2;
constexpr int64_t kMostElements = 1 << 14;
constexpr int64_t kMostMacs = 2'000'000;

std::optional<Shape> example_shape(const SymbolicShape& shape) {
  if (!shape) return std::nullopt;
  std::vector<int64_t> dims;
  int64_t elements = 1;
  for (const Dim& d : *shape) {
    dims.push_back(d.known() ? d.value : kOpenLength);
    if (dims.back() > kMostElements) return std::nullopt;
    elements *= dims.back();
    if (elements > kMostElements) return std::nullopt;
  }
  return Shape(dims);
}

std::optional<Tensor> example_tensor(DType dtype, const Shape& shape, uint64_t seed) {
  if (!is_float(dtype) && !is_integer(dtype) && dtype != DType::kBool) return std::nullopt;
  Rng rng(seed);
  std::vector<float> values(static_cast<size_t>(shape.numel()));
  for (float& v : values) v = is_float(dtype) ? rng.uniform(-1.0f, 1.0f) : static_cast<float>(rng.below(2));
  return Tensor::from<float>(shape, std::span<const float>(values)).cast(dtype);
}

int64_t macs_with(const Graph& graph, const std::vector<Shape>& shapes) {
  Graph sized = graph;
  infer_types(sized, {.input_shapes = shapes});
  int64_t total = 0;
  for (NodeId id : sized.order()) total += std::min<int64_t>(node_macs(sized, id), kMostMacs + 1);
  return total;
}

}  // namespace

std::optional<Model> read_checked(Bytes bytes) {
  std::optional<Model> model;
  accepts([&] {
    Model read = onnx_io::read_model_bytes(bytes).model;
    validate(read);
    infer_types(read.graph);
    model = std::move(read);
  });
  return model;
}

std::optional<std::vector<Tensor>> example_inputs(const Graph& graph) {
  std::vector<Tensor> inputs;
  std::vector<Shape> shapes;
  for (ValueId id : graph.inputs()) {
    const ValueType& type = graph.value(id).type;
    const std::optional<Shape> shape = example_shape(type.shape);
    if (!shape) return std::nullopt;
    std::optional<Tensor> t = example_tensor(type.storage_dtype(), *shape, inputs.size() + 1);
    if (!t) return std::nullopt;
    shapes.push_back(*shape);
    inputs.push_back(std::move(*t));
  }
  int64_t macs = 0;
  if (!accepts([&] { macs = macs_with(graph, shapes); }) || macs > kMostMacs) return std::nullopt;
  return inputs;
}

std::optional<std::vector<Tensor>> run_once(const Graph& graph, std::span<const Tensor> inputs,
                                            runtime::Engine engine) {
  std::optional<std::vector<Tensor>> outputs;
  accepts([&] {
    runtime::ProgramOptions options;
    options.engine = engine;
    runtime::Session session(runtime::Program::compile(graph, options), 1);
    outputs = session.run(inputs);
  });
  return outputs;
}

bool all_finite(std::span<const Tensor> tensors) {
  for (const Tensor& t : tensors) {
    if (!is_float(t.dtype())) continue;
    for (int64_t i = 0; i < t.numel(); ++i)
      if (!std::isfinite(t.at_double(i))) return false;
  }
  return true;
}

}  // namespace precis::fuzz
