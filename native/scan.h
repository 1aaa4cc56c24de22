// The time loop over any cell, for one direction of one layer of a shard. A shard's rows are ordered by length, longest
// first, so the rows still running at step t are the first count[t]; its buffers hold only those, step after step: row
// r of step t lies at offset[t] + r.
#pragma once

#include "cells/gru.h"
#include "cells/lstm.h"
#include "cells/simple.h"
#include "program.h"

namespace elman::ELMAN_ISA {

struct Steps {
  int64_t rows, steps, total;  // total: sum of lengths
  int64_t *lengths, *count, *offset;
};

// Hands out consecutive aligned pieces of a block; with a null base it only measures.
struct Carver {
  char* base;
  size_t used;
  template <class T>
  T* take(int64_t n) {
    T* p = base ? reinterpret_cast<T*>(base + used) : nullptr;
    used = (used + size_t(n) * sizeof(T) + 63) / 64 * 64;
    return p;
  }
};

// What one direction keeps of its way forward.
template <class T>
struct DirectionTape {
  T *a, *h, *c, *aux;          // (total, .)
  T *h0, *c0;                  // (rows, units)
  const T **h_prev, **c_prev;  // (total,): where each row's previous state lies
  int64_t lda, units, hidden;
};

// What its way back works on.
template <class T>
struct DirectionScratch {
  T *da, *dh, *dc, *temp;
  T* dout;  // (total, units), only where two directions share the layer's output
};

template <class T, class F>
ELMAN_INLINE void dispatch_cell(int32_t kind, F&& f) {
  switch (CellKind(kind)) {
    case CellKind::tanh:
      return f(SimpleCell<T, false>{});
    case CellKind::relu:
      return f(SimpleCell<T, true>{});
    case CellKind::lstm:
      return f(LSTMCell<T, false>{});
    case CellKind::lstm_peephole:
      return f(LSTMCell<T, true>{});
    case CellKind::gru_after:
      return f(GRUAfterCell<T>{});
    case CellKind::gru_before:
      return f(GRUBeforeCell<T>{});
  }
}

// The packed row that precedes row r of step t, or -1 where that is the initial state.
ELMAN_INLINE int64_t previous(const Steps& s, bool reverse, int64_t t, int64_t r) {
  if (reverse) return t + 1 < s.steps && r < s.count[t + 1] ? s.offset[t + 1] + r : -1;
  return t > 0 ? s.offset[t - 1] + r : -1;
}

template <class Cell, class T>
void carve_direction(Carver& m, const Steps& s, int64_t hidden, DirectionTape<T>& d) {
  d.hidden = hidden;
  d.units = padded<T>(hidden);
  d.lda = d.units * Cell::slots;
  d.a = m.take<T>(s.total * d.lda);
  d.h = m.take<T>(s.total * d.units);
  d.h0 = m.take<T>(s.rows * d.units);
  d.h_prev = m.take<const T*>(s.total);
  d.c = Cell::states == 2 ? m.take<T>(s.total * d.units) : nullptr;
  d.c0 = Cell::states == 2 ? m.take<T>(s.rows * d.units) : nullptr;
  d.c_prev = Cell::states == 2 ? m.take<const T*>(s.total) : nullptr;
  d.aux = Cell::aux ? m.take<T>(s.total * d.units) : nullptr;
}

template <class Cell, class T>
void carve_direction_scratch(Carver& m, const Steps& s, const DirectionTape<T>& d, bool shared,
                             DirectionScratch<T>& b) {
  b.da = m.take<T>(s.total * d.lda);
  b.dh = m.take<T>(s.rows * d.units);
  b.dc = Cell::states == 2 ? m.take<T>(s.rows * d.units) : nullptr;
  b.temp = Cell::second ? m.take<T>(s.rows * d.units) : nullptr;
  b.dout = shared ? m.take<T>(s.total * d.units) : nullptr;
}

// a holds the input's projection; h0, c0 the given state.
template <class Cell, class T>
void scan_forward(const Steps& s, bool reverse, const DirectionTape<T>& d, const CellWeights<T>& w) {
  for (int64_t i = 0; i < s.steps; i++) {
    const int64_t t = reverse ? s.steps - 1 - i : i, m = s.offset[t];
    for (int64_t r = 0; r < s.count[t]; r++) {
      const int64_t p = previous(s, reverse, t, r);
      d.h_prev[m + r] = p < 0 ? d.h0 + r * d.units : d.h + p * d.units;
      if (Cell::states == 2) d.c_prev[m + r] = p < 0 ? d.c0 + r * d.units : d.c + p * d.units;
    }
    const int64_t u = m * d.units;
    Cell::forward(Forward<T>{s.count[t], d.units, d.h_prev + m, Cell::states == 2 ? d.c_prev + m : nullptr,
                             d.a + m * d.lda, d.lda, d.h + u, Cell::states == 2 ? d.c + u : nullptr,
                             Cell::aux ? d.aux + u : nullptr, &w, d.hidden});
  }
}

// dout (total, ldd) arrives at h; b.dh, b.dc hold the gradient of the final state and leave with that of the initial
// one. truncate > 0: nothing flows between steps truncate * j - 1 and truncate * j.
template <class Cell, class T>
void scan_backward(const Steps& s, bool reverse, const DirectionTape<T>& d, const CellWeights<T>& w, const T* dout,
                   int64_t ldd, int64_t truncate, const DirectionScratch<T>& b) {
  for (int64_t i = 0; i < s.steps; i++) {
    const int64_t t = reverse ? i : s.steps - 1 - i, m = s.offset[t], u = m * d.units;
    Cell::backward(Backward<T>{s.count[t], d.units, d.h_prev + m, Cell::states == 2 ? d.c_prev + m : nullptr,
                               d.a + m * d.lda, d.lda, d.h + u, Cell::states == 2 ? d.c + u : nullptr,
                               Cell::aux ? d.aux + u : nullptr, dout + m * ldd, ldd, b.da + m * d.lda, b.dh, b.dc,
                               b.temp, &w, d.hidden});
    const int64_t boundary = reverse ? t + 1 : t;
    if (truncate > 0 && boundary % truncate == 0) {
      for (int64_t r = 0; r < s.count[t] && previous(s, reverse, t, r) >= 0; r++) {
        memset(b.dh + r * d.units, 0, size_t(d.units) * sizeof(T));
        if (Cell::states == 2) memset(b.dc + r * d.units, 0, size_t(d.units) * sizeof(T));
      }
    }
  }
}

// Gradients of one product's weights (gates * hidden, inner): gate after gate, from its slot of da.
template <class Cell, class T, class Rows>
void product_gradient(Product p, const Steps& s, const DirectionTape<T>& d, const T* da, const Rows& x, int64_t inner,
                      T* gradient) {
  constexpr int64_t W = kWidth<T>;
  for (int k = 0; k < p.slots.count; k++) {
    const Interleaved place{Cell::slots * W, (p.first + k) * W};
    weight_gradient(da, d.lda, place, d.hidden, x, s.total, inner, gradient + p.slots.gate[k] * d.hidden * inner);
  }
}

template <class Cell, class T>
void bias_gradient(const Steps& s, const DirectionTape<T>& d, const T* da, T* gradient) {
  constexpr int64_t W = kWidth<T>;
  for (int k = 0; k < Cell::input.slots.count; k++) {
    const Interleaved place{Cell::slots * W, (Cell::input.first + k) * W};
    column_sum(da, d.lda, place, d.hidden, s.total, gradient + Cell::input.slots.gate[k] * d.hidden);
  }
}

}  // namespace elman::ELMAN_ISA
