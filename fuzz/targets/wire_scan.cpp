// The scan before any parser. What it counts is bounded by what it was given, whatever the bytes say.
#include "precis/onnx/wire_scan.h"
#include "fuzz/targets/targets.h"

namespace precis::fuzz {

void wire_scan_target(Bytes input) {
  using Kind = onnx_io::MessageKind;
  constexpr Kind kRoots[] = {Kind::kModel, Kind::kTensor, Kind::kSequence, Kind::kOptional};
  Chooser choose(input);
  const Kind root = kRoots[choose.below(std::size(kRoots))];
  const Bytes bytes = choose.rest();
  accepts([&] {
    const onnx_io::WireStats stats = onnx_io::wire_scan(bytes, root, "input");
    promise(stats.messages <= bytes.size() + 1, "no more messages than bytes");
    promise(stats.nodes >= 0 && static_cast<uint64_t>(stats.nodes) <= stats.messages,
            "no more nodes than messages");
    promise(stats.depth <= limits().max_message_depth, "the depth is limited");
  });
}

}  // namespace precis::fuzz
