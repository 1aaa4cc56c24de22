// The reading of ids and labels from the caller's arrays.
#pragma once

#include "math/simd.h"

namespace elman::ELMAN_ISA {

// The id or label at `from` if it lies in [0, count), else -1. It was checked before, but the array is the caller's,
// who may have written to it since: so it is read once, and never trusted. What came instead of one counts as NaN.
ELMAN_INLINE int64_t within(const int64_t* from, int64_t count) {
  const int64_t value = __atomic_load_n(from, __ATOMIC_RELAXED);
  return value >= 0 && value < count ? value : -1;
}

template <class T>
ELMAN_INLINE void fill_nan(T* to, int64_t count) {
  for (int64_t j = 0; j < count; j++) to[j] = T(__builtin_nan(""));
}

}  // namespace elman::ELMAN_ISA
