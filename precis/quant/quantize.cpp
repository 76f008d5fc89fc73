// Whole-tensor quantize and dequantize by an Encoding: one loop that finds each element's block, and the
// per-channel weight scales.
#include "precis/quant/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "precis/core/check.h"
#include "precis/core/rounding.h"

namespace precis::quant {
namespace {

// Walks a tensor row-major and tells the index of each element's scale.
class BlockWalker {
 public:
  BlockWalker(const Encoding& e, const Shape& shape)
      : shape_(shape), position_(shape.dims().size(), 0), block_(e.block) {
    if (e.per_tensor()) return;
    check(block_.size() == shape.dims().size(), ErrorCode::kMalformed,
          "an encoding with {} block lengths does not fit shape {}", block_.size(), shape.str());
    grid_stride_.assign(block_.size(), 1);
    int64_t blocks = 1;
    for (int i = shape.rank() - 1; i >= 0; --i) {
      const size_t a = static_cast<size_t>(i);
      check(block_[a] > 0, ErrorCode::kMalformed, "an encoding has block length {} on axis {}", block_[a], i);
      grid_stride_[a] = blocks;
      blocks = checked_mul(blocks, ceil_div(shape[i], block_[a]));
    }
    check(blocks <= static_cast<int64_t>(e.scales.size()) || shape.numel() == 0, ErrorCode::kMalformed,
          "an encoding has {} scales for {} blocks of shape {}", e.scales.size(), blocks, shape.str());
  }
  size_t scale_index() const { return static_cast<size_t>(index_); }
  void next() {
    if (block_.empty()) return;
    for (int i = shape_.rank() - 1; i >= 0; --i) {
      const size_t a = static_cast<size_t>(i);
      if (++position_[a] < shape_[i]) break;
      position_[a] = 0;
    }
    index_ = 0;
    for (size_t a = 0; a < block_.size(); ++a) index_ += position_[a] / block_[a] * grid_stride_[a];
  }

 private:
  const Shape& shape_;
  std::vector<int64_t> position_, block_, grid_stride_;
  int64_t index_ = 0;
};

template <typename T>
void store_code(Tensor& out, int64_t i, int32_t code) {
  out.data<T>()[static_cast<size_t>(i)] = static_cast<T>(code);
}

void set_code(Tensor& out, int64_t i, int32_t code) {
  switch (out.dtype()) {
    case DType::kI8:
      return store_code<int8_t>(out, i, code);
    case DType::kU8:
      return store_code<uint8_t>(out, i, code);
    case DType::kI16:
      return store_code<int16_t>(out, i, code);
    case DType::kU16:
      return store_code<uint16_t>(out, i, code);
    case DType::kI32:
      return store_code<int32_t>(out, i, code);
    case DType::kI4:
    case DType::kU4: {
      auto& byte = out.bytes()[i / 2];
      const int old = std::to_integer<int>(byte);
      byte = static_cast<std::byte>(i % 2 == 0 ? (old & 0xf0) | (code & 0xf)
                                               : (old & 0x0f) | ((code & 0xf) << 4));
      return;
    }
    default:
      fail(ErrorCode::kUnsupported, "codes of type {} are not supported", dtype_name(out.dtype()));
  }
}

}  // namespace

Tensor quantize_tensor(const Tensor& real, const Encoding& e) {
  check(is_float(real.dtype()), ErrorCode::kMalformed, "cannot quantize a tensor of type {}",
        dtype_name(real.dtype()));
  Tensor out(e.code, real.shape());
  BlockWalker walk(e, real.shape());
  for (int64_t i = 0; i < real.numel(); ++i, walk.next()) {
    const size_t b = walk.scale_index();
    set_code(out, i,
             quantize_value(static_cast<float>(real.at_double(i)), e.scales[b], e.zero_point(b), e.code_min,
                            e.code_max));
  }
  return out;
}

Tensor dequantize_tensor(const Tensor& codes, const Encoding& e) {
  check(codes.dtype() == e.code, ErrorCode::kInternal, "codes of type {} read with an encoding of type {}",
        dtype_name(codes.dtype()), dtype_name(e.code));
  Tensor out(DType::kF32, codes.shape());
  auto values = out.data<float>();
  BlockWalker walk(e, codes.shape());
  for (int64_t i = 0; i < codes.numel(); ++i, walk.next()) {
    const size_t b = walk.scale_index();
    values[static_cast<size_t>(i)] = static_cast<float>(codes.at_int(i) - e.zero_point(b)) * e.scales[b];
  }
  return out;
}

Encoding weight_encoding(const Tensor& weights, int axis, const GridSpec& grid) {
  const Shape& shape = weights.shape();
  const int64_t channels = axis < 0 ? 1 : shape[axis];
  const int64_t inner = axis < 0 ? 1 : shape.inner(axis + 1);
  std::vector<float> reach(static_cast<size_t>(channels), 0.0f);
  for (int64_t i = 0; i < weights.numel(); ++i) {
    const float w = static_cast<float>(weights.at_double(i));
    check(std::isfinite(w), ErrorCode::kMalformed, "the weight at index {} is {}, expected finite numbers", i,
          w);
    float& r = reach[static_cast<size_t>(axis < 0 ? 0 : i / inner % channels)];
    r = std::max(r, std::fabs(w));
  }
  std::vector<float> scales;
  for (float r : reach) scales.push_back(encoding_from_range({-r, r}, grid).scale());
  Encoding e = encoding_from_range({-1, 1}, grid);
  e.scales = scales;
  if (axis >= 0) {
    e.block = shape.dims();
    e.block[static_cast<size_t>(axis)] = 1;
    if (!e.zero_points.empty()) e.zero_points.assign(scales.size(), e.zero_points[0]);
  }
  return e;
}

float short_scale(float scale, Shorten direction) {
  constexpr float kSteps = 4096;  // 2^12
  int exponent = 0;
  const float steps = std::frexp(scale, &exponent) * kSteps;
  return std::ldexp((direction == Shorten::kUp ? std::ceil(steps) : std::floor(steps)) / kSteps, exponent);
}

double sqnr_db(std::span<const float> reference, std::span<const float> actual) {
  check(reference.size() == actual.size(), ErrorCode::kUsage, "SQNR of {} and {} values", reference.size(),
        actual.size());
  double signal = 0, noise = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double d = static_cast<double>(reference[i]) - actual[i];
    signal += static_cast<double>(reference[i]) * reference[i];
    noise += d * d;
  }
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / noise);
}

}  // namespace precis::quant
