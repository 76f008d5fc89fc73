// See equality.h. Verdicts are made where the models ran; outputs are never kept.
#include "precis/flow/equality.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <set>

#include "precis/calib/sample_loop.h"
#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/graph/op.h"

namespace precis::flow {
namespace {

constexpr double kAbsolute = 1e-7;  // below this nothing is a difference: outputs that are all but zero
// Of the free first dimensions (and those of the same name), and of the other ones. The last is for models
// that run with none of the others: it is a batch of 224, too.
constexpr std::array<std::pair<int64_t, int64_t>, 6> kLengths = {
    {{1, 1}, {3, 3}, {1, 32}, {1, 224}, {32, 32}, {224, 224}}};
constexpr size_t kLengthsTried = 2;

bool any_body(const Graph& graph, const std::function<bool(const Graph&)>& found) {
  if (found(graph)) return true;
  for (NodeId id : graph.order())
    for (const auto& [key, attribute] : graph.node(id).attributes)
      if (const auto* body = std::get_if<SubgraphPtr>(&attribute); body && any_body(**body, found))
        return true;
  return false;
}

bool draws(const Graph& graph) {
  return any_body(graph, [](const Graph& g) {
    return std::any_of(g.order().begin(), g.order().end(),
                       [&](NodeId id) { return draws_random_numbers(g, g.node(id)); });
  });
}

bool computes_in_halves(const Graph& graph) {
  return any_body(graph, [](const Graph& g) {
    for (NodeId id : g.order())
      for (ValueId v : g.node(id).outputs)
        if (v && (g.value(v).type.dtype == DType::kF16 || g.value(v).type.dtype == DType::kBF16)) return true;
    return false;
  });
}

struct Verdict {
  double difference = 0;
  bool bit_equal = true;
  std::string problem;  // empty when the outputs agree
};

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.nbytes() == b.nbytes() &&
         (a.nbytes() == 0 || std::memcmp(a.bytes(), b.bytes(), static_cast<size_t>(a.nbytes())) == 0);
}

std::string kind(const Tensor& t) { return dtype_name(t.dtype()) + t.shape().str(); }

// Two float tensors of one shape.
void compare_floats(const Tensor& a, const Tensor& b, double tolerance, Verdict& v) {
  const Tensor wide_a = a.cast(DType::kF64), wide_b = b.cast(DType::kF64);
  const auto x = wide_a.data<double>(), y = wide_b.data<double>();
  double largest = 0;
  for (double value : x)
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  const double allowed = tolerance * largest + kAbsolute;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
    const double difference = std::fabs(x[i] - y[i]);
    if (std::isfinite(difference) && largest > 0) v.difference = std::max(v.difference, difference / largest);
    if (difference <= allowed || !v.problem.empty()) continue;
    v.problem = fmt::format("element {} is {:.9g}, it was {:.9g} (a difference of {:.3g} is allowed)", i,
                            y[i], x[i], allowed);
  }
}

void compare(const Tensor& a, const Tensor& b, double tolerance, bool values, Verdict& v) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) {
    v.problem = fmt::format("it is {}, it was {}", kind(b), kind(a));
  } else if (is_container(a.dtype())) {
    for (size_t i = 0; i < a.items().size() && v.problem.empty(); ++i)
      compare(a.items()[i], b.items()[i], tolerance, values, v);
  } else if (values && !same_bytes(a, b)) {
    v.bit_equal = false;
    if (is_float(a.dtype()))
      compare_floats(a, b, tolerance, v);
    else
      v.problem = "its integers are not the same";
  }
}

void check_same_names(const Graph& a, const Graph& b) {
  const auto names = [](const Graph& g, std::span<const ValueId> ids) {
    std::vector<std::string> out;
    for (ValueId id : ids) out.push_back(printable(g.value(id).name));
    return fmt::format("{}", fmt::join(out, ", "));
  };
  check(names(a, a.inputs()) == names(b, b.inputs()), ErrorCode::kVerify,
        "the inputs were {}, they are {}; the output was not kept", names(a, a.inputs()),
        names(b, b.inputs()));
  check(names(a, a.outputs()) == names(b, b.outputs()), ErrorCode::kVerify,
        "the outputs were {}, they are {}; the output was not kept", names(a, a.outputs()),
        names(b, b.outputs()));
}

std::shared_ptr<const runtime::Program> compile(const Graph& graph, const EqualityOptions& options) {
  runtime::ProgramOptions program;
  program.engine = options.engine;
  return runtime::Program::compile(graph, program);
}

void check_can_be_made_up(const data::InputSpec& spec, const ValueType& type, bool shape_given) {
  check(!is_container(type.dtype), ErrorCode::kUsage,
        "input '{}' is a {}, for which no values can be made up: give --data, or --no-verify",
        printable(spec.name), dtype_name(type.dtype));
  check(type.shape || shape_given, ErrorCode::kUsage,
        "input '{}' has an unknown rank; give its shape with --shape {}=1,3,224,224, or --data",
        printable(spec.name), printable(spec.name));
}

std::set<std::string> names_of_first_dimensions(const Graph& graph) {
  std::set<std::string> names;
  for (ValueId v : graph.inputs())
    if (const SymbolicShape& shape = graph.value(v).type.shape; shape && !shape->empty())
      names.insert((*shape)[0].symbol);
  names.erase("");
  return names;
}

