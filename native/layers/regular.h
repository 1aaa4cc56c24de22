// What regularises a recurrent layer, beside the cell's own step, each forward and backward: the mask of recurrent
// dropout, zoneout, noise. reference/scan.py has the equations.
#pragma once

#include "cells/cell.h"
#include "math/random.h"

namespace elman::ELMAN_ISA {

// What a layer asks for, and the place by which it draws. Training draws; prediction takes expectations.
struct Regular {
  double dropout, zoneout[2], noise;
  int32_t layer, direction;
  bool training;
  Key key;
  int64_t first;        // the step at which these rows begin, in their whole time
  const int64_t* rows;  // which sequences they are

  ELMAN_INLINE bool zones() const { return zoneout[0] > 0 || zoneout[1] > 0; }
  ELMAN_INLINE bool masks() const { return training && dropout > 0; }
  ELMAN_INLINE bool noisy() const { return training && noise > 0; }
  ELMAN_INLINE Draw draw(Site site, int64_t t) const { return {key, place_of(layer, direction, site), t, rows}; }
};

inline Regular regular(const Op& op, int32_t layer, int32_t direction) {
  return {op.rate, {op.zoneout[0], op.zoneout[1]}, op.noise, layer, direction, false, {}, 0, nullptr};
}

// Its memory in a direction's tape; null where it is not asked for.
template <class T>
struct RegularTape {
  T* mask;         // (rows, units): of recurrent dropout
  T* masked;       // (total, ld): m h_{t-1}
  T* held[2];      // (total, ld), or a single row in prediction: zoneout's k of each state
  uint32_t* bits;  // room for draws
};

// Draws the masks m of all rows, once for each pass.
template <class T>
void draw_masks(const Regular& g, int64_t rows, int64_t hidden, int64_t units, const RegularTape<T>& t) {
  const T kept = T(1 / (1 - g.dropout));
  draw_either(g.draw(Site::recurrent_dropout, 0), g.dropout, T(0), kept, rows, hidden, t.bits, units, t.mask);
}

// Draws zoneout's k of one state at a step and returns where it lies: (rows, *stride).
template <class T>
const T* draw_held(const Regular& g, int state, int64_t step, int64_t rows, int64_t hidden, int64_t ld, T* held,
                   uint32_t* bits, int64_t* stride) {
  *stride = g.training ? ld : 0;
  if (!g.training) {
    for (int64_t j = 0; j < ld; j++) held[j] = T(g.zoneout[state]);
    return held;
  }
  const Site site = state == 0 ? Site::zoneout_h : Site::zoneout_c;
  draw_either(g.draw(site, step), g.zoneout[state], T(1), T(0), rows, hidden, bits, ld, held);
  return held;
}

// s = k s_prev + (1 - k) made
template <class T>
void zone_out(const T* k, int64_t stride, const T* const* prev, const T* made, int64_t rows, int64_t units, int64_t ld,
              T* s) {
  const Vec<T> one = splat(T(1));
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t j = 0; j < units; j += kWidth<T>) {
      const Vec<T> held = load(k + r * stride + j);
      store(s + r * ld + j, held * load(prev[r] + j) + (one - held) * load(made + r * ld + j));
    }
  }
}

// The gradient `d` of a state parts: `kept` = k d goes on to the state before, d = (1 - k) d to what the cell made.
// `extra` (rows, ldx), what arrives from above, joins d first; it may be null.
template <class T>
void zone_out_back(const T* k, int64_t stride, const T* extra, int64_t ldx, int64_t rows, int64_t units, T* d,
                   T* kept) {
  const Vec<T> one = splat(T(1));
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t j = 0; j < units; j += kWidth<T>) {
      const Vec<T> held = load(k + r * stride + j);
      Vec<T> whole = load(d + r * units + j);
      if (extra) whole = whole + load(extra + r * ldx + j);
      store(kept + r * units + j, held * whole);
      store(d + r * units + j, (one - held) * whole);
    }
  }
}

}  // namespace elman::ELMAN_ISA
