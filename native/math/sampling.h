// Drawing one of several outcomes from a network's outputs; engine/sampler.h chooses which of them may be drawn.
#pragma once

#include "math/random.h"

namespace elman::ELMAN_ISA {

// p (n, and room to a whole vector of doubles) <- exp((logits - the largest) / temperature), to which the probabilities
// are proportional.
template <class T>
void spread(const T* logits, int64_t n, double temperature, double* p) {
  double top = double(logits[0]);
  for (int64_t i = 1; i < n; i++) top = double(logits[i]) > top ? double(logits[i]) : top;
  for (int64_t i = 0; i < n; i++) p[i] = (double(logits[i]) - top) / temperature;
  for (int64_t i = n; i % kWidth<double>; i++) p[i] = 0;
  for (int64_t i = 0; i < n; i += kWidth<double>) {
    const Vec<double> x = load(p + i);  // NaN stays NaN
    store(p + i, exp_negative<double>(x));
  }
}

// A multiple of 2^-48 in [0, 1): the draw number `step` of this row.
inline double uniform(Key key, int64_t row, int64_t step) {
  uint32_t bits[kChains * (2 + 4 * kWords)];
  const Draw draw{key, place_of(0, 0, Site::sample), step, &row};
  draw_bits(draw, RoundKeys(key.seed), &row, 1, 2, bits);
  constexpr double part = 1.0 / double(int64_t(1) << kBits);
  return (double(bits[0]) + double(bits[1]) * part) * part;
}

}  // namespace elman::ELMAN_ISA
