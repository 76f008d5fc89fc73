// Every declared operator, abused (docs/reliability.md, E): counts of inputs and outputs, attributes that are
// missing or of another kind, and then thousands of nodes whose types, ranks, lengths, contents and
// attributes are drawn at random. All that may come of it, in inference and in the reference kernel behind
// an inference that knew nothing of the inputs, is a result or an Error that blames the input: never a crash,
// and never one that blames Precis.
#include <gtest/gtest.h>

#include <limits>

#include "precis/core/limits.h"
#include "precis/core/rng.h"
#include "precis/graph/op.h"
#include "precis/runtime/reference_encoded.h"
#include "precis/runtime/reference_ops.h"
#include "tests/support/limits_scope.h"

namespace precis::test {
namespace {

constexpr int kNodesPerOperator = 300;

std::string label(const OpDecl& d) { return std::string(d.domain) + "::" + d.op; }

Attribute sample_attribute(AttrKind kind) {
  switch (kind) {
    case AttrKind::kInt:
      return int64_t{1};
    case AttrKind::kFloat:
      return 1.0f;
    case AttrKind::kString:
      return std::string("x");
    case AttrKind::kTensor:
      return Tensor::scalar(1.0f);
    case AttrKind::kGraph:
      return SubgraphPtr();
    case AttrKind::kInts:
      return std::vector<int64_t>{1};
    case AttrKind::kFloats:
      return std::vector<float>{1};
    case AttrKind::kStrings:
      return std::vector<std::string>{"x"};
    case AttrKind::kType:
      return ValueType{};
  }
  return int64_t{0};
}

// A node as its declaration asks for, of values without types.
struct Made {
  Graph graph;
  Node node;

  Made(const OpDecl& d, int inputs, int outputs) {
    node.domain = d.domain;
    node.op = d.op;
    node.name = "n";
    for (int i = 0; i < inputs; ++i) node.inputs.push_back(graph.add_input("x" + std::to_string(i), {}));
    for (int i = 0; i < outputs; ++i) node.outputs.push_back(graph.add_value("y" + std::to_string(i)));
    for (const AttrDecl& a : d.attributes)
      if (a.required) node.attributes.emplace(a.name, sample_attribute(a.kind));
  }
  explicit Made(const OpDecl& d) : Made(d, d.min_inputs, d.min_outputs) {}

  std::vector<std::string> errors(const OpDecl& d) const { return schema_errors(d, node); }
};

void expect_one(const OpDecl& d, const Made& made, const std::string& fragment) {
  const std::vector<std::string> errors = made.errors(d);
  ASSERT_FALSE(errors.empty()) << label(d) << ": accepted, expected: " << fragment;
  EXPECT_NE(errors[0].find(fragment), std::string::npos) << label(d) << ": " << errors[0];
}

TEST(OperatorAbuse, CountsOfInputsAndOutputs) {
  for (const OpDecl* d : all_ops()) {
    EXPECT_TRUE(Made(*d).errors(*d).empty()) << label(*d) << ": " << Made(*d).errors(*d)[0];
    if (d->min_inputs > 0) expect_one(*d, Made(*d, d->min_inputs - 1, d->min_outputs), "inputs, expected");
    if (d->max_inputs >= 0) expect_one(*d, Made(*d, d->max_inputs + 1, d->min_outputs), "inputs, expected");
    if (d->min_outputs > 0) expect_one(*d, Made(*d, d->min_inputs, d->min_outputs - 1), "outputs, expected");
    if (d->max_outputs >= 0) expect_one(*d, Made(*d, d->min_inputs, d->max_outputs + 1), "outputs, expected");
    for (int i = 0; i < d->min_inputs; ++i) {
      Made made(*d);
      made.node.inputs[static_cast<size_t>(i)] = {};
      expect_one(*d, made, "is omitted but required");
    }
  }
}

TEST(OperatorAbuse, AttributesMissingOrOfAnotherKind) {
  for (const OpDecl* d : all_ops())
    for (const AttrDecl& a : d->attributes) {
      Made made(*d);
      made.node.attributes.erase(a.name);
      if (a.required) expect_one(*d, made, "is missing but required");
      for (int kind = 0; kind <= static_cast<int>(AttrKind::kType); ++kind) {
        if (static_cast<AttrKind>(kind) == a.kind) continue;
        made.node.attributes.insert_or_assign(a.name, sample_attribute(static_cast<AttrKind>(kind)));
        expect_one(*d, made, std::string("attribute '") + a.name + "' is of kind");
      }
    }
}

// --- drawn at random

class Draw {
 public:
  explicit Draw(uint64_t stream) : rng_(20, stream) {}

  int64_t below(int64_t n) { return static_cast<int64_t>(rng_.below(static_cast<uint64_t>(n))); }
  bool chance(int percent) { return below(100) < percent; }
  template <typename T>
  T of(const std::vector<T>& choices) {
    return choices[static_cast<size_t>(below(static_cast<int64_t>(choices.size())))];
  }

