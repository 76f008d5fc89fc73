// Lowerings: how an operator becomes steps. Each returns false, having done nothing, when it does not take
// the case; the next one for the operator is asked then, and last the reference.
#pragma once

#include <span>
#include <string_view>

#include "precis/runtime/plan_builder.h"

namespace precis::runtime {

using Lowering = bool (*)(PlanBuilder& builder, const FusedOp& op);

// In the order in which they are asked. Empty when only the reference knows the operator.
std::span<const Lowering> lowerings_for(const Node& node);

// Float, on oneDNN (lower_float.cpp, lower_elementwise.cpp, lower_weighted.cpp).
bool lower_float_convolution(PlanBuilder& builder, const FusedOp& op);
bool lower_float_matmul(PlanBuilder& builder, const FusedOp& op);
bool lower_float_pool(PlanBuilder& builder, const FusedOp& op);
bool lower_float_function(PlanBuilder& builder, const FusedOp& op);
bool lower_cast(PlanBuilder& builder, const FusedOp& op);  // lower_cast.cpp
bool lower_float_scalar(PlanBuilder& builder, const FusedOp& op);
bool lower_float_binary(PlanBuilder& builder, const FusedOp& op);
bool lower_float_softmax(PlanBuilder& builder, const FusedOp& op);
bool lower_float_lrn(PlanBuilder& builder, const FusedOp& op);
bool lower_float_batch_norm(PlanBuilder& builder, const FusedOp& op);

bool lower_recurrent(PlanBuilder& builder, const FusedOp& op);  // lower_recurrent.cpp

// Our own kernels for transformers (lower_transformer.cpp).
bool lower_row_norm(PlanBuilder& builder, const FusedOp& op);
bool lower_attention(PlanBuilder& builder, const FusedOp& op);
bool lower_rotary(PlanBuilder& builder, const FusedOp& op);

// Where input `use.slot` of a Concat lies in the Concat's result, in bytes, when it is one contiguous part of
// it in `layout` and the Concat only copies; nullopt otherwise.
std::optional<int64_t> concat_placement(const PlanBuilder& builder, const Use& use, Layout layout);

// The same for rows of channels in the channels-last layout: the offset of the first, in bytes, when the
// Concat joins channels and only copies.
std::optional<int64_t> concat_row_placement(const PlanBuilder& builder, const Use& use);

// On 8-bit codes (lower_code_linear.cpp, lower_code_binary.cpp, lower_code_pool.cpp, lower_codes.cpp,
// lower_code_convert.cpp).
bool lower_code_linear(PlanBuilder& builder, const FusedOp& op);
bool lower_code_binary(PlanBuilder& builder, const FusedOp& op);
bool lower_code_affine(PlanBuilder& builder, const FusedOp& op);
bool lower_code_pool(PlanBuilder& builder, const FusedOp& op);
bool lower_code_concat(PlanBuilder& builder, const FusedOp& op);
bool lower_code_resize(PlanBuilder& builder, const FusedOp& op);
bool lower_code_shuffle(PlanBuilder& builder, const FusedOp& op);
bool lower_code_function(PlanBuilder& builder, const FusedOp& op);
bool lower_code_prelu(PlanBuilder& builder, const FusedOp& op);
bool lower_quantize(PlanBuilder& builder, const FusedOp& op);
bool lower_dequantize(PlanBuilder& builder, const FusedOp& op);
bool lower_requantize(PlanBuilder& builder, const FusedOp& op);

// Quantization at run time (lower_dynamic.cpp).
bool lower_dynamic_quantize(PlanBuilder& builder, const FusedOp& op);
bool lower_dynamic_linear(PlanBuilder& builder, const FusedOp& op);
bool lower_dynamic_recurrent(PlanBuilder& builder, const FusedOp& op);  // lower_dynamic_recurrent.cpp

// A Reorder step of 8-bit values between plain and channels last; false for any other.
bool emit_code_reorder(PlanBuilder& builder, StepInfo info, const PhysicalType& type, Layout from, Layout to,
                       BufferId source, BufferId destination);

// True for a ReduceMean over exactly the spatial axes of its input: a global average pool.
bool reduces_spatial_axes(const PlanBuilder& builder, const Node& node);

// Any element type (lower_movement.cpp, lower_concat.cpp): the contents move, or only the shape changes.
bool lower_channel_shuffle(PlanBuilder& builder, const FusedOp& op);  // channel_shuffle.cpp
bool lower_alias(PlanBuilder& builder, const FusedOp& op);
bool lower_transpose(PlanBuilder& builder, const FusedOp& op);
bool lower_slice(PlanBuilder& builder, const FusedOp& op);
bool lower_split(PlanBuilder& builder, const FusedOp& op);
bool lower_pad(PlanBuilder& builder, const FusedOp& op);
bool lower_concat(PlanBuilder& builder, const FusedOp& op);
bool lower_depth_to_space(PlanBuilder& builder, const FusedOp& op);
bool lower_expand(PlanBuilder& builder, const FusedOp& op);

}  // namespace precis::runtime
