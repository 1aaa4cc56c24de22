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
    double top = p[0];
    for (int64_t o = 1; o < outputs; o++) top = p[o] > top ? double(p[o]) : top;
    constexpr int64_t W = kWidth<double>;
    Vec<double> sums{};
    int64_t o = 0;
    const auto exponentials = [&](int64_t count) {  // of outputs o, o + 1, ...
      Vec<double> x = splat(-__builtin_inf());
      for (int64_t l = 0; l < count; l++) x[l] = double(p[o + l]) - top;
      const Vec<double> e = exp_negative<double>(x);
      sums += e;
      for (int64_t l = 0; d && l < count; l++) d[o + l] = T(e[l]);
    };
    for (; o + W <= outputs; o += W) exponentials(W);
    if (o < outputs) exponentials(outputs - o);
    const double total = sum_lanes<double>(sums), share = scale / total;
    for (int64_t i = 0; d && i < outputs; i++) d[i] = T(share * double(d[i]));
    if (d) d[known] = T(scale * (exp_negative(double(p[known]) - top) / total - 1));
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
