// Magic numbers of the files that people hand in instead of a model, and the test for plain text.
#include "precis/onnx/file_kind.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "precis/core/text.h"

namespace precis::onnx_io {
namespace {

using std::string_view_literals::operator""sv;

struct Magic {
  size_t offset;
  std::string_view bytes;
  const char* kind;
};

constexpr std::array kMagics = {
    Magic{0, "version https://git-lfs"sv,
          "a Git LFS pointer, not the model itself; fetch it with 'git lfs pull'"},
    Magic{0, "\x1f\x8b"sv, "a gzip file; unpack it first (gunzip)"},
    Magic{0, "\x28\xb5\x2f\xfd"sv, "a zstd file; unpack it first (unzstd)"},
    Magic{0, "\xfd\x37\x7a\x58\x5a"sv, "an xz file; unpack it first (unxz)"},
    Magic{0, "BZh"sv, "a bzip2 file; unpack it first (bunzip2)"},
    Magic{0, "GGUF"sv, "a GGUF file (llama.cpp weights); an ONNX model is needed"},
    Magic{4, "TFL3"sv, "a TensorFlow Lite model; convert it to ONNX first (tf2onnx)"},
    Magic{0, "\x89HDF\r\n\x1a\n"sv, "an HDF5 file (Keras weights?); export the model to ONNX first"},
    Magic{0, "\x93NUMPY"sv, "a NumPy array, not a model"},
    Magic{0, "\x80\x02"sv, "a Python pickle (an old PyTorch checkpoint?); export the model to ONNX first"},
    Magic{0,
          "\x7f"
          "ELF"sv,
          "a program (ELF), not a model"},
    Magic{0, "\x89PNG"sv, "a PNG image, not a model"},
    Magic{0, "\xff\xd8\xff"sv, "a JPEG image, not a model"},
};

std::string zip_kind(std::string_view head) {
  if (head.find("data.pkl") != std::string_view::npos || head.find("/version") != std::string_view::npos)
    return "a PyTorch checkpoint (zip); export the model to ONNX first (torch.onnx.export)";
  if (head.find(".npy") != std::string_view::npos) return "a NumPy archive (npz), not a model";
  return "a zip archive; unpack it first";
}

// Safetensors: a little-endian 64-bit header length, then JSON.
bool is_safetensors(std::string_view head) {
  if (head.size() < 10 || head[8] != '{' || (head[9] != '"' && head[9] != '}' && head[9] != ' '))
    return false;
  uint64_t length = 0;
  std::memcpy(&length, head.data(), 8);
  return length >= 2 && length <= 100'000'000;
}

bool is_text(std::string_view head) {
  return std::all_of(head.begin(), head.end(), [](char ch) {
    const auto c = static_cast<unsigned char>(ch);
    return c >= 0x20 ? c != 0x7f : c == '\n' || c == '\r' || c == '\t';
  });
}

std::string text_kind(std::string_view head) {
  const bool bom = head.substr(0, 3) == "\xef\xbb\xbf"sv;
  const std::string_view body = trim(bom ? head.substr(3) : head);
  const std::string start = to_lower(body.substr(0, 64));
  if (start.rfind("<!doctype html", 0) == 0 || start.rfind("<html", 0) == 0)
    return "an HTML page (the download gave an error page?), not a model";
  if (start.rfind("<?xml", 0) == 0) return "an XML file (an OpenVINO IR?), not an ONNX model";
  if (start.rfind("{", 0) == 0) return "JSON text, not a binary ONNX model";
  if (start.rfind("ir_version:", 0) == 0 || start.rfind("<ir_version", 0) == 0 ||
      start.rfind("< ir_version", 0) == 0)
    return "ONNX in text form; convert it to the binary form first";
  return bom ? "a text file (with a byte order mark), not a model" : "a text file, not a model";
}

}  // namespace

std::string foreign_file_kind(std::span<const std::byte> bytes) {
  constexpr size_t kHead = 1024;
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kHead));
  if (head.empty()) return "empty (0 bytes)";
  for (const Magic& m : kMagics)
    if (head.size() >= m.offset + m.bytes.size() && head.substr(m.offset, m.bytes.size()) == m.bytes)
      return m.kind;
  if (head.substr(0, 4) == "PK\x03\x04"sv) return zip_kind(head);
  if (is_safetensors(head)) return "a safetensors file (weights without a graph); an ONNX model is needed";
  if (head.size() > 3 && is_text(head)) return text_kind(head);
  return {};
}

}  // namespace precis::onnx_io
