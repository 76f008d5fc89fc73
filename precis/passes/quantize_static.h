// Static quantization: gives weights, biases and activations of a prepared float graph their encodings, from a RangeTable.
// Placement: one encoding per tensor; data-moving operators share their input's; Concat inputs unify or rescale; an
// activation function folds into the range of its producer; everything left float is listed with its reason.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "precis/passes/pass.h"
#include "precis/quant/observer.h"
#include "precis/quant/range_table.h"

namespace precis::passes {

// One `--set MATCH.key=value` rule; the last matching rule wins. MATCH: exact node or value name, glob, "re:REGEX", "op:Conv",
// "first", "last".
struct OverrideRule {
  std::string match;
  std::optional<bool> quantize;                     // false: leave in float
  std::optional<int> weight_bits, activation_bits;
  std::optional<quant::ObserverKind> observer;
  std::optional<quant::GridSpec::Symmetry> activation_symmetry;
  std::optional<bool> per_channel;
  std::optional<float> range_min, range_max;        // fixed activation range
  std::optional<float> scale;                       // fixed scale and zero point (tensor overrides)
  std::optional<int32_t> zero_point;
};

enum class Target { kPrecis, kOnnxRuntime, kOpenVino, kTensorRt };

struct QuantizeOptions {
  Target target = Target::kOnnxRuntime;            // placement that runs fast in every runtime; see apply_target
  quant::GridSpec activations;                      // u8 affine by default
  quant::GridSpec weights{DType::kI8, 8, quant::GridSpec::Symmetry::kSymmetric, quant::GridSpec::CodeRange::kRestricted};
  bool per_channel = true;
  bool isa_safe = false;                            // 7 bits for the channels whose pairs could saturate
  bool bias_correction = true;                      // takes from each bias the mean shift that rounded weights cause
  quant::ObserverOptions observer;
  std::vector<OverrideRule> rules;
};

struct SkippedNode {
  std::string node, op, reason;
  double byte_share = 0, mac_share = 0;             // of the whole model, fractions of 1
};

struct ChannelProof {                               // per quantized weight
  std::string node;
  int64_t channels = 0;
  int64_t worst_accumulator = 0;                    // max over channels of sum |w| * max|a - zp| + |bias| < 2^31
  int64_t pair_saturating = 0;                      // channels that could saturate int16 pairs without VNNI elsewhere
  int64_t reduced_to_7_bits = 0;
  int64_t bias_scale_raised = 0;                    // channels whose weight scale was raised so that the bias fits int32
};

struct QuantizeReport {
  std::vector<SkippedNode> skipped;
  std::vector<ChannelProof> proofs;
  std::vector<std::string> notes;                   // constant ranges, clipped shares ...
  int quantized_nodes = 0;
};

// Sets the fields that `target` prescribes: TensorRT wants symmetric s8 activations and float biases, OpenVINO and ONNX Runtime u8
// affine; TensorRT and Precis fuse residual sums, so the convolution that feeds one keeps its result unrounded.
void apply_target(QuantizeOptions& options);

// The values whose ranges are needed, by name (input of calibration).
std::vector<std::string> values_to_observe(const Graph& prepared, const QuantizeOptions& options);
// The values whose channel means the bias correction wants; ranges without them are fine, their layers stay uncorrected.
std::vector<std::string> values_to_average(const Graph& prepared, const QuantizeOptions& options);
// Error(kUsage) naming the first value that `ranges` lacks, or a rule that matches nothing.
QuantizeReport quantize_static(Model& model, const quant::RangeTable& ranges, const QuantizeOptions& options);
// True when the model already computes on encoded weights or activations.
bool is_quantized(const Graph& graph);

}  // namespace precis::passes
