// Losses: the value and the derivative of one prediction row side by side, in double whatever the network's type.
// reference/losses.py states the equations. e = y_hat - y; every term is multiplied by the step's weight and divided by
// the normaliser.
#pragma once

#include "activations.h"
#include "program.h"

namespace elman::ELMAN_ISA {

ELMAN_INLINE double absolute(double x) { return x < 0 ? -x : x; }
ELMAN_INLINE double sign(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }

// One term of a loss that acts on each output alone; d receives its derivative by y_hat.
ELMAN_INLINE double pointwise(const Loss& loss, double p, double y, double& d) {
  const double e = p - y;
  switch (loss.kind) {
    case LossKind::half_sse:
      d = e;
      return 0.5 * e * e;
    case LossKind::mse:
      d = 2 * e;
      return e * e;
    case LossKind::mae:
      d = sign(e) + (e - e);
      return absolute(e);  // e - e: NaN stays NaN
    case LossKind::huber: {
      const double a = absolute(e);
      d = a <= loss.delta ? e : loss.delta * sign(e) + (e - e);
      return a <= loss.delta ? 0.5 * e * e : loss.delta * (a - 0.5 * loss.delta);
    }
    case LossKind::binary_cross_entropy: {
      const double z = exp_negative(p);  // exp(-|p|)
      d = (p >= 0 ? 1 / (1 + z) : z / (1 + z)) - y;
      return (p > 0 ? p : 0) + log1p_positive(z) - p * y;
    }
    default:
      d = 0;
      return 0;
  }
}

// Loss of one row of O predictions against its target; d (O,) may be null. `scale` is weight / normaliser.
template <class T>
double loss_row(const Loss& loss, const T* p, int64_t outputs, const T* y, int64_t y_col, const int64_t* label,
                double scale, T* d) {
  double sum = 0;
  if (loss.kind == LossKind::cross_entropy) {
    double top = p[0], total = 0;
    for (int64_t o = 1; o < outputs; o++) top = p[o] > top ? double(p[o]) : top;
    for (int64_t o = 0; o < outputs; o++) total += exp_negative(double(p[o]) - top);
    if (d) {
      for (int64_t o = 0; o < outputs; o++) {
        d[o] = T(scale * (exp_negative(double(p[o]) - top) / total - (o == *label ? 1 : 0)));
      }
    }
    return scale * (log_positive(total) - (double(p[*label]) - top));
  }
  if (loss.kind == LossKind::pinball) {
    for (int64_t o = 0; o < outputs; o++) {
      const double q = loss.quantiles[o % loss.n_quantiles];
      const double e = double(y[o / loss.n_quantiles * y_col]) - double(p[o]);
      sum += e >= 0 ? q * e : (q - 1) * e;
      if (d) d[o] = T(scale * ((e > 0 ? -q : e < 0 ? 1 - q : 0) + (e - e)));
    }
    return scale * sum;
  }
  for (int64_t o = 0; o < outputs; o++) {
    double slope;
    sum += pointwise(loss, double(p[o]), double(y[o * y_col]), slope);
    if (d) d[o] = T(scale * slope);
  }
  return scale * sum;
}

}  // namespace elman::ELMAN_ISA
