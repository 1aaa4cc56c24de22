// The time loop over any cell, for one direction of one layer of a shard. Along an axis of time rows are ordered by
// length, longest first, so the rows still running at step t are the first count[t]; buffers hold only those, step
// after step: row r of step t lies at offset[t] + r.
#pragma once

#include "cells/gru.h"
#include "cells/lstm.h"
#include "cells/norm.h"
#include "cells/simple.h"
#include "layers/regular.h"
#include "math/carver.h"

namespace elman::ELMAN_ISA {

// A shard's rows along one axis of time.
struct Steps {
  int64_t rows, steps, total;  // steps: of the longest; total: sum of lengths
  int64_t *lengths, *count, *offset;
  int64_t* sequence;  // (rows,): which sequences of the data these are
  int64_t* place;     // (rows,): where among these the shard's row r is, which are ordered along axis 0
  int64_t* row;       // (rows,): and back
  int64_t width;      // T of the data's arrays
};

// The tape of one direction: activated gates (total, lda); states and r * h (total, ld).
template <class T>
struct DirectionTape {
  T *a, *h, *c, *reset_h;
  T *made_h, *made_c;          // what the cell made, before zoneout; else h and c themselves
  T *h0, *c0;                  // (rows, units)
  const T **h_prev, **c_prev;  // (total,): where each row's previous state lies
  const T** read;              // (total,): what the products read of it: itself, or masked
  const T** part;              // (total,): in prediction, where the inputs' part of each row's sums lies, if it is made
  int64_t lda, ld, units, hidden;
  Norm<T> norm;  // of all rows
  bool back;     // whether the next step takes the weights' panels from the last to the first
  Regular regular;
  RegularTape<T> own;
};

// The memory that a direction's way back works on.
template <class T>
struct DirectionScratch {
  T *da, *dah;       // (rows of the largest block of steps, lda)
  Summands<T> sums;  // of as many rows
  T *dh, *dc;        // (rows, units)
  T* temp;           // (rows, units)
  T* dread;          // (rows, units), with a mask
  T* kept[2];        // (rows, units), with zoneout: what passes by the cell, for each state
  T* zero;           // (ld,), with zoneout
  T* dout;           // (total, ld), only where two directions share the layer's output
};

template <class T>
const CellForm<T>& form_of(CellKind kind) {
  switch (kind) {
    case CellKind::tanh:
      return kCellForm<SimpleCell<T, ActivationKind::tanh>, T>;
    case CellKind::relu:
      return kCellForm<SimpleCell<T, ActivationKind::relu>, T>;
    case CellKind::lstm:
      return kCellForm<LSTMCell<T, false>, T>;
    case CellKind::lstm_peephole:
      return kCellForm<LSTMCell<T, true>, T>;
    case CellKind::gru_after:
      return kCellForm<GRUAfterCell<T>, T>;
    case CellKind::gru_before:
      return kCellForm<GRUBeforeCell<T>, T>;
    case CellKind::leaky_tanh:
      return kCellForm<LeakyCell<T, ActivationKind::tanh>, T>;
    case CellKind::leaky_relu:
      return kCellForm<LeakyCell<T, ActivationKind::relu>, T>;
    case CellKind::norm_tanh:
      return kCellForm<NormSimpleCell<T, ActivationKind::tanh>, T>;
    case CellKind::norm_relu:
      return kCellForm<NormSimpleCell<T, ActivationKind::relu>, T>;
    case CellKind::norm_lstm:
      return kCellForm<NormLSTMCell<T>, T>;
    case CellKind::norm_gru:
      return kCellForm<NormGRUCell<T>, T>;
    case CellKind::sigmoid:
      return kCellForm<SimpleCell<T, ActivationKind::sigmoid>, T>;
    case CellKind::softplus:
      return kCellForm<SimpleCell<T, ActivationKind::softplus>, T>;
    case CellKind::leaky_sigmoid:
      return kCellForm<LeakyCell<T, ActivationKind::sigmoid>, T>;
    case CellKind::leaky_softplus:
      return kCellForm<LeakyCell<T, ActivationKind::softplus>, T>;
    case CellKind::norm_sigmoid:
      return kCellForm<NormSimpleCell<T, ActivationKind::sigmoid>, T>;
    case CellKind::norm_softplus:
      return kCellForm<NormSimpleCell<T, ActivationKind::softplus>, T>;
  }
  __builtin_unreachable();
}

// The packed row that precedes row r of step t, or -1 where that is the initial state.
ELMAN_INLINE int64_t previous(const Steps& s, bool reverse, int64_t t, int64_t r) {
  if (reverse) return t + 1 < s.steps && r < s.count[t + 1] ? s.offset[t + 1] + r : -1;
  return t > 0 ? s.offset[t - 1] + r : -1;
}

// The inputs' product joins the state's in registers, unless rows are so few that the weights' way from memory is what
// counts: then it is done for many steps at once, so many that their sums stay in the cache.
constexpr int64_t kHoistRows = 8, kHoistInputs = 16;
ELMAN_INLINE bool hoists(const Steps& s, int64_t in) { return s.rows < kHoistRows && in >= kHoistInputs; }

template <class T>
void carve_direction(Carver& m, const CellForm<T>& cell, const Steps& s, int64_t in, int64_t hidden, bool keep,
                     const Regular& regular, DirectionTape<T>& d) {
  const bool gates = cell.second || cell.norm || (keep && cell.gates);
  d.hidden = hidden;
  d.back = false;
  d.units = padded<T>(hidden);
  d.ld = spaced<T>(d.units);
  d.lda = spaced<T>(d.units * cell.input.slots);
  d.a = gates || hoists(s, in) ? m.take<T>(s.total * d.lda) : nullptr;
  d.h = m.take<T>(s.total * d.ld);
  d.h0 = m.take<T>(s.rows * d.units);
  d.h_prev = m.take<const T*>(s.total);
  d.part = keep ? nullptr : m.take<const T*>(s.total);
  d.c = cell.states == 2 ? m.take<T>(s.total * d.ld) : nullptr;
  d.c0 = cell.states == 2 ? m.take<T>(s.rows * d.units) : nullptr;
  d.c_prev = cell.states == 2 ? m.take<const T*>(s.total) : nullptr;
  d.reset_h = cell.second ? m.take<T>(s.total * d.ld) : nullptr;
  d.norm = {};
  if (cell.norm) {
    d.norm.x = m.take<T>(s.total * d.lda), d.norm.x_inverse = m.take<T>(s.total);
    d.norm.h = m.take<T>(s.total * d.lda), d.norm.h_inverse = m.take<T>(s.total);
    if (cell.states == 2) d.norm.c = m.take<T>(s.total * d.ld), d.norm.c_inverse = m.take<T>(s.total);
  }
  d.regular = regular;
  d.own = {};
  d.read = d.h_prev;
  d.made_h = d.h, d.made_c = d.c;
  if (regular.dropout > 0) {
    d.read = m.take<const T*>(s.total);
    d.own.mask = m.take<T>(s.rows * d.units);
    d.own.masked = m.take<T>(s.total * d.ld);
  }
  for (int k = 0; k < cell.states; k++) {
    if (regular.zoneout[k] == 0) continue;
    (k == 0 ? d.made_h : d.made_c) = m.take<T>(s.total * d.ld);
    d.own.held[k] = m.take<T>(s.total * d.ld);
  }
  if (regular.dropout > 0 || regular.zones() || regular.noise > 0) d.own.bits = m.take<uint32_t>(room_for_bits(d.ld));
}

template <class T>
void link_states(const Steps& s, bool reverse, const DirectionTape<T>& d) {
  for (int64_t t = 0; t < s.steps; t++) {
    for (int64_t r = 0; r < s.count[t]; r++) {
      const int64_t m = s.offset[t] + r, p = previous(s, reverse, t, r);
      d.h_prev[m] = p < 0 ? d.h0 + r * d.units : d.h + p * d.ld;
      if (d.c) d.c_prev[m] = p < 0 ? d.c0 + r * d.units : d.c + p * d.ld;
      if (d.own.masked) d.read[m] = d.own.masked + m * d.ld;
    }
  }
}

template <class T>
void carve_direction_scratch(Carver& m, const CellForm<T>& cell, const Steps& s, const DirectionTape<T>& d,
                             int64_t block, bool shared, DirectionScratch<T>& b) {
  const int64_t largest = block * s.rows < s.total ? block * s.rows : s.total;
  b.da = m.take<T>(largest * d.lda);
  b.dah = b.da;
  b.sums = {};
  for (int k = 0; k < cell.own; k++) b.sums.own[k] = m.take<T>(largest * d.ld);
  if (cell.norm) {
    b.dah = m.take<T>(largest * d.lda);
    b.sums.bias = m.take<T>(largest * d.lda);
    b.sums.gain_ih = m.take<T>(largest * d.lda), b.sums.gain_hh = m.take<T>(largest * d.lda);
  }
  b.dh = m.take<T>(s.rows * d.units);
  b.dc = cell.states == 2 ? m.take<T>(s.rows * d.units) : nullptr;
  b.temp = cell.second || cell.norm ? m.take<T>(s.rows * d.units) : nullptr;
  b.dread = d.regular.dropout > 0 ? m.take<T>(s.rows * d.units) : nullptr;
  b.zero = d.regular.zones() ? m.take<T>(d.ld) : nullptr;
  for (int k = 0; k < 2; k++) b.kept[k] = d.regular.zoneout[k] > 0 ? m.take<T>(s.rows * d.units) : nullptr;
  b.dout = shared ? m.take<T>(s.total * d.ld) : nullptr;
}

template <class T>
Norm<T> norm_at(const DirectionTape<T>& d, int64_t m) {
  const Norm<T>& n = d.norm;
  return {n.x + m * d.lda, n.h + m * d.lda, n.c ? n.c + m * d.ld : nullptr,
          n.x_inverse + m, n.h_inverse + m, n.c ? n.c_inverse + m : nullptr};
}

// Prepares a step: what its products read, and its noise.
template <class T>
void enter_step(const DirectionTape<T>& d, int64_t t, int64_t m, int64_t rows, Forward<T>& f) {
  const Regular& g = d.regular;
  f.read = g.masks() ? d.read + m : f.h_prev;
  for (int64_t r = 0; g.masks() && r < rows; r++) {
    for (int64_t j = 0; j < d.units; j += kWidth<T>) {
      store(d.own.masked + (m + r) * d.ld + j, load(d.own.mask + r * d.units + j) * load(f.h_prev[r] + j));
    }
  }
  if (g.noisy()) draw_normal(g.draw(Site::noise, g.first + t), T(g.noise), rows, d.hidden, d.own.bits, d.ld, f.h);
}

// Ends a step: zoneout, for each state that has it.
template <class T>
void leave_step(const DirectionTape<T>& d, int64_t t, int64_t m, int64_t rows) {
  const Regular& g = d.regular;
  const T* const* prev[2] = {d.h_prev + m, d.c ? d.c_prev + m : nullptr};
  const T* made[2] = {d.made_h, d.made_c};
  T* state[2] = {d.h, d.c};
  for (int k = 0; k < 2; k++) {
    if (!d.own.held[k]) continue;
    int64_t stride;
    const T* held = draw_held(g, k, g.first + t, rows, d.hidden, d.ld, d.own.held[k] + (g.training ? m * d.ld : 0),
                              d.own.bits, &stride);
    zone_out(held, stride, prev[k], made[k] + m * d.ld, rows, d.units, d.ld, state[k] + m * d.ld);
  }
}

// x (total, ldx) are the layer's inputs, or null where d.part has their part of the sums; h0, c0 the given state,
// `rest` where none was. keep: gates are wanted for the way back. team: for a single row; may be null.
template <class T>
void scan_forward(const CellForm<T>& cell, const Steps& s, bool reverse, DirectionTape<T>& d, const CellWeights<T>& w,
                  const T* x, int64_t ldx, int64_t in, bool keep, bool rest, const Team* team) {
  const bool hoist = x && (cell.norm || hoists(s, in));
  Forward<T> step{};
  step.cell = &cell;
  step.hidden = d.hidden, step.units = d.units;
  step.ldx = ldx, step.in = in, step.lda = d.lda, step.ld = d.ld;
  step.keep = keep, step.noisy = d.regular.noisy();
  step.w = &w;
  step.team = team;
  if (d.regular.masks()) draw_masks(d.regular, s.rows, d.hidden, d.units, d.own);
  int64_t ready = 0;  // steps whose inputs' part is in `a`
  for (int64_t i = 0; i < s.steps; i++) {
    const int64_t t = reverse ? s.steps - 1 - i : i, m = s.offset[t];
    if (hoist && i == ready) {
      int64_t rows = 0;
      while (ready < s.steps && (rows == 0 || rows * d.lda * int64_t(sizeof(T)) < hoisted_bytes())) {
        rows += s.count[reverse ? s.steps - 1 - ready : ready];
        ready++;
      }
      const int64_t from = reverse ? s.offset[s.steps - ready] : m;
      const Left<T> read = strided(x + from * ldx, ldx);
      if (cell.norm) {
        T* to = d.norm.x + from * d.lda;
        gates_product(read, rows, in, w.ih, d.units, cell.input, to, d.lda, (const T*)nullptr, Start::zero);
        normalise(to, d.lda, rows, d.units, d.hidden, cell.input.slots, d.norm.x_inverse + from);
      } else {
        const int64_t wide = panel_units(cell), panels = (d.units + wide - 1) / wide, count = cell.input.count;
        in_parts(team, panels, rows * in * d.units * count, [&](int64_t first, int64_t end) {
          const int64_t j = first * wide, units = (end == panels ? d.units : end * wide) - j;
          gates_product<T>(read, rows, in, w.ih + j * count * in, units, cell.input,
                           d.a + from * d.lda + j * cell.input.slots, d.lda, w.bias + j * count, Start::bias);
        });
      }
    }
    step.rows = s.count[t];
    step.rest = rest && i == 0;
    step.back = d.back;
    d.back = !d.back;
    step.h_prev = d.h_prev + m, step.h = d.made_h + m * d.ld;
    if (cell.states == 2) step.c_prev = d.c_prev + m, step.c = d.made_c + m * d.ld;
    if (x && !hoist) step.x = x + m * ldx;
    if (!x) step.part = d.part + m;
    step.a = d.a ? d.a + m * d.lda : nullptr;
    if (cell.second) step.reset_h = d.reset_h + m * d.ld;
    enter_step(d, t, m, step.rows, step);
    if (cell.norm) step.norm = norm_at(d, m);
    cell.forward(step);
    if (d.regular.zones()) leave_step(d, t, m, step.rows);
  }
}

// Zoneout's way back around a cell's: before it, each state's gradient parts; after it, what passed by the cell joins.
template <class T>
void part_gradients(const DirectionTape<T>& d, int64_t m, int64_t rows, const DirectionScratch<T>& b,
                    Backward<T>& step) {
  T* arriving[2] = {b.dh, b.dc};
  for (int k = 0; k < 2; k++) {
    if (!b.kept[k]) continue;
    const int64_t stride = d.regular.training ? d.ld : 0;
    const T* held = d.own.held[k] + m * stride;
    zone_out_back(held, stride, k == 0 ? step.dout : nullptr, step.ldd, rows, d.units, arriving[k], b.kept[k]);
  }
  if (!b.kept[0]) return;
  for (int64_t j = 0; j < d.ld; j++) b.zero[j] = T(0);
  step.dout = b.zero, step.ldd = 0;  // it went into dh
}

template <class T>
void join_gradients(const DirectionTape<T>& d, int64_t rows, const DirectionScratch<T>& b) {
  T* leaving[2] = {b.dh, b.dc};
  for (int k = 0; k < 2; k++) {
    for (int64_t i = 0; b.kept[k] && i < rows * d.units; i += kWidth<T>) {
      store(leaving[k] + i, load(leaving[k] + i) + load(b.kept[k] + i));
    }
  }
}

// `count` steps of the way back, `done` of them behind it. dout (total, ldd) arrives at h; b.da is filled from packed
// row `first` on; b.dh, b.dc hold the gradient of the final state and leave with that of the initial one. truncate > 0:
// nothing flows between steps truncate * j - 1 and truncate * j, counted from `step0` before these.
// dstate: whether the gradient of the initial state is wanted.
template <class T>
void scan_backward(const CellForm<T>& cell, const Steps& s, bool reverse, const DirectionTape<T>& d,
                   const CellWeights<T>& w, const T* dout, int64_t ldd, int64_t truncate, int64_t step0, bool dstate,
                   int64_t done, int64_t count, int64_t first, const DirectionScratch<T>& b) {
  Backward<T> step{};
  step.hidden = d.hidden, step.units = d.units;
  step.lda = d.lda, step.ld = d.ld;
  step.dh = b.dh, step.dc = b.dc, step.temp = b.temp;
  step.gates = cell.hidden, step.inner = inner_gates<T>(d.hidden, cell.hidden);
  if (cell.second) step.inner2 = inner_gates<T>(d.hidden, cell.hidden2);
  step.w = &w;
  for (int64_t i = done; i < done + count; i++) {
    const int64_t t = reverse ? i : s.steps - 1 - i, m = s.offset[t];
    step.rows = s.count[t];
    step.h_prev = d.h_prev + m, step.h = d.made_h + m * d.ld;
    if (cell.states == 2) step.c_prev = d.c_prev + m, step.c = d.made_c + m * d.ld;
    step.read = d.regular.masks() ? d.read + m : step.h_prev;
    step.mask = d.regular.masks() ? d.own.mask : nullptr;
    step.dread = b.dread;
    step.a = d.a ? d.a + m * d.lda : nullptr, step.da = b.da + (m - first) * d.lda;
    step.dah = b.dah + (m - first) * d.lda;
    for (int k = 0; k < cell.own; k++) step.sums.own[k] = b.sums.own[k] + (m - first) * d.ld;
    if (cell.norm) {
      const int64_t at = (m - first) * d.lda;
      step.norm = norm_at(d, m);
      step.sums.bias = b.sums.bias + at;
      step.sums.gain_ih = b.sums.gain_ih + at, step.sums.gain_hh = b.sums.gain_hh + at;
    }
    step.dout = dout + m * ldd, step.ldd = ldd;
    step.carry = dstate || (reverse ? t + 1 < s.steps : t > 0);
    const bool zones = d.regular.zones();
    if (zones) part_gradients(d, m, step.rows, b, step);
    cell.backward(step);
    if (zones) join_gradients(d, step.rows, b);
    const int64_t boundary = step0 + (reverse ? t + 1 : t);
    if (truncate > 0 && boundary % truncate == 0) {
      for (int64_t r = 0; r < s.count[t] && (step0 > 0 || previous(s, reverse, t, r) >= 0); r++) {
        memset(b.dh + r * d.units, 0, size_t(d.units) * sizeof(T));
        if (cell.states == 2) memset(b.dc + r * d.units, 0, size_t(d.units) * sizeof(T));
      }
    }
  }
}

}  // namespace elman::ELMAN_ISA
