// Minus the log density of a distribution: columns 2j and 2j + 1 of the outputs are the location and the logarithm of
// the scale of target j.
#pragma once

#include "losses/loss.h"

namespace elman {
constexpr LossMeaning kGaussian{false, true, 2, true}, kStudentT{false, true, 2, true};
}  // namespace elman

#ifdef ELMAN_ISA
namespace elman::ELMAN_ISA {

// Standard::term gives minus the log density at z where the scale is 1, without loss.at_zero, and its derivative.
template <class Standard>
struct Density {
  ELMAN_LOSS_ROW {
    double sum = 0;
    for (int64_t o = 0; o < outputs; o += 2) {
      double slopes[2];
      sum += value(loss, double(p[o]), double(p[o + 1]), y[o / 2], slopes);
      for (int64_t i = 0; d && i < 2; i++) d[o + i] = T(scale * slopes[i]);
    }
    return scale * sum;
  }

  // Location mu, scale exp(s). d (2,) receives the derivatives by both.
  ELMAN_INLINE static double value(const Loss& loss, double mu, double s, double y, double* d) {
    constexpr double most = 20;  // what is beyond is added, so that the scale is led back
    const double kept = s > most ? most : s < -most ? -most : s;
    const double size = exp_negative(kept), inverse = kept > 0 ? size : 1 / size;  // exp(-|kept|), 1 / scale
    const double z = (mu - y) * inverse;
    double slope;
    const double term = Standard::term(loss, z, slope);
    d[0] = slope * inverse;
    d[1] = s > most ? 1 : s < -most ? -1 : 1 - z * slope;
    return loss.at_zero + term + kept + absolute(s - kept);
  }
};

struct Gaussian : Density<Gaussian> {
  ELMAN_INLINE static double term(const Loss&, double z, double& slope) {
    slope = z;
    return 0.5 * z * z;
  }
};

struct StudentT : Density<StudentT> {
  ELMAN_INLINE static double term(const Loss& loss, double z, double& slope) {
    const double df = loss.df;
    slope = (df + 1) * z / (df + z * z);
    return 0.5 * (df + 1) * log1p_positive(z * z / df);
  }
};

}  // namespace elman::ELMAN_ISA
#endif
