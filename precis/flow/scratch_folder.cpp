// Made and removed by the file layer.
#include "precis/flow/scratch_folder.h"

#include "precis/core/io.h"
#include "precis/core/unfinished.h"

namespace precis::flow {

ScratchFolder::ScratchFolder() : path_(make_unfinished(make_scratch_folder)) {}

ScratchFolder::~ScratchFolder() {
  remove_tree(path_);
  forget_unfinished(path_);
}

}  // namespace precis::flow
