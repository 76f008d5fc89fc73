// The folder a session with the program starts in: small models with one property each, and the demo model
// with its data.
#pragma once

#include <string>

#include "tests/support/temp_dir.h"

namespace precis::test {

// net.onnx (+ .preprocess.yaml): the demo CNN; fashion/: its data set (a link, when the machine has it).
// broken.onnx: an input that nothing makes; many.onnx: three problems; decoder.onnx: valid, not supported;
// tiny.onnx: too small to gain; mlp.onnx: two layers on [N,16], with rows.npy (64 of them), labels.csv and
// few.npy (4 rows).
void fill_workspace(const TempDir& dir);

bool has_fashion_mnist();

// The program under test.
std::string program();
// Shell text that runs in `dir` with the program in PATH.
struct ProcessResult;
ProcessResult shell(const TempDir& dir, const std::string& command, double timeout_seconds = 120);

}  // namespace precis::test
