// Detection: NonMaxSuppression, RoiAlign, MaxRoiPool.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "precis/kernels/reference/roi.h"
#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

namespace ref = kernels::reference;

struct Box {
  float y1, x1, y2, x2;
  float area() const { return (y2 - y1) * (x2 - x1); }
};

// Corners in any order, or centre and size; float as ONNX has them.
Box box_at(const Tensor& boxes, int64_t at, bool centred) {
  const float* v = ptr<float>(boxes) + at * 4;
  if (centred) return {v[1] - v[3] / 2, v[0] - v[2] / 2, v[1] + v[3] / 2, v[0] + v[2] / 2};
  return {std::min(v[0], v[2]), std::min(v[1], v[3]), std::max(v[0], v[2]), std::max(v[1], v[3])};
}

float overlap(const Box& a, const Box& b) {
  const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1),
              width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  if (!(height > 0 && width > 0)) return 0;
  const float both = height * width;
  return both / (a.area() + b.area() - both);
}

// Boxes of one class of one image by falling score (equal scores: by index), each dropped that overlaps a
// selected one too much.
// `compared` counts the comparisons of all classes and images.
std::vector<int64_t> suppressed(const Node& node, const std::vector<Box>& boxes, const float* scores,
                                int64_t most, float iou, float least, double& compared) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < boxes.size(); ++i)
    if (scores[i] > least) order.push_back(static_cast<int64_t>(i));
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  std::vector<int64_t> selected;
  for (int64_t i : order) {
    if (static_cast<int64_t>(selected.size()) >= most) break;
    const auto cover = std::find_if(selected.begin(), selected.end(), [&](int64_t s) {
      return overlap(boxes[static_cast<size_t>(i)], boxes[static_cast<size_t>(s)]) > iou;
    });
    compared += static_cast<double>(cover - selected.begin());
    require_steps(node, compared);
    if (cover == selected.end()) selected.push_back(i);
  }
  return selected;
}

float scalar_or(Inputs inputs, size_t i, float fallback) {
  const Tensor* t = optional(inputs, i);
  return t != nullptr && t->numel() >= 1 ? static_cast<float>(t->at_double(0)) : fallback;
}

Tensors non_max_suppression(const Node& node, Inputs inputs) {
  const Tensor& boxes = required(node, inputs, 0, DType::kF32);
  const Tensor& scores = required(node, inputs, 1, DType::kF32);
  require(node,
          boxes.shape().rank() == 3 && boxes.shape()[2] == 4 && scores.shape().rank() == 3 &&
              scores.shape()[0] == boxes.shape()[0] && scores.shape()[2] == boxes.shape()[1],
          "boxes of shape {} and scores of shape {}, expected [b,n,4] and [b,classes,n]", boxes.shape().str(),
          scores.shape().str());
  const Tensor* limit = optional(inputs, 2);
  const int64_t most = limit != nullptr && limit->numel() >= 1 ? limit->at_int(0) : 0;
  const float iou = scalar_or(inputs, 3, 0), least = scalar_or(inputs, 4, -INFINITY);
  require(node, iou >= 0 && iou <= 1, "the IoU threshold is {}, expected 0 to 1", iou);
  const bool centred = node.get_int("center_point_box", 0) != 0;
  const int64_t n = boxes.shape()[1], classes = scores.shape()[1];
  std::vector<int64_t> result;
  double compared = 0;
  for (int64_t b = 0; b < boxes.shape()[0]; ++b) {
    std::vector<Box> of_image;
    for (int64_t i = 0; i < n; ++i) of_image.push_back(box_at(boxes, b * n + i, centred));
    for (int64_t c = 0; c < classes; ++c)
      for (int64_t i :
           suppressed(node, of_image, ptr<float>(scores) + (b * classes + c) * n, most, iou, least, compared))
        result.insert(result.end(), {b, c, i});
  }
  return one(Tensor::from<int64_t>(Shape{static_cast<int64_t>(result.size() / 3), 3},
                                   std::span<const int64_t>(result)));
}

// --- regions of interest

// A region is sampled point by point: what lies farther away in pixels is a mistake.
constexpr double kFarthest = 2e4;

