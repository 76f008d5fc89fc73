// Each change picks a field of the whole tree at random and does what its form allows.
#include "fuzz/model_mutator.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "fuzz/wire_tree.h"
#include "precis/graph/op.h"
#include "tests/onnx/onnx_bytes.h"

namespace precis::fuzz {
namespace {

using onnx_io::FieldForm;
using onnx_io::MessageKind;

// Where a field lies: its message and its place in it.
struct Place {
  WireNode* node = nullptr;
  size_t index = 0;
  WireEntry& entry() const { return node->entries[index]; }
};

void collect(WireNode& node, std::vector<Place>& places, std::vector<WireNode*>& nodes) {
  nodes.push_back(&node);
  for (size_t i = 0; i < node.entries.size(); ++i) {
    places.push_back({&node, i});
    if (node.entries[i].message) collect(*node.entries[i].message, places, nodes);
  }
}

uint64_t interesting_number(uint64_t now, Rng& rng) {
  constexpr std::array<int64_t, 24> kValues = {
      0,   1,   -1,  2,     3,     4,       7,         8,         16,        17,        21,        127,
      128, 255, 256, 65535, 65536, 1000000, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1ll << 40, -2};
  switch (rng.below(4)) {
    case 0:
      return now + rng.below(5) - 2;
    case 1:
      return rng.below(24);  // element types, opsets, axes
    case 2:
      return now ^ (uint64_t{1} << rng.below(64));
    default:
      return static_cast<uint64_t>(kValues[rng.below(kValues.size())]);
  }
}

float interesting_float(Rng& rng) {
  using Float = std::numeric_limits<float>;
  constexpr std::array<float, 16> kValues = {0.0f,
                                             -0.0f,
                                             1.0f,
                                             -1.0f,
                                             0.5f,
                                             255.0f,
                                             1e-6f,
                                             1e6f,
                                             3e9f,
                                             1e20f,
                                             1e-40f,
                                             -1e38f,
                                             Float::infinity(),
                                             -Float::infinity(),
                                             Float::quiet_NaN(),
                                             Float::max()};
  return rng.below(3) == 0 ? rng.uniform(-4.0f, 4.0f) : kValues[rng.below(kValues.size())];
}

// Tensor contents and packed numbers: elements change, or the length does.
void mutate_bytes(std::string& bytes, Rng& rng) {
  const size_t at = bytes.empty() ? 0 : rng.below(bytes.size());
  switch (rng.below(6)) {
    case 0:
      bytes.resize(at);
      break;
    case 1:
      bytes.insert(at, bytes.substr(at, 1 + rng.below(8)));
      break;
    case 2:
      if (!bytes.empty()) bytes[at] = static_cast<char>(rng.below(256));
      break;
    case 3: {
      const float v = interesting_float(rng);
      if (bytes.size() >= 4)
        std::memcpy(bytes.data() + at / 4 * 4 - (at / 4 * 4 + 4 > bytes.size() ? 4 : 0), &v, 4);
      break;
    }
    case 4: {
      const uint64_t v = interesting_number(0, rng);
      if (bytes.size() >= 8) std::memcpy(bytes.data() + std::min(at / 8 * 8, bytes.size() - 8), &v, 8);
      break;
    }
    default:
      bytes = test::varint(interesting_number(1, rng)) + test::varint(interesting_number(1, rng));
      break;
  }
}

class Mutator {
 public:
  Mutator(WireNode& root, const WireNode* other, Rng& rng) : root_(root), other_(other), rng_(rng) {}

  void change() {
    places_.clear();
    nodes_.clear();
    collect(root_, places_, nodes_);
    if (places_.empty()) return;
    switch (rng_.below(10)) {
      case 0:
        return remove();
      case 1:
        return duplicate();
      case 2:
        return swap_like();
      case 3:
        return splice();
      case 4:
        return change_operator();
      case 5:
        return add_attribute();
      case 6:
        return change_type_or_dim();
      default:
        return change_field(places_[rng_.below(places_.size())]);
    }
  }

