// H04, H05, H07: pictures, folders of them, IDX and CIFAR records.
#include <sys/stat.h>
#include <unistd.h>

#include "tests/data/data_test_support.h"
#include "tests/malformed/data_case.h"
#include "tests/support/files.h"

namespace precis::test {
namespace {

namespace dt = data::test;
using namespace std::string_literals;

constexpr ErrorCode kBad = ErrorCode::kMalformed, kUsage = ErrorCode::kUsage, kNot = ErrorCode::kUnsupported;

std::string jpeg() { return dt::jpeg(dt::test_picture(8, 8, 3)); }
std::string png() { return dt::png(dt::test_picture(8, 8, 3)); }

void make_folder(const TempDir& dir, const std::string& name) { ::mkdir((dir / name).c_str(), 0700); }

// A folder of pictures with these files.
DataCase folder_case(std::string id, ErrorCode code, std::string fragment,
                     const std::vector<std::pair<std::string, std::string>>& files) {
  DataCase c;
  c.id = std::move(id);
  c.code = code;
  c.fragment = std::move(fragment);
  c.data = "photos";
  c.model = kPicture;
  c.flags = "--preprocess unit";
  c.make = [=](const TempDir& dir) {
    make_folder(dir, "photos");
    for (const auto& [name, content] : files) {
      if (const size_t slash = name.find('/'); slash != std::string::npos)
        make_folder(dir, "photos/" + name.substr(0, slash));
      spit(dir / ("photos/" + name), content);
    }
  };
  return c;
}

// A JPEG whose frame header says 65,500 x 65,500.
std::string giant_jpeg() {
  std::string j = jpeg();
  const size_t frame = j.find("\xff\xc0");
  for (size_t i = 0; i < 4; i += 2) {
    j[frame + 5 + i] = '\xff';
    j[frame + 6 + i] = '\xdc';
  }
  return j;
}

std::string giant_png() {
  std::string p = png();
  const std::string sizes = dt::be32(65500) + dt::be32(65500);
  p.replace(16, 8, sizes);
  p.replace(29, 4, dt::be32(dt::crc_of(p.substr(12, 17))));
  return p;
}

std::vector<DataCase> images() {
  const std::string two = jpeg();
  return {
      folder_case("H04_plain", kAccepted, "", {{"a.jpg", jpeg()}, {"b.png", png()}}),
      folder_case("H04a_empty_picture", kBad, "a.jpg", {{"a.jpg", ""}}),
      folder_case("H04b_giant_jpeg", ErrorCode::kLimit, "a.jpg", {{"a.jpg", giant_jpeg()}}),
      folder_case("H04c_giant_png", ErrorCode::kLimit, "a.png", {{"a.png", giant_png()}}),
      folder_case("H04d_truncated_jpeg", kBad, "a.jpg", {{"a.jpg", two.substr(0, two.size() / 2)}}),
      folder_case("H04e_truncated_png", kBad, "a.png", {{"a.png", png().substr(0, png().size() - 20)}}),
      folder_case("H04f_wrong_extension", kAccepted, "", {{"a.jpg", png()}, {"b.png", jpeg()}}),
      folder_case("H04g_gif", kNot, "GIF", {{"a.gif", "GIF89a\x01\0\x01\0\0\0\0;"s}}),
      folder_case("H04h_text_named_jpg", kBad, "a.jpg", {{"a.jpg", "no picture"}, {"b.jpg", jpeg()}}),
      folder_case("H04i_png_of_wrong_checksum", kBad, "a.png",
                  {{"a.png",
                    [] {
                      std::string p = png();
                      p[p.size() - 20] ^= 1;
                      return p;
                    }()}}),
      folder_case("H04j_other_size", kUsage, "input 'x'", {{"a.png", dt::png(dt::test_picture(9, 8, 3))}}),
      folder_case("H04k_gray_becomes_colour", kAccepted, "", {{"a.png", dt::png(dt::test_picture(8, 8, 1))}}),
  };
}

std::vector<DataCase> folders() {
  std::vector<DataCase> cases = {
      folder_case("H05_empty", kUsage, "holds nothing that is read", {}),
      folder_case("H05a_only_text", kUsage, "holds nothing that is read", {{"readme.md", "hello"}}),
      folder_case("H05b_classes", kAccepted, "", {{"cat/1.png", png()}, {"dog/1.png", png()}}),
  };
  DataCase loop = folder_case("H05c_link_loop", kBad, "is a directory", {});
  loop.make = [](const TempDir& dir) {
    make_folder(dir, "photos");
    if (::symlink("..", (dir / "photos/up").c_str()) != 0) throw Error(ErrorCode::kInternal, "symlink");
  };
  DataCase name = folder_case("H05d_name_of_any_bytes", kBad, "\\xff",
                              {{"\xff\x1b.jpg", "no picture"}, {"b.jpg", jpeg()}});
  DataCase fifo = folder_case("H05e_fifo_named_jpg", kBad, "a.jpg", {});
  fifo.make = [](const TempDir& dir) {
    make_folder(dir, "photos");
    ::mkfifo((dir / "photos/a.jpg").c_str(), 0600);
    spit(dir / "photos/b.jpg", jpeg());
  };
  DataCase gone = folder_case("H05f_missing_path", ErrorCode::kIo, "does not exist", {});
  gone.make = [](const TempDir&) {};
  cases.insert(cases.end(), {loop, name, fifo, gone});
  return cases;
}

DataCase idx_case(std::string id, ErrorCode code, std::string fragment, const std::string& content) {
  DataCase c = file_case(std::move(id), code, std::move(fragment), "t-images-idx3-ubyte", content);
  c.model = kGray;
  c.flags = "--preprocess unit";
  return c;
}

std::vector<DataCase> records() {
  const std::string pixels(8 * 16, '\x40'), good = dt::idx(8, {8, 4, 4}, pixels);
  DataCase labels = idx_case("H07f_labels_of_another_set", kBad, "do not belong together", good);
  labels.make = [=](const TempDir& dir) {
    spit(dir / "t-images-idx3-ubyte", good);
    spit(dir / "t-labels-idx1-ubyte", dt::idx(8, {7}, std::string(7, '\1')));
  };
  DataCase cifar = file_case(
      "H07g_cifar_size_with_other_labels", kBad, "no form that is read", "data_batch.bin",
      "\3" + std::string(3072, '\0') + "\x0c" + std::string(3072, '\0') + "\3" + std::string(3072, '\0'));
  cifar.model = kPicture;
  cifar.flags = "--preprocess unit";
  return {
      idx_case("H07_plain", kAccepted, "", good),
      idx_case("H07a_wrong_magic", kBad, "no form that is read", "\1" + good.substr(1)),
      idx_case("H07b_count_lies", kBad, "truncated", dt::idx(8, {9, 4, 4}, pixels)),
      idx_case("H07c_count_too_small", kBad, "longer than its header says", dt::idx(8, {7, 4, 4}, pixels)),
      idx_case("H07d_shape_overflows", kBad, "overflow",
               dt::idx(8, {0xffffffffu, 0xffffffffu, 0xffffffffu}, pixels)),
      idx_case("H07e_cut_in_header", kBad, "IDX header", good.substr(0, 9)),
      idx_case("H07h_gzip_cut", kBad, "t-images", dt::gzip(good).substr(0, dt::gzip(good).size() - 9)),
      idx_case("H07i_gzip_checksum", kBad, "t-images",
               [&] {
                 std::string g = dt::gzip(good);
                 g[g.size() - 6] ^= 1;
                 return g;
               }()),
      idx_case("H07j_gzip_of_text", kBad, "no form that is read in gzip", dt::gzip("hello")),
      labels,
      cifar,
  };
}

}  // namespace

std::vector<DataCase> picture_cases() {
  std::vector<DataCase> all;
  for (const auto& part : {images(), folders(), records()}) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace precis::test
