// How a model is fed from a sample: what the data brings, what is the same in every call, and states that go
// from an output to an input of the next call.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "precis/data/source.h"
#include "precis/graph/graph.h"
#include "precis/runtime/session.h"

namespace precis::flow {

struct FeedOptions {
  std::vector<std::pair<std::string, std::string>>
      states;  // output -> input of the next call; zeros in the first
  std::vector<std::pair<std::string, double>> constants;  // input, its one value
};
// "stateN=state" and "sr=16000", as given on the command line. Error(kUsage) for other forms.
std::pair<std::string, std::string> parse_state(const std::string& text);
std::pair<std::string, double> parse_constant(const std::string& text);

class Feed {
 public:
  // Error(kUsage) naming what the model does not have, or what does not fit.
  Feed(const Graph& graph, const FeedOptions& options);

  // The inputs that data must bring, in the model's order.
  std::vector<data::InputSpec> data_inputs() const;
  // One sample: its calls one after the other, the states carried from each to the next and fresh for the
  // next sample. Of several calls, outputs are joined along axis 0; of states the last ones remain.
  std::vector<Tensor> run(runtime::Session& session, const data::Sample& sample) const;

 private:
  struct State {
    size_t output, input;
  };
  bool is_state(size_t output) const;

  std::vector<data::InputSpec> inputs_;  // of the model
  std::vector<Tensor> fixed_;  // by input: constants and first states; undefined where data is needed
  std::vector<State> states_;
};

}  // namespace precis::flow
