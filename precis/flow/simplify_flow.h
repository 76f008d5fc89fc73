// `precis simplify` as a library call: read, run the passes, write, read back, prove that nothing changed but
// the size, report. Nothing is left under the output's name unless the outputs are equal.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "precis/core/io.h"
#include "precis/data/source.h"
#include "precis/flow/equality.h"
#include "precis/flow/inspect.h"
#include "precis/flow/recipe.h"

namespace precis::flow {

struct SimplifyRequest {
  std::string input, output;
  Recipe recipe;                          // simplify, write
  std::optional<data::DataSpec> data;     // what the outputs are compared on; none = made-up values
  std::string preprocess;                 // preset or file; "" = what find_preprocess finds
  FeedOptions feed;                       // what the data does not bring
  std::vector<std::string> shapes;        // of inputs, for made-up values ("x=1,3,224,224")
  std::vector<std::string> also_written;  // the caller's other files
  runtime::Engine engine = runtime::Engine::kFast;
  InputFile::Links links = InputFile::Links::kRefuse;
  Overwrite overwrite = Overwrite::kRefuse;
  bool dry_run = false;  // writes nothing; exact output size
  bool verify = true;
  Progress progress;
};

struct SimplifyResult {
  enum class Outcome { kWritten, kDryRun };
  Outcome outcome = Outcome::kWritten;
  ModelSummary before, after;  // `after` of the file that was written (its opset is unknown in a dry run)
  std::map<std::string, int> changes;  // by pass
  std::vector<std::string> notes;      // what passes refused, and why
  std::vector<std::string> warnings;
  std::vector<std::string> data_lines;  // what the outputs were compared on
  std::optional<Equality> equality;     // none in a dry run and with verify = false
  Recipe recipe;
  std::string output_sha256;
  double seconds = 0;
  uint64_t peak_rss = 0;
};

struct OperatorChange {
  std::string op;
  int64_t before = 0, after = 0;  // nodes
};
std::vector<OperatorChange> operator_changes(const ModelSummary& before, const ModelSummary& after);

// A pass as `simplify --only` takes it.
struct PassChoice {
  std::string name, summary;
  bool usual = false;  // run without being asked for
  int opset = 0;       // which the output must be of for that; 0 = any
};
std::vector<PassChoice> pass_choices();  // the usual ones in their order, then the others

// Errors beside those of reading and writing: kVerify where outputs differ.
SimplifyResult simplify(const SimplifyRequest& request);

}  // namespace precis::flow
