// What the lowerings of float operators share.
#pragma once

#include "precis/runtime/lowering.h"

namespace precis::runtime {

inline bool is_float(const PlanBuilder& b, ValueId v) {
  return v && b.type(v).dtype == DType::kF32 && !b.type(v).encoded();
}

// One source, one destination. `in_place`: the result may be written over the source.
void emit_unary(PlanBuilder& b, const FusedOp& op, ValueId source, const onednn::KernelPtr& kernel,
                Layout layout, Layout out_layout, bool in_place);

}  // namespace precis::runtime
