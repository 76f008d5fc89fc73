// Pictures to model inputs: which layout and colours the model wants is read off its dimensions.
#include "precis/core/check.h"
#include "precis/core/text.h"
#include "precis/data/image_set.h"
#include "precis/data/model_fit.h"

namespace precis::data {
namespace {

class ImageSource : public DataSource {
 public:
  ImageSource(std::shared_ptr<const ImageSet> images, const DataSpec& spec, const InputSpec& input)
      : images_(std::move(images)), given_(spec.preprocess.has_value()), input_(input) {
    if (given_) preprocess_ = *spec.preprocess;
    if (!given_) preprocess_.name = "raw";
    settle_type();
    // A fixed batch is filled row by row: one row is what a picture must fit.
    if (input_.dims.size() == 4 && input_.dims[0] > 1) input_.dims[0] = 1;
  }

  int64_t size() const override { return images_->size(); }
  bool labelled() const override { return images_->labelled(); }
  uint64_t content_hash(int64_t index) const override { return images_->content_hash(index); }
  std::string describe() const override { return images_->describe(); }

  Sample get(int64_t index) const override {
    Sample sample;
    sample.origin = images_->origin(index);
    ImageSet::Picture picture = images_->load(index);
    sample.content_hash = picture.content_hash;
    sample.label = images_->label(index);
    const Fit fit = fit_picture(picture.image, sample.origin);
    const Tensor values = apply_preprocess(picture.image, fit.preprocess, sample.origin);
    sample.inputs = {
        fitted_dtype(values.reshaped(fit.shape), input_, DataSpec::Cast::kLossless, sample.origin)};
    return sample;
  }

 private:
  struct Fit {
    Preprocess preprocess;
    Shape shape;
  };

  void settle_type() {
    if (preprocess_.dtype_given) return;
    const bool plain = preprocess_.scale == 1.0 && preprocess_.mean.empty() && preprocess_.stddev.empty();
    check(is_float(input_.dtype) || plain, ErrorCode::kUsage,
          "input '{}' takes {} values, but preprocessing '{}' gives scaled floats; use 'raw', or only resize "
          "and crop",
          printable(input_.name), dtype_name(input_.dtype), preprocess_.name);
    preprocess_.dtype = input_.dtype;
  }

  // The first of the allowed layouts (and, for gray pictures, of one and three channels) that the model
  // takes.
  Fit fit_picture(const Image& image, const std::string& origin) const {
    const bool try_gray = image.channels == 1 && preprocess_.color != Preprocess::Color::kGray;
    for (const bool gray : {true, false}) {
      if (gray && !try_gray) continue;
      for (const Preprocess::Layout layout : {Preprocess::Layout::kNchw, Preprocess::Layout::kNhwc}) {
        Preprocess p = preprocess_;
        if (p.layout_given && p.layout != layout) continue;
        if (gray) p.color = Preprocess::Color::kGray;
        p.layout = layout;
        const bool one_order = p.color == Preprocess::Color::kGray || p.layout_given;
        const Shape found = preprocessed_shape(image.height, image.width, p);
        if (auto shape = fitted_shape(found, input_.dims, one_order ? Flatten::kYes : Flatten::kNo))
          return {std::move(p), *std::move(shape)};
      }
    }
    fail_shape(input_, "'" + origin + "' after preprocessing '" + preprocess_.name + "'",
               preprocessed_shape(image.height, image.width, preprocess_), hint(image));
  }

  const char* hint(const Image& image) const {
    const bool one_channel = input_.dims.size() == 4 && (input_.dims[1] == 1 || input_.dims[3] == 1);
    if (image.channels == 3 && one_channel && preprocess_.color != Preprocess::Color::kGray)
      return "the picture is in colour: use a preprocessing with 'color: gray'";
    return given_ ? "change resize, crop or layout in the preprocessing"
                  : "give a preprocessing that resizes or crops (for example --preprocess imagenet)";
  }

  std::shared_ptr<const ImageSet> images_;
  bool given_;
  Preprocess preprocess_;
  InputSpec input_;
};

}  // namespace

SourcePtr make_image_source(std::shared_ptr<const ImageSet> images, const DataSpec& spec,
                            const std::vector<InputSpec>& inputs) {
  check(inputs.size() == 1, ErrorCode::kUsage,
        "'{}' is a set of pictures, but the model has {} inputs; give an npz or a folder of npy files named "
        "after the inputs",
        printable(spec.path), inputs.size());
  return std::make_shared<ImageSource>(std::move(images), spec, inputs.front());
}

}  // namespace precis::data
