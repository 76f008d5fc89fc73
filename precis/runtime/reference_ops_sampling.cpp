// GridSample, AffineGrid.
#include "precis/kernels/reference/grid_sample.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

ref::GridParams grid_params(const Node& node, const Shape& x, const Shape& grid) {
  const int rank = x.rank();
  require(node,
          rank >= 3 && rank <= 5 && grid.rank() == rank && grid[0] == x[0] && grid[rank - 1] == rank - 2,
          "images of shape {} and a grid of shape {} do not fit", x.str(), grid.str());
  ref::GridParams p;
  p.dims.assign(x.begin() + 2, x.end());
  for (int64_t d : p.dims) require(node, d >= 1, "images of shape {} are empty", x.str());
  p.channels = x[1];
  p.points = grid.inner(1) / (rank - 2);
  const std::string mode = node.get_string("mode", "linear"),
                    padding = node.get_string("padding_mode", "zeros");
  p.mode = mode == "nearest" ? ref::SampleMode::kNearest
           : mode == "cubic" ? ref::SampleMode::kCubic
                             : ref::SampleMode::kLinear;
  p.padding = padding == "border"       ? ref::SamplePadding::kBorder
              : padding == "reflection" ? ref::SamplePadding::kReflection
                                        : ref::SamplePadding::kZeros;
  p.align_corners = node.get_int("align_corners", 0) != 0;
  return p;
}

Tensors grid_sample(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const Tensor& given = required(node, inputs, 1);
  const ref::GridParams p = grid_params(node, x.shape(), given.shape());
  const Tensor grid = given.dtype() == x.dtype() ? given : given.cast(x.dtype());
  std::vector<int64_t> dims = {x.shape()[0], p.channels};
  dims.insert(dims.end(), grid.shape().begin() + 1, grid.shape().end() - 1);
  Tensor y(x.dtype(), Shape(std::move(dims)));
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t n = 0; n < x.shape()[0]; ++n)
      ref::grid_sample(p, ptr<T>(x) + n * x.shape().inner(1), ptr<T>(grid) + n * grid.shape().inner(1),
                       ptr<T>(y) + n * y.shape().inner(1));
  });
  return one(std::move(y));
}

Tensors affine_grid(const Node& node, Inputs inputs) {
  const Tensor& theta = required(node, inputs, 0);
  const auto size = int_list(node, inputs, 1, "the sizes");
  const auto spatial = static_cast<int64_t>(size.size()) - 2;
  require(node, spatial == 2 || spatial == 3, "the size has {} values, expected 4 or 5", size.size());
  for (int64_t d : size) require(node, d >= 1, "the size contains {}, expected 1 or more", d);
  require(node, theta.shape() == Shape({size[0], spatial, spatial + 1}), "theta has shape {}, expected {}",
          theta.shape().str(), Shape({size[0], spatial, spatial + 1}).str());
  const std::vector<int64_t> image(size.begin() + 2, size.end());
  std::vector<int64_t> dims = {size[0]};
  dims.insert(dims.end(), image.begin(), image.end());
  dims.push_back(spatial);
  Tensor y(theta.dtype(), Shape(std::move(dims)));
  for_float(node, theta.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t n = 0; n < size[0]; ++n)
      ref::affine_grid(image, node.get_int("align_corners", 0) != 0,
                       ptr<T>(theta) + n * theta.shape().inner(1), ptr<T>(y) + n * y.shape().inner(1));
  });
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "AffineGrid", widened<affine_grid>},
    {"", "GridSample", widened<grid_sample>},
};

}  // namespace

std::span<const ReferenceOp> sampling_ops() { return kOps; }

}  // namespace precis::runtime
