// The concrete lengths and strides of one recurrent node, for the reference and the plan alike. Internal to
// precis/runtime.
#pragma once

#include "precis/graph/recurrent.h"
#include "precis/kernels/reference/recurrent.h"

namespace precis::runtime {

struct RecurrentGeometry {
  int64_t steps = 0, batch = 0, inputs = 0, hidden = 0, directions = 1;
  int64_t rows = 0;  // gates * hidden
  Shape y, state;    // of the outputs
  int64_t x_step = 0, x_batch = 0, y_step = 0, y_batch = 0, y_direction = 0;
  int64_t state_batch = 0, state_direction = 0;
};

// Error(kMalformed) naming the node when x [., ., I], w [D, rows, I] and r [D, rows, H] do not fit.
RecurrentGeometry recurrent_geometry(const Node& node, const RecurrentSpec& spec, const Shape& x,
                                     const Shape& w, const Shape& r);

// What the kernels take for direction d; the lengths stay open.
kernels::reference::RecurrentParams recurrent_params(const RecurrentSpec& spec, const RecurrentGeometry& g,
                                                     int d);

}  // namespace precis::runtime
