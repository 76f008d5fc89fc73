// What the operator declarations share: type sets, attribute and axis checks, broadcasting of symbolic
// shapes, shape inputs. Every check fails through InferContext::require, so every message opens with the
// node.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "precis/graph/op.h"

namespace precis::ops {

// --- sets of element types
using TypeSet = uint32_t;
constexpr TypeSet types(std::initializer_list<DType> list) {
  TypeSet set = 0;
  for (DType d : list) set |= 1u << static_cast<int>(d);
  return set;
}
inline constexpr TypeSet kFloats = types({DType::kF32, DType::kF64, DType::kF16, DType::kBF16});
inline constexpr TypeSet kSignedInts = types({DType::kI8, DType::kI16, DType::kI32, DType::kI64});
inline constexpr TypeSet kUnsignedInts = types({DType::kU8, DType::kU16, DType::kU32, DType::kU64});
inline constexpr TypeSet kInts = kSignedInts | kUnsignedInts;
inline constexpr TypeSet kNumbers = kFloats | kInts;
inline constexpr TypeSet kBools = types({DType::kBool});
inline constexpr TypeSet kBytes = types({DType::kI8, DType::kU8});
inline constexpr TypeSet kIndices = types({DType::kI32, DType::kI64});
inline constexpr TypeSet kFloats8 =
    types({DType::kF8E4M3FN, DType::kF8E4M3FNUZ, DType::kF8E5M2, DType::kF8E5M2FNUZ});
inline constexpr TypeSet kCodes =
    kBytes | kFloats8 |
    types({DType::kI16, DType::kU16, DType::kI4, DType::kU4, DType::kI2, DType::kU2, DType::kF4E2M1});
inline constexpr TypeSet kAny = ~0u;
static_assert(kDTypeCount <= 32);

std::string type_set_text(TypeSet set);  // "f32, f64"
void require_type(const InferContext& ctx, size_t input, TypeSet set);
void require_same_type(const InferContext& ctx, size_t a, size_t b);  // unknown types fit everything

// --- attributes
int64_t int_attr(const InferContext& ctx, const char* name, int64_t fallback, int64_t lo, int64_t hi);
bool flag_attr(const InferContext& ctx, const char* name, bool fallback);  // 0 or 1
float finite_attr(const InferContext& ctx, const char* name, float fallback);
// Index of the attribute's value among `choices`.
size_t choice_attr(const InferContext& ctx, const char* name, const char* fallback,
                   std::initializer_list<const char*> choices);
// An element type given by its ONNX number; kUnsupported for types that Precis does not have.
DType dtype_attr(const InferContext& ctx, const char* name, DType fallback);

// --- axes
int checked_axis(const InferContext& ctx, int64_t axis, int rank, const char* what);  // into [0, rank)
int axis_attr(const InferContext& ctx, int64_t fallback, int rank);
// All in range and none twice.
std::vector<int> checked_axes(const InferContext& ctx, std::span<const int64_t> axes, int rank,
                              const char* what);

// --- small integer inputs (shapes, axes, starts ...), scalars or vectors of i32 or i64
// Checks type and rank; the values when all are known.
std::optional<std::vector<int64_t>> known_ints(const InferContext& ctx, size_t input, const char* what);
// The same, element by element: unknown contents of a known length give unknown elements; nullopt when even
// that is unknown.
std::optional<std::vector<PartialElement>> partial_ints(const InferContext& ctx, size_t input,
                                                        const char* what);
std::optional<double> known_scalar(const InferContext& ctx, size_t input,
                                   const char* what);  // any number type
// Checks that input is a scalar (or a vector of one element).
void require_scalar(const InferContext& ctx, size_t input, const char* what);
// Checks that input has shape [length] where both are known.
void require_vector(const InferContext& ctx, size_t input, const Dim& length, const char* what);
// Checks that input, where it is given, has these dimensions, each where both are known.
void require_dims(const InferContext& ctx, size_t input, const std::vector<Dim>& dims, const char* what);

// --- shapes
Dim dim_of(const PartialElement& e);           // a known element must be >= 0
Dim dim_at(const SymbolicShape& s, size_t i);  // unknown where the rank is unknown or at most i
// NumPy broadcasting; unknown dimensions stay open.
SymbolicShape broadcast(const InferContext& ctx, const SymbolicShape& a, const SymbolicShape& b);
SymbolicShape broadcast_inputs(const InferContext& ctx, size_t first, size_t last);  // inputs [first, last)
// Checks that `from` broadcasts to `to` without widening it.
void require_broadcasts_to(const InferContext& ctx, const SymbolicShape& from, const SymbolicShape& to,
                           const char* what);
// Checks two dimensions that must be equal; gives the better known one.
Dim equal_dims(const InferContext& ctx, const Dim& a, const Dim& b, const char* what);
Dim product(const InferContext& ctx, std::span<const Dim> dims);  // keeps a lone symbol when the rest is 1
int64_t checked_times(const InferContext& ctx, int64_t a, int64_t b);
int64_t checked_plus(const InferContext& ctx, int64_t a, int64_t b);
SymbolicShape unknown_dims(int rank);

// --- outputs
void set_output(InferContext& ctx, size_t output, DType dtype, SymbolicShape shape);
void same_as_input(InferContext& ctx);  // output 0 has type and shape of input 0
template <TypeSet kTypes>
void infer_same(InferContext& ctx) {
  require_type(ctx, 0, kTypes);
  same_as_input(ctx);
}

}  // namespace precis::ops
