// Reading is line by line: an include is a line whose first characters say so, whatever #if stands around it.
#include "tests/architecture/source_tree.h"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "precis/core/text.h"
#include "tests/support/files.h"

namespace precis::test {

bool SourceFile::is_header() const { return path.size() > 2 && path.substr(path.size() - 2) == ".h"; }

std::string SourceFile::room() const {
  const std::vector<std::string> parts = split(path, '/');
  return parts.size() > 2 && parts[0] == "precis" ? parts[1] : "";
}

std::string SourceFile::folder() const { return path.substr(0, path.rfind('/')); }

std::vector<Include> parse_includes(const std::string& text) {
  std::vector<Include> includes;
  const std::vector<std::string> lines = split(text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = trim(lines[i]);
    if (line.empty() || line[0] != '#') continue;
    line = trim(line.substr(1));
    if (line.rfind("include", 0) != 0) continue;
    line = trim(line.substr(7));
    if (line.size() < 2 || (line[0] != '"' && line[0] != '<')) continue;
    const bool quoted = line[0] == '"';
    const size_t end = line.find(quoted ? '"' : '>', 1);
    if (end == std::string_view::npos) continue;
    includes.push_back({std::string(line.substr(1, end - 1)), quoted, static_cast<int>(i) + 1});
  }
  return includes;
}

std::vector<SourceFile> read_sources(const std::string& root, const std::string& folder) {
  std::vector<SourceFile> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root + "/" + folder)) {
    const std::string extension = entry.path().extension().string();
    if (!entry.is_regular_file() || (extension != ".h" && extension != ".cpp" && extension != ".inc"))
      continue;
    SourceFile file;
    file.path = std::filesystem::relative(entry.path(), root).string();
    file.text = slurp(entry.path().string());
    file.includes = parse_includes(file.text);
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::vector<std::string> public_headers(const std::string& root) {
  const std::string text = slurp(root + "/precis/CMakeLists.txt");
  const std::string opening = "set(PRECIS_PUBLIC_HEADERS";
  const size_t begin = text.find(opening);
  if (begin == std::string::npos)
    throw std::runtime_error("precis/CMakeLists.txt lists no PRECIS_PUBLIC_HEADERS");
  std::istringstream words(
      text.substr(begin + opening.size(), text.find(')', begin) - begin - opening.size()));
  std::vector<std::string> headers;
  for (std::string word; words >> word;) headers.push_back("precis/" + word);
  return headers;
}

}  // namespace precis::test