// The inputs that data must bring, with lengths for what is free; `free`: something was.
std::vector<data::InputSpec> specs_of_lengths(const Graph& graph, const std::vector<Shape>& shapes,
                                              const Feed& feed, std::pair<int64_t, int64_t> lengths,
                                              bool& free) {
  const std::set<std::string> firsts = names_of_first_dimensions(graph);
  std::vector<data::InputSpec> specs = feed.data_inputs();
  for (data::InputSpec& spec : specs) {
    const ValueId id = graph.find_value(spec.name);
    const auto at = std::find(graph.inputs().begin(), graph.inputs().end(), id) - graph.inputs().begin();
    check_can_be_made_up(spec, graph.value(id).type, !shapes.empty());
    if (!shapes.empty()) spec.dims = shapes[static_cast<size_t>(at)].dims();
    for (size_t i = 0; i < spec.dims.size(); ++i) {
      if (spec.dims[i] >= 0) continue;
      free = true;
      const bool first = i == 0 || firsts.count((*graph.value(id).type.shape)[i].symbol) != 0;
      spec.dims[i] = first ? lengths.first : lengths.second;
    }
  }
  return specs;
}

std::string lengths_text(std::pair<int64_t, int64_t> lengths) {
  if (lengths.first == lengths.second) return std::to_string(lengths.first);
  return fmt::format("{} behind a first one of {}", lengths.second, lengths.first);
}

}  // namespace

Equality check_equal(const Graph& reference, const Graph& candidate, const data::DataSource& source,
                     const EqualityOptions& options) {
  check(source.size() > 0, ErrorCode::kUsage, "the data has no samples ({})", source.describe());
  check_same_names(reference, candidate);
  const Feed feed(reference, options.feed), candidate_feed(candidate, options.feed);
  Equality result;
  result.tolerance = computes_in_halves(reference) ? kHalfTolerance : kTolerance;
  result.values_compared = !draws(reference);
  for (ValueId v : reference.outputs()) result.outputs.push_back({reference.value(v).name});
  calib::SampleLoop loop({compile(reference, options), compile(candidate, options)});
  loop.run<std::vector<Verdict>>(
      source,
      [&](calib::SampleLoop::Worker& worker, int64_t index, const data::Sample& s,
          std::vector<Verdict>& verdicts) {
        const auto wanted = feed.run(worker.sessions[0], s);
        std::vector<Tensor> got;
        try {
          got = candidate_feed.run(worker.sessions[1], s);
        } catch (const Error& e) {
          fail(ErrorCode::kVerify,
               "sample {} ({}): the written model does not run ({}); the output was not kept", index,
               s.origin, e.what());
        }
        verdicts.resize(wanted.size());
        for (size_t i = 0; i < wanted.size(); ++i)
          compare(wanted[i], got[i], result.tolerance, result.values_compared, verdicts[i]);
      },
      [&](int64_t index, std::vector<Verdict>& verdicts) {
        for (size_t i = 0; i < verdicts.size(); ++i) {
          check(verdicts[i].problem.empty(), ErrorCode::kVerify,
                "output '{}' is not what it was on sample {} of {}: {}; the output was not kept",
                printable(result.outputs[i].name), index, source.describe(), verdicts[i].problem);
          result.outputs[i].difference = std::max(result.outputs[i].difference, verdicts[i].difference);
          result.outputs[i].bit_equal = result.outputs[i].bit_equal && verdicts[i].bit_equal;
        }
        ++result.samples;
        if (options.progress) options.progress("compare", index + 1, source.size());
      });
  return result;
}

void merge(Equality& to, const Equality& from) {
  to.samples += from.samples;
  for (size_t i = 0; i < to.outputs.size(); ++i) {
    to.outputs[i].difference = std::max(to.outputs[i].difference, from.outputs[i].difference);
    to.outputs[i].bit_equal = to.outputs[i].bit_equal && from.outputs[i].bit_equal;
  }
}

RandomSources random_sources(const Graph& graph, const std::vector<Shape>& shapes, int64_t count,
                             const EqualityOptions& options) {
  const Feed feed(graph, options.feed);
  data::DataSpec random;
  random.path = "random";
  random.count = count;
  RandomSources result;
  std::string refused;
  const auto program = compile(graph, options);
  for (const auto& lengths : kLengths) {
    if (&lengths == &kLengths.back() && !result.sources.empty()) break;
    bool free = false;
    data::SourcePtr source = data::open_source(random, specs_of_lengths(graph, shapes, feed, lengths, free));
    if (!free) return {{std::move(source)}, {}};
    try {
      runtime::Session session(program);
      feed.run(session, source->get(0));
    } catch (const Error& e) {
      if (e.code() == ErrorCode::kInternal) throw;
      if (refused.empty()) refused = e.what();
      continue;
    }
    result.sources.push_back(std::move(source));
    result.lengths.push_back(lengths_text(lengths));
    if (result.sources.size() == kLengthsTried) break;
  }
  check(!result.sources.empty(), ErrorCode::kUsage,
        "the model runs with none of the lengths that were tried for its free dimensions ({}); give "
        "--shape NAME=D,D,... or --data",
        refused);
  return result;
}

}  // namespace precis::flow
