// Resource limits, as named constants in one place (docs/reliability.md tells where each number comes from).
#pragma once

#include <cstdint>

namespace precis {

struct Limits {
  uint64_t max_onnx_bytes = (1ull << 31) - 1;  // protobuf's own hard limit for one message
  uint64_t max_external_bytes = 256ull << 30;
  uint64_t max_messages = 20'000'000;  // protobuf messages counted by the wire scan
  uint64_t max_memory = 0;             // 0 = min(80 % of RAM, 16 x input size + 1 GiB)
  int max_message_depth = 100;
  int max_subgraph_depth = 16;
  int64_t max_nodes = 4'000'000;
  int64_t max_initializers = 1'000'000;
  int64_t max_functions = 10'000;  // local functions of a model; written out, their nodes count as max_nodes
  int max_call_depth = 100;        // of functions that call functions
  int64_t max_tensor_elements = 1ll << 40;
  uint64_t max_name_bytes = 4096;
  uint64_t max_doc_bytes = 1u << 20;
  uint64_t max_yaml_bytes = 1u << 20;
  uint64_t max_json_bytes = 64u << 20;
  int64_t max_image_pixels = 64ll << 20;
  int64_t max_loop_steps = 1'000'000;  // of one Loop or Scan, loops inside it included; 0 = no limit
  double max_loop_seconds = 0;          // the same as time; 0 = no limit
  // Steps (compared boxes, sampled points, products) of one operator whose work grows faster than its
  // tensors.
  int64_t max_operator_steps = 1ll << 32;
  uint64_t max_fold_growth_bytes = 1u << 20;  // constant folding: growth of a model
};

// The limits in force; set once by the program from its flags before any work starts.
const Limits& limits();
void set_limits(const Limits& limits);
uint64_t physical_memory();  // of the machine, in bytes
// max_memory resolved for an input of `input_bytes`.
uint64_t memory_limit(uint64_t input_bytes);

}  // namespace precis
