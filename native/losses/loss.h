// What a loss is: what it means, which the engine reads too, and what its kernel is given. Each family of losses has a
// header: at its top what the losses mean, then the value and the derivative of one prediction row side by side, in
// double whatever the network's type, but for cross entropy's exponentials. reference/losses/ states the equations.
// e = y_hat - y; every term is multiplied by the step's weight and divided by the normaliser.
#pragma once

#include "program.h"

namespace elman {

struct LossMeaning {
  bool classes;                // targets are whole numbers, one a step
  bool mean;                   // the sum is divided by the weights of all terms
  int64_t outputs_per_target;  // 0: one for each quantile
  bool term_per_target;        // else a term for each output
};

}  // namespace elman

#ifdef ELMAN_ISA
#include "math/activations.h"
#include "math/ids.h"

namespace elman::ELMAN_ISA {

ELMAN_INLINE double absolute(double x) { return x < 0 ? -x : x; }
ELMAN_INLINE double sign(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }

// The target of one row of predictions.
template <class T>
struct Target {
  const T* at;  // of real targets, `column` numbers apart
  int64_t column;
  int64_t label;  // of classes, as it was read

  ELMAN_INLINE double operator[](int64_t i) const { return double(at[i * column]); }
};

// A kernel: the loss of one row of O predictions p against its target, times `scale` (the step's weight over the
// normaliser); d (O,) receives the derivative by p, and may be null.
#define ELMAN_LOSS_ROW \
  template <class T>   \
  static double row(const Loss& loss, const T* p, int64_t outputs, const Target<T>& y, double scale, T* d)

// The kernel of a loss with a term for each output alone: Each::term gives it, and its derivative.
template <class Each>
struct Pointwise {
  ELMAN_LOSS_ROW {
    double sum = 0;
    for (int64_t o = 0; o < outputs; o++) {
      double slope;
      sum += Each::term(loss, double(p[o]), y[o], slope);
      if (d) d[o] = T(scale * slope);
    }
    return scale * sum;
  }
};

}  // namespace elman::ELMAN_ISA
#endif
