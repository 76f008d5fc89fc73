// Session: one caller's memory for the plans of a Program.
#include "precis/runtime/session.h"

#include <chrono>
#include <cstring>
#include <limits>
#include <list>
#include <utility>

#include "precis/core/check.h"
#include "precis/core/parallel.h"
#include "precis/runtime/program.h"
#include "precis/runtime/reference_engine.h"

namespace precis::runtime {
namespace {

constexpr size_t kMaxBound = 2;  // plans whose memory a session keeps; a third drops the least recently used

std::vector<Shape> shapes_of(std::span<const Tensor> tensors) {
  std::vector<Shape> shapes;
  for (const Tensor& t : tensors) shapes.push_back(is_container(t.dtype()) ? Shape() : t.shape());
  return shapes;
}

// A plan with memory: the arena, the address of every buffer, and the state of every step.
struct BoundPlan {
  // Steps in a row that share a team (or one that does not), and the threads they need.
  struct Range {
    size_t first, end;
    int threads;
  };
  PlanCache::Key key;
  std::shared_ptr<const Plan> plan;
  Tensor arena;
  std::vector<std::byte*> buffers;
  std::vector<Tensor> loose;
  std::vector<std::unique_ptr<StepState>> states;
  std::vector<Range> ranges;

  BoundPlan(PlanCache::Key k, std::shared_ptr<const Plan> p)
      : key(std::move(k)),
        plan(std::move(p)),
        arena(DType::kU8, Shape{plan->arena_bytes}),
        buffers(plan->buffers.size(), nullptr),
        loose(static_cast<size_t>(plan->loose_slots)) {
    place();
    for (const auto& step : plan->steps) states.push_back(step->make_state());
    ranges = make_ranges();
  }

  // Addresses that do not change between runs; parts of inputs or outputs are placed at every run.
  void place() {
    for (size_t i = 0; i < buffers.size(); ++i) {
      const Buffer& b = plan->buffers[i];
      if (b.kind == Buffer::Kind::kConstant) buffers[i] = const_cast<std::byte*>(b.constant.bytes());
      if (b.kind == Buffer::Kind::kArena && b.parent < 0) buffers[i] = arena.bytes() + b.offset;
    }
  }

  std::byte* address(size_t i) {
    const Buffer& b = plan->buffers[i];
    return b.parent < 0 ? buffers[i] : address(static_cast<size_t>(b.parent)) + b.offset;
  }

  std::vector<Tensor> make_outputs() const {
    std::vector<Tensor> outputs;
    for (const PlanOutput& o : plan->outputs)
      outputs.push_back(o.loose >= 0 ? Tensor() : Tensor(o.dtype, o.shape));
    return outputs;
  }

  void place_arguments(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
    for (size_t i = 0; i < buffers.size(); ++i) {
      const Buffer& b = plan->buffers[i];
      if (b.kind == Buffer::Kind::kInput) buffers[i] = const_cast<std::byte*>(inputs[b.index].bytes());
      if (b.kind == Buffer::Kind::kOutput && b.parent < 0) buffers[i] = outputs[b.index].bytes();
    }
    for (size_t i = 0; i < buffers.size(); ++i)
      if (plan->buffers[i].parent >= 0) buffers[i] = address(i);
  }

  void place_loose(std::span<const Tensor> inputs) {
    for (const auto& [slot, input] : plan->loose_inputs) loose[static_cast<size_t>(slot)] = inputs[input];
  }

  void finish_outputs(std::vector<Tensor>& outputs) {
    for (size_t i = 0; i < outputs.size(); ++i) {
      const PlanOutput& o = plan->outputs[i];
      if (o.loose >= 0)
        outputs[i] = loose[static_cast<size_t>(o.loose)];
      else if (!o.in_place && outputs[i].nbytes() > 0)
        std::memcpy(outputs[i].bytes(), buffers[static_cast<size_t>(o.source)],
                    static_cast<size_t>(outputs[i].nbytes()));
    }
  }

  void run_step(size_t i, const RunContext& context) {
    if (num_threads() == plan->step_threads[i]) return plan->steps[i]->run(context, states[i].get());
    const ThreadScope scope(plan->step_threads[i]);
    plan->steps[i]->run(context, states[i].get());
  }

  std::vector<Range> make_ranges() const {
    std::vector<Range> ranges;
    bool joins = false;
    for (size_t i = 0; i < plan->steps.size(); ++i) {
      const bool joins_before = std::exchange(joins, plan->steps[i]->joins_team());
      if (!joins || !joins_before) ranges.push_back({i, i, 1});
      ranges.back().end = i + 1;
      ranges.back().threads = std::max(ranges.back().threads, plan->step_threads[i]);
    }
    return ranges;
  }

  // Calls step(i) for all steps.
  template <typename StepFunction>
  void for_each_step(const StepFunction& step) {
    struct Call {
      const Range& range;
      const StepFunction& step;
      static void run(void* context) {
        const Call& c = *static_cast<const Call*>(context);
        for (size_t i = c.range.first; i < c.range.end; ++i) c.step(i);
      }
    };
    for (const Range& range : ranges) {
      Call call{range, step};
      const ThreadScope scope(range.threads);
      range.end - range.first > 1 ? with_team(range.threads, Call::run, &call) : Call::run(&call);
    }
  }

