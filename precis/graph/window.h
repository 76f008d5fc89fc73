// Sliding windows: the attributes of convolutions and pools (kernel, strides, dilations, pads, auto_pad,
// ceil_mode), checked once, and the padding and output length that follow for each spatial axis. One source
// for inference and kernels.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "precis/graph/graph.h"

namespace precis {

enum class AutoPad { kNotSet, kSameUpper, kSameLower, kValid };

// All vectors have one entry per spatial axis; pads has the begins, then the ends.
struct WindowSpec {
  std::vector<int64_t> kernel;  // -1: not known yet
  std::vector<int64_t> strides, dilations;
  std::vector<int64_t> pads;  // as written; window_axis gives the effective ones
  AutoPad auto_pad = AutoPad::kNotSet;
  bool ceil_mode = false;                             // pools
  std::vector<int64_t> output_padding, output_shape;  // ConvTranspose; output_shape may be empty

  int spatial() const { return static_cast<int>(kernel.size()); }
};

struct WindowAxis {
  int64_t begin = 0, end = 0;  // padding; a negative end of a ConvTranspose adds rows that no window reaches
  int64_t output = 0;          // output length
};

// Reads and checks the attributes of a convolution or pool with `spatial` axes. `weight_kernel` holds the
// spatial dimensions of the weights (-1 where unknown), or is empty for pools, whose kernel_shape is
// required. `where` opens the messages of Error(kMalformed).
WindowSpec read_window(const Node& node, int spatial, std::span<const int64_t> weight_kernel,
                       const std::string& where);
// Effective padding and output length along `axis` for an input of `length` >= 0 elements; the kernel must be
// known.
WindowAxis window_axis(const WindowSpec& spec, int axis, int64_t length, const std::string& where);
// The same for ConvTranspose, where the output is the larger side.
WindowAxis transposed_window_axis(const WindowSpec& spec, int axis, int64_t length, const std::string& where);

}  // namespace precis
