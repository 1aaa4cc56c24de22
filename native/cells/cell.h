// What every cell is given: one step of some rows of a shard, with its gates interleaved (gates.h). A cell is a struct
// with
//   input, hidden      which gates its two products fill
//   states, extras     1 (h) or 2 (h and c); rows of its extra parameter (bias_hn, peephole, leak), or 0
//   own                how many arrays its way back leaves for sums over rows, beside da
//   aux, gates, norm   whether its tape has rows of aux, of activated gates (else h tells all), of normalised products
//   activate(Forward, row, unit, sums)      from a block's sums, still in registers, to gates and new state
//   backward(Backward)                      the derivative of the whole step
#pragma once

#include "math/activations.h"
#include "math/outer.h"

namespace elman::ELMAN_ISA {

// One direction's weights, packed. A second hidden product exists only where a gate looks at something else than h.
template <class T>
struct CellWeights {
  T *ih, *bias, *hh, *hh2, *extra;  // bias: like the blocks of the input product; extra: (extras, padded units)
  T *ih_back, *hh_back, *hh2_back;
};

// With layer normalisation: the normalised products (rows, lda) and cell (rows, ld), and one over their deviations.
template <class T>
struct Norm {
  T *x, *h, *c;
  T *x_inverse, *h_inverse, *c_inverse;  // (rows,)
};

// What a way back leaves for the sums over rows: of normalised products' bias and gains (rows, lda), of a cell's own
// (rows, ld).
template <class T>
struct NormBack {
  T *bias, *gain_x, *gain_h, *own[2];
};

template <class T>
struct Forward {
  int64_t rows, hidden, units;  // units: hidden, padded to whole vectors
  const T* const* h_prev;       // rows' previous states, wherever they lie
  const T* const* c_prev;
  const T* const* read;  // what the products read of h_prev: itself, or masked
  const T* x;            // (rows, ldx): the inputs; null where `a` holds their part of the sums already
  int64_t ldx, in;
  T* a;  // (rows, lda) out: the activated gates, where `keep`
  int64_t lda;
  T *h, *c;  // (rows, ld) out; where `noisy`, h begins as the step's noise
  int64_t ld;
  bool keep, noisy;
  bool rest;  // the rows' previous states are zero: there is nothing to multiply
  T* aux;     // (rows, ld) out, r * h for GRU with reset before
  Norm<T> norm;
  const CellWeights<T>* w;
};

template <class T>
struct Backward {
  int64_t rows, hidden, units;
  const T* const* h_prev;
  const T* const* c_prev;
  const T* const* read;
  const T* mask;  // (rows, units), of recurrent dropout, or null
  T* dread;       // (rows, units), where there is a mask
  const T* a;     // (rows, lda): activated gates
  int64_t lda;
  const T *h, *c;  // (rows, ld)
  int64_t ld;
  const T* dout;  // (rows, ldd): what arrives at h from above
  int64_t ldd;
  T* da;   // out: gradient at the pre-activations, laid out like a
  T* dah;  // the same at the state's product, where that is another: with layer normalisation
  Norm<T> norm;
  NormBack<T> back;
  T *dh, *dc;           // carry, (rows, units): in from step t + 1, out to step t - 1
  T* temp;              // (rows, units)
  bool carry;           // whether anyone reads dh and dc after this step
  Inner inner, inner2;  // the gates that the hidden products fill
  const CellWeights<T>* w;
};

// dh (+)= the gradient that the state's product hands to h_{t-1}: through the mask, where there is one.
template <class T>
void state_back(const Backward<T>& b, const Inner& inner, const T* w_back, Start start) {
  if (!b.mask) return gates_back(b.dah, b.lda, b.rows, inner, w_back, b.hidden, b.dh, b.units, start);
  gates_back(b.dah, b.lda, b.rows, inner, w_back, b.hidden, b.dread, b.units, Start::zero);
  for (int64_t i = 0; i < b.rows * b.units; i += kWidth<T>) {
    const Vec<T> before = start == Start::zero ? Vec<T>{} : load(b.dh + i);
    store(b.dh + i, fma<T>(load(b.mask + i), load(b.dread + i), before));
  }
}

// R rows and V vectors of sums (a block's slots, or V blocks of a one-slot cell): start, inputs, state, then
// activation, all in registers.
template <class Cell, int R, int V, class T>
ELMAN_INLINE void forward_tile(const Forward<T>& f, int64_t m, int64_t j) {
  constexpr int64_t W = kWidth<T>;
  constexpr Gates in = Cell::input, hid = Cell::hidden;
  constexpr int first_in = in.first, count_in = in.slots == 1 ? V : in.count;
  constexpr int first_hid = hid.first, count_hid = hid.slots == 1 ? V : hid.count;
  Vec<T> sums[R][V];
  const T* rows[R];
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    ELMAN_UNROLL
    for (int v = 0; v < V; v++) {
      const bool input = v >= first_in && v < first_in + count_in;
      sums[r][v] = !input ? load(f.w->extra + j)
                   : f.x  ? load(f.w->bias + j * in.count + (v - first_in) * W)
                          : load(f.a + (m + r) * f.lda + j * in.slots + v * W);
    }
  }
  if (f.x) {
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) rows[r] = f.x + (m + r) * f.ldx;
    accumulate<first_in, count_in>(sums, rows, f.in, f.w->ih + j * in.count * f.in);
  }
  if (!f.rest) {
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) rows[r] = f.read[m + r];
    accumulate<first_hid, count_hid>(sums, rows, f.hidden, f.w->hh + j * hid.count * f.hidden);
  }
  ELMAN_UNROLL
  for (int r = 0; r < R; r++) {
    ELMAN_UNROLL
    for (int v = 0; v < V; v += in.slots) Cell::activate(f, m + r, j + (in.slots == 1 ? v * W : 0), &sums[r][v]);
  }
}

template <class Cell, int V, class T>
void forward_panel(const Forward<T>& f, int64_t j) {
  each_tile(f.rows, [&](auto size, int64_t m) { forward_tile<Cell, decltype(size)::value, V>(f, m, j); });
}

// A whole step.
template <class Cell, class T>
void cell_forward(const Forward<T>& f) {
  constexpr int64_t W = kWidth<T>;
  constexpr int slots = Cell::input.slots;
  if constexpr (slots > 1) {
    for (int64_t j = 0; j < f.units; j += W) forward_panel<Cell, slots>(f, j);
  } else {
    int64_t j = 0;
    for (; j + 4 * W <= f.units; j += 4 * W) forward_panel<Cell, 4>(f, j);
    switch ((f.units - j) / W) {
      case 3:
        forward_panel<Cell, 3>(f, j);
        break;
      case 2:
        forward_panel<Cell, 2>(f, j);
        break;
      case 1:
        forward_panel<Cell, 1>(f, j);
        break;
      default:
        break;
    }
  }
  if constexpr (Cell::second) Cell::finish(f);
}

}  // namespace elman::ELMAN_ISA
