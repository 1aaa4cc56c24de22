// Losses of classes: softmax over the outputs, or one logit an output.
#pragma once

#include "losses/loss.h"

namespace elman {
constexpr LossMeaning kCrossEntropy{true, true, 1, true}, kBinaryCrossEntropy{false, true, 1, false};
}  // namespace elman

#ifdef ELMAN_ISA
namespace elman::ELMAN_ISA {

// A label that is no class counts as NaN. Exponentials are of the network's type, their sum is a double: with up to
// 2^29 classes a float's rounding stays that of single terms.
struct CrossEntropy {
  ELMAN_LOSS_ROW {
    const int64_t known = within(y.label, outputs);
    if (known < 0) {
      if (d) fill_nan(d, outputs);
      return __builtin_nan("");
    }
    constexpr int64_t W = kWidth<T>;
    const int64_t whole = outputs / W * W;
    T top = p[0];
    if (whole > 0) {
      Vec<T> most = load(p);
      for (int64_t o = W; o < whole; o += W) {
        const Vec<T> v = load(p + o);
        most = v > most ? v : most;
      }
      for (int64_t l = 0; l < W; l++) top = most[l] > top ? most[l] : top;
    }
    for (int64_t o = whole; o < outputs; o++) top = p[o] > top ? p[o] : top;
    Doubles<T> sum{}, below{};
    const bool smooth = loss.label_smoothing > 0;
    const auto exponentials = [&](int64_t o, Vec<T> x, int64_t count) {
      const Vec<T> e = exp_negative<T>(x);
      sum.add(e);
      if (d) store_part(d + o, count, e);
    };
    for (int64_t o = 0; o < whole; o += W) {
      const Vec<T> x = load(p + o) - splat(top);
      exponentials(o, x, W);
      if (smooth) below.add(x);
    }
    double tail = 0;
    if (whole < outputs) {
      Vec<T> x = splat(T(-__builtin_inf()));
      for (int64_t l = 0; l < outputs - whole; l++) x[l] = p[whole + l] - top, tail += double(x[l]);
      exponentials(whole, x, outputs - whole);
    }
    const double total = sum.total(), log = log_positive(total), own = double(p[known]) - double(top);
    const double e = loss.label_smoothing, rest = e / double(outputs);
    if (d) {
      const double others = total - double(d[known]);  // no difference of nearly equal numbers where the class is sure
      const T share = T(scale / total), less = T(scale * rest);
      for (int64_t o = 0; o < whole; o += W) store(d + o, load(d + o) * splat(share) - splat(less));
      for (int64_t o = whole; o < outputs; o++) d[o] = d[o] * share - less;
      d[known] = T(scale * (e - rest - others / total));
    }
    const double smoothed = smooth ? rest * (double(outputs) * log - (below.total() + tail)) : 0.0;
    return scale * ((1 - e) * (log - own) + smoothed);
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
