// SHA-256 against the examples of FIPS 180-4 (and the long one), XXH3 against its published test values.
#include "precis/core/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace precis {
namespace {

TEST(Sha256, PublishedExamples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheSameAsTheWhole) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
  for (size_t length = 0; length <= 130; ++length) {  // every position of the padding
    const std::string whole = sha256_hex(std::string_view(text).substr(0, length));
    for (size_t cut : {size_t{0}, length / 3, length / 2, length}) {
      Sha256 hash;
      hash.update(std::string_view(text).substr(0, cut));
      hash.update(std::string_view(text).substr(cut, length - cut));
      ASSERT_EQ(hash.hex(), whole) << length << " cut at " << cut;
    }
  }
}

TEST(Xxh3, KnownValues) {
  EXPECT_EQ(xxh3({}), 0x2d06800538d394c2ull);
  const std::string text = "abc";
  EXPECT_EQ(xxh3(std::as_bytes(std::span(text.data(), text.size()))), 0x78af5f94892f3950ull);
  EXPECT_NE(xxh3(std::as_bytes(std::span(text.data(), text.size())), 1), 0x78af5f94892f3950ull);
}

}  // namespace
}  // namespace precis
