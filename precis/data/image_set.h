// ImageSet: pictures of a set by index, before preprocessing; and the source that makes model inputs of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "precis/data/file_list.h"
#include "precis/data/source.h"
#include "precis/data/stored_array.h"

namespace precis::data {

class ImageSet {
 public:
  struct Picture {
    Image image;
    uint64_t content_hash = 0;  // of the file, or of the stored pixels
  };
  virtual ~ImageSet() = default;
  virtual int64_t size() const = 0;
  virtual Picture load(int64_t index) const = 0;
  virtual uint64_t content_hash(int64_t index) const = 0;
  virtual int64_t label(int64_t index) const = 0;  // -1 = none
  virtual bool labelled() const = 0;
  virtual std::string origin(int64_t index) const = 0;
  virtual std::string describe() const = 0;
};

// Pictures as samples of a model with one input. Layout, colour channels and type follow the input unless the
// preprocessing says otherwise; without preprocessing pixels are fed as they are (0..255).
// Errors (kUsage): several inputs; per sample, a shape or type that does not fit.
SourcePtr make_image_source(std::shared_ptr<const ImageSet> images, const DataSpec& spec,
                            const std::vector<InputSpec>& inputs);

std::shared_ptr<const ImageSet> open_image_files(FileList list);

// CIFAR-10 (1 label byte + 3,072 planar RGB bytes a record) or CIFAR-100 (2 label bytes, the second counts).
// `looks_like_cifar`: the size is a whole number of records and the first labels are in range.
bool looks_like_cifar(const ByteSource& bytes);
std::shared_ptr<const ImageSet> open_cifar(BytesPtr bytes);

// u8 arrays [N,H,W], [N,H,W,C] or [N,C,H,W] with C = 1 or 3.
bool holds_images(const StoredArray& array);
std::shared_ptr<const ImageSet> make_array_images(StoredArray array, std::vector<int64_t> labels,
                                                  const char* form);

}  // namespace precis::data
