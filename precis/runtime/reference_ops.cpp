// The table of all reference operators.
#include "precis/runtime/reference_ops.h"

#include <algorithm>

#include "precis/runtime/reference_support.h"

namespace precis::runtime {
namespace {

std::vector<ReferenceOp> collect() {
  std::vector<ReferenceOp> all;
  for (const auto family :
       {arithmetic_ops(), activation_ops(), linear_ops(),         pool_ops(),     normalize_ops(),
        reduce_ops(),     shape_ops(),      move_ops(),           index_ops(),    resize_ops(),
        quantize_ops(),   loss_ops(),       random_ops(),         signal_ops(),   contract_ops(),
        count_ops(),      ml_ops(),         detection_ops(),      sampling_ops(), patch_ops(),
        recurrent_ops(),  attention_ops(),  flex_attention_ops(), sequence_ops()})
    all.insert(all.end(), family.begin(), family.end());
  std::sort(all.begin(), all.end(), [](const ReferenceOp& a, const ReferenceOp& b) {
    return std::pair(std::string_view(a.domain), std::string_view(a.op)) <
           std::pair(std::string_view(b.domain), std::string_view(b.op));
  });
  return all;
}

}  // namespace

std::span<const ReferenceOp> all_reference_ops() {
  static const std::vector<ReferenceOp> ops = collect();
  return ops;
}

const ReferenceOp* find_reference_op(std::string_view domain, std::string_view op) {
  const auto ops = all_reference_ops();
  const auto at = std::lower_bound(
      ops.begin(), ops.end(), std::pair(domain, op), [](const ReferenceOp& a, const auto& key) {
        return std::pair(std::string_view(a.domain), std::string_view(a.op)) < key;
      });
  return at != ops.end() && at->domain == domain && at->op == op ? &*at : nullptr;
}

}  // namespace precis::runtime
