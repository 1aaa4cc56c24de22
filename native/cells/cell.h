// The interface of a cell: one step of some rows of a shard, with the gates interleaved (gates.h). A cell is a struct
// with
//   input, hidden      which gates its two products fill
//   states, extras     1 (h) or 2 (h and c); rows (H,) of what parameters it has beside weights and bias
//   own                how many arrays its way back leaves for sums over rows, beside da
//   gates, second, norm    whether its tape has rows of activated gates (else h tells all), of r * h, which a second
//                          product reads, of normalised products
//   activate(Forward, row, unit, sums)      from a block's sums, still in registers, to gates and new state
//   backward(Backward)                      the derivative of the whole step
#pragma once

#include "math/activations.h"
#include "math/outer.h"

namespace elman::ELMAN_ISA {

// One direction's parameters, packed in blocks of W units (gates.h). What a cell doesn't have is null.
template <class T>
struct CellWeights {
  T* ih;     // (blocks, D, input.count, W): W_ih
  T* bias;   // (blocks, input.count, W)
  T* hh;     // (blocks, H, hidden.count, W): of W_hh the gates that read h
  T* hh2;    // (blocks, H, hidden2.count, W): of W_hh the gates that read r * h
  T* extra;  // (extras, units): what else the cell has; each cell names its rows
  // The same matrices for the way back: panels whose outputs are the columns of W_ih and W_hh.
  T* ih_back;   // (input.count * H, padded D)
  T* hh_back;   // (hidden.count * H, units)
  T* hh2_back;  // (hidden2.count * H, units)
};

// What layer normalisation leaves: the normalised products and cell, and one over their deviations.
template <class T>
struct Norm {
  T *x, *h;                  // (rows, lda): of W_ih x and of W_hh h
  T* c;                      // (rows, ld), LSTM only
  T *x_inverse, *h_inverse;  // (rows,)
  T* c_inverse;              // (rows,), LSTM only
};

// What a way back leaves beside da, to be summed over rows: the summands of parameters' gradients.
template <class T>
struct Summands {
  T *bias, *gain_ih, *gain_hh;  // (rows, lda), with layer normalisation only
  T* own[2];                    // (rows, ld), of rows of `extra`: leak; bias_hn; gain_c and shift_c
};

template <class T>
struct Forward {
  int64_t rows, hidden, units;  // units: hidden, padded to whole vectors
  const T* const* h_prev;       // (rows,) of (units,): the rows' previous states, wherever they lie
  const T* const* c_prev;
  const T* const* read;  // alike: what the products read of h_prev, itself or masked
  const T* x;            // (rows, ldx): the inputs; null where their part of the sums is there already:
  const T* const* part;  // (rows,) of (lda,): wherever it lies, with the bias; null: in `a`
  int64_t ldx, in;
  T* a;  // (rows, lda) out: the activated gates, where `keep`
  int64_t lda;
  T *h, *c;  // (rows, ld) out; where `noisy`, h begins as the step's noise
  int64_t ld;
  bool keep, noisy;
  bool rest;   // the rows' previous states are zero: there is nothing to multiply
  bool back;   // the last panel comes first: what the step before read last is still in a cache
  T* reset_h;  // (rows, ld) out: r * h, which the second product reads
  Norm<T> norm;
  const CellWeights<T>* w;

  ELMAN_INLINE Vec<T> extra(int row, int64_t unit) const { return load(w->extra + row * units + unit); }
};

template <class T>
struct Backward {
  int64_t rows, hidden, units;
  const T* const* h_prev;  // these three as in Forward
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
  T* da;   // (rows, lda) out: gradient at the pre-activations, and so at the input's product
  T* dah;  // (rows, lda) out: at the state's product, which is another with layer normalisation alone
  Norm<T> norm;
  Summands<T> sums;
  T *dh, *dc;           // carry, (rows, units): in from step t + 1, out to step t - 1
  T* temp;              // (rows, units)
  bool carry;           // whether anyone reads dh and dc after this step
  Inner inner, inner2;  // the gates that the hidden products fill
  const CellWeights<T>* w;

