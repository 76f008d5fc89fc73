// Made and removed by the file layer.
#include "precis/flow/scratch_folder.h"

#include "precis/core/io.h"

namespace precis::flow {

ScratchFolder::ScratchFolder() : path_(make_scratch_folder()) {}

ScratchFolder::~ScratchFolder() { remove_tree(path_); }

}  // namespace precis::flow
