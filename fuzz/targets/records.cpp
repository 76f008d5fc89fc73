// Files of records and sounds, opened as data of a model and read: IDX, CIFAR, WAV and whatever else the
// bytes look like.
#include "fuzz/targets/targets.h"
#include "precis/data/source.h"

namespace precis::fuzz {

void records_target(Bytes input) {
  const SmallLimits small;
  Chooser choose(input);
  const std::vector<std::vector<int64_t>> shapes = {{-1, 1, 2, 2}, {-1, 3, 32, 32}, {-1, -1}, {2, 4}};
  data::InputSpec x;
  x.name = "x";
  x.dims = shapes[choose.below(shapes.size())];
  const std::string path = as_file(choose.rest(), "records");
  accepts([&] {
    data::DataSpec spec;
    spec.path = path;
    const data::SourcePtr source = data::open_source(spec, {x});
    promise(source->size() >= 0, "a source has samples or none");
    for (int64_t i = 0; i < std::min<int64_t>(source->size(), 3); ++i) {
      const data::Sample sample = source->get(i);
      promise(sample.inputs.size() == 1, "a sample brings the model's inputs");
    }
    if (source->size() > 0) source->content_hash(source->size() - 1);
  });
}

}  // namespace precis::fuzz
