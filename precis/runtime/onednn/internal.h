// The bridge between plain structs and dnnl types, shared by the .cpp files of this folder only.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "precis/core/check.h"
#include "precis/runtime/onednn/kernel.h"

namespace precis::runtime::onednn {

const dnnl::engine& cpu_engine();
dnnl::memory::data_type to_dnnl(DType dtype);
dnnl::algorithm algorithm_of(Function function);
dnnl::memory::dims to_dims(const Shape& shape);
// Row-major description, or the given layout of a (N, C, spatial ...) shape.
dnnl::memory::desc describe(DType dtype, const Shape& shape, Layout layout);
dnnl::memory::desc describe_any(DType dtype, const Shape& shape);
// A vector (bias, scales) of one element per channel.
dnnl::memory::desc describe_vector(DType dtype, int64_t length);
// Which of our layouts a description is; false when none.
bool classify(const dnnl::memory::desc& desc, DType dtype, const Shape& shape, Layout& layout);

// One bound argument of a primitive: its dnnl index, how it looks, and what the caller is told about it.
struct KernelArgument {
  int index = 0;
  dnnl::memory::desc desc;
  Argument public_view;
};

KernelArgument argument_of(int index, const dnnl::memory::desc& desc, Argument::Role role,
                           Layout layout = Layout::kPlain);

struct KernelParts {
  dnnl::primitive primitive;
  std::string implementation;
  dnnl::memory::desc scratch;
  std::vector<KernelArgument> arguments;
  // Weights: what pack_weights() reorders from and to (empty descs when there are none).
  dnnl::memory::desc weights_from, weights_to;
};
KernelPtr make_kernel(KernelParts parts);

// Post-ops as dnnl wants them; `destination` is the shape of the result. The operands' arguments are appended
// to `operands` in order.
dnnl::post_ops to_dnnl(const std::vector<PostOp>& post_ops, const Shape& destination,
                       const dnnl::memory::desc& destination_desc, std::vector<KernelArgument>* operands);
dnnl::primitive_attr default_attributes();  // scratch memory is the caller's

// No exception of the library leaves this folder. A factory whose request it refuses anywhere gives null.
template <typename Make>
KernelPtr unless_refused(Make&& make) {
  try {
    return make();
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

// What a kernel that was made does with the library: `what` names it in the error.
template <typename Use>
auto or_error(const char* what, Use&& use) {
  try {
    return use();
  } catch (const dnnl::error& e) {
    fail(ErrorCode::kInternal, "oneDNN failed to {}: {} (status {})", what, e.what(),
         static_cast<int>(e.status));
  }
}

// Creates a primitive descriptor by `create` and returns null when the library refuses or offers only its
// generic code.
template <typename Descriptor, typename Create>
std::unique_ptr<Descriptor> try_create(Create&& create) {
  try {
    auto descriptor = std::make_unique<Descriptor>(create());
    const std::string name = descriptor->impl_info_str();
    if (name.find("ref") != std::string::npos && name.rfind("jit", 0) != 0) return nullptr;
    return descriptor;
  } catch (const dnnl::error&) {
    return nullptr;
  }
}

}  // namespace precis::runtime::onednn
