// Cast to float of the small integer types: what masks and one-hot codes are made with.
#include "precis/runtime/kernel_step.h"
#include "precis/runtime/lower_float.h"

namespace precis::runtime {
namespace {

constexpr int64_t kChunk = 32768;  // elements of a parallel chunk

template <typename T>
void to_float(const std::byte* from, std::byte* to, int64_t begin, int64_t end) {
  const T* x = reinterpret_cast<const T*>(from);
  auto* y = reinterpret_cast<float*>(to);
  for (int64_t i = begin; i < end; ++i) y[i] = static_cast<float>(x[i]);
}

void truth_to_float(const std::byte* from, std::byte* to, int64_t begin, int64_t end) {
  auto* y = reinterpret_cast<float*>(to);
  for (int64_t i = begin; i < end; ++i) y[i] = from[i] == std::byte{0} ? 0.0f : 1.0f;
}

using Conversion = void (*)(const std::byte*, std::byte*, int64_t, int64_t);

Conversion conversion_from(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return truth_to_float;
    case DType::kU8:
      return to_float<uint8_t>;
    case DType::kI8:
      return to_float<int8_t>;
    case DType::kI32:
      return to_float<int32_t>;
    default:
      return nullptr;
  }
}

}  // namespace

bool lower_cast(PlanBuilder& b, const FusedOp& op) {
  const ValueId source = b.node(op).inputs[0], result = op.outputs[0];
  if (!is_float(b, result) || b.type(source).encoded()) return false;
  const Conversion convert = conversion_from(b.type(source).dtype);
  if (convert == nullptr) return false;
  const int64_t count = b.shape(source).numel();
  const BufferId in = b.read(source, Layout::kPlain), out = b.write(result, Layout::kPlain);
  const auto call = [=](std::span<std::byte* const> buffers) {
    const std::byte* from = buffers[static_cast<size_t>(in)];
    std::byte* to = buffers[static_cast<size_t>(out)];
    run_chunks(count, kChunk, [&](int64_t begin, int64_t end) { convert(from, to, begin, end); });
  };
  b.emit(std::make_unique<CallStep>(call), b.describe(op, "cast", {source}, Layout::kPlain, Layout::kPlain),
         {in, out});
  return true;
}

}  // namespace precis::runtime
