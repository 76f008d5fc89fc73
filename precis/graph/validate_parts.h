// The two halves of the validator: structure (names, origins, order) and operators. Private to the room.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "precis/graph/validate.h"

namespace precis {

// Collects problems up to a bound: a hostile file may have millions.
class Problems {
 public:
  static constexpr size_t kMaxKept = 1000;
  void error(ErrorCode code, std::string where, std::string message);
  void warning(std::string where, std::string message);
  std::vector<Problem> take();  // the last one tells how many were left out

 private:
  void add(Problem problem);
  std::vector<Problem> kept_;
  size_t left_out_ = 0;
};

// A graph with the graphs around it.
struct Scope {
  const Graph* graph = nullptr;
  const Scope* parent = nullptr;
  int depth = 0;
  bool closed = false;  // sees nothing of the graphs around it
};

// The main graph and all subgraphs, outer ones first; a deque keeps the parents' addresses.
std::deque<Scope> all_scopes(const Graph& graph, Problems& problems);

void check_structure(const Scope& scope, Problems& problems);
void check_operators(const std::deque<Scope>& scopes, Problems& problems);
// What is wrong with the encoding of a value of this type; empty when nothing is.
std::string encoding_problem(const ValueType& type);

}  // namespace precis
