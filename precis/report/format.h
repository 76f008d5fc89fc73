// Views of results: JSON documents (the truth; schemas in docs/json.md) and the text a person reads. Pure functions to strings.
#pragma once

#include <string>
#include <vector>

#include "precis/flow/doctor.h"
#include "precis/flow/evaluate.h"
#include "precis/flow/inspect.h"
#include "precis/flow/measure.h"
#include "precis/flow/profile.h"
#include "precis/flow/quantize_flow.h"
#include "precis/flow/run_model.h"
#include "precis/flow/simplify_flow.h"
#include "precis/graph/validate.h"
#include "precis/runtime/session.h"

namespace precis::report {

struct RunFacts {               // what every document ends with
  std::string model;            // file name as given
  int threads = 1;
  double seconds = 0;
  uint64_t peak_rss_bytes = 0;
  std::vector<std::string> data;  // what was read and how it was fed, one line each
};

std::string quantize_json(const flow::QuantizeRequest& request, const flow::QuantizeResult& result);
std::string quantize_text(const flow::QuantizeRequest& request, const flow::QuantizeResult& result);

std::string simplify_json(const flow::SimplifyRequest& request, const flow::SimplifyResult& result);
std::string simplify_text(const flow::SimplifyRequest& request, const flow::SimplifyResult& result);
std::string passes_json(const std::vector<flow::PassChoice>& passes);
std::string passes_text(const std::vector<flow::PassChoice>& passes);

std::string eval_json(const flow::EvalResult& result, const RunFacts& facts);
std::string eval_text(const flow::EvalResult& result, const RunFacts& facts);

std::string compare_json(const flow::CompareResult& result, const std::string& reference, const std::string& candidate, const RunFacts& facts);
std::string compare_text(const flow::CompareResult& result, const std::string& reference, const std::string& candidate, const RunFacts& facts);

std::string bench_json(const flow::Latency& latency, const RunFacts& facts);
std::string bench_text(const flow::Latency& latency, const RunFacts& facts);
std::string bench_pair_json(const flow::PairedLatency& pair, const std::string& other, const RunFacts& facts);
std::string bench_pair_text(const flow::PairedLatency& pair, const std::string& other, const RunFacts& facts);

std::string profile_json(const flow::Profile& profile, const RunFacts& facts);
std::string profile_text(const flow::Profile& profile, const RunFacts& facts);
std::string profile_csv(const flow::Profile& profile);                              // a line for each step, RFC 4180
std::string profile_trace(const flow::Profile& profile, const std::string& model);  // Chrome's trace event format

std::string inspect_json(const flow::ModelSummary& summary, const runtime::PlanInfo* plan, const RunFacts& facts);
std::string inspect_text(const flow::ModelSummary& summary, const runtime::PlanInfo* plan, const RunFacts& facts);

std::string check_json(const std::vector<Problem>& problems, const RunFacts& facts);
std::string check_text(const std::vector<Problem>& problems, const RunFacts& facts);

std::string run_json(const flow::RunModelResult& result, const std::string& folder, const RunFacts& facts);
std::string run_text(const flow::RunModelResult& result, const std::string& folder, const RunFacts& facts);

std::string doctor_json(const flow::Doctor& doctor);
std::string doctor_text(const flow::Doctor& doctor);

std::string error_json(ErrorCode code, const std::string& message);

}  // namespace precis::report
