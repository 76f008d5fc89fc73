// Bytes that are equal exactly when what was added is: keys of maps, and what hashes are taken of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "precis/graph/graph.h"

namespace precis {

class ContentKey {
 public:
  void add(int64_t v);
  void add(float v);  // its bits: -0 is not 0
  void add(const std::string& s);
  void add(const Tensor& t);
  template <typename T>
  void add(const std::vector<T>& values) {
    add(static_cast<int64_t>(values.size()));
    for (const T& v : values) add(v);
  }
  // False for attributes whose contents are not compared: subgraphs, types, lists of tensors, containers.
  bool add(const Attribute& a);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace precis