  ELMAN_INLINE Vec<T> extra(int row, int64_t unit) const { return load(w->extra + row * units + unit); }
};

// What the gradients of bias and extra are summed from, over the picked rows of a direction's tape and way back.
template <class T>
struct Summed {
  Pick pick;
  int64_t hidden;
  const T* da;  // (rows, lda)
  int64_t lda;
  const T* const* c_prev;  // (total,) of (units,)
  const T* c;              // (total, ld)
  Summands<T> sums;
  int64_t ld;
};

// Sets dh, or adds to it, the gradient that the state's product hands to h_{t-1}, through the mask where there is one.
template <class T>
void state_back(const Backward<T>& b, const Inner& inner, const T* w_back, Start start) {
  if (!b.mask) return gates_back(b.dah, b.lda, b.rows, inner, w_back, b.hidden, b.dh, b.units, start);
  gates_back(b.dah, b.lda, b.rows, inner, w_back, b.hidden, b.dread, b.units, Start::zero);
  for (int64_t i = 0; i < b.rows * b.units; i += kWidth<T>) {
    const Vec<T> before = start == Start::zero ? Vec<T>{} : load(b.dh + i);
    store(b.dh + i, fma<T>(load(b.mask + i), load(b.dread + i), before));
  }
}

// Computes sums of V vectors (a block's slots, or V blocks of a one-slot cell), of R rows, or of one row and P panels,
// starting from the bias, then inputs, then state, and activates them, all in registers.
template <class Cell, int R, int P, int V, class T>
ELMAN_INLINE void forward_tile(const Forward<T>& f, int64_t m, int64_t j) {
  constexpr int64_t W = kWidth<T>;
  constexpr Gates in = Cell::input, hid = Cell::hidden;
  constexpr int first_in = in.first, count_in = in.slots == 1 ? V : in.count;
  constexpr int first_hid = hid.first, count_hid = hid.slots == 1 ? V : hid.count;
  const auto row = [m](int n) { return P == 1 ? m + n : m; };
  const auto unit = [j](int n) { return P == 1 ? j : j + n * (V / in.slots) * W; };
  Vec<T> sums[R * P][V];
  const T *rows[R], *panels[P];
  ELMAN_UNROLL
  for (int n = 0; n < R * P; n++) {
    ELMAN_UNROLL
    for (int v = 0; v < V; v++) {
      const bool input = v >= first_in && v < first_in + count_in;
      sums[n][v] = !input   ? load(f.w->extra + unit(n))
                   : f.x    ? load(f.w->bias + unit(n) * in.count + (v - first_in) * W)
                   : f.part ? load(f.part[row(n)] + unit(n) * in.slots + v * W)
                            : load(f.a + row(n) * f.lda + unit(n) * in.slots + v * W);
    }
  }
  if (f.x) {
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) rows[r] = f.x + (m + r) * f.ldx;
    ELMAN_UNROLL
    for (int p = 0; p < P; p++) panels[p] = f.w->ih + unit(p) * in.count * f.in;
    accumulate<first_in, count_in>(sums, rows, f.in, panels);
  }
  if (!f.rest) {
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) rows[r] = f.read[m + r];
    ELMAN_UNROLL
    for (int p = 0; p < P; p++) panels[p] = f.w->hh + unit(p) * hid.count * f.hidden;
    accumulate<first_hid, count_hid>(sums, rows, f.hidden, panels);
  }
  ELMAN_UNROLL
  for (int n = 0; n < R * P; n++) {
    ELMAN_UNROLL
    for (int v = 0; v < V; v += in.slots) {
      Cell::activate(f, row(n), unit(n) + (in.slots == 1 ? v * W : 0), &sums[n][v]);
    }
  }
}

// A panel of V vectors, from unit j on, for all rows.
template <class Cell, int V, class T>
void forward_panel(const Forward<T>& f, int64_t j) {
  each_tile(f.rows, [&](auto size, int64_t m) { forward_tile<Cell, decltype(size)::value, 1, V>(f, m, j); });
}

// Takes a whole step forward.
template <class Cell, class T>
void cell_forward(const Forward<T>& f) {
  constexpr int64_t W = kWidth<T>;
  constexpr int slots = Cell::input.slots, V = slots > 1 ? slots : 4;
  constexpr int64_t wide = V / slots * W;  // units of a full panel
  const int64_t panels = f.units / wide, ahead = f.rows == 1 ? kSideBySide : 1;
  const auto narrow = [&] {
    switch (f.units % wide / W) {
      case 3:
        return forward_panel<Cell, 3>(f, panels * wide);
      case 2:
        return forward_panel<Cell, 2>(f, panels * wide);
      case 1:
        return forward_panel<Cell, 1>(f, panels * wide);
      default:
        return;
    }
  };
  if (slots == 1 && f.back) narrow();
  for (int64_t i = 0; i < panels;) {
    const int64_t n = panels - i < ahead ? 1 : ahead, at = f.back ? panels - i - n : i;
    if (n > 1) {
      forward_tile<Cell, 1, kSideBySide, V>(f, 0, at * wide);
    } else {
      forward_panel<Cell, V>(f, at * wide);
    }
    i += n;
  }
  if (slots == 1 && !f.back) narrow();
  if constexpr (Cell::second) Cell::finish(f);
}

// Adds the gradients of bias (G*H,) and of what else the cell has, (extras, H).
template <class Cell, class T>
void add_gradients(const Summed<T>& s, T* bias, T* extra) {
  if constexpr (Cell::norm) {
    bias_gradient(s.sums.bias, s.lda, Cell::input, s.hidden, s.pick, bias);
  } else {
    bias_gradient(s.da, s.lda, Cell::input, s.hidden, s.pick, bias);
  }
  if constexpr (Cell::extras > 0) Cell::extra_gradient(s, extra);
}

}  // namespace elman::ELMAN_ISA
