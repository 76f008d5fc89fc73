// See content_key.h.
#include "precis/graph/content_key.h"

#include <cstring>
#include <type_traits>
#include <variant>

namespace precis {

void ContentKey::add(int64_t v) { text_.append(reinterpret_cast<const char*>(&v), sizeof(v)); }

void ContentKey::add(float v) {
  int32_t bits = 0;
  std::memcpy(&bits, &v, sizeof(bits));
  add(int64_t{bits});
}

void ContentKey::add(const std::string& s) {
  add(static_cast<int64_t>(s.size()));
  text_ += s;
}

void ContentKey::add(const Tensor& t) {
  add(static_cast<int64_t>(t.dtype()));
  add(t.shape().dims());
  if (t.nbytes() > 0) text_.append(reinterpret_cast<const char*>(t.bytes()), static_cast<size_t>(t.nbytes()));
}

bool ContentKey::add(const Attribute& a) {
  add(static_cast<int64_t>(a.index()));
  return std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, SubgraphPtr> || std::is_same_v<T, ValueType> ||
                      std::is_same_v<T, std::vector<Tensor>>) {
          return false;
        } else {
          if constexpr (std::is_same_v<T, Tensor>)
            if (is_container(v.dtype())) return false;
          add(v);
          return true;
        }
      },
      a);
}

}  // namespace precis
