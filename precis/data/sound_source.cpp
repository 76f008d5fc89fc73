// See sound_source.h.
#include "precis/data/sound_source.h"

#include <algorithm>

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/data/model_fit.h"
#include "precis/data/wav.h"

namespace precis::data {
namespace {

constexpr uint64_t kMaxSoundFile = 1u << 30;

class SoundSource : public DataSource {
 public:
  SoundSource(FileList files, const DataSpec& spec, InputSpec input)
      : files_(std::move(files)),
        rate_(spec.rate),
        frame_(spec.frame),
        context_(spec.context),
        input_(std::move(input)) {}

  int64_t size() const override { return files_.size(); }
  bool labelled() const override { return files_.labelled(); }
  uint64_t content_hash(int64_t index) const override {
    return xxh3(read_file(files_.path(index), kMaxSoundFile));
  }
  std::string describe() const override {
    const std::string text = files_.describe("sound");
    if (frame_ == 0) return text;
    return text + fmt::format(", frames of {} samples after {} of context", frame_, context_);
  }

  Sample get(int64_t index) const override {
    const std::vector<std::byte> bytes = read_file(files_.path(index), kMaxSoundFile);
    const Sound sound = decode_wav(bytes, printable(files_.path(index)));
    Sample sample;
    sample.origin = printable(files_.name(index));
    sample.content_hash = xxh3(bytes);
    sample.label = files_.label(index);
    check(rate_ == 0 || sound.rate == rate_, ErrorCode::kUsage,
          "{} has {} samples a second, the data option says rate={}; resample it first", sample.origin,
          sound.rate, rate_);
    check(!sound.samples.empty(), ErrorCode::kUsage, "{} holds no samples", sample.origin);
    const int64_t length = static_cast<int64_t>(sound.samples.size());
    const int64_t frame = frame_ > 0 ? frame_ : length;
    sample.calls = ceil_div(length, frame);
    sample.inputs = {calls_of(sound.samples, frame, sample)};
    return sample;
  }

 private:
  // [calls, context + frame]: silence before the first frame and behind the last.
  Tensor calls_of(const std::vector<float>& samples, int64_t frame, const Sample& sample) const {
    const int64_t width = context_ + frame, length = static_cast<int64_t>(samples.size());
    Tensor all(DType::kF32, {sample.calls, width});
    for (int64_t call = 0; call < sample.calls; ++call) {
      const int64_t begin = call * frame - context_;
      const int64_t first = std::max<int64_t>(begin, 0), last = std::min(begin + width, length);
      std::copy(samples.begin() + first, samples.begin() + last,
                all.data<float>().begin() + call * width + (first - begin));
    }
    const auto shape = fitted_shape(Shape{1, width}, input_.dims, Flatten::kNo);
    if (!shape)
      fail_shape(input_, "'" + sample.origin + "'", Shape{1, width},
                 "choose how many samples a call takes with the data options frame=N and context=N");
    std::vector<int64_t> dims = shape->dims();
    if (dims.empty() || dims[0] != 1) dims.insert(dims.begin(), 1);
    check(sample.calls == 1 || dims.size() == shape->dims().size(), ErrorCode::kUsage,
          "input '{}' of shape {} has no batch dimension, so that frames cannot be fed one by one",
          printable(input_.name), dims_text(input_.dims));
    if (sample.calls == 1)
      return fitted_dtype(all.reshaped(*shape), input_, DataSpec::Cast::kLossless, sample.origin);
    dims[0] = sample.calls;
    return fitted_dtype(all.reshaped(Shape(std::move(dims))), input_, DataSpec::Cast::kLossless,
                        sample.origin);
  }

  FileList files_;
  int64_t rate_, frame_, context_;
  InputSpec input_;
};

}  // namespace

SourcePtr make_sound_source(FileList files, const DataSpec& spec, const std::vector<InputSpec>& inputs) {
  check(inputs.size() == 1, ErrorCode::kUsage,
        "'{}' is a set of sounds, but the model has {} inputs that need data; give the others with --state "
        "OUTPUT=INPUT "
        "or --input NAME=NUMBER",
        printable(spec.path), inputs.size());
  return std::make_shared<SoundSource>(std::move(files), spec, inputs.front());
}

}  // namespace precis::data
