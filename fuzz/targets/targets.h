// The functions of the targets, one file each.
#pragma once

#include "fuzz/target.h"

namespace precis::fuzz {

void wire_scan_target(Bytes input);
void model_target(Bytes input);
void quantize_target(Bytes input);
void tensor_target(Bytes input);
void external_path_target(Bytes input);
void graph_text_target(Bytes input);
void npy_target(Bytes input);
void npz_target(Bytes input);
void image_target(Bytes input);
void records_target(Bytes input);
void csv_target(Bytes input);
void preprocess_target(Bytes input);
void recipe_target(Bytes input);
void ranges_target(Bytes input);
void overrides_target(Bytes input);
void words_target(Bytes input);

}  // namespace precis::fuzz
