// Losses: the value and the derivative of one prediction row side by side, in double whatever the network's type.
// reference/losses.py states the equations. e = y_hat - y; every term is multiplied by the step's weight and divided by
// the normaliser.
#pragma once

#include "layers/ids.h"
#include "math/activations.h"
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
      const double delta = loss.delta;
      d = a <= delta ? e : delta * sign(e) + (e - e);
      return a <= delta ? 0.5 * e * e : delta * (a - 0.5 * delta);
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

// Minus the log density of y: location mu, scale exp(s). d (2,) receives its derivatives by both.
ELMAN_INLINE double density(const Loss& loss, double mu, double s, double y, double* d) {
  constexpr double most = 20;  // what is beyond is added, so that the scale is led back
  const double kept = s > most ? most : s < -most ? -most : s;
  const double size = exp_negative(kept), inverse = kept > 0 ? size : 1 / size;  // exp(-|kept|), 1 / scale
  const double z = (mu - y) * inverse;
  double value = 0.5 * z * z, slope = z;
  if (loss.kind == LossKind::student_t) {
    const double df = loss.df;
    value = 0.5 * (df + 1) * log1p_positive(z * z / df);
    slope = (df + 1) * z / (df + z * z);
  }
  d[0] = slope * inverse;
  d[1] = s > most ? 1 : s < -most ? -1 : 1 - z * slope;
  return loss.at_zero + value + kept + absolute(s - kept);
}

// Loss of one row of O predictions against its target; d (O,) may be null. `scale` is weight / normaliser.
template <class T>
double loss_row(const Loss& loss, const T* p, int64_t outputs, const T* y, int64_t y_col, const int64_t* label,
                double scale, T* d) {
  double sum = 0;
  if (loss.kind == LossKind::cross_entropy) {
    const int64_t known = within(label, outputs);
    if (known < 0) {
      if (d) fill_nan(d, outputs);
      return __builtin_nan("");
    }
    double top = p[0], total = 0;
    for (int64_t o = 1; o < outputs; o++) top = p[o] > top ? double(p[o]) : top;
    for (int64_t o = 0; o < outputs; o++) total += exp_negative(double(p[o]) - top);
    if (d) {
      for (int64_t o = 0; o < outputs; o++) {
        d[o] = T(scale * (exp_negative(double(p[o]) - top) / total - (o == known ? 1 : 0)));
      }
    }
    return scale * (log_positive(total) - (double(p[known]) - top));
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
  if (loss.kind == LossKind::gaussian || loss.kind == LossKind::student_t) {
    for (int64_t o = 0; o < outputs; o += 2) {
      double slopes[2];
      sum += density(loss, double(p[o]), double(p[o + 1]), double(y[o / 2 * y_col]), slopes);
      for (int64_t i = 0; d && i < 2; i++) d[o + i] = T(scale * slopes[i]);
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
