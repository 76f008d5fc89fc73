// Rules for products with quantized weights whose other operand is quantized at run time, and for weights
// packed in blocks of a few bits.
#include <algorithm>

#include "precis/core/checked.h"
#include "precis/onnx/microsoft_site.h"

namespace precis::onnx_io {
namespace {

std::vector<ValueId> matmul_integer_to_float(MicrosoftSite& s) {
  return {code_product(s, {s.in(0), s.in(2), s.in(4), s.in(1), s.in(3), s.in(5), s.in(6)})};
}

std::vector<ValueId> dynamic_quantize_matmul(MicrosoftSite& s) {
  const std::vector<ValueId> a = s.ops("DynamicQuantizeLinear", {s.in(0)}, 3);
  return {code_product(s, {a[0], a[1], a[2], s.in(1), s.in(2), s.in(3), s.in(4)})};
}

DType unsigned_code(int64_t bits) { return bits == 2 ? DType::kU2 : bits == 4 ? DType::kU4 : DType::kU8; }

// Code number `i` of a row of packed ones, the first in the low bits.
int64_t packed_code(const std::byte* row, int64_t i, int64_t bits) {
  const int64_t bit = i * bits;
  return static_cast<int64_t>(row[bit / 8]) >> (bit % 8) & ((int64_t{1} << bits) - 1);
}

// MatMulNBits' operands. B: [N, blocks, bytes of a block]; scales and zero points: [N, blocks].
struct BlockWeights {
  int64_t k, n, bits, block, blocks;
  const Tensor *b, *scales, *zero_points, *groups;
  bool float_zero_points() const { return zero_points && zero_points->dtype() != DType::kU8; }
  int64_t code(int64_t row, int64_t i) const {
    return packed_code(b->bytes() + row * blocks * (block * bits / 8), i, bits);
  }
  int64_t zero_point(int64_t row, int64_t at) const {
    if (!zero_points) return int64_t{1} << (bits - 1);
    return packed_code(zero_points->bytes() + row * ceil_div(blocks * bits, 8), at, bits);
  }
  int64_t group(int64_t i) const { return groups ? groups->at_int(i) : i / block; }
};

bool in_order(const BlockWeights& w) {
  for (int64_t i = 0; w.groups && i < w.k; ++i)
    if (w.groups->at_int(i) != i / w.block) return false;
  return true;
}

// [K, N] codes with blocks of K.
ValueId block_codes(MicrosoftSite& s, const BlockWeights& w) {
  const DType type = unsigned_code(w.bits);
  Tensor codes(type, {w.k, w.n}), zeros(type, {w.blocks, w.n}), scales(w.scales->dtype(), {w.blocks, w.n});
  const auto size = static_cast<int64_t>(dtype_bits(scales.dtype()) / 8);
  for (int64_t row = 0; row < w.n; ++row) {
    for (int64_t i = 0; i < w.k; ++i) codes.set_int(i * w.n + row, w.code(row, i));
    for (int64_t at = 0; at < w.blocks; ++at) {
      zeros.set_int(at * w.n + row, w.zero_point(row, at));
      std::copy_n(w.scales->bytes() + (row * w.blocks + at) * size, size,
                  scales.bytes() + (at * w.n + row) * size);
    }
  }
  return s.op("DequantizeLinear",
              {s.constant(std::move(codes), "weights"), s.constant(std::move(scales), "scales"),
               s.constant(std::move(zeros), "zero_points")},
              {{"axis", int64_t{0}}, {"block_size", w.block}});
}

// What no encoding says: zero points between codes, groups in another order.
ValueId real_weights(MicrosoftSite& s, const BlockWeights& w) {
  Tensor real(DType::kF32, {w.k, w.n});
  for (int64_t row = 0; row < w.n; ++row)
    for (int64_t i = 0; i < w.k; ++i) {
      const int64_t group = w.group(i);
      if (group < 0 || group >= w.blocks)
        s.unsupported("g_idx holds {}, expected 0 to {}", group, w.blocks - 1);
      const int64_t at = row * w.blocks + group;
      const double zero = w.float_zero_points() ? w.zero_points->at_double(at)
                                                : static_cast<double>(w.zero_point(row, group));
      real.data<float>()[static_cast<size_t>(i * w.n + row)] =
          static_cast<float>((static_cast<double>(w.code(row, i)) - zero) * w.scales->at_double(at));
    }
  return s.constant(real.cast(w.scales->dtype()), "weights");
}

std::vector<ValueId> matmul_nbits(MicrosoftSite& s) {
  const Node& n = s.node();
  BlockWeights w{};
  w.k = n.get_int("K", 0), w.n = n.get_int("N", 0), w.bits = n.get_int("bits", 4),
  w.block = n.get_int("block_size", 0);
  w.blocks = ceil_div(w.k, w.block);
  w.b = &s.required_constant(1), w.scales = &s.required_constant(2);
  if (s.in(3)) w.zero_points = &s.required_constant(3);
  if (s.in(4)) w.groups = &s.required_constant(4);
  const bool codes = in_order(w) && !w.float_zero_points();
  const ValueId weights = codes ? block_codes(s, w) : real_weights(s, w);
  return {s.add_if(s.op("MatMul", {s.in(0), weights}), s.in(5))};
}

// Codes of a few bits that lie in bytes, along the last dimension.
Tensor unpacked(const Tensor& bytes, int64_t bits) {
  const int64_t each = 8 / bits;
  std::vector<int64_t> dims = bytes.shape().dims();
  dims.back() = checked_mul(dims.back(), each);
  Tensor codes(unsigned_code(bits), Shape(dims));
  for (int64_t i = 0; i < codes.numel(); ++i) codes.set_int(i, packed_code(bytes.bytes(), i, bits));
  return codes;
}

std::vector<ValueId> gather_block_quantized(MicrosoftSite& s) {
  const Node& n = s.node();
  const int64_t bits = n.get_int("bits", 4);
  const bool packed = s.dtype(0) == DType::kU8 && bits < 8;
  ValueId codes = s.in(0), zeros = s.in(3);
  if (packed) {
    codes = s.constant(unpacked(s.required_constant(0), bits), "codes");
    if (zeros) {
      // A row may end within a byte.
      Tensor z = unpacked(s.required_constant(3), bits);
      const Tensor& scales = s.required_constant(2);
      Tensor fitting(z.dtype(), scales.shape());
      const int64_t wide = z.shape()[z.shape().rank() - 1],
                    narrow = scales.shape()[scales.shape().rank() - 1];
      if (z.numel() / std::max<int64_t>(wide, 1) * narrow != scales.numel() || wide < narrow)
        s.unsupported("zero points of shape {} for scales of shape {}", s.required_constant(3).shape().str(),
                      scales.shape().str());
      for (int64_t i = 0; i < fitting.numel(); ++i)
        fitting.set_int(i, z.at_int(i / narrow * wide + i % narrow));
      zeros = s.constant(std::move(fitting), "zero_points");
    }
  }
  if (!zeros && s.dtype(0) == DType::kU8) {
    Tensor middle(unsigned_code(bits), s.required_constant(2).shape());
    for (int64_t i = 0; i < middle.numel(); ++i) middle.set_int(i, int64_t{1} << (bits - 1));
    zeros = s.constant(std::move(middle), "zero_points");
  }
  std::vector<ValueId> operands = {codes, s.in(2)};
  if (zeros) operands.push_back(zeros);
  const ValueId table =
      s.op("DequantizeLinear", std::move(operands),
           {{"axis", n.get_int("quantize_axis", 1)}, {"block_size", n.get_int("block_size", 128)}});
  return {s.op("Gather", {table, s.in(1)}, {{"axis", n.get_int("gather_axis", 0)}})};
}

// ONNX's own form has the same attributes.
std::vector<ValueId> own_domain(MicrosoftSite& s) {
  Node n = s.node();
  return {s.op(n.op, std::move(n.inputs), std::move(n.attributes))};
}

}  // namespace

ValueId code_product(MicrosoftSite& s, const CodeProduct& p) {
  std::vector<ValueId> inputs = {p.a, p.b};
  if (p.a_zero || p.b_zero) inputs.push_back(p.a_zero);
  if (p.b_zero) inputs.push_back(p.b_zero);
  const ValueId sums = s.op("Cast", {s.op("MatMulInteger", std::move(inputs))}, {{"to", int64_t{1}}});
  return s.add_if(s.op("Mul", {sums, s.op("Mul", {p.a_scale, p.b_scale})}), p.bias);
}

std::span<const MicrosoftEntry> microsoft_quantized_rules() {
  static constexpr MicrosoftEntry kRules[] = {
      {"DequantizeLinear", own_domain},
      {"DynamicQuantizeMatMul", dynamic_quantize_matmul},
      {"GatherBlockQuantized", gather_block_quantized},
      {"MatMulIntegerToFloat", matmul_integer_to_float},
      {"MatMulNBits", matmul_nbits},
      {"QuantizeLinear", own_domain},
  };
  return kRules;
}

}  // namespace precis::onnx_io
