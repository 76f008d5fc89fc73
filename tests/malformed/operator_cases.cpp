// E: operators with attributes and inputs that no implementation may take at their word.
#include <cmath>
#include <limits>

#include "tests/malformed/malformed_case.h"
#include "tests/malformed/op_bytes.h"

namespace precis::test {
namespace {

constexpr ErrorCode kBad = ErrorCode::kMalformed, kNot = ErrorCode::kUnsupported;
constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kHuge = 1ll << 62;

MalformedCase op(std::string id, ErrorCode code, std::string fragment, std::string_view name,
                 const std::vector<Arg>& args, const std::string& attributes = "",
                 const std::vector<std::string>& outputs = {"y"}) {
  return bytes_case(std::move(id), code, std::move(fragment), op_model(name, args, attributes, 21, outputs));
}

// Conv of [1,4,8,8] with 4 kernels 3x3.
MalformedCase conv(std::string id, std::string fragment, const std::string& attributes,
                   const std::vector<int64_t>& weights = {4, 4, 3, 3}, ErrorCode code = kBad) {
  return op(std::move(id), code, std::move(fragment), "Conv", {{"x", {1, 4, 8, 8}}, zeros("w", weights)},
            attributes);
}

std::vector<MalformedCase> convolutions() {
  const auto transposed = [](std::string id, std::string fragment, const std::string& attributes) {
    return op(std::move(id), kBad, std::move(fragment), "ConvTranspose",
              {{"x", {1, 4, 8, 8}}, zeros("w", {4, 4, 3, 3})}, attributes);
  };
  return {
      conv("E00_conv", "", "", {4, 4, 3, 3}, kAccepted),
      conv("E01_group_0", "'group' is 0", int_attribute("group", 0)),
      conv("E01b_group_negative", "'group' is -1", int_attribute("group", -1)),
      conv("E01c_group_does_not_divide", "'group' is 3", int_attribute("group", 3)),
      conv("E01d_channels", "4 channels, expected 8", int_attribute("group", 2)),
      conv("E02_stride_0", "'strides' holds 0", ints_attribute("strides", {0, 1})),
      conv("E02b_stride_negative", "'strides' holds -1", ints_attribute("strides", {1, -1})),
      conv("E02c_strides_too_many", "'strides' has 3 values, expected 2",
           ints_attribute("strides", {1, 1, 1})),
      conv("E03_pads_too_few", "'pads' has 2 values, expected 4", ints_attribute("pads", {1, 1})),
      conv("E03b_pad_negative", "'pads' holds -1", ints_attribute("pads", {0, 0, -1, 0})),
      conv("E03c_pad_huge", "'pads' holds 4611686018427387904", ints_attribute("pads", {0, 0, kHuge, 0})),
      conv("E04_dilation_0", "'dilations' holds 0", ints_attribute("dilations", {0, 1})),
      conv("E05_kernel_shape", "'kernel_shape' holds 5 where the weights have 3",
           ints_attribute("kernel_shape", {5, 5})),
      conv("E06_kernel_too_large", "more than the padded input of 8", "", {4, 4, 9, 9}),
      conv("E06b_dilated_kernel_too_large", "more than the padded input",
           ints_attribute("dilations", {4, 4})),
      conv("E07_weights_of_rank_2", "rank", "", {4, 4}),
      conv("E08_auto_pad", "'auto_pad' is 'SAME'", string_attribute("auto_pad", "SAME")),
      op("E07b_bias_too_short", kBad, "bias", "Conv",
         {{"x", {1, 4, 8, 8}}, zeros("w", {4, 4, 3, 3}), zeros("b", {3})}),
      transposed("E09_output_padding", "'output_padding' holds 2", ints_attribute("output_padding", {2, 2})),
      transposed("E09b_output_shape_negative", "'output_shape' holds -5",
                 ints_attribute("output_shape", {-5, 4})),
      transposed("E09c_pads_take_all", "expected at least 1", ints_attribute("pads", {9, 9, 9, 9})),
      transposed("E09d_output_huge", "", ints_attribute("strides", {(1ll << 31) - 1, (1ll << 31) - 1})),
      op("E10_pool_kernel_0", kBad, "'kernel_shape' holds 0", "MaxPool", {{"x", {1, 4, 8, 8}}},
         ints_attribute("kernel_shape", {0, 2})),
      op("E10b_pool_without_kernel", kBad, "'kernel_shape'", "MaxPool", {{"x", {1, 4, 8, 8}}}),
      op("E10c_count_include_pad", kBad, "'count_include_pad' is 2", "AveragePool", {{"x", {1, 4, 8, 8}}},
         ints_attribute("kernel_shape", {2, 2}) + int_attribute("count_include_pad", 2)),
      op("E10d_ceil_mode", kBad, "'ceil_mode' is -1", "MaxPool", {{"x", {1, 4, 8, 8}}},
         ints_attribute("kernel_shape", {2, 2}) + int_attribute("ceil_mode", -1)),
  };
}

std::vector<MalformedCase> products_and_shapes() {
  const auto reshape = [](std::string id, std::string fragment, const std::vector<int64_t>& to,
                          const std::string& attributes = "") {
    return op(std::move(id), kBad, std::move(fragment), "Reshape", {{"x", {2, 6}}, ints("s", to)},
              attributes);
  };
  return {
      op("E11_matmul", kBad, "MatMul", "MatMul", {{"a", {2, 3}}, {"b", {4, 5}}}),
      op("E11b_gemm", kBad, "Gemm", "Gemm", {{"a", {2, 3}}, {"b", {4, 5}}}),
      op("E11c_gemm_rank_3", kBad, "rank", "Gemm", {{"a", {1, 2, 3}}, {"b", {3, 5}}}),
      op("E11d_gemm_bias", kBad, "Gemm", "Gemm", {{"a", {2, 3}}, {"b", {3, 5}}, zeros("c", {7})}),
      reshape("E12_two_unknown", "-1", {-1, -1}),
      reshape("E12b_zero_and_unknown", "allowzero", {0, -1}, int_attribute("allowzero", 1)),
      reshape("E12c_product", "12", {5, 2}),
      reshape("E12d_not_divisible", "12", {5, -1}),
      reshape("E12e_huge", "", {kHuge, 4}),
      reshape("E12f_below_minus_1", "-2", {-2, 6}),
      reshape("E12g_zero_outside", "copies dimension 2", {2, 6, 0}),
      op("E13_perm_twice", kBad, "'perm'", "Transpose", {{"x", {2, 3}}}, ints_attribute("perm", {0, 0})),
      op("E13b_perm_range", kBad, "'perm'", "Transpose", {{"x", {2, 3}}}, ints_attribute("perm", {0, 2})),
      op("E13c_perm_length", kBad, "'perm'", "Transpose", {{"x", {2, 3}}}, ints_attribute("perm", {0, 1, 2})),
      op("E16_concat_axis", kBad, "axis", "Concat", {{"a", {2, 3}}, {"b", {2, 3}}}, int_attribute("axis", 2)),
      op("E16b_concat_shapes", kBad, "Concat", "Concat", {{"a", {2, 3}}, {"b", {4, 4}}},
         int_attribute("axis", 0)),
      op("E16c_concat_of_nothing", kBad, "input", "Concat", {}, int_attribute("axis", 0)),
      op("E16d_concat_without_axis", kBad, "'axis'", "Concat", {{"a", {2}}, {"b", {2}}}),
      op("E17_split_sum", kBad, "Split", "Split", {{"x", {6}}, ints("s", {2, 3})}, "", {"y", "z"}),
      op("E17b_split_negative", kBad, "-1", "Split", {{"x", {6}}, ints("s", {7, -1})}, "", {"y", "z"}),
      op("E17c_split_count", kBad, "Split", "Split", {{"x", {6}}, ints("s", {2, 2, 2})}, "", {"y", "z"}),
      op("E19_tile", kBad, "", "Tile", {{"x", {2}}, ints("r", {1ll << 50})}),
      op("E19b_tile_negative", kBad, "-1", "Tile", {{"x", {2}}, ints("r", {-1})}),
      op("E19c_expand", kBad, "", "Expand", {{"x", {1}}, ints("s", {1ll << 50})}),
      op("E19d_constant_of_shape", kBad, "", "ConstantOfShape", {ints("s", {1ll << 25, 1ll << 25})}),
      op("E19e_constant_of_shape_negative", kBad, "-1", "ConstantOfShape", {ints("s", {-1})}),
      op("E21_softmax_axis", kBad, "axis", "Softmax", {{"x", {2, 3}}}, int_attribute("axis", 2)),
      op("E21b_flatten_axis", kBad, "axis", "Flatten", {{"x", {2, 3}}}, int_attribute("axis", 3)),
      op("E21c_unsqueeze_axes", kBad, "", "Unsqueeze", {{"x", {2, 3}}, ints("a", {0, 0})}),
      op("E21d_squeeze_axis", kBad, "", "Squeeze", {{"x", {2, 3}}, ints("a", {0})}),
  };
}

std::vector<MalformedCase> selections() {
  const auto slice = [](std::string id, ErrorCode code, std::string fragment,
                        const std::vector<int64_t>& start, const std::vector<int64_t>& end,
                        const std::vector<int64_t>& axes, const std::vector<int64_t>& steps) {
    return op(std::move(id), code, std::move(fragment), "Slice",
              {{"x", {5, 5}}, ints("b", start), ints("e", end), ints("a", axes), ints("s", steps)});
  };
  return {
      op("E14_gather_axis", kBad, "axis", "Gather", {{"x", {3, 2}}, ints("i", {0})},
         int_attribute("axis", 2)),
      op("E14b_gather_index_n", kBad, "3", "Gather", {{"x", {3, 2}}, ints("i", {3})}),
      op("E14c_gather_index_below", kBad, "-4", "Gather", {{"x", {3, 2}}, ints("i", {-4})}),
      op("E14d_gather_index_is_float", kBad, "f32", "Gather", {{"x", {3, 2}}, zeros("i", {1})}),
      slice("E15_step_0", kBad, "0", {0}, {5}, {0}, {0}),
      slice("E15b_extreme_ends", kBad, "can be negated", {INT64_MAX}, {INT64_MIN}, {0}, {INT64_MIN}),
      slice("E15c_axis", kBad, "axis", {0}, {5}, {2}, {1}),
      slice("E15d_axis_twice", kBad, "", {0, 0}, {5, 5}, {1, 1}, {1, 1}),
      slice("E15e_lengths_differ", kBad, "", {0, 0}, {5}, {0}, {1}),
      op("E18_pad_takes_more_than_all", kBad, "", "Pad", {{"x", {4}}, ints("p", {-3, -3})}),
      op("E18b_pad_count", kBad, "", "Pad", {{"x", {4}}, ints("p", {1, 1, 1})}),
      op("E18c_pad_huge", kBad, "", "Pad", {{"x", {4}}, ints("p", {0, kHuge})}),
      op("E18d_pad_mode", kBad, "'mode'", "Pad", {{"x", {4}}, ints("p", {1, 1})},
         string_attribute("mode", "mirror")),
      op("E18e_reflect_wider_than_input", kBad, "reflect 4 elements along axis 0, but the input has length 4",
         "Pad", {{"x", {4}}, ints("p", {4, 1})}, string_attribute("mode", "reflect")),
      op("E18f_reflect_whole_input", kAccepted, "", "Pad", {{"x", {4}}, ints("p", {3, 3})},
         string_attribute("mode", "reflect")),
      op("E20_scale_0", kBad, "", "Resize", {{"x", {1, 1, 4, 4}}, {}, floats("s", {4}, {1, 1, 0, 1})}),
      op("E20b_scale_nan", kBad, "", "Resize", {{"x", {1, 1, 4, 4}}, {}, floats("s", {4}, {1, 1, kNan, 1})}),
      op("E20c_scale_negative", kBad, "", "Resize",
         {{"x", {1, 1, 4, 4}}, {}, floats("s", {4}, {1, 1, -2, 1})}),
      op("E20d_scale_huge", kBad, "", "Resize",
         {{"x", {1, 1, 4, 4}}, {}, floats("s", {4}, {1, 1, 1e30f, 1})}),
      op("E20e_sizes_and_scales", kBad, "", "Resize",
         {{"x", {1, 1, 4, 4}}, {}, floats("s", {4}, {1, 1, 2, 2}), ints("z", {1, 1, 8, 8})}),
      op("E20f_mode", kBad, "'mode'", "Resize", {{"x", {1, 1, 4, 4}}, {}, floats("s", {4}, {1, 1, 2, 2})},
         string_attribute("mode", "magic")),
      op("E27_reduce_axes_twice", kBad, "", "ReduceMean", {{"x", {2, 3}}, ints("a", {1, 1})}),
      op("E27b_reduce_axis", kBad, "axis", "ReduceMean", {{"x", {2, 3}}, ints("a", {2})}),
      op("E28_topk_k_beyond", kBad, "", "TopK", {{"x", {2, 3}}, ints("k", {4})}, "", {"y", "i"}),
      op("E28b_topk_k_negative", kBad, "", "TopK", {{"x", {2, 3}}, ints("k", {-1})}, "", {"y", "i"}),
      op("E28c_argmax_axis", kBad, "axis", "ArgMax", {{"x", {2, 3}}}, int_attribute("axis", 5)),
  };
}

MalformedCase quantize(std::string id, ErrorCode code, std::string fragment, const Arg& scale,
                       const Arg& zero_point, const std::string& attributes = "") {
  return op(std::move(id), code, std::move(fragment), "QuantizeLinear", {{"x", {2, 3}}, scale, zero_point},
            attributes);
}

std::vector<MalformedCase> numbers() {
  const Arg zp{"z", {}, kU8Type, std::string("\x80", 1)}, one = floats("s", {}, {1});
  const auto norm = [](std::string id, std::string fragment, ErrorCode code,
                       const std::vector<float>& variance, const std::string& attributes = "") {
    return op(std::move(id), code, std::move(fragment), "BatchNormalization",
              {{"x", {1, 2, 4}},
               floats("g", {2}, {1, 1}),
               floats("b", {2}, {0, 0}),
               floats("m", {2}, {0, 0}),
               floats("v", {static_cast<int64_t>(variance.size())}, variance)},
              attributes);
  };
  return {
      norm("E22_variance_short", "", kBad, {1}),
      norm("E22b_variance_long", "", kBad, {1, 1, 1}),
      norm("E22c_variance_negative", "input_var", kBad, {-1, 1}),
      norm("E22d_epsilon_nan", "epsilon", kBad, {1, 1}, float_attribute("epsilon", kNan)),
      quantize("E25_plain", kAccepted, "", one, zp),
      quantize("E25a_scale_0", kBad, "scale", floats("s", {}, {0}), zp),
      quantize("E25b_scale_negative", kBad, "scale", floats("s", {}, {-1}), zp),
      quantize("E25c_scale_nan", kBad, "scale", floats("s", {}, {kNan}), zp),
      quantize("E25d_scale_infinite", kBad, "scale", floats("s", {}, {kInf}), zp),
      quantize("E25e_scales_count", kBad, "scale", floats("s", {5}, {1, 1, 1, 1, 1}),
               {"z", {5}, kU8Type, std::string(5, '\0')}, int_attribute("axis", 1)),
      quantize("E25f_axis", kBad, "axis", floats("s", {3}, {1, 1, 1}),
               {"z", {3}, kU8Type, std::string(3, '\0')}, int_attribute("axis", 2)),
      quantize("E25g_zero_point_shape", kBad, "zero_point", one, {"z", {2}, kU8Type, std::string(2, '\0')}),
      quantize("E25h_zero_point_float", kBad, "input 2", one, floats("z", {}, {0})),
      op("E25i_dequantize_types", kBad, "", "DequantizeLinear",
         {{"x", {2, 3}, kU8Type}, one, {"z", {}, kI8Type, std::string(1, '\0')}}),
      op("E26_clip_min_above_max", kBad, "min <= max", "Clip",
         {{"x", {2}}, floats("a", {}, {2}), floats("b", {}, {1})}),
      op("E26b_clip_min_of_rank_1", kBad, "", "Clip", {{"x", {2}}, floats("a", {3}, {1, 2, 3})}),
      op("E26c_add_types", kBad, "", "Add", {{"a", {2}}, {"b", {2}, kI32Type}}),
      op("E26d_add_shapes", kBad, "", "Add", {{"a", {2}}, {"b", {3}}}),
      op("E26e_cast_to_nothing", kBad, "'to'", "Cast", {{"x", {2}}}, int_attribute("to", 999)),
      op("E26f_leaky_relu_of_integers", kBad, "", "LeakyRelu", {{"x", {2}, kI32Type}}),
  };
}

std::vector<MalformedCase> attributes() {
  const auto leaky = [](std::string id, std::string fragment, const std::string& attributes) {
    return op(std::move(id), kBad, std::move(fragment), "LeakyRelu", {{"x", {2}}}, attributes);
  };
  const std::string branch =
      graph_attribute("then_branch", graph_output("b", {2}) + in_node(node("Relu", {"x"}, {"b"})));
  return {
      leaky("E32_type_and_value_differ", "declared as float but holds a int",
            attribute("alpha", 1, number(3, 1))),
      leaky("E32b_wrong_type", "'alpha'", int_attribute("alpha", 1)),
      leaky("E32c_given_twice", "given twice", float_attribute("alpha", 1) + float_attribute("alpha", 2)),
      leaky("E32d_two_values", "both a int and a string", attribute("a", 2, number(3, 1) + bytes(4, "s"))),
      leaky("E32e_function_reference", "function attribute 'outer'",
            bytes(5, bytes(1, "a") + bytes(21, "outer") + number(20, 2))),
      leaky("E32f_nothing", "neither a type nor a value", bytes(5, bytes(1, "a"))),
      leaky("E32g_no_name", "empty name", attribute("", 2, number(3, 1))),
      op("E32h_required_missing", kBad, "'to'", "Cast", {{"x", {2}}}),
      op("E32i_too_many_inputs", kBad, "input", "Relu", {{"a", {2}}, {"b", {2}}}),
      op("E32j_too_few_inputs", kBad, "input", "Add", {{"a", {2}}}),
      op("E32k_too_many_outputs", kBad, "output", "Relu", {{"a", {2}}}, "", {"y", "z"}),
      op("E32l_unknown_attribute", kAccepted, "", "Relu", {{"a", {2}}}, int_attribute("speed", 9)),
      op("E23_decoder", kNot, "ImageDecoder", "ImageDecoder", {{"x", {16}}}),
      op("E23_lstm", kAccepted, "", "LSTM", {{"x", {1, 1, 2}}, zeros("w", {1, 4, 2}), zeros("r", {1, 4, 1})},
         int_attribute("hidden_size", 1)),
  };
}

}  // namespace

std::vector<MalformedCase> operator_cases() {
  std::vector<MalformedCase> all;
  for (const auto& part : {convolutions(), products_and_shapes(), selections(), numbers(), attributes()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace precis::test