 private:
  std::vector<Place> where(MessageKind kind, uint32_t number) const {
    std::vector<Place> found;
    for (const Place& p : places_)
      if (p.node->kind == kind && p.entry().number == number) found.push_back(p);
    return found;
  }

  std::optional<Place> pick(const std::vector<Place>& from) {
    if (from.empty()) return std::nullopt;
    return from[rng_.below(from.size())];
  }

  void remove() {
    const Place& p = places_[rng_.below(places_.size())];
    p.node->entries.erase(p.node->entries.begin() + static_cast<int64_t>(p.index));
  }

  void duplicate() {
    const Place& p = places_[rng_.below(places_.size())];
    WireEntry copy = p.entry().clone();
    const size_t to = rng_.below(p.node->entries.size() + 1);
    p.node->entries.insert(p.node->entries.begin() + static_cast<int64_t>(to), std::move(copy));
  }

  // Two fields of one number in one kind of message change places: edges, shapes, attributes, whole nodes.
  void swap_like() {
    const Place& a = places_[rng_.below(places_.size())];
    const std::vector<Place> like = where(a.node->kind, a.entry().number);
    const Place& b = like[rng_.below(like.size())];
    // One inside the other would make a circle.
    if (a.entry().message && b.entry().message) {
      const WireEntry copy = b.entry().clone();
      a.entry() = copy;
      return;
    }
    std::swap(a.entry(), b.entry());
  }

  // A part of the other model takes the place of one of the same kind.
  void splice() {
    if (other_ == nullptr) return duplicate();
    const std::shared_ptr<WireNode> copy = other_->clone();
    std::vector<Place> theirs;
    std::vector<WireNode*> ignored;
    collect(*copy, theirs, ignored);
    if (theirs.empty()) return;
    const Place& from = theirs[rng_.below(theirs.size())];
    const std::vector<Place> like = where(from.node->kind, from.entry().number);
    const std::optional<Place> to = pick(like);
    if (!to) return;
    WireEntry part = from.entry().clone();
    if (rng_.below(2) == 0)
      to->entry() = std::move(part);
    else
      to->node->entries.insert(to->node->entries.begin() + static_cast<int64_t>(to->index), std::move(part));
  }

  const OpDecl& any_operator() { return *all_ops()[rng_.below(all_ops().size())]; }

  void change_operator() {
    const std::optional<Place> p = pick(where(MessageKind::kNode, 4));
    if (p) p->entry().bytes = any_operator().op;
  }

  // An attribute that the node's operator, or another one, knows, with a value of its kind.
  void add_attribute() {
    std::vector<WireNode*> operators;
    for (WireNode* n : nodes_)
      if (n->kind == MessageKind::kNode) operators.push_back(n);
    if (operators.empty()) return;
    WireNode& node = *operators[rng_.below(operators.size())];
    const OpDecl* decl = nullptr;
    for (const WireEntry& e : node.entries)
      if (e.number == 4) decl = find_op("", e.bytes);
    if (decl == nullptr || rng_.below(8) == 0) decl = &any_operator();
    if (decl->attributes.empty()) return;
    const AttrDecl& a = decl->attributes[rng_.below(decl->attributes.size())];
    const std::string content = attribute_content(a.kind);
    WireEntry e;
    e.number = 5;
    e.wire_type = 2;
    const std::string text = test::bytes(1, a.name) + content;
    e.message = parse_wire(std::as_bytes(std::span(text)), MessageKind::kAttribute);
    if (e.message) node.entries.push_back(std::move(e));
  }

