// What an epilogue does, as far as kernels are compiled for it apart: kPlain has no bias (accumulators have
// it), no residual and no limit below the type's own; kReal gives floats and has no residual.
#pragma once

namespace precis::kernels::simd {

enum class Steps { kPlain, kAll, kReal };

}  // namespace precis::kernels::simd
