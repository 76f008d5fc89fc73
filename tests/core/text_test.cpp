// Names from files shown safely, suggestions, globs, number formats and parsing.
#include "precis/core/text.h"

#include <gtest/gtest.h>

#include <clocale>
#include <cmath>

namespace precis {
namespace {

using namespace std::string_literals;

TEST(Printable, HarmlessNamesStay) {
  EXPECT_EQ(printable("conv1/weights:0"), "conv1/weights:0");
  EXPECT_EQ(printable("größe-尺寸-😀"), "größe-尺寸-😀");
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("%n%s%s"), "%n%s%s");
}

TEST(Printable, ControlCharactersAndTricksAreShown) {
  EXPECT_EQ(printable("a\0b"s), "a\\x00b");
  EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(printable("a\nb"), "a\\x0ab");
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "gnp.exe"),
            "\\xe2\\x80\\xaegnp.exe");             // right-to-left override
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // C1 control sequence introducer
}

TEST(Printable, InvalidUtf8IsShown) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80");           // overlong NUL
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(printable("x\xe2\x82"), "x\\xe2\\x82");  // cut short
}

TEST(Printable, LongNamesAreCut) {
  EXPECT_EQ(printable(std::string(120, 'x')), std::string(120, 'x'));
  EXPECT_EQ(printable(std::string(1 << 20, 'x')), std::string(120, 'x') + "...");
}

TEST(EditDistance, SmallCases) {
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("abc", "abc"), 0);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("clalib", "calib"), 1);
  EXPECT_EQ(edit_distance("claib", "calib"), 1);  // neighbours swapped
  EXPECT_EQ(edit_distance("--treads", "--threads"), 1);
}

TEST(Nearest, SuggestsOnlyWhatIsNear) {
  const std::vector<std::string> flags = {"--calib", "--data", "--threads", "--output"};
  EXPECT_EQ(nearest("--clib", flags), "--calib");
  EXPECT_EQ(nearest("--thread", flags), "--threads");
  EXPECT_EQ(nearest("--percentile", flags), "");
  EXPECT_EQ(nearest("x", std::vector<std::string>{}), "");
}

TEST(Glob, Patterns) {
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("layer?.*/conv[0-9]", "layer1.block/x/conv7"));
  EXPECT_FALSE(glob_match("layer?.*/conv[0-9]", "layer1.block/conva"));
  EXPECT_TRUE(glob_match("[!a-c]x", "dx"));
  EXPECT_FALSE(glob_match("[!a-c]x", "bx"));
  EXPECT_TRUE(glob_match("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(glob_match("a*b*c", "aXbYbZ"));
  EXPECT_TRUE(glob_match("[]]", "]"));
  EXPECT_TRUE(glob_match("[", "["));
  EXPECT_TRUE(glob_match("x[a", "x[a"));
  EXPECT_FALSE(glob_match("", "x"));
  EXPECT_TRUE(glob_match("***", "x"));
}

TEST(Glob, ManyStarsStayCheap) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  pattern += "b";
  EXPECT_FALSE(glob_match(pattern, std::string(20'000, 'a')));
}

TEST(Format, Bytes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1300235), "1.24 MiB");
  EXPECT_EQ(format_bytes((1u << 20) - 1), "1.00 MiB");
  EXPECT_EQ(format_bytes(UINT64_MAX), "16.00 EiB");
}

TEST(Format, CountsAndTimes) {
  EXPECT_EQ(format_count(352.1e6), "352.1 M");
  EXPECT_EQ(format_count(12), "12");
  EXPECT_EQ(format_count(999'960), "1.0 M");
  EXPECT_EQ(format_seconds(0.00152), "1.52 ms");
  EXPECT_EQ(format_seconds(3.4), "3.4 s");
  EXPECT_EQ(format_seconds(125), "2 min 05 s");
  EXPECT_EQ(format_seconds(59.97), "1 min 00 s");
  EXPECT_EQ(format_seconds(3720), "1 h 02 min");
  EXPECT_EQ(format_seconds(0), "0.00 us");
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string>{""}));
  EXPECT_EQ(trim(" \t x y\r\n"), "x y");
  EXPECT_EQ(trim(" "), "");
  EXPECT_EQ(to_lower("ReLU-É"), "relu-É");
}

TEST(Parse, WholeTextOnly) {
  int64_t i = 0;
  EXPECT_TRUE(parse_int("-42", i));
  EXPECT_EQ(i, -42);
  EXPECT_TRUE(parse_int("+7", i));
  EXPECT_EQ(i, 7);
  for (const char* bad :
       {"", "+", "-", "1e3", " 1", "1 ", "0x10", "+-1", "18446744073709551616", "9223372036854775808"})
    EXPECT_FALSE(parse_int(bad, i)) << bad;
  double d = 0;
  EXPECT_TRUE(parse_double("1e-3", d));
  EXPECT_EQ(d, 1e-3);
  EXPECT_TRUE(parse_double("inf", d));
  EXPECT_TRUE(std::isinf(d));
  for (const char* bad : {"", "1,5", "1.5x", " 1.5", "1e999"}) EXPECT_FALSE(parse_double(bad, d)) << bad;
}

TEST(Parse, LocaleDoesNotMatter) {
  std::setlocale(LC_ALL, "de_DE.UTF-8");  // stays "C" where that locale is not installed
  double d = 0;
  EXPECT_TRUE(parse_double("1.5", d));
  EXPECT_EQ(d, 1.5);
  EXPECT_EQ(format_bytes(1536), "1.50 KiB");
  std::setlocale(LC_ALL, "C");
}

}  // namespace
}  // namespace precis
