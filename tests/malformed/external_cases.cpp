// D: external data that points elsewhere, is no plain file, or has the wrong ranges.
#include <sys/stat.h>
#include <unistd.h>

#include "tests/malformed/malformed_case.h"
#include "tests/malformed/op_bytes.h"
#include "tests/support/files.h"

namespace precis::test {
namespace {

using namespace std::string_literals;
using Entries = std::vector<std::pair<std::string, std::string>>;

constexpr ErrorCode kBad = ErrorCode::kMalformed;

// model/m.onnx with an external f32[2], model/w.bin with three floats, outside/secret.bin beside the model's
// folder.
std::string make_model(const TempDir& dir, const Entries& entries) {
  for (const char* folder : {"model", "model/sub", "outside"}) ::mkdir((dir / folder).c_str(), 0700);
  spit(dir / "model/w.bin", raw<float>({1, 2, 3}));
  spit(dir / "model/sub/w.bin", raw<float>({1, 2}));
  spit(dir / "outside/secret.bin", raw<float>({7, 8}));
  spit(dir / "model/m.onnx", model_with(dims({2}) + data_type(1) + external(entries)));
  return dir / "model/m.onnx";
}

MalformedCase entries_case(std::string id, ErrorCode code, std::string fragment, const Entries& entries) {
  return {std::move(id), code, std::move(fragment), [=](const TempDir& d) { return make_model(d, entries); }};
}

MalformedCase location(std::string id, std::string fragment, const std::string& path) {
  return entries_case(std::move(id), kBad, std::move(fragment), {{"location", path}, {"length", "8"}});
}

// A location whose file is made by `prepare` in the model's folder.
MalformedCase prepared(std::string id, ErrorCode code, std::string fragment, const std::string& path,
                       const std::function<void(const TempDir&)>& prepare) {
  return {std::move(id), code, std::move(fragment), [=](const TempDir& d) {
            std::string model = make_model(d, {{"location", path}, {"length", "8"}});
            prepare(d);
            return model;
          }};
}

void link_to(const TempDir& d, const std::string& target, const std::string& name) {
  if (::symlink(target.c_str(), (d / ("model/" + name)).c_str()) != 0)
    throw Error(ErrorCode::kInternal, "symlink");
}

std::vector<MalformedCase> locations() {
  return {
      entries_case("D00_plain", kAccepted, "", {{"location", "w.bin"}, {"length", "8"}}),
      entries_case("D00b_subfolder", kAccepted, "", {{"location", "sub/w.bin"}}),
      location("D01_parent", "'..'", "../outside/secret.bin"),
      location("D02_parent_inside", "'..'", "sub/../../outside/secret.bin"),
      location("D03_absolute", "absolute path", "/etc/passwd"),
      location("D04_drive", "backslash", "C:\\x"),
      location("D04b_host", "backslash", "\\\\host\\x"),
      location("D04c_backslashes", "backslash", "a\\..\\..\\x"),
      location("D04d_drive_with_slash", "drive", "C:/x"),
      location("D05_empty", "is empty", ""),
      location("D06_dot", "is a folder", "."),
      location("D06b_folder", "a directory", "sub"),
      location("D07_nul", "NUL", "w.bin\0x"s),
      location("D27_missing", "put the file beside the model", "none.bin"),
      location("D27b_missing_in_a_file", "none.bin", "w.bin/none.bin"),
      location("D27c_name_too_long", "too long", std::string(300, 'w')),
      entries_case("D05b_no_location", kBad, "has no location", {{"length", "8"}}),
  };
}

std::vector<MalformedCase> files() {
  return {
      prepared("D08_link", kBad, "--follow-links", "l.bin",
               [](const auto& d) { link_to(d, "../outside/secret.bin", "l.bin"); }),
      prepared("D09_linked_folder", kBad, "--follow-links", "l/secret.bin",
               [](const auto& d) { link_to(d, "../outside", "l"); }),
      prepared("D10_hard_link", kBad, "hard links", "h.bin",
               [](const auto& d) {
                 if (::link((d / "outside/secret.bin").c_str(), (d / "model/h.bin").c_str()) != 0)
                   throw Error(ErrorCode::kInternal, "link");
               }),
      prepared("D12_fifo", kBad, "a FIFO", "f.bin",
               [](const auto& d) { ::mkfifo((d / "model/f.bin").c_str(), 0600); }),
      prepared("D13_device", kBad, "--follow-links", "z.bin",
               [](const auto& d) { link_to(d, "/dev/zero", "z.bin"); }),
      prepared("D14_process_memory", kBad, "--follow-links", "m.bin",
               [](const auto& d) { link_to(d, "/proc/self/mem", "m.bin"); }),
  };
}

std::vector<MalformedCase> followed_files() {
  std::vector<MalformedCase> cases = {
      prepared("D08b_link_followed", kAccepted, "", "l.bin",
               [](const auto& d) { link_to(d, "../outside/secret.bin", "l.bin"); }),
      prepared("D09b_linked_folder_followed", kAccepted, "", "l/secret.bin",
               [](const auto& d) { link_to(d, "../outside", "l"); }),
      prepared("D13b_device_followed", kBad, "a device", "z.bin",
               [](const auto& d) { link_to(d, "/dev/zero", "z.bin"); }),
      prepared("D14b_process_memory_followed", kBad, "has 0 bytes", "m.bin",
               [](const auto& d) { link_to(d, "/proc/self/mem", "m.bin"); }),
      prepared("D14c_magic_link_followed", kBad, "cannot be opened", "m.bin",
               [](const auto& d) { link_to(d, "/proc/self/exe", "m.bin"); }),
      location("D01b_parent_followed", "'..'", "../outside/secret.bin"),
  };
  for (MalformedCase& c : cases) c.follow_links = true;
  return cases;
}

std::vector<MalformedCase> ranges() {
  const auto range = [](std::string id, std::string fragment, const std::string& offset,
                        const std::string& length) {
    Entries e = {{"location", "w.bin"}};
    if (!offset.empty()) e.emplace_back("offset", offset);
    if (!length.empty()) e.emplace_back("length", length);
    return entries_case(std::move(id), kBad, std::move(fragment), e);
  };
  return {
      range("D15_offset_negative", "offset is '-1'", "-1", "8"),
      range("D15b_offset_word", "offset is 'four'", "four", "8"),
      range("D15c_offset_2_64", "offset is '18446744073709551616'", "18446744073709551616", "8"),
      range("D15d_offset_exponent", "offset is '1e3'", "1e3", "8"),
      range("D15e_offset_spaces", "offset is '  4'", "  4", "8"),
      range("D16_length_negative", "length is '-1'", "0", "-1"),
      range("D16b_length_2_62", "expected 8 bytes", "0", "4611686018427387904"),
      range("D17_offset_beyond", "beyond the end", "13", "8"),
      range("D18_one_byte_too_far", "needs 8 bytes from offset 5", "5", "8"),
      range("D19_sum_overflows", "beyond the end", "9223372036854775807", "8"),
      range("D20_length_of_another_shape", "length is 12, expected 8 bytes", "0", "12"),
      range("D20b_no_length", "expected exactly 8", "", ""),
      entries_case("D23_unknown_key", kBad, "unknown external data key '__class__'",
                   {{"location", "w.bin"}, {"length", "8"}, {"__class__", "os.system"}}),
      entries_case("D24_location_twice", kBad, "'location' is given twice",
                   {{"location", "w.bin"}, {"location", "sub/w.bin"}, {"length", "8"}}),
      entries_case("D25_wrong_checksum", kBad, "checksum",
                   {{"location", "w.bin"}, {"length", "8"}, {"checksum", std::string(40, 'a')}}),
  };
}

// Two initializers in one file, at these offsets.
MalformedCase pair_case(std::string id, ErrorCode code, std::string fragment, const std::string& first,
                        const std::string& second) {
  return {std::move(id), code, std::move(fragment), [=](const TempDir& d) {
            std::string path = make_model(d, {{"location", "w.bin"}});
            std::string graph = graph_input("x", {2}) + graph_output("y", {2});
            for (const auto& [name, offset] : {std::pair{"a"s, first}, std::pair{"b"s, second}})
              graph += initializer(tensor_name(name) + dims({2}) + data_type(1) +
                                   external({{"location", "w.bin"}, {"offset", offset}, {"length", "8"}}));
            graph += in_node(node("Add", {"x", "a"}, {"s"})) + in_node(node("Add", {"s", "b"}, {"y"}));
            spit(path, model(graph));
            return path;
          }};
}

}  // namespace

std::vector<MalformedCase> external_cases() {
  std::vector<MalformedCase> all;
  for (const auto& part : {locations(), files(), followed_files(), ranges()})
    all.insert(all.end(), part.begin(), part.end());
  all.push_back(pair_case("D21_shared_range", kAccepted, "", "0", "0"));
  all.push_back(pair_case("D22_overlapping_ranges", kBad, "overlap", "0", "4"));
  return all;
}

}  // namespace precis::test
