// WAV files and the samples made of them; tables with names and numbers of classes; scores of one class.
#include "precis/data/sound_source.h"

#include <cmath>

#include "precis/data/label_file.h"
#include "precis/data/metrics.h"
#include "precis/data/wav.h"
#include "tests/data/data_test_support.h"

namespace precis::data {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bytes chunk(const std::string& name, const Bytes& data) {
  return name + le32(data.size()) + data + Bytes(data.size() % 2, '\0');
}

Bytes format(int encoding, int channels, int bits, int rate = 16000) {
  const int step = channels * bits / 8;
  return le16(encoding) + le16(channels) + le32(rate) + le32(rate * step) + le16(step) + le16(bits);
}

Bytes wav(const Bytes& form, const Bytes& data, const Bytes& before = {}) {
  const Bytes body = "WAVE" + before + chunk("fmt ", form) + chunk("data", data);
  return "RIFF" + le32(body.size()) + body;
}

std::vector<float> decoded(const Bytes& bytes) { return decode_wav(as_bytes(bytes), "a.wav").samples; }

TEST(Wav, EncodingsAndChannels) {
  EXPECT_THAT(decoded(wav(format(1, 1, 16), raw<int16_t>({0, 16384, -32768}))), ElementsAre(0, 0.5f, -1));
  EXPECT_THAT(decoded(wav(format(1, 1, 8), raw<uint8_t>({128, 192, 0}))), ElementsAre(0, 0.5f, -1));
  EXPECT_THAT(decoded(wav(format(1, 1, 24), raw<uint8_t>({0, 0, 0x40, 0, 0, 0x80}))), ElementsAre(0.5f, -1));
  EXPECT_THAT(decoded(wav(format(1, 1, 32), raw<int32_t>({1 << 30, INT32_MIN}))), ElementsAre(0.5f, -1));
  EXPECT_THAT(decoded(wav(format(3, 1, 32), raw<float>({0.25f, -2}))), ElementsAre(0.25f, -2));
  EXPECT_THAT(decoded(wav(format(1, 2, 16), raw<int16_t>({16384, 0, -16384, 16384}))), ElementsAre(0.25f, 0));
  const Bytes extensible = format(0xFFFE, 1, 16) + le16(22) + le16(16) + le32(4) + le16(1) + Bytes(14, '\0');
  EXPECT_THAT(decoded(wav(extensible, raw<int16_t>({-16384}))), ElementsAre(-0.5f));
  EXPECT_EQ(decode_wav(as_bytes(wav(format(1, 1, 16, 8000), {})), "a.wav").rate, 8000);
}

TEST(Wav, OtherChunksAndOpenEnds) {
  const Bytes samples = raw<int16_t>({16384});
  EXPECT_THAT(decoded(wav(format(1, 1, 16), samples, chunk("LIST", "odd"))), ElementsAre(0.5f));
  Bytes open = wav(format(1, 1, 16), samples);
  open.replace(open.size() - 6, 4, le32(0xFFFFFFFF));
  EXPECT_THAT(decoded(open), ElementsAre(0.5f));
}

TEST(Wav, RefusesWhatBreaksTheForm) {
  const auto refused = [](const Bytes& bytes, const std::string& message,
                          ErrorCode code = ErrorCode::kMalformed) {
    expect_error([&] { decoded(bytes); }, code, {"a.wav", message});
  };
  const Bytes good = wav(format(1, 1, 16), raw<int16_t>({1, 2}));
  refused("RIFF", "it is no WAV file");
  refused(good.substr(0, good.size() - 1), "the file is cut off");
  refused(good.substr(0, 36), "it has no samples");
  refused(wav(format(1, 0, 16), {}), "it has 0 channels");
  refused(wav(format(1, 65, 16), {}), "it has 65 channels");
  refused(wav(format(1, 1, 16, 0), {}), "its sampling rate is 0");
  refused(wav("short", {}), "format chunk has 5 bytes");
  refused(wav(format(1, 1, 12), {}), "encoding 1 with 12 bits is not read", ErrorCode::kUnsupported);
  refused(wav(format(85, 1, 16), {}), "encoding 85", ErrorCode::kUnsupported);
  Bytes steps = format(1, 1, 16);
  steps.replace(12, 2, le16(3));
  refused(wav(steps, {}), "it has 3 bytes a step, expected 2");
  refused("RIFF" + le32(50) + "WAVE" + chunk("data", raw<int16_t>({1})) + chunk("fmt ", format(1, 1, 16)),
          "its samples come before its format");
}

const std::vector<InputSpec> kSamples = {input("x", {-1, -1})};
Bytes five() { return wav(format(1, 1, 16), raw<int16_t>({8192, 16384, 24576, -8192, -16384})); }

TEST(SoundSource, WholeFilesOrFramesWithContext) {
  const TempFolder folder;
  const std::string path = folder.write("s/a.wav", five());
  const Sample whole = open(path, kSamples)->get(0);
  EXPECT_EQ(whole.inputs[0].shape(), (Shape{1, 5}));
  EXPECT_EQ(whole.calls, 1);
  const SourcePtr source = open(folder.at("s") + ",frame=2,context=1,rate=16000", kSamples);
  const Sample s = source->get(0);
  EXPECT_EQ(s.calls, 3);
  EXPECT_EQ(s.inputs[0].shape(), (Shape{3, 3}));
  EXPECT_THAT(floats(s.inputs[0]), ElementsAre(0, 0.25f, 0.5f, 0.5f, 0.75f, -0.25f, -0.25f, -0.5f, 0));
  EXPECT_THAT(source->describe(), HasSubstr("frames of 2 samples after 1 of context"));
}

TEST(SoundSource, RefusesWhatDoesNotFit) {
  const TempFolder folder;
  const std::string path = folder.write("a.wav", five());
  expect_error([&] { open(path + ",rate=8000", kSamples)->get(0); }, ErrorCode::kUsage,
               {"16000 samples a second", "rate=8000"});
  expect_error(
      [&] {
        open(path + ",frame=2", {input("x", {1, 512})})->get(0);
      },
      ErrorCode::kUsage, {"frame=N"});
  expect_error(
      [&] {
        open(path, {input("x", {1, 5}), input("state", {2, 1, 128})});
      },
      ErrorCode::kUsage, {"2 inputs that need data", "--state OUTPUT=INPUT"});
  expect_error([&] { open(path + ",context=3", kSamples); }, ErrorCode::kUsage, {"context=3 needs frame=N"});
  expect_error([&] { open(path + ",frame=0", kSamples); }, ErrorCode::kUsage, {"frame is 0, expected 1 to"});
}

TEST(LabelFile, NumbersOfClassesAreTakenBesideTheirNames) {
  const LabelList list = parse_label_text("file,class_id,class\na.wav,3,yes\nb.wav,0,no\n", "l.csv");
  EXPECT_THAT(list.labels, ElementsAre(3, 0));
  EXPECT_THAT(list.files, ElementsAre("a.wav", "b.wav"));
}

TEST(BinaryScores, RanksPairs) {
  BinaryScores b;
  const auto add = [&](std::vector<double> values, int64_t label) {
    b.add(values, std::vector<int64_t>{label}, "row");
  };
  add({0.1, 0.9, 0.2}, 1);  // the largest counts
  add({0.3}, 0);
  add({0.3}, 2);
  add({NAN}, 0);
  EXPECT_DOUBLE_EQ(b.auc(), (1 + 1 + 0.5 + 1) / 4);
  EXPECT_EQ(b.scores[0].first, 0.9);
  EXPECT_DOUBLE_EQ(BinaryScores{}.auc(), 0.5);
  const std::vector<double> values{0.1, 0.2, 0.3};
  const std::vector<int64_t> two{0, 1};
  expect_error([&] { b.add(values, two, "row 7"); }, ErrorCode::kUsage, {"row 7", "3 scores for 2 labels"});
}

}  // namespace
}  // namespace precis::data
