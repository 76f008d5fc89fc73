// External data of a tensor in a folder with traps: what is read is one of the two files that may be read,
// inside its bounds.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "fuzz/targets/targets.h"
#include "precis/core/io.h"
#include "precis/onnx/onnx_io.h"
#include "tests/onnx/onnx_bytes.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace precis::fuzz {
namespace {

// model/ holds the model, good.bin, sub/good.bin, a link and a hard link; secret.bin lies outside.
class Folder {
 public:
  Folder() : dir_(test::TempDir::Place::kMemory) {
    make_folders(dir_ / "model/sub");
    test::spit(dir_ / "secret.bin", std::string(64, 's'));
    test::spit(dir_ / "model/good.bin", std::string(64, 'g'));
    test::spit(dir_ / "model/sub/good.bin", std::string(64, 'g'));
    test::spit(dir_ / "model/hard.bin", std::string(64, 'h'));
    promise(::symlink("../secret.bin", (dir_ / "model/link.bin").c_str()) == 0, "the folder can be made");
    promise(::link((dir_ / "model/hard.bin").c_str(), (dir_ / "model/hard2.bin").c_str()) == 0,
            "the folder can be made");
    promise(::mkfifo((dir_ / "model/fifo").c_str(), 0600) == 0, "the folder can be made");
  }
  std::string model() const { return dir_ / "model/m.onnx"; }

 private:
  test::TempDir dir_;
};

// Up to the next zero byte.
std::string take_word(Bytes& rest) {
  const auto end = std::find(rest.begin(), rest.end(), std::byte{0});
  const std::string word = text_of(Bytes(rest.begin(), end));
  rest = end == rest.end() ? Bytes{} : Bytes(end + 1, rest.end());
  return word;
}

}  // namespace

void external_path_target(Bytes input) {
  static const Folder folder;
  const std::string location = take_word(input), offset = take_word(input), length = take_word(input);
  std::vector<std::pair<std::string, std::string>> entries = {{"location", location}};
  if (!offset.empty()) entries.emplace_back("offset", offset);
  if (!length.empty()) entries.emplace_back("length", length);
  if (!input.empty()) {
    const std::string key = take_word(input);
    entries.emplace_back(key, take_word(input));
  }
  test::spit(folder.model(),
             test::model_with(test::dims({2}) + test::data_type(1) + test::external(entries)));
  accepts([&] {
    const onnx_io::ReadResult r = onnx_io::read_model(folder.model());
    for (size_t id = 0; id < r.model.graph.num_values(); ++id) {
      const Value& v = r.model.graph.value(ValueId{static_cast<int32_t>(id)});
      if (!v.is_constant()) continue;
      const Tensor& t = *v.constant;
      for (int64_t i = 0; i < t.nbytes(); ++i)
        promise(t.bytes()[i] == std::byte{'g'},
                "external data comes from the model's folder alone: " + location);
    }
  });
}

}  // namespace precis::fuzz
