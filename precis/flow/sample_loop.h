// Running one or more models over a data set: windows of samples in parallel, each sample on one thread; results are handed on
// in sample order, so whatever is made of them does not depend on the thread count. Internal to precis/flow.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "precis/data/source.h"
#include "precis/flow/evaluate.h"
#include "precis/graph/graph.h"
#include "precis/runtime/session.h"

namespace precis::flow {

// Named tensors that taps saw for one sample, in execution order; one list per model.
using Tapped = std::vector<std::vector<std::pair<std::string, Tensor>>>;

class SampleLoop {
 public:
  // `taps[i]` (may be empty) are the values observed in model i.
  SampleLoop(std::vector<const Graph*> models, runtime::Engine engine, std::vector<std::vector<std::string>> taps = {});
  ~SampleLoop();

  // results[m] = outputs of model m. Called in sample order from one thread.
  using Consumer = std::function<void(int64_t index, const data::Sample& sample, const std::vector<std::vector<Tensor>>& results)>;
  void run(const data::DataSource& source, const std::string& phase, const Progress& progress, const Consumer& consumer);

  using TapConsumer =
      std::function<void(int64_t index, const data::Sample& sample, const std::vector<std::vector<Tensor>>& results, const Tapped& tapped)>;
  void run_tapped(const data::DataSource& source, const std::string& phase, const Progress& progress, const TapConsumer& consumer);

 private:
  struct Worker;
  std::unique_ptr<Worker> take();
  void give(std::unique_ptr<Worker> worker);
  std::vector<std::shared_ptr<const runtime::Program>> programs_;
  std::vector<std::vector<std::string>> taps_;
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace precis::flow
