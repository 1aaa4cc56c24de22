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

// What one direction keeps of its way forward: activated gates (total, lda); states and aux (total, ld).
template <class T>
struct DirectionTape {
  T *a, *h, *c, *aux;
  T *h0, *c0;                  // (rows, units)
  const T **h_prev, **c_prev;  // (total,): where each row's previous state lies
  int64_t lda, ld, units, hidden;
};

// What its way back works on.
template <class T>
struct DirectionScratch {
  T* da;       // (rows of the largest block of steps, lda)
  T *dh, *dc;  // (rows, units)
  T* temp;     // (rows, units)
  T* dout;     // (total, ld), only where two directions share the layer's output
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

// The inputs' product joins the state's in registers, unless rows are so few that the weights' way from memory is what
// counts: then it is done for many steps at once, so many that their sums stay in the cache.
constexpr int64_t kHoistRows = 8, kHoistInputs = 16, kHoistBytes = 1 << 18;
ELMAN_INLINE bool hoists(const Steps& s, int64_t in) { return s.rows < kHoistRows && in >= kHoistInputs; }

template <class Cell, class T>
void carve_direction(Carver& m, const Steps& s, int64_t in, int64_t hidden, bool keep, DirectionTape<T>& d) {
  const bool gates = Cell::second || (keep && Cell::input.slots > 1);  // one gate alone is h itself
  d.hidden = hidden;
  d.units = padded<T>(hidden);
  d.ld = spaced<T>(d.units);
  d.lda = spaced<T>(d.units * Cell::input.slots);
  d.a = gates || hoists(s, in) ? m.take<T>(s.total * d.lda) : nullptr;
  d.h = m.take<T>(s.total * d.ld);
  d.h0 = m.take<T>(s.rows * d.units);
  d.h_prev = m.take<const T*>(s.total);
  d.c = Cell::states == 2 ? m.take<T>(s.total * d.ld) : nullptr;
  d.c0 = Cell::states == 2 ? m.take<T>(s.rows * d.units) : nullptr;
  d.c_prev = Cell::states == 2 ? m.take<const T*>(s.total) : nullptr;
  d.aux = Cell::aux ? m.take<T>(s.total * d.ld) : nullptr;
}

template <class T>
void link_states(const Steps& s, bool reverse, const DirectionTape<T>& d) {
  for (int64_t t = 0; t < s.steps; t++) {
    for (int64_t r = 0; r < s.count[t]; r++) {
      const int64_t m = s.offset[t] + r, p = previous(s, reverse, t, r);
      d.h_prev[m] = p < 0 ? d.h0 + r * d.units : d.h + p * d.ld;
      if (d.c) d.c_prev[m] = p < 0 ? d.c0 + r * d.units : d.c + p * d.ld;
    }
  }
}

template <class Cell, class T>
void carve_direction_scratch(Carver& m, const Steps& s, const DirectionTape<T>& d, int64_t block, bool shared,
                             DirectionScratch<T>& b) {
  const int64_t largest = block * s.rows < s.total ? block * s.rows : s.total;
  b.da = m.take<T>(largest * d.lda);
  b.dh = m.take<T>(s.rows * d.units);
  b.dc = Cell::states == 2 ? m.take<T>(s.rows * d.units) : nullptr;
  b.temp = Cell::second ? m.take<T>(s.rows * d.units) : nullptr;
  b.dout = shared ? m.take<T>(s.total * d.ld) : nullptr;
}

// x (total, ldx) are the layer's inputs; h0, c0 the given state, `rest` where none was. keep: gates are wanted for the
// way back.
template <class Cell, class T>
void scan_forward(const Steps& s, bool reverse, const DirectionTape<T>& d, const CellWeights<T>& w, const T* x,
                  int64_t ldx, int64_t in, bool keep, bool rest) {
  const bool hoist = hoists(s, in);
  Forward<T> step{};
  step.hidden = d.hidden, step.units = d.units;
  step.ldx = ldx, step.in = in, step.lda = d.lda, step.ld = d.ld;
  step.keep = keep;
  step.w = &w;
  int64_t ready = 0;  // steps whose inputs' part is in `a`
  for (int64_t i = 0; i < s.steps; i++) {
    const int64_t t = reverse ? s.steps - 1 - i : i, m = s.offset[t];
    if (hoist && i == ready) {
      int64_t rows = 0;
      while (ready < s.steps && (rows == 0 || rows * d.lda * int64_t(sizeof(T)) < kHoistBytes)) {
        rows += s.count[reverse ? s.steps - 1 - ready : ready];
        ready++;
      }
      const int64_t from = reverse ? s.offset[s.steps - ready] : m;
      gates_product<Cell::input.count>(Strided<T>{x + from * ldx, ldx}, rows, in, w.ih, d.units, Cell::input,
                                       d.a + from * d.lda, d.lda, w.bias, Start::bias);
    }
    step.rows = s.count[t];
    step.rest = rest && i == 0;
    step.h_prev = d.h_prev + m, step.h = d.h + m * d.ld;
    if (Cell::states == 2) step.c_prev = d.c_prev + m, step.c = d.c + m * d.ld;
    if (!hoist) step.x = x + m * ldx;
    step.a = d.a ? d.a + m * d.lda : nullptr;
    if (Cell::aux) step.aux = d.aux + m * d.ld;
    cell_forward<Cell>(step);
  }
}

// `count` steps of the way back, `done` of them behind it. dout (total, ldd) arrives at h; b.da is filled from packed
// row `first` on; b.dh, b.dc hold the gradient of the final state and leave with that of the initial one. truncate > 0:
// nothing flows between steps truncate * j - 1 and truncate * j, counted from `step0` before these.
// dstate: whether the gradient of the initial state is wanted.
template <class Cell, class T>
void scan_backward(const Steps& s, bool reverse, const DirectionTape<T>& d, const CellWeights<T>& w, const T* dout,
                   int64_t ldd, int64_t truncate, int64_t step0, bool dstate, int64_t done, int64_t count,
                   int64_t first, const DirectionScratch<T>& b) {
  Backward<T> step{};
  step.hidden = d.hidden, step.units = d.units;
  step.lda = d.lda, step.ld = d.ld, step.ldd = ldd;
  step.dh = b.dh, step.dc = b.dc, step.temp = b.temp;
  step.inner = inner_gates<T>(d.hidden, Cell::hidden);
  if constexpr (Cell::second) step.inner2 = inner_gates<T>(d.hidden, Cell::hidden2);
  step.w = &w;
  for (int64_t i = done; i < done + count; i++) {
    const int64_t t = reverse ? i : s.steps - 1 - i, m = s.offset[t];
    step.rows = s.count[t];
    step.h_prev = d.h_prev + m, step.h = d.h + m * d.ld;
    if (Cell::states == 2) step.c_prev = d.c_prev + m, step.c = d.c + m * d.ld;
    step.a = d.a ? d.a + m * d.lda : nullptr, step.da = b.da + (m - first) * d.lda;
    step.dout = dout + m * ldd;
    step.carry = dstate || (reverse ? t + 1 < s.steps : t > 0);
    Cell::backward(step);
    const int64_t boundary = step0 + (reverse ? t + 1 : t);
    if (truncate > 0 && boundary % truncate == 0) {
      for (int64_t r = 0; r < s.count[t] && (step0 > 0 || previous(s, reverse, t, r) >= 0); r++) {
        memset(b.dh + r * d.units, 0, size_t(d.units) * sizeof(T));
        if (Cell::states == 2) memset(b.dc + r * d.units, 0, size_t(d.units) * sizeof(T));
      }
    }
  }
}

}  // namespace elman::ELMAN_ISA
