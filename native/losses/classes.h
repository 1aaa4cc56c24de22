// Losses of classes: softmax over the outputs, or one logit an output.
#pragma once

#include "losses/loss.h"

namespace elman {
constexpr LossMeaning kCrossEntropy{true, true, 1, true}, kBinaryCrossEntropy{false, true, 1, false};
}  // namespace elman

#ifdef ELMAN_ISA
namespace elman::ELMAN_ISA {

// A label that is no class counts as NaN.
struct CrossEntropy {
  ELMAN_LOSS_ROW {
    (void)loss;
    const int64_t known = within(y.label, outputs);
    if (known < 0) {
      if (d) fill_nan(d, outputs);
      return __builtin_nan("");
    }
    double top = p[0], total = 0;
    for (int64_t o = 1; o < outputs; o++) top = p[o] > top ? double(p[o]) : top;
    for (int64_t o = 0; o < outputs; o++) total += exp_negative(double(p[o]) - top);
    for (int64_t o = 0; d && o < outputs; o++) {
      d[o] = T(scale * (exp_negative(double(p[o]) - top) / total - (o == known ? 1 : 0)));
    }
    return scale * (log_positive(total) - (double(p[known]) - top));
  }
};

struct BinaryCrossEntropy : Pointwise<BinaryCrossEntropy> {
  ELMAN_INLINE static double term(const Loss&, double p, double y, double& d) {
    const double z = exp_negative(p);  // exp(-|p|)
    d = (p >= 0 ? 1 / (1 + z) : z / (1 + z)) - y;
    return (p > 0 ? p : 0) + log1p_positive(z) - p * y;
  }
};

}  // namespace elman::ELMAN_ISA
#endif