ref::RoiParams roi_params(const Node& node, const Tensor& x, int64_t height, int64_t width) {
  require(node, x.shape().rank() == 4, "input of shape {}, expected rank 4", x.shape().str());
  require(node, height >= 1 && width >= 1, "an output of {} x {}", height, width);
  ref::RoiParams p;
  p.channels = x.shape()[1];
  p.height = x.shape()[2];
  p.width = x.shape()[3];
  p.out_height = height;
  p.out_width = width;
  p.scale = node.get_float("spatial_scale", 1);
  return p;
}

void require_image(const Node& node, const Tensor& x, int64_t image, int64_t region) {
  require(node, image >= 0 && image < x.shape()[0], "region {} belongs to image {} of {}", region, image,
          x.shape()[0]);
  require(node, x.shape()[2] > 0 && x.shape()[3] > 0, "the images of shape {} are empty", x.shape().str());
}

// Regions of `columns` numbers, the last four of them corners.
const Tensor& regions(const Node& node, Inputs inputs, int64_t columns) {
  const Tensor& t = required(node, inputs, 1, inputs[0].dtype());
  require(node, t.shape().rank() == 2 && t.shape()[1] == columns, "regions of shape {}, expected [n,{}]",
          t.shape().str(), columns);
  return t;
}

Tensors roi_align(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  ref::RoiParams p = roi_params(node, x, node.get_int("output_height", 1), node.get_int("output_width", 1));
  p.sampling_ratio = node.get_int("sampling_ratio", 0);
  p.half_pixel = node.get_string("coordinate_transformation_mode", "half_pixel") == "half_pixel";
  p.max = node.get_string("mode", "avg") == "max";
  const Tensor& rois = regions(node, inputs, 4);
  const int64_t n = rois.shape()[0];
  const Tensor& images = required(node, inputs, 2, DType::kI64, n);
  Tensor y(x.dtype(), {n, p.channels, p.out_height, p.out_width});
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    double steps = 0;
    for (int64_t r = 0; r < n; ++r) {
      const int64_t image = ptr<int64_t>(images)[r];
      const T* region = ptr<T>(rois) + r * 4;
      require_image(node, x, image, r);
      for (int i = 0; i < 4; ++i)
        require(node, std::fabs(static_cast<double>(region[i]) * p.scale) <= kFarthest,
                "region {} has the coordinate {}, more than {} pixels away", r, region[i], kFarthest);
      require_steps(node, steps += ref::roi_align_steps(p, region));
      ref::roi_align(p, ptr<T>(x) + image * x.shape().inner(1), region, ptr<T>(y) + r * y.shape().inner(1));
    }
  });
  return one(std::move(y));
}

Tensors max_roi_pool(const Node& node, Inputs inputs) {
  const Tensor& x = required(node, inputs, 0);
  const auto pooled = node.get_ints("pooled_shape");
  require(node, pooled.size() == 2, "attribute 'pooled_shape' has {} values, expected 2", pooled.size());
  const ref::RoiParams p = roi_params(node, x, pooled[0], pooled[1]);
  const Tensor& rois = regions(node, inputs, 5);
  const int64_t n = rois.shape()[0];
  Tensor y(x.dtype(), {n, p.channels, p.out_height, p.out_width});
  for_float(node, x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    double steps = 0;
    for (int64_t r = 0; r < n; ++r) {
      const T* region = ptr<T>(rois) + r * 5;
      require(node, std::isfinite(region[0]) && std::fabs(region[0]) < 1e9, "region {} belongs to image {}",
              r, region[0]);
      const auto image = static_cast<int64_t>(region[0]);
      require_image(node, x, image, r);
      require_steps(node, steps += ref::max_roi_pool_steps(p, region + 1));
      ref::max_roi_pool(p, ptr<T>(x) + image * x.shape().inner(1), region + 1,
                        ptr<T>(y) + r * y.shape().inner(1));
    }
  });
  return one(std::move(y));
}

constexpr ReferenceOp kOps[] = {
    {"", "MaxRoiPool", widened<max_roi_pool>},
    {"", "NonMaxSuppression", widened<non_max_suppression>},
    {"", "RoiAlign", widened<roi_align>},
};

}  // namespace

std::span<const ReferenceOp> detection_ops() { return kOps; }

}  // namespace precis::runtime
