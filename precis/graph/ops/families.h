// The families of operators: each .cpp file of this folder declares one.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "precis/graph/op.h"

namespace precis::ops {

const std::vector<OpDecl>& activation_ops();
const std::vector<OpDecl>& attention_ops();
const std::vector<OpDecl>& cast_ops();
const std::vector<OpDecl>& compare_logic_ops();
const std::vector<OpDecl>& constant_like_ops();
const std::vector<OpDecl>& contract_ops();
const std::vector<OpDecl>& control_ops();
const std::vector<OpDecl>& conv_ops();
const std::vector<OpDecl>& detection_ops();
const std::vector<OpDecl>& elementwise_ops();
const std::vector<OpDecl>& gather_ops();
const std::vector<OpDecl>& loss_ops();
const std::vector<OpDecl>& matmul_ops();
const std::vector<OpDecl>& microsoft_fused_ops();
const std::vector<OpDecl>& microsoft_quantized_ops();
const std::vector<OpDecl>& microsoft_transformer_ops();
const std::vector<OpDecl>& ml_ops();
const std::vector<OpDecl>& movement_ops();
const std::vector<OpDecl>& norm_ops();
const std::vector<OpDecl>& patch_ops();
const std::vector<OpDecl>& pool_ops();
const std::vector<OpDecl>& quantize_ops();
const std::vector<OpDecl>& random_ops();
const std::vector<OpDecl>& recurrent_ops();
const std::vector<OpDecl>& reduce_ops();
const std::vector<OpDecl>& resize_ops();
const std::vector<OpDecl>& sampling_ops();
const std::vector<OpDecl>& select_ops();
const std::vector<OpDecl>& sequence_ops();
const std::vector<OpDecl>& shape_ops();
const std::vector<OpDecl>& signal_ops();
const std::vector<OpDecl>& unary_ops();

using Family = const std::vector<OpDecl>& (*)();
std::span<const Family> all_families();

// Operators of ONNX that no family declares yet: known by name, so that a model using them is valid but not
// supported.
std::span<const std::string_view> undeclared_onnx_ops();

}  // namespace precis::ops
