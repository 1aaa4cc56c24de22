// The registry of losses: one entry for each LossKind.
#pragma once

#include "losses/classes.h"
#include "losses/ctc.h"
#include "losses/densities.h"
#include "losses/pointwise.h"
#include "losses/quantiles.h"

namespace elman {

// In the order of LossKind.
constexpr LossMeaning kLosses[] = {kHalfSSE, kMSE,      kMAE,      kHuber, kCrossEntropy, kBinaryCrossEntropy,
                                   kPinball, kGaussian, kStudentT, kCTC};

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
    case LossKind::ctc:
      break;  // it has no term of one row of outputs
  }
  return 0;
}

// ---- losses of one target a row

// Memory for rows of at most so many steps and labels.
ELMAN_INLINE size_t sequence_bytes(const Loss& loss, int64_t steps, int64_t outputs, int64_t labels) {
  return kLosses[int32_t(loss.kind)].ragged ? CTC::bytes(steps, outputs, labels) : 0;
}

// The loss of rows (n, steps, outputs) of these lengths, each for itself, and its derivative by them, which may be
// null.
template <class T>
void sequence_losses(const Loss& loss, const T* y, T* dy, int64_t n, int64_t steps, int64_t outputs,
                     const int64_t* lengths, const int64_t* labels, int64_t most, const int64_t* counts, double* values,
                     void* memory) {
  Carver m{static_cast<char*>(memory), 0};
  const CtcRoom room = carve_ctc(m, steps, outputs, most);
  for (int64_t r = 0; r < n; r++) {
    const int64_t at = r * steps * outputs;
    const Track<T> track{y + at, dy ? dy + at : nullptr, outputs, lengths[r], outputs, nullptr, 0};
    values[r] = CTC::sequence(loss, track, Labels{labels, {8, 1}, r * most, 1, counts[r]}, 1.0, room);
  }
}

}  // namespace elman::ELMAN_ISA
#endif
