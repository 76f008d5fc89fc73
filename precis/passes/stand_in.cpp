// See stand_in.h.
#include "precis/passes/stand_in.h"

namespace precis::passes {

bool stand_in(Graph& g, ValueId from, ValueId to) {
  if (g.is_output(from)) {
    if (!g.value(to).producer || g.is_output(to)) return false;
    const std::string name = g.value(from).name;
    g.rename_value(from, g.unique_value_name(name + "/removed"));
    g.rename_value(to, name);
  }
  g.replace_uses(from, to);
  return true;
}

}  // namespace precis::passes