  std::string attribute_content(AttrKind kind) {
    const auto number = [&] { return static_cast<int64_t>(interesting_number(1, rng_)); };
    std::string content;
    switch (kind) {
      case AttrKind::kInt:
        return test::number(3, number()) + test::number(20, 2);
      case AttrKind::kFloat:
        return test::tag(2, 5) + test::raw<float>({interesting_float(rng_)}) + test::number(20, 1);
      case AttrKind::kInts:
        for (uint64_t n = rng_.below(5); n > 0; --n) content += test::number(8, number());
        return content + test::number(20, 7);
      case AttrKind::kFloats:
        for (uint64_t n = rng_.below(5); n > 0; --n)
          content += test::tag(7, 5) + test::raw<float>({interesting_float(rng_)});
        return content + test::number(20, 6);
      case AttrKind::kString: {
        constexpr std::array kWords = {"",        "SAME_UPPER", "SAME_LOWER",    "VALID",         "NOTSET",
                                       "reflect", "edge",       "wrap",          "constant",      "linear",
                                       "cubic",   "nearest",    "align_corners", "bidirectional", "reverse",
                                       "sum"};
        return test::bytes(4, kWords[rng_.below(kWords.size())]) + test::number(20, 3);
      }
      default:
        return test::number(20, number());
    }
  }

  // Dimensions and element types decide what everything after them believes.
  void change_type_or_dim() {
    constexpr std::array<std::pair<MessageKind, uint32_t>, 6> kFields = {{{MessageKind::kTensor, 1},
                                                                          {MessageKind::kTensor, 2},
                                                                          {MessageKind::kDimension, 1},
                                                                          {MessageKind::kTypeTensor, 1},
                                                                          {MessageKind::kOpsetImport, 2},
                                                                          {MessageKind::kAttribute, 3}}};
    const auto& [kind, number] = kFields[rng_.below(kFields.size())];
    const std::optional<Place> p = pick(where(kind, number));
    if (p) change_field(*p);
  }

  void change_field(const Place& p) {
    WireEntry& e = p.entry();
    if (e.message) return duplicate();
    if (e.wire_type == 0) {
      e.value = interesting_number(e.value, rng_);
    } else if (e.wire_type == 5) {
      e.value = std::bit_cast<uint32_t>(interesting_float(rng_));
    } else if (e.wire_type == 1) {
      e.value = std::bit_cast<uint64_t>(static_cast<double>(interesting_float(rng_)));
    } else if (holds_name(p)) {
      rename(e);
    } else {
      mutate_bytes(e.bytes, rng_);
    }
  }

  static bool holds_name(const Place& p) {
    const onnx_io::WireField* field =
        onnx_io::find_wire_field(onnx_io::wire_message(p.node->kind), p.entry().number);
    if (field == nullptr || field->form != FieldForm::kBytes) return false;
    return !(p.node->kind == MessageKind::kTensor && (p.entry().number == 9 || p.entry().number == 6)) &&
           !(p.node->kind == MessageKind::kAttribute && (p.entry().number == 4 || p.entry().number == 9));
  }

  // Another name of the model (edges to other values), or none.
  void rename(WireEntry& e) {
    std::vector<const std::string*> names;
    for (const Place& p : places_)
      if (holds_name(p)) names.push_back(&p.entry().bytes);
    if (names.empty() || rng_.below(8) == 0)
      e.bytes = rng_.below(2) == 0 ? "" : e.bytes + "_";
    else
      e.bytes = std::string(*names[rng_.below(names.size())]);
  }

  WireNode& root_;
  const WireNode* other_;
  Rng& rng_;
  std::vector<Place> places_;
  std::vector<WireNode*> nodes_;
};

}  // namespace

std::string mutate_model(Bytes model, Bytes other, Rng& rng) {
  const std::shared_ptr<WireNode> root = parse_wire(model, MessageKind::kModel);
  if (!root) return text_of(model);
  const std::shared_ptr<WireNode> donor = other.empty() ? nullptr : parse_wire(other, MessageKind::kModel);
  Mutator mutator(*root, donor.get(), rng);
  for (uint64_t n = 1 + rng.below(4); n > 0; --n) mutator.change();
  return write_wire(*root);
}

}  // namespace precis::fuzz
