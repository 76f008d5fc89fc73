// Plan: a graph compiled for fixed input shapes and a thread count: steps over numbered buffers. Immutable;
// sessions bring the memory. Built by PlanBuilder (plan_builder.h).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "precis/runtime/layout.h"
#include "precis/runtime/step.h"

namespace precis::runtime {

using BufferId = int;

struct Buffer {
  enum class Kind : uint8_t { kArena, kConstant, kInput, kOutput };
  Kind kind = Kind::kArena;
  PhysicalType type;
  int64_t bytes = 0;
  // kArena: set by the memory plan. `parent` >= 0: the buffer is a part of another, `offset` bytes into it.
  int64_t offset = 0;
  BufferId parent = -1;
  size_t index = 0;  // kInput, kOutput: position in the graph's inputs or outputs
  Tensor constant;   // kConstant
};

// What run() returns as one graph output.
struct PlanOutput {
  DType dtype = DType::kUndefined;
  Shape shape;
  BufferId source = -1;   // where the contents lie when they were not written in place
  int loose = -1;         // slot of a value whose shape is only known after the run
  bool in_place = false;  // a kOutput buffer was given to the step that makes it
};

// The programs of a node's bodies, by attribute.
using BodyPrograms = std::map<std::string, std::shared_ptr<const Program>>;

struct Plan {
  std::vector<std::unique_ptr<Step>> steps;
  std::vector<int> step_threads;  // of each step: what its work is worth
  std::vector<Buffer> buffers;
  std::vector<PlanOutput> outputs;
  int loose_slots = 0;
  std::vector<std::pair<int, size_t>> loose_inputs;  // slots of inputs without bytes, and which inputs they are
  int64_t arena_bytes = 0;
  PlanInfo info;
  std::shared_ptr<const Graph> graph;  // with concrete shapes; steps refer to its nodes
};

}  // namespace precis::runtime
