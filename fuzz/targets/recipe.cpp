// Recipes: parse(print(r)) == r, and stages are checked without running them.
#include "precis/flow/recipe.h"
#include "fuzz/targets/targets.h"
#include "precis/flow/run.h"

namespace precis::fuzz {

void recipe_target(Bytes input) {
  flow::Recipe recipe;
  if (!accepts([&] { recipe = flow::parse_recipe(text_of(input), "recipe"); })) return;
  const std::string printed = flow::print_recipe(recipe);
  std::string again;
  promise(accepts([&] { again = flow::print_recipe(flow::parse_recipe(printed, "printed")); }),
          "what print_recipe prints can be read: " + printed);
  promise(printed == again, "a recipe survives printing: " + printed);
  accepts([&] { flow::check_recipe(recipe); });
}

}  // namespace precis::fuzz
