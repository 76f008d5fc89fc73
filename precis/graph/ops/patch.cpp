// Patches of images: Col2Im puts them together, CenterCropPad cuts or frames one, DeformConv convolves over
// displaced ones.
#include "precis/graph/ops/families.h"
#include "precis/graph/ops/window_infer.h"

namespace precis::ops {
namespace {

// --- Col2Im: columns [N, C * block elements, blocks] -> images [N, C, image shape ...]

std::optional<std::vector<int64_t>> lengths(const InferContext& ctx, size_t input, const char* what) {
  auto v = known_ints(ctx, input, what);
  if (v)
    for (int64_t d : *v)
      ctx.require(d >= 1 && d <= INT32_MAX, "{} (input {}) holds {}, expected 1 to {}", what, input, d,
                  INT32_MAX);
  return v;
}

void infer_col2im(InferContext& ctx) {
  require_type(ctx, 0, kNumbers);
  ctx.require_rank(0, 3, 3);
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  const auto image = lengths(ctx, 1, "image_shape"), block = lengths(ctx, 2, "block_shape");
  const SymbolicShape& x = ctx.shape(0);
  if (!image || !block) return;
  ctx.require(image->size() == block->size() && !image->empty(),
              "image_shape has {} values and block_shape {}, expected as many", image->size(), block->size());
  Node window = ctx.node();
  window.attributes["kernel_shape"] = *block;
  const auto rank = static_cast<int>(image->size());
  const WindowSpec spec = read_window(window, rank, {}, ctx.where());
  int64_t blocks = 1, elements = 1;
  for (int a = 0; a < rank; ++a) {
    const auto i = static_cast<size_t>(a);
    blocks = checked_times(ctx, blocks, window_axis(spec, a, (*image)[i], ctx.where()).output);
    elements = checked_times(ctx, elements, (*block)[i]);
  }
  std::vector<Dim> y = {Dim(), Dim()};
  if (x) {
    y[0] = (*x)[0];
    equal_dims(ctx, (*x)[2], Dim(blocks), "the number of blocks in the columns and in the image");
    const Dim& rows = (*x)[1];
    ctx.require(!rows.known() || rows.value % elements == 0,
                "the columns have {} elements, which blocks of {} do not divide", rows.value, elements);
    if (rows.known()) y[1] = rows.value / elements;
  }
  for (int64_t d : *image) y.emplace_back(d);
  ctx.outputs[0].shape = std::move(y);
}

// --- CenterCropPad

void infer_center_crop_pad(InferContext& ctx) {
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  const auto shape = partial_ints(ctx, 1, "shape");
  const SymbolicShape& x = ctx.shape(0);
  if (!x) return;
  const auto rank = static_cast<int>(x->size());
  std::vector<int64_t> given = ctx.node().get_ints("axes");
  if (!ctx.node().has("axes"))
    for (int a = 0; a < rank; ++a) given.push_back(a);
  const std::vector<int> axes = checked_axes(ctx, given, rank, "attribute 'axes'");
  SymbolicShape y = x;
  for (size_t i = 0; i < axes.size(); ++i) (*y)[static_cast<size_t>(axes[i])] = Dim();
  if (shape) {
    ctx.require(shape->size() == axes.size(), "shape (input 1) has {} values for {} axes", shape->size(),
                axes.size());
    for (size_t i = 0; i < axes.size(); ++i) {
      ctx.require(!(*shape)[i].known || (*shape)[i].integer >= 0,
                  "shape (input 1) holds {}, expected at least 0", (*shape)[i].integer);
      (*y)[static_cast<size_t>(axes[i])] = dim_of((*shape)[i]);
    }
  }
  ctx.outputs[0].shape = std::move(y);
}

// --- DeformConv: x [N, C, h, w], w [M, C / group, kh, kw], offset [N, offset_group * kh * kw * 2, oh, ow],
// bias [M], mask [N, offset_group * kh * kw, oh, ow]

void require_dims(const InferContext& ctx, size_t input, const std::vector<Dim>& expected, const char* what) {
  const SymbolicShape& s = ctx.shape(input);
  if (!s) return;
  bool fits = s->size() == expected.size();
  for (size_t i = 0; fits && i < expected.size(); ++i)
    fits = !(*s)[i].known() || !expected[i].known() || (*s)[i] == expected[i];
  ctx.require(fits, "the {} (input {}) has shape {}, expected {}", what, input, shape_str(s),
              shape_str(expected));
}

void infer_deform_conv(InferContext& ctx) {
  require_type(ctx, 0, kFloats);
  for (size_t i = 1; i < ctx.num_inputs(); ++i)
    if (ctx.has_input(i)) require_same_type(ctx, 0, i);
  const int64_t group = int_attr(ctx, "group", 1, 1, INT32_MAX),
                offset_group = int_attr(ctx, "offset_group", 1, 1, INT32_MAX);
  for (size_t i : {0, 1, 2}) ctx.require_rank(i, 4, 4);
  const SymbolicShape &x = ctx.shape(0), &w = ctx.shape(1);
  set_output(ctx, 0, ctx.dtype(0), std::nullopt);
  if (!x || !w) return;
  const std::vector<int64_t> kernel = {(*w)[2].value, (*w)[3].value};
  const WindowSpec spec = read_window(ctx.node(), 2, kernel, ctx.where());
  const Dim channels = (*x)[1], out = (*w)[0], per_group = (*w)[1];
  ctx.require(!out.known() || out.value % group == 0,
              "attribute 'group' is {}, which does not divide {} kernels", group, out.value);
  ctx.require(
      !channels.known() || !per_group.known() || channels.value == checked_times(ctx, per_group.value, group),
      "the input has {} channels, the weights {} take {} in each of {} groups", channels.value, shape_str(w),
      per_group.value, group);
  ctx.require(!channels.known() || channels.value % offset_group == 0,
              "attribute 'offset_group' is {}, which does not divide {} channels", offset_group,
              channels.value);
  const SymbolicShape y = windowed_shape(ctx, spec, x, out, window_axis);
  if (ctx.has_input(3)) require_vector(ctx, 3, out, "the bias");
  if (y && kernel[0] >= 1 && kernel[1] >= 1) {
    const int64_t taps = checked_times(ctx, offset_group, checked_times(ctx, kernel[0], kernel[1]));
    require_dims(ctx, 2, {(*x)[0], Dim(checked_times(ctx, 2, taps)), (*y)[2], (*y)[3]}, "offset");
    require_dims(ctx, 4, {(*x)[0], Dim(taps), (*y)[2], (*y)[3]}, "mask");
  }
  ctx.outputs[0].shape = y;
}

int64_t deform_conv_macs(const Node&, std::span<const Shape> inputs, std::span<const Shape> outputs) {
  return checked_mul(outputs[0].numel(), inputs[1].inner(1));
}

}  // namespace

const std::vector<OpDecl>& patch_ops() {
  static const std::vector<OpDecl> decls = {
      {.op = "Col2Im",
       .min_inputs = 3,
       .max_inputs = 3,
       .attributes = {{"dilations", AttrKind::kInts},
                      {"pads", AttrKind::kInts},
                      {"strides", AttrKind::kInts}},
       .infer = infer_col2im},
      {.op = "CenterCropPad",
       .min_inputs = 2,
       .max_inputs = 2,
       .attributes = {{"axes", AttrKind::kInts}},
       .infer = infer_center_crop_pad},
      {.op = "DeformConv",
       .min_inputs = 3,
       .max_inputs = 5,
       .attributes = {{"dilations", AttrKind::kInts},
                      {"group", AttrKind::kInt},
                      {"kernel_shape", AttrKind::kInts},
                      {"offset_group", AttrKind::kInt},
                      {"pads", AttrKind::kInts},
                      {"strides", AttrKind::kInts}},
       .infer = infer_deform_conv,
       .macs = deform_conv_macs},
  };
  return decls;
}

}  // namespace precis::ops
