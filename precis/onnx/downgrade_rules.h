// The rules by which canonical nodes are written in older opsets: inputs that are attributes there, and
// renamed operators.
#pragma once

#include <span>
#include <string>

#include "precis/graph/graph.h"

namespace precis::onnx_io {

struct Downgrade {
  const Graph& graph;
  Node& node;  // a copy that becomes the older form
  int opset;
  std::string* why;

  bool no(std::string reason) const {
    *why = std::move(reason);
    return false;
  }
  // The constant behind an input; null when it is omitted or computed.
  const Tensor* constant(size_t slot) const { return graph.constant(node.input(slot)); }
};

enum class OldForm { kSameInputs, kAttributes };  // kAttributes: constant inputs lose their names

struct DowngradeRule {
  const char* op;
  int below;                            // applies when writing an opset below this one
  bool (*apply)(Downgrade& downgrade);  // false (and why) when that opset cannot say it
  OldForm form = OldForm::kSameInputs;
};

std::span<const DowngradeRule> downgrade_rules();  // by operator; of one operator the newest change first

}  // namespace precis::onnx_io