  std::vector<Tensor> run(std::span<const Tensor> inputs, const LaidOutTapFunction& tap) {
    std::vector<Tensor> outputs = make_outputs();
    place_arguments(inputs, outputs);
    place_loose(inputs);
    const RunContext context{buffers, loose, &tap};
    for_each_step([&](size_t i) { run_step(i, context); });
    finish_outputs(outputs);
    return outputs;
  }

  std::vector<Session::StepTime> run_timed(std::span<const Tensor> inputs) {
    using Clock = std::chrono::steady_clock;
    const auto call = Clock::now();
    const auto ms_until = [&](Clock::time_point t) {
      return std::chrono::duration<double, std::milli>(t - call).count();
    };
    std::vector<Session::StepTime> times(plan->steps.size());
    std::vector<Tensor> outputs = make_outputs();
    place_arguments(inputs, outputs);
    place_loose(inputs);
    const RunContext context{buffers, loose, nullptr};
    for_each_step([&](size_t i) {
      times[i].start_ms = ms_until(Clock::now());
      run_step(i, context);
      times[i].ms = ms_until(Clock::now()) - times[i].start_ms;
    });
    finish_outputs(outputs);
    return times;
  }
};

}  // namespace

struct Session::State {
  std::shared_ptr<const Program> program;
  int threads = 0;
  LaidOutTapFunction tap;
  std::list<BoundPlan> bound;  // most recently used first

  int thread_count() const {
    if (in_parallel_region()) return 1;
    return threads > 0 ? threads : num_threads();
  }

  BoundPlan& bind(std::vector<Shape> shapes, int count) {
    PlanCache::Key key{std::move(shapes), count};
    for (auto it = bound.begin(); it != bound.end(); ++it)
      if (it->key == key) {
        bound.splice(bound.begin(), bound, it);
        return bound.front();
      }
    if (bound.size() >= kMaxBound) bound.pop_back();
    auto plan = program->impl().plan(key.shapes, count);
    bound.emplace_front(std::move(key), std::move(plan));
    return bound.front();
  }

  std::vector<Tensor> run_reference_engine(std::span<const Tensor> inputs) const {
    const Program::Impl& impl = program->impl();
    TapFunction filtered;
    if (tap && !impl.taps.empty())
      filtered = [&](const std::string& name, const Tensor& tensor) {
        if (impl.taps.count(impl.given.find_value(name)) != 0) tap(name, tensor, false);
      };
    return run_reference(impl.prepared, inputs, filtered);
  }
};

Session::Session(std::shared_ptr<const Program> program, int threads) : state_(std::make_unique<State>()) {
  check(program != nullptr, ErrorCode::kUsage, "a session needs a compiled program");
  state_->program = std::move(program);
  state_->threads = threads;
}

Session::Session(Session&&) noexcept = default;
Session::~Session() = default;

void Session::set_tap(TapFunction tap) {
  check(!state_->program->impl().taps_as_laid_out, ErrorCode::kUsage,
        "the program's taps see values as they lie in memory; take set_laid_out_tap, or compile it without "
        "taps_as_laid_out");
  state_->tap = {};
  if (tap)
    state_->tap = [plain = std::move(tap)](const std::string& name, const Tensor& t, bool) {
      plain(name, t);
    };
}

void Session::set_laid_out_tap(LaidOutTapFunction tap) { state_->tap = std::move(tap); }

std::vector<Tensor> Session::run(std::span<const Tensor> inputs) {
  State& s = *state_;
  s.program->impl().check_inputs(inputs);
  if (s.program->impl().engine == Engine::kReference) return s.run_reference_engine(inputs);
  const int count = s.thread_count();
  const ThreadScope scope(count);
  return s.bind(shapes_of(inputs), count).run(inputs, s.tap);
}

std::vector<Session::StepTime> Session::run_timed(std::span<const Tensor> inputs) {
  State& s = *state_;
  s.program->impl().check_inputs(inputs);
  if (s.program->impl().engine == Engine::kReference) return {};
  const int count = s.thread_count();
  const ThreadScope scope(count);
  return s.bind(shapes_of(inputs), count).run_timed(inputs);
}

std::vector<double> Session::profile(std::span<const Tensor> inputs, int runs) {
  std::vector<double> best;
  for (int i = 0; i < runs; ++i) {
    const std::vector<StepTime> times = run_timed(inputs);
    best.resize(times.size(), std::numeric_limits<double>::infinity());
    for (size_t k = 0; k < times.size(); ++k) best[k] = std::min(best[k], times[k].ms);
  }
  return best;
}

PlanInfo Session::plan_info(std::span<const Shape> input_shapes) {
  const Program::Impl& impl = state_->program->impl();
  std::vector<Shape> shapes(input_shapes.begin(), input_shapes.end());
  if (shapes.empty())
    for (ValueId id : impl.given.inputs()) {
      std::vector<int64_t> dims;
      const SymbolicShape& declared = impl.given.value(id).type.shape;
      for (const Dim& d : declared ? *declared : std::vector<Dim>{}) dims.push_back(d.known() ? d.value : 1);
      shapes.emplace_back(std::move(dims));
    }
  impl.check_shapes(shapes);
  const int count = state_->thread_count();
  const ThreadScope scope(count);
  return impl.plan(shapes, count)->info;
}

}  // namespace precis::runtime
