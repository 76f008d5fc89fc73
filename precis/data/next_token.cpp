// See next_token.h.
#include "precis/data/next_token.h"

#include <algorithm>

#include "precis/core/check.h"

namespace precis::data {
namespace {

bool holds_tokens(const InputSpec& input) {
  return input.dims.size() == 2 && (input.dtype == DType::kI64 || input.dtype == DType::kI32);
}

size_t token_input(const std::vector<InputSpec>& inputs) {
  const auto it = std::find_if(inputs.begin(), inputs.end(), holds_tokens);
  check(it != inputs.end(), ErrorCode::kUsage,
        "task=next-token needs an input of i64 or i32 tokens of shape [batch, length], the model has none");
  return static_cast<size_t>(it - inputs.begin());
}

// [rows, length] without its last column.
Tensor without_last(const Tensor& t) {
  if (dtype_bits(t.dtype()) < 8)  // packed rows do not begin at whole bytes
    return without_last(t.cast(is_float(t.dtype()) ? DType::kF32 : DType::kI32)).cast(t.dtype());
  const int64_t rows = t.shape()[0], length = t.shape()[1];
  const int64_t width = t.nbytes() / std::max<int64_t>(t.numel(), 1);
  Tensor shorter(t.dtype(), {rows, length - 1});
  for (int64_t r = 0; r < rows; ++r)
    std::copy_n(t.bytes() + r * length * width, (length - 1) * width,
                shorter.bytes() + r * (length - 1) * width);
  return shorter;
}

class NextTokens : public DataSource {
 public:
  NextTokens(SourcePtr source, size_t tokens) : source_(std::move(source)), tokens_(tokens) {}
  int64_t size() const override { return source_->size(); }
  uint64_t content_hash(int64_t index) const override { return source_->content_hash(index); }
  bool labelled() const override { return true; }
  std::string describe() const override { return source_->describe() + ", each token judged by the next"; }
  Sample get(int64_t index) const override {
    Sample sample = source_->get(index);
    const Tensor whole = sample.inputs[tokens_];
    check(whole.shape().rank() == 2 && whole.shape()[1] >= 2, ErrorCode::kUsage,
          "{}: tokens of shape {} have no next one; task=next-token needs sequences of two or more",
          sample.origin, whole.shape().str());
    sample.label = -1;
    sample.labels.clear();
    sample.sequence = true;
    for (int64_t r = 0; r < whole.shape()[0]; ++r)
      for (int64_t i = 1; i < whole.shape()[1]; ++i)
        sample.labels.push_back(whole.at_int(r * whole.shape()[1] + i));
    for (Tensor& t : sample.inputs)
      if (t.shape() == whole.shape()) t = without_last(t);
    return sample;
  }

 private:
  SourcePtr source_;
  size_t tokens_;
};

}  // namespace

std::vector<InputSpec> whole_sequences(std::vector<InputSpec> inputs) {
  const std::vector<int64_t> dims = inputs[token_input(inputs)].dims;
  for (InputSpec& input : inputs)
    if (input.dims == dims && input.dims[1] >= 0) ++input.dims[1];
  return inputs;
}

SourcePtr next_tokens(SourcePtr source, const std::vector<InputSpec>& inputs) {
  return std::make_shared<NextTokens>(std::move(source), token_input(inputs));
}

}  // namespace precis::data
