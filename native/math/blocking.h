// How much of an operand is taken at a time, by the sizes of the caches. All of it is a matter of order and of memory:
// where a sum is cut into parts of its own is a constant (kOuterRows, outer.h), so that no cache enters a result.
#pragma once

#include "kernels.h"
#include "math/simd.h"

namespace elman::ELMAN_ISA {

static Caches caches{};  // filled in at start, see engine/isa.h

// Lines of a panel that all tiles of rows meet before the next lines come: half of the second level, for beyond it
// each tile would fetch the panel anew from the third, which many processors cannot do as fast as a tile multiplies.
ELMAN_INLINE int64_t panel_lines(int64_t line_bytes) {
  const int64_t lines = caches.l2 / 2 / line_bytes;
  return lines > 1 ? lines : 1;
}

// Columns of A that all columns of X meet before the next ones do, in a sum of outer products of `rows` rows: those
// rows of them stay in the second level, and A comes from memory once.
template <class T>
ELMAN_INLINE int64_t outer_columns(int64_t rows) {
  return caches.l2 / 32 * 3 / (rows * int64_t(sizeof(T)));
}

// Bytes of sums that the inputs' product makes ahead of the state's.
ELMAN_INLINE int64_t hoisted_bytes() { return caches.l2 / 4; }

}  // namespace elman::ELMAN_ISA
