// IDX files (MNIST and its relatives), plain or gzip: 00 00 type rank, big-endian dimensions, big-endian
// values.
#pragma once

#include <optional>
#include <string>

#include "precis/data/stored_array.h"

namespace precis::data {

// True for a plain or gzip file that starts with an IDX magic number. Never throws for other content.
bool looks_like_idx(const BytesPtr& bytes);
// Errors (kMalformed): magic, type, rank, or more or fewer bytes than the dimensions say.
StoredArray parse_idx(const BytesPtr& bytes);
// The label file that belongs to an image file: "...images-idx3-ubyte[.gz]" -> "...labels-idx1-ubyte[.gz]"
// (also with dots instead of hyphens, and with the other of plain and .gz); nullopt when there is none.
std::optional<std::string> find_idx_labels(const std::string& images_path);

}  // namespace precis::data
