// See provenance.h.
#include "precis/flow/provenance.h"

#include <fmt/format.h>

#include "precis/core/io.h"
#include "precis/core/text.h"
#include "precis/core/version.h"

namespace precis::flow {
namespace {

constexpr const char* kPreprocessKey = "precis.preprocess";

void set_metadata(Model& model, const std::string& key, const std::string& text) {
  std::erase_if(model.metadata, [&](const auto& entry) { return entry.first == key; });
  model.metadata.emplace_back(key, text);
}

}  // namespace

void mark_provenance(Model& model, const Recipe& recipe, const std::string& input_sha256) {
  set_metadata(model, "precis.version", kVersion);
  set_metadata(model, "precis.recipe", print_recipe(recipe));
  set_metadata(model, "precis.input_sha256", input_sha256);
  model.producer_name = "precis";
  model.producer_version = kVersion;
}

void remember_preprocess(Model& model, const std::optional<data::Preprocess>& preprocess) {
  if (preprocess) set_metadata(model, kPreprocessKey, data::preprocess_text(*preprocess));
}

std::optional<data::Preprocess> find_preprocess(const std::string& flag, const std::string& model_path,
                                                const Model& model) {
  if (!flag.empty()) return data::resolve_preprocess(flag);
  const size_t dot = model_path.rfind(".onnx");
  const std::string stem =
      dot != std::string::npos && dot + 5 == model_path.size() ? model_path.substr(0, dot) : model_path;
  for (const std::string& path : {stem + ".preprocess.yaml", model_path + ".preprocess.yaml"})
    if (path_kind(path) == PathKind::kFile) return data::read_preprocess_file(path);
  for (const auto& [key, text] : model.metadata)
    if (key == kPreprocessKey)
      return data::preprocess_from_text(text, fmt::format("{} (metadata {})", printable(model_path), key));
  return std::nullopt;
}

}  // namespace precis::flow
