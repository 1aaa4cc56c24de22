// The registry of losses: one entry for each LossKind.
#pragma once

#include "losses/classes.h"
#include "losses/densities.h"
#include "losses/pointwise.h"
#include "losses/quantiles.h"

namespace elman {

// In the order of LossKind.
constexpr LossMeaning kLosses[] = {kHalfSSE, kMSE,      kMAE,     kHuber, kCrossEntropy, kBinaryCrossEntropy,
                                   kPinball, kGaussian, kStudentT};

#ifndef ELMAN_ISA  // of the engine, which is compiled once
inline const LossMeaning& meaning(const Loss& loss) { return kLosses[int32_t(loss.kind)]; }
// How many outputs stand for one target.
inline int64_t outputs_per_target(const Loss& loss) {
  const int64_t count = meaning(loss).outputs_per_target;
  return count > 0 ? count : loss.n_quantiles;
}
#endif

}  // namespace elman

#ifdef ELMAN_ISA
namespace elman::ELMAN_ISA {

// The target at this offset of data.y.
template <class T>
ELMAN_INLINE Target<T> target_at(const Loss& loss, const Data& data, int64_t at) {
  if (kLosses[int32_t(loss.kind)].classes) return {nullptr, 0, whole_at(data.y, data.y_whole, at)};
  return {static_cast<const T*>(data.y) + at, data.y_col, 0};
}

template <class T>
double loss_row(const Loss& loss, const T* p, int64_t outputs, const Target<T>& y, double scale, T* d) {
  switch (loss.kind) {
    case LossKind::half_sse:
      return HalfSSE::row(loss, p, outputs, y, scale, d);
    case LossKind::mse:
      return MSE::row(loss, p, outputs, y, scale, d);
    case LossKind::mae:
      return MAE::row(loss, p, outputs, y, scale, d);
    case LossKind::huber:
      return Huber::row(loss, p, outputs, y, scale, d);
    case LossKind::cross_entropy:
      return CrossEntropy::row(loss, p, outputs, y, scale, d);
    case LossKind::binary_cross_entropy:
      return BinaryCrossEntropy::row(loss, p, outputs, y, scale, d);
    case LossKind::pinball:
      return Pinball::row(loss, p, outputs, y, scale, d);
    case LossKind::gaussian:
      return Gaussian::row(loss, p, outputs, y, scale, d);
    case LossKind::student_t:
      return StudentT::row(loss, p, outputs, y, scale, d);
  }
  return 0;
}

}  // namespace elman::ELMAN_ISA
#endif
