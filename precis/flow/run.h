// The recipe runner: stages are functions over one Run, found by name in one registry.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "precis/data/input_statistics.h"
#include "precis/data/source.h"
#include "precis/flow/evaluate.h"
#include "precis/flow/recipe.h"
#include "precis/onnx/onnx_io.h"
#include "precis/passes/quantize_static.h"
#include "precis/quant/range_table.h"

namespace precis::flow {

// Everything a recipe works on and leaves behind. Paths and data are the caller's; stages see only what is set.
struct Run {
  Model original;                        // as read: what every proof compares with
  Model model;                           // what the stages change
  std::shared_ptr<const data::DataSource> calib;
  std::vector<std::string> values_to_observe;  // set by the runner before `calibrate`, from the quantize stage that follows
  std::vector<std::string> values_to_average;  // and for the bias correction
  bool histograms = true;                // set with it: whether an observer, or whoever keeps the table, needs them
  bool keeps_ranges = false;             // the table outlives the run (--save-ranges): it must serve every observer
  quant::RangeTable ranges;              // filled by `calibrate` unless given
  std::vector<data::InputStatistics> fed; // of the first calibration samples; filled by `calibrate`
  passes::QuantizeReport report;         // filled by `quantize_static`
  onnx_io::WriteOptions write;           // filled by `write`
  std::vector<std::string> notes;
  std::map<std::string, int> pass_changes;  // by pass; filled by `simplify`
  std::map<std::string, double> seconds; // wall time per stage
  Progress progress;
};

struct StageInfo {
  const char* name;
  const char* summary;
  std::vector<const char*> keys;         // options it knows
  void (*run)(Run& run, const Stage& stage);
};

std::span<const StageInfo> all_stages();
// Checks names and option keys of all stages before running any. Error(kUsage) with line and nearest name.
void check_recipe(const Recipe& recipe);
void run_recipe(const Recipe& recipe, Run& run);

passes::QuantizeOptions quantize_options_from(const Stage& stage);   // of a quantize_static stage
Stage quantize_stage_from(const passes::QuantizeOptions& options);   // inverse; only what differs from the defaults
onnx_io::WriteOptions write_options_from(const Stage& stage);
// `KEY=VALUE` after a pattern: "MATCH.quantize=false", "MATCH.weight_bits=4", "MATCH.range=-1:1" ... Error(kUsage) naming the keys.
passes::OverrideRule parse_rule(const std::string& text);
std::vector<std::string> print_rules(const passes::OverrideRule& rule);  // one line per field that is set
// ONNX Runtime's tensor_quant_overrides JSON -> rules. Error(kUsage) naming file, tensor and key.
std::vector<passes::OverrideRule> read_tensor_overrides(const std::string& path);

}  // namespace precis::flow
