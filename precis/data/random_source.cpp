// Random tensors from counter-based streams.
#include "precis/data/random_source.h"

#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/rng.h"
#include "precis/core/text.h"
#include "precis/data/model_fit.h"

namespace precis::data {
namespace {

Shape sample_shape(const InputSpec& input) {
  std::vector<int64_t> dims = input.dims;
  if (!dims.empty() && dims[0] < 0) dims[0] = 1;
  for (int64_t d : dims)
    check(d >= 0, ErrorCode::kUsage,
          "input '{}' has shape {} with free dimensions: random data cannot choose them; give "
          "real data",
          printable(input.name), dims_text(input.dims));
  return Shape(std::move(dims));
}

void fill(Tensor& t, Rng& rng) {
  switch (t.dtype()) {
    case DType::kF32:
      for (float& v : t.data<float>()) v = rng.normal();
      return;
    case DType::kU8:
    case DType::kI8:
      for (int64_t i = 0; i < t.nbytes(); ++i) t.bytes()[i] = static_cast<std::byte>(rng.below(256));
      return;
    default: {
      Tensor values(DType::kF32, t.shape());
      for (float& v : values.data<float>())
        v = is_float(t.dtype()) ? rng.normal() : static_cast<float>(rng.below(2));
      t = values.cast(t.dtype());
    }
  }
}

class RandomSource : public DataSource {
 public:
  RandomSource(const DataSpec& spec, std::vector<InputSpec> inputs)
      : count_(spec.count < 0 ? kDefaultRandomSamples : spec.count),
        seed_(spec.seed),
        inputs_(std::move(inputs)) {
    for (const InputSpec& input : inputs_) shapes_.push_back(sample_shape(input));
  }
  int64_t size() const override { return count_; }
  bool labelled() const override { return false; }
  std::string describe() const override {
    return fmt::format("random data, {} samples, seed {}", count_, seed_);
  }
  uint64_t content_hash(int64_t index) const override { return get(index).content_hash; }
  Sample get(int64_t index) const override {
    Sample sample;
    sample.origin = fmt::format("random sample {}", index);
    for (size_t i = 0; i < inputs_.size(); ++i) {
      Rng rng(seed_, static_cast<uint64_t>(index) * inputs_.size() + i);
      Tensor values(inputs_[i].dtype, shapes_[i]);
      fill(values, rng);
      sample.content_hash =
          xxh3(std::span(values.bytes(), static_cast<size_t>(values.nbytes())), sample.content_hash);
      sample.inputs.push_back(std::move(values));
    }
    return sample;
  }

 private:
  int64_t count_;
  uint64_t seed_;
  std::vector<InputSpec> inputs_;
  std::vector<Shape> shapes_;
};

}  // namespace

SourcePtr open_random(const DataSpec& spec, const std::vector<InputSpec>& inputs) {
  return std::make_shared<RandomSource>(spec, inputs);
}

}  // namespace precis::data
