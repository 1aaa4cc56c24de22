// The reading of ids and labels from the caller's arrays.
#pragma once

#include "math/simd.h"
#include "program.h"

namespace elman::ELMAN_ISA {

template <class U, class S>
ELMAN_INLINE int64_t read_once(const void* from, bool is_signed, int64_t at) {
  const U value = __atomic_load_n(static_cast<const U*>(from) + at, __ATOMIC_RELAXED);
  return is_signed ? int64_t(S(value)) : int64_t(value);
}

// The whole number `at` elements from the start, whatever its type; one of uint64 beyond int64 is negative, and so as
// unknown as it should be. It was checked before, but the array is the caller's, who may have written to it since: so
// it is read once, and never trusted (`within`).
ELMAN_INLINE int64_t whole_at(const void* from, Whole kind, int64_t at) {
  switch (kind.bytes) {
    case 1:
      return read_once<uint8_t, int8_t>(from, kind.is_signed, at);
    case 2:
      return read_once<uint16_t, int16_t>(from, kind.is_signed, at);
    case 4:
      return read_once<uint32_t, int32_t>(from, kind.is_signed, at);
    default:
      return read_once<uint64_t, int64_t>(from, kind.is_signed, at);
  }
}

// The id or label if it lies in [0, count), else -1. What came instead of one counts as NaN.
ELMAN_INLINE int64_t within(int64_t value, int64_t count) { return value >= 0 && value < count ? value : -1; }

template <class T>
ELMAN_INLINE void fill_nan(T* to, int64_t count) {
  for (int64_t j = 0; j < count; j++) to[j] = T(__builtin_nan(""));
}

}  // namespace elman::ELMAN_ISA
