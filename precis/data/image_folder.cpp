// Pictures in files. A file is opened when its sample is asked for.
#include "precis/core/check.h"
#include "precis/core/hash.h"
#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/data/image_file.h"
#include "precis/data/image_set.h"

namespace precis::data {
namespace {

constexpr uint64_t kMaxImageFile = 256u << 20;

class FileImages : public ImageSet {
 public:
  explicit FileImages(FileList list) : list_(std::move(list)) {}

  int64_t size() const override { return list_.size(); }
  bool labelled() const override { return list_.labelled(); }
  int64_t label(int64_t index) const override { return list_.label(index); }
  std::string origin(int64_t index) const override { return printable(list_.name(index)); }
  Picture load(int64_t index) const override {
    const std::vector<std::byte> bytes = read_file(list_.path(index), kMaxImageFile);
    return {decode_image(bytes, printable(list_.path(index))), xxh3(bytes)};
  }
  uint64_t content_hash(int64_t index) const override {
    return xxh3(read_file(list_.path(index), kMaxImageFile));
  }
  std::string describe() const override { return list_.describe("image"); }

 private:
  FileList list_;
};

}  // namespace

std::shared_ptr<const ImageSet> open_image_files(FileList list) {
  return std::make_shared<FileImages>(std::move(list));
}

}  // namespace precis::data