  DType dtype() {
    static const std::vector<DType> kTypes = {
        DType::kF32, DType::kF32, DType::kF32, DType::kF64,      DType::kF16, DType::kBF16,
        DType::kI8,  DType::kU8,  DType::kI32, DType::kI64,      DType::kI64, DType::kBool,
        DType::kU16, DType::kI4,  DType::kU4,  DType::kF8E4M3FN, DType::kI2};
    return of(kTypes);
  }
  Shape shape() {
    static const std::vector<int64_t> kLengths = {1, 1, 2, 2, 3, 4, 5, 0};
    std::vector<int64_t> dims;
    for (int64_t rank = below(6); rank > 0; --rank) dims.push_back(of(kLengths));
    return Shape(std::move(dims));
  }
  int64_t whole() {
    static const std::vector<int64_t> kWhole = {0,
                                                1,
                                                1,
                                                1,
                                                2,
                                                2,
                                                3,
                                                4,
                                                -1,
                                                -2,
                                                7,
                                                64,
                                                1000000007,
                                                std::numeric_limits<int64_t>::max(),
                                                std::numeric_limits<int64_t>::min(),
                                                int64_t{1} << 40};
    return of(kWhole);
  }
  float real() {
    static const std::vector<float> kReal = {0, 1, 1, 0.5f, 2, -1, 1e-20f, 1e30f, INFINITY, -INFINITY, NAN};
    return of(kReal);
  }
  std::string text() {
    static const std::vector<std::string> kTexts = {"",
                                                    "x",
                                                    "linear",
                                                    "nearest",
                                                    "cubic",
                                                    "SAME_UPPER",
                                                    "SAME_LOWER",
                                                    "VALID",
                                                    "NOTSET",
                                                    "sum",
                                                    "mean",
                                                    "none",
                                                    "add",
                                                    "mul",
                                                    "max",
                                                    "min",
                                                    "forward",
                                                    "reverse",
                                                    "bidirectional",
                                                    "zeros",
                                                    "border",
                                                    "reflection",
                                                    "constant",
                                                    "edge",
                                                    "reflect",
                                                    "wrap",
                                                    "avg",
                                                    "half_pixel",
                                                    "align_corners",
                                                    "asymmetric",
                                                    "tf_crop_and_resize",
                                                    "floor",
                                                    "ceil",
                                                    "DCR",
                                                    "CRD",
                                                    "TF",
                                                    "IDF",
                                                    "TFIDF",
                                                    "tanh",
                                                    "LEFT",
                                                    "RIGHT",
                                                    "ab,bc->ac",
                                                    "ab->ba",
                                                    "...a,...a->...",
                                                    "aa->a",
                                                    "a,,b",
                                                    "output_half_pixel",
                                                    "round",
                                                    "truncate"};
    return of(kTexts);
  }
  Tensor tensor(DType dtype, Shape shape) {
    Tensor t(DType::kF64, std::move(shape));
    for (double& v : t.data<double>())
      v = is_float(dtype) && chance(50) ? static_cast<double>(real()) : static_cast<double>(below(6) - 1);
    if (dtype == DType::kI64 && chance(20)) {
      Tensor wide(DType::kI64, t.shape());
      for (int64_t& v : wide.data<int64_t>()) v = whole();
      return wide;
    }
    return t.cast(dtype);
  }
  template <typename F>
  auto list(const F& f) {
    std::vector<decltype(f())> v;
    for (int64_t n = below(7); n > 0; --n) v.push_back(f());
    return v;
  }
  Attribute attribute(AttrKind kind) {
    switch (kind) {
      case AttrKind::kInt:
        return whole();
      case AttrKind::kFloat:
        return real();
      case AttrKind::kString:
        return text();
      case AttrKind::kTensor:
        return tensor(dtype(), shape());
      case AttrKind::kInts:
        return chance(70) ? list([&] { return below(4); }) : list([&] { return whole(); });
      case AttrKind::kFloats:
        return list([&] { return real(); });
      case AttrKind::kStrings:
        return list([&] { return text(); });
      default:
        return sample_attribute(kind);
    }
  }

