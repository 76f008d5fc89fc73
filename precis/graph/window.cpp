// Sliding windows: see window.h. Formulas of the ONNX operators Conv-22, ConvTranspose-22, MaxPool-22 and
// AveragePool-22.
#include "precis/graph/window.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/text.h"

namespace precis {
namespace {

// Larger kernels, strides or pads than any tensor allows only serve to overflow sums.
constexpr int64_t kMaxExtent = (int64_t{1} << 31) - 1;

std::vector<int64_t> extents(const Node& node, const char* name, size_t count, int64_t fallback, int64_t lo,
                             const std::string& where) {
  std::vector<int64_t> v = node.get_ints(name, std::vector<int64_t>(count, fallback));
  if (v.size() != count)
    fail(ErrorCode::kMalformed, "{}: attribute '{}' has {} values, expected {}", where, name, v.size(),
         count);
  for (int64_t x : v)
    if (x < lo || x > kMaxExtent)
      fail(ErrorCode::kMalformed, "{}: attribute '{}' holds {}, expected {} to {}", where, name, x, lo,
           kMaxExtent);
  return v;
}

AutoPad read_auto_pad(const Node& node, const std::string& where) {
  static constexpr const char* kNames[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
  const std::string text = node.get_string("auto_pad", "NOTSET");
  if (text.empty()) return AutoPad::kNotSet;  // as some exporters write it
  for (int i = 0; i < 4; ++i)
    if (text == kNames[i]) return static_cast<AutoPad>(i);
  fail(ErrorCode::kMalformed,
       "{}: attribute 'auto_pad' is '{}', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", where,
       printable(text));
}

std::vector<int64_t> read_kernel(const Node& node, size_t count, std::span<const int64_t> weight_kernel,
                                 const std::string& where) {
  std::vector<int64_t> kernel(weight_kernel.begin(), weight_kernel.end());
  if (!kernel.empty() && !node.has("kernel_shape")) {
    for (int64_t k : kernel)
      if (k == 0 || k > kMaxExtent)
        fail(ErrorCode::kMalformed, "{}: the weights have a kernel of {}, expected 1 to {}", where, k,
             kMaxExtent);
    return kernel;
  }
  const std::vector<int64_t> given = extents(node, "kernel_shape", count, 0, 1, where);
  for (size_t i = 0; i < kernel.size(); ++i)
    if (kernel[i] >= 0 && kernel[i] != given[i])
      fail(ErrorCode::kMalformed, "{}: attribute 'kernel_shape' holds {} where the weights have {}", where,
           given[i], kernel[i]);
  return given;
}

int64_t extent_of(const WindowSpec& s, size_t i) { return (s.kernel[i] - 1) * s.dilations[i] + 1; }

// Splits the total padding of SAME modes; the odd element goes to the end (upper) or the begin (lower).
WindowAxis split_padding(AutoPad mode, int64_t total) {
  WindowAxis a;
  a.begin = mode == AutoPad::kSameLower ? total - total / 2 : total / 2;
  a.end = total - a.begin;
  return a;
}

}  // namespace

WindowSpec read_window(const Node& node, int spatial, std::span<const int64_t> weight_kernel,
                       const std::string& where) {
  const auto count = static_cast<size_t>(spatial);
  WindowSpec s;
  s.kernel = read_kernel(node, count, weight_kernel, where);
  s.strides = extents(node, "strides", count, 1, 1, where);
  s.dilations = extents(node, "dilations", count, 1, 1, where);
  s.pads = extents(node, "pads", 2 * count, 0, 0, where);
  s.auto_pad = read_auto_pad(node, where);
  s.output_padding = extents(node, "output_padding", count, 0, 0, where);
  if (node.has("output_shape")) s.output_shape = extents(node, "output_shape", count, 0, 1, where);
  const int64_t ceil_mode = node.get_int("ceil_mode", 0);
  if (ceil_mode != 0 && ceil_mode != 1)
    fail(ErrorCode::kMalformed, "{}: attribute 'ceil_mode' is {}, expected 0 or 1", where, ceil_mode);
  s.ceil_mode = ceil_mode == 1;
  for (size_t i = 0; i < count; ++i)
    if (s.output_padding[i] > 0 && s.output_padding[i] >= std::max(s.strides[i], s.dilations[i]))
      fail(ErrorCode::kMalformed,
           "{}: attribute 'output_padding' holds {}, expected less than the stride {} or the dilation {}",
           where, s.output_padding[i], s.strides[i], s.dilations[i]);
  return s;
}

WindowAxis window_axis(const WindowSpec& s, int axis, int64_t length, const std::string& where) {
  const auto i = static_cast<size_t>(axis);
  const int64_t stride = s.strides[i], extent = extent_of(s, i);
  if (s.auto_pad == AutoPad::kSameUpper || s.auto_pad == AutoPad::kSameLower) {
    const int64_t output = ceil_div(length, stride);
    WindowAxis a = split_padding(s.auto_pad, std::max<int64_t>((output - 1) * stride + extent - length, 0));
    a.output = output;
    return a;
  }
  WindowAxis a;
  if (s.auto_pad == AutoPad::kNotSet) {
    a.begin = s.pads[i];
    a.end = s.pads[i + s.kernel.size()];
  }
  const int64_t room = checked_add(length, a.begin + a.end) - extent;
  if (room < 0)
    fail(ErrorCode::kMalformed,
         "{}: the kernel spans {} elements along spatial axis {}, more than the padded input of {}", where,
         extent, axis, room + extent);
  a.output = room / stride + 1;
  // VALID knows no ceil_mode: ONNX's two formulas for it are the same.
  if (!s.ceil_mode || s.auto_pad != AutoPad::kNotSet) return a;
  a.output = ceil_div(room, stride) + 1;
  // A window that would start in the padding at the end sees no input: ceil_mode leaves it out.
  if ((a.output - 1) * stride >= length + a.begin) --a.output;
  return a;
}

WindowAxis transposed_window_axis(const WindowSpec& s, int axis, int64_t length, const std::string& where) {
  const auto i = static_cast<size_t>(axis);
  const int64_t stride = s.strides[i];
  const int64_t spread = checked_mul(stride, std::max<int64_t>(length - 1, 0));
  const int64_t full = checked_add(spread, extent_of(s, i) + s.output_padding[i]);
  const bool same = s.auto_pad == AutoPad::kSameUpper || s.auto_pad == AutoPad::kSameLower;
  if (same || !s.output_shape.empty()) {
    const int64_t output = s.output_shape.empty() ? checked_mul(length, stride) : s.output_shape[i];
    const int64_t total = full - output;
    // ONNX: the odd element goes to the end for SAME_UPPER and to the begin otherwise.
    const AutoPad mode = s.auto_pad == AutoPad::kSameUpper ? AutoPad::kSameUpper : AutoPad::kSameLower;
    WindowAxis a = total >= 0 ? split_padding(mode, total) : WindowAxis{0, total, 0};
    a.output = output;
    return a;
  }
  WindowAxis a;
  if (s.auto_pad == AutoPad::kNotSet) {
    a.begin = s.pads[i];
    a.end = s.pads[i + s.kernel.size()];
  }
  a.output = full - a.begin - a.end;
  if (a.output < 1)
    fail(ErrorCode::kMalformed,
         "{}: the output has length {} along spatial axis {}, expected at least 1; the pads take {}", where,
         a.output, axis, a.begin + a.end);
  return a;
}

}  // namespace precis
