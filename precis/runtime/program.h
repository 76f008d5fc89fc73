// What a Program keeps: the prepared graph, the packed weights, and the plans compiled so far.
#pragma once

#include <list>
#include <mutex>
#include <set>
#include <vector>

#include "precis/runtime/plan_builder.h"
#include "precis/runtime/session.h"

namespace precis::runtime {

// Plans by input shapes and thread count; the least recently used goes when there are more than kMaxPlans.
class PlanCache {
 public:
  static constexpr size_t kMaxPlans = 8;
  struct Key {
    std::vector<Shape> shapes;
    int threads = 1;
    bool operator==(const Key&) const = default;
  };
  std::shared_ptr<const Plan> get(const Key& key,
                                  const std::function<std::shared_ptr<const Plan>()>& compile);

 private:
  std::mutex mutex_, compiling_;
  std::list<std::pair<Key, std::shared_ptr<const Plan>>> plans_;  // most recent first
};

struct Program::Impl {
  Graph given;
  Graph prepared;  // types inferred, bodies closed; for kFast also f16 widened and constants folded
  Engine engine = Engine::kFast;
  std::set<ValueId> taps;  // in `prepared`
  bool taps_as_laid_out = false;
  std::map<NodeId, BodyPrograms> bodies;  // of the control operators of `prepared`; for kFast
  mutable WeightStore weights;
  mutable PlanCache plans;

  // The plan for these input shapes; must be called under the thread count the plan will run with.
  std::shared_ptr<const Plan> plan(const std::vector<Shape>& shapes, int threads) const;
  // Error(kUsage) naming the input when dtype or shape does not fit the declaration. Named dimensions must
  // agree.
  void check_inputs(std::span<const Tensor> inputs) const;
  void check_shapes(std::span<const Shape> shapes) const;
};

}  // namespace precis::runtime
