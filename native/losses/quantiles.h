// The loss of quantiles: column jQ + k of the outputs is quantile k of target j.
#pragma once

#include "losses/loss.h"

namespace elman {
constexpr LossMeaning kPinball{false, true, 0, false};
}  // namespace elman

#ifdef ELMAN_ISA
namespace elman::ELMAN_ISA {

struct Pinball {
  ELMAN_LOSS_ROW {
    double sum = 0;
    for (int64_t o = 0; o < outputs; o++) {
      const double q = loss.quantiles[o % loss.n_quantiles];
      const double e = y[o / loss.n_quantiles] - double(p[o]);
      sum += e >= 0 ? q * e : (q - 1) * e;
      if (d) d[o] = T(scale * ((e > 0 ? -q : e < 0 ? 1 - q : 0) + (e - e)));
    }
    return scale * sum;
  }
};

}  // namespace elman::ELMAN_ISA
#endif
