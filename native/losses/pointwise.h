// Losses of each output alone: squares, absolute values, and what lies between them.
#pragma once

#include "losses/loss.h"

namespace elman {
constexpr LossMeaning kHalfSSE{false, false, 1, false}, kMSE{false, true, 1, false}, kMAE{false, true, 1, false},
    kHuber{false, true, 1, false};
}  // namespace elman

#ifdef ELMAN_ISA
namespace elman::ELMAN_ISA {

struct HalfSSE : Pointwise<HalfSSE> {
  ELMAN_INLINE static double term(const Loss&, double p, double y, double& d) {
    const double e = p - y;
    d = e;
    return 0.5 * e * e;
  }
};

struct MSE : Pointwise<MSE> {
  ELMAN_INLINE static double term(const Loss&, double p, double y, double& d) {
    const double e = p - y;
    d = 2 * e;
    return e * e;
  }
};

struct MAE : Pointwise<MAE> {
  ELMAN_INLINE static double term(const Loss&, double p, double y, double& d) {
    const double e = p - y;
    d = sign(e) + (e - e);  // e - e: NaN stays NaN
    return absolute(e);
  }
};

struct Huber : Pointwise<Huber> {
  ELMAN_INLINE static double term(const Loss& loss, double p, double y, double& d) {
    const double e = p - y, a = absolute(e), delta = loss.delta;
    d = a <= delta ? e : delta * sign(e) + (e - e);
    return a <= delta ? 0.5 * e * e : delta * (a - 0.5 * delta);
  }
};

}  // namespace elman::ELMAN_ISA
#endif