 private:
  Rng rng_;
};

struct Drawn {
  Graph graph;
  Node node;
  std::vector<Tensor> inputs;
};

Drawn draw(const OpDecl& d, Draw& r) {
  Drawn drawn;
  drawn.node.domain = d.domain;
  drawn.node.op = d.op;
  drawn.node.name = "n";
  const DType common = r.dtype();
  const Shape shape = r.shape();
  const int64_t most = d.max_inputs < 0 ? d.min_inputs + 3 : d.max_inputs;
  const int64_t count = d.min_inputs + r.below(most - d.min_inputs + 1);
  for (int64_t i = 0; i < count; ++i) {
    if (i >= d.min_inputs && r.chance(20)) {
      drawn.node.inputs.push_back({});
      drawn.inputs.emplace_back();
      continue;
    }
    const bool list = r.chance(30);  // lengths, axes, pads
    Tensor t = r.tensor(list           ? DType::kI64
                        : r.chance(80) ? common
                                       : r.dtype(),
                        list           ? Shape{r.below(6)}
                        : r.chance(50) ? shape
                                       : r.shape());
    ValueType type;
    type.dtype = t.dtype();
    type.shape = symbolic(t.shape());
    const std::string name = "x" + std::to_string(i);
    drawn.node.inputs.push_back(r.chance(30) ? drawn.graph.add_constant(name, t)
                                             : drawn.graph.add_input(name, std::move(type)));
    drawn.inputs.push_back(std::move(t));
  }
  for (const AttrDecl& a : d.attributes)
    if (a.required || r.chance(50)) drawn.node.attributes.emplace(a.name, r.attribute(a.kind));
  const int64_t outputs = d.max_outputs < 0 ? d.min_outputs + r.below(3) : d.max_outputs;
  for (int64_t i = 0; i < outputs; ++i)
    drawn.node.outputs.push_back(drawn.graph.add_value("y" + std::to_string(i)));
  return drawn;
}

bool has_body(const OpDecl& d) {
  for (const AttrDecl& a : d.attributes)
    if (a.kind == AttrKind::kGraph) return true;
  return false;
}

// Is this the input's fault, or too much of it?
bool blames_input(ErrorCode code) {
  return code == ErrorCode::kMalformed || code == ErrorCode::kUnsupported || code == ErrorCode::kLimit ||
         code == ErrorCode::kUsage;
}

std::string text_of(const Drawn& d) {
  std::string text = d.node.domain + "::" + d.node.op + "(";
  for (const Tensor& t : d.inputs)
    text += t.defined() ? std::string(dtype_name(t.dtype())) + t.shape().str() + " " : "_ ";
  text += ") {";
  for (const auto& [key, value] : d.node.attributes) {
    text += key + "=";
    if (const auto* i = std::get_if<int64_t>(&value)) text += std::to_string(*i);
    if (const auto* f = std::get_if<float>(&value)) text += std::to_string(*f);
    if (const auto* s = std::get_if<std::string>(&value)) text += *s;
    if (const auto* v = std::get_if<std::vector<int64_t>>(&value))
      for (int64_t i : *v) text += std::to_string(i) + ",";
    text += " ";
  }
  return text + "}";
}

class OperatorAbuseAtRandom : public testing::Test {
 protected:
  OperatorAbuseAtRandom() {
    Limits l = limits();
    l.max_memory = 64u << 20;
    l.max_operator_steps = 1 << 22;
    set_limits(l);
  }

 private:
  const LimitsScope scope_;
};

// Would the node reach its kernel in a graph that knows nothing of its inputs? Attributes are judged there,
// too.
bool passes_unseen(const Node& node) {
  Graph graph;
  Node unseen = node;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.inputs[i]) unseen.inputs[i] = graph.add_input("x" + std::to_string(i), {});
  for (size_t i = 0; i < node.outputs.size(); ++i)
    unseen.outputs[i] = graph.add_value("y" + std::to_string(i));
  graph.add_node(unseen);
  try {
    infer_types(graph);
    return true;
  } catch (const Error&) {
    return false;
  }
}

template <typename Work>
bool passes(const Drawn& d, const char* where, const Work& work) {
  try {
    work();
    return true;
  } catch (const Error& e) {
    EXPECT_TRUE(blames_input(e.code())) << where << " of " << text_of(d) << ": " << e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << where << " of " << text_of(d) << ": " << e.what();
  }
  return false;
}

// What ran has the types that inference foretold.
void expect_types(const Drawn& d, const std::vector<Tensor>& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ValueType& type = d.graph.value(d.node.outputs[i]).type;
    if (!outputs[i].defined() || is_container(outputs[i].dtype())) continue;
    if (type.dtype != DType::kUndefined) {
      EXPECT_EQ(type.dtype, outputs[i].dtype()) << "output " << i << " of " << text_of(d);
    }
    if (fully_known(type.shape)) {
      EXPECT_EQ(to_shape(type.shape), outputs[i].shape()) << "output " << i << " of " << text_of(d);
    }
  }
}

TEST_F(OperatorAbuseAtRandom, IsAnsweredWithAResultOrAnError) {
  uint64_t stream = 0;
  int64_t ran = 0;
  for (const OpDecl* d : all_ops()) {
    Draw r(stream++);
    for (int i = 0; i < kNodesPerOperator && !has_body(*d); ++i) {
      Drawn drawn = draw(*d, r);
      const Node node = drawn.node;
      const bool known = passes(drawn, "inference", [&] {
        drawn.graph.add_node(node);
        infer_types(drawn.graph);
      });
      if (runtime::find_reference_op(d->domain, d->op) == nullptr || !passes_unseen(node)) continue;
      passes(drawn, "the run", [&] {
        const auto outputs = runtime::run_plain_node(drawn.graph, node, drawn.inputs);
        ++ran;
        if (known) expect_types(drawn, outputs);
      });
    }
  }
  EXPECT_GT(ran, 3000);
}

}  // namespace
}  // namespace precis::test
