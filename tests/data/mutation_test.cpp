// Every reader on randomly damaged files: whatever the bytes, the answer is samples or an Error, never a
// crash or a hang. PRECIS_MUTATIONS sets the number of damaged files of each form (for long runs under
// sanitizers).
#include <cstdlib>

#include "precis/core/rng.h"
#include "precis/data/inflated_bytes.h"
#include "precis/data/preprocess.h"
#include "precis/data/tensor_proto.h"
#include "tests/data/data_test_support.h"
#include "tests/support/damaged_bytes.h"

namespace precis::data {
namespace {

using namespace test;

int64_t mutation_count() {
  const char* text = std::getenv("PRECIS_MUTATIONS");
  return text != nullptr ? std::atoll(text) : 150;
}

void survives(const std::string& form, const Bytes& good, const std::function<void(const Bytes&)>& read) {
  read(good);
  for (int64_t i = 0; i < mutation_count(); ++i) {
    Rng rng(7, static_cast<uint64_t>(i));
    try {
      read(precis::test::damaged(good, rng));
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal) << form << " " << i << ": " << error.what();
    }
  }
}

void survives_as_source(const std::string& name, const Bytes& good, const std::vector<int64_t>& dims) {
  const TempFolder folder;
  survives(name, good, [&](const Bytes& bytes) {
    const SourcePtr source = open(folder.write(name, bytes), {input("x", dims)});
    for (int64_t i = 0; i < std::min<int64_t>(source->size(), 3); ++i) source->get(i);
  });
}

const Bytes kArray = npy("<f4", "(4, 2)", raw<float>({1, 2, 3, 4, 5, 6, 7, 8}));

TEST(Mutations, Npy) { survives_as_source("x.npy", kArray, {-1, 2}); }
TEST(Mutations, Npz) {
  survives_as_source("x.npz", zip({{"x.npy", kArray, true}, {"labels.npy", npy("|u1", "(4,)", "abcd")}}),
                     {-1, 2});
}
TEST(Mutations, Idx) { survives_as_source("x-images", idx(8, {3, 2, 2}, "abcdefghijkl"), {-1, 1, 2, 2}); }
TEST(Mutations, IdxGzip) {
  survives_as_source("x-images.gz", gzip(idx(8, {3, 2, 2}, "abcdefghijkl")), {-1, 1, 2, 2});
}
TEST(Mutations, CifarGzip) { survives_as_source("c.gz", gzip(Bytes(2 * 3073, '\x01')), {-1, 3, 32, 32}); }
TEST(Mutations, Jpeg) { survives_as_source("x.jpg", jpeg(test_picture(24, 24, 3), 70), {-1, 3, -1, -1}); }
TEST(Mutations, Png) { survives_as_source("x.png", png(test_picture(24, 24, 3)), {-1, 3, -1, -1}); }
TEST(Mutations, Wav) {
  const Bytes form = le16(1) + le16(2) + le32(8000) + le32(32000) + le16(4) + le16(16);
  const Bytes body = "WAVEfmt " + le32(16) + form + "data" + le32(16) + Bytes("abcdefghijklmnop");
  survives_as_source("x.wav", "RIFF" + le32(body.size()) + body, {-1, -1});
}
TEST(Mutations, Table) {
  const TempFolder folder;
  folder.write("a.png", png(test_picture(2, 2, 3)));
  survives("table", "file,label\na.png,3\n\"a.png\",4\r\n", [&](const Bytes& bytes) {
    const SourcePtr source = open(folder.write("t.csv", bytes), {input("x", {-1, 3, 2, 2})});
    source->get(0);
  });
}
TEST(Mutations, TensorProto) {
  const Bytes good = tensor_proto({2, 2}, 1, raw<float>({1, 2, 3, 4})) + field_varint(1, 1);
  survives("pb", good, [](const Bytes& bytes) { parse_tensor_proto(as_bytes(bytes), "x.pb"); });
}
TEST(Mutations, PreprocessYaml) {
  survives(
      "yaml",
      "name: x\nresize: {size: 256, filter: bicubic}\ncrop: [4, 4]\nmean: [0.1, 0.2, 0.3]\nscale: 1/255\n",
      [](const Bytes& bytes) { preprocess_from_text(bytes, "p.yaml"); });
}

}  // namespace
}  // namespace precis::data
