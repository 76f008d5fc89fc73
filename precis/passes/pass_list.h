// The passes of this room, one file each; registered in pass.cpp. Internal.
#pragma once

#include "precis/passes/pass.h"

namespace precis::passes {

PassResult cancel_transposes(Model& model);
PassResult eliminate_common_subexpressions(Model& model);
PassResult eliminate_dead_nodes(Model& model);
PassResult eliminate_identity(Model& model);
PassResult fold_batch_norm(Model& model);
PassResult fold_channel_arithmetic(Model& model);
PassResult fold_constants(Model& model);
PassResult fold_constants_within(Model& model, int64_t growth);
PassResult fold_pad(Model& model);
PassResult fold_shape_code(Model& model);
PassResult fuse_matmul_add(Model& model);
PassResult hoist_activations(Model& model);
PassResult inline_constant_if(Model& model);
PassResult merge_chains(Model& model);
PassResult split_sums(Model& model);
PassResult widen_f16(Model& model);

}  // namespace precis::passes
