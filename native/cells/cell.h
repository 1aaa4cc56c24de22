// The interface of a cell: one step of some rows of a shard, with the gates interleaved (gates.h). A cell is a struct
// with
//   input, hidden      which gates its two products fill
//   states, extras     1 (h) or 2 (h and c); rows (H,) of what parameters it has beside weights and bias
//   own                how many arrays its way back leaves for sums over rows, beside da
//   gates, second, norm    whether its tape has rows of activated gates (else h tells all), of r * h, which a second
//                          product reads, of normalised products
//   activate(Forward, row, unit, sums)      from a block's sums to gates and new state
//   backward(Backward)                      the derivative of the whole step
//   extra_gradient(Summed, gradient)        the gradient of its `extras`, if it has any
//   forward(Forward)                        a whole step, where it is more than the above
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
  T* ih_back;        // (input.count * H, padded D)
  T* hh_back;        // (hidden.count * H, units); null where a single row reads hh_rows instead (row_by_row)
  T* hh2_back;       // (hidden2.count * H, units)
  const T* hh_rows;  // W_hh where it lies in theta
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
struct CellForm;

template <class T>
struct Forward {
  const CellForm<T>* cell;
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
  bool rest;  // the rows' previous states are zero: there is nothing to multiply
  bool back;  // the last panel comes first: what the step before read last is still in a cache
  const Team* team;
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
  Gates gates;          // those that the state's product fills
  Inner inner, inner2;  // these, and those of the second product, as inner indices
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
void state_back(const Backward<T>& b, Start start) {
  T* to = b.mask ? b.dread : b.dh;
  const Start begin = b.mask ? Start::zero : start;
  if (b.w->hh_back) {
    gates_back(b.dah, b.lda, b.rows, b.inner, b.w->hh_back, b.hidden, to, b.units, begin);
  } else {
    row_back(b.dah, b.gates, b.w->hh_rows, b.hidden, to, begin);
  }
  for (int64_t i = 0; b.mask && i < b.rows * b.units; i += kWidth<T>) {
    const Vec<T> before = start == Start::zero ? Vec<T>{} : load(b.dh + i);
    store(b.dh + i, fma<T>(load(b.mask + i), load(b.dread + i), before));
  }
}

// Computes sums of V vectors (a block's slots, or V blocks of a one-slot cell), of R rows, or of one row and P panels,
// starting from the bias, then inputs, then state, all in registers. IN and HID are the vectors that the two products
// fill. The cell takes them from there, as it does from all tiles.
template <int IN, int IN_COUNT, int HID, int HID_COUNT, int R, int P, class T>
ELMAN_NOINLINE void forward_tile(const Forward<T>& f, int64_t m, int64_t j) {
  constexpr int64_t W = kWidth<T>;
  constexpr int V = IN + IN_COUNT > HID + HID_COUNT ? IN + IN_COUNT : HID + HID_COUNT;
  const int64_t in = f.cell->input.count, hid = f.cell->hidden.count, slots = f.cell->input.slots;
  const int64_t wide = slots > 1 ? W : V * W;  // units of a panel
  const auto row = [m](int n) { return P == 1 ? m + n : m; };
  const auto unit = [j, wide](int n) { return P == 1 ? j : j + n * wide; };
  Vec<T> sums[R * P][V];
  const T *rows[R], *panels[P];
  ELMAN_UNROLL
  for (int n = 0; n < R * P; n++) {
    ELMAN_UNROLL
    for (int v = 0; v < V; v++) {
      const bool input = v >= IN && v < IN + IN_COUNT;
      sums[n][v] = !input   ? load(f.w->extra + unit(n))
                   : f.x    ? load(f.w->bias + unit(n) * in + (v - IN) * W)
                   : f.part ? load(f.part[row(n)] + unit(n) * slots + v * W)
                            : load(f.a + row(n) * f.lda + unit(n) * slots + v * W);
    }
  }
  if (f.x) {
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) rows[r] = f.x + (m + r) * f.ldx;
    ELMAN_UNROLL
    for (int p = 0; p < P; p++) panels[p] = f.w->ih + unit(p) * in * f.in;
    accumulate<IN, IN_COUNT>(sums, rows, f.in, panels);
  }
  if (!f.rest) {
    ELMAN_UNROLL
    for (int r = 0; r < R; r++) rows[r] = f.read[m + r];
    ELMAN_UNROLL
    for (int p = 0; p < P; p++) panels[p] = f.w->hh + unit(p) * hid * f.hidden;
    accumulate<HID, HID_COUNT>(sums, rows, f.hidden, panels);
  }
  Vec<T> whole[R * P][V];  // apart, for sums whose address is known elsewhere would not stay in registers
  ELMAN_UNROLL
  for (int n = 0; n < R * P; n++) {
    ELMAN_UNROLL
    for (int v = 0; v < V; v++) whole[n][v] = sums[n][v];
  }
  for (int p = 0; p < P; p++) f.cell->activate(f, m, R, unit(p), V, whole[p]);
}

// A panel, from unit j on, for all rows.
template <int IN, int IN_COUNT, int HID, int HID_COUNT, class T>
void forward_panel(const Forward<T>& f, int64_t j) {
  each_tile(f.rows, [&](auto size, int64_t m) {
    forward_tile<IN, IN_COUNT, HID, HID_COUNT, decltype(size)::value, 1>(f, m, j);
  });
}

// Takes the sums (rows, vectors, W) of a tile, from row m and unit j on, to gates and new state.
template <class Cell, class T>
void activate_tile(const Forward<T>& f, int64_t m, int64_t rows, int64_t j, int64_t vectors, const Vec<T>* sums) {
  constexpr int slots = Cell::input.slots;
  for (int64_t r = 0; r < rows; r++, sums += vectors) {
    if constexpr (slots > 1) {
      Cell::activate(f, m + r, j, sums);
    } else {
      for (int64_t v = 0; v < vectors; v++) Cell::activate(f, m + r, j + v * kWidth<T>, sums + v);
    }
  }
}

// The panels [first, end) of a step; the last of all may be narrower than `wide` units.
template <class T>
void forward_panels(const Forward<T>& f, int64_t wide, int64_t first, int64_t end) {
  constexpr int64_t W = kWidth<T>;
  const CellForm<T>& cell = *f.cell;
  const int64_t full = f.units / wide, last = end < full ? end : full, rest = end > full ? f.units % wide / W : 0;
  const int64_t ahead = f.rows == 1 ? kSideBySide : 1;
  if (f.back && rest) cell.panel[rest - 1](f, full * wide);
  for (int64_t i = first; i < last;) {
    const int64_t n = last - i < ahead ? 1 : ahead, at = f.back ? first + last - i - n : i;
    if (n > 1) {
      cell.row(f, 0, at * wide);
    } else {
      cell.panel[wide / W - 1](f, at * wide);
    }
    i += n;
  }
  if (!f.back && rest) cell.panel[rest - 1](f, full * wide);
}

// Units of a full panel of a cell.
template <class T>
ELMAN_INLINE int64_t panel_units(const CellForm<T>& cell) {
  return (cell.input.slots > 1 ? 1 : 4) * kWidth<T>;
}

// Takes a whole step forward.
template <class T>
void cell_forward(const Forward<T>& f) {
  const int64_t wide = panel_units(*f.cell), work = f.units * f.cell->input.slots * (f.hidden + (f.x ? f.in : 0));
  in_parts(f.team, (f.units + wide - 1) / wide, work,
           [&](int64_t first, int64_t end) { forward_panels(f, wide, first, end); });
}

// A cell's struct as a value, for the time loop and all that surrounds it: these are compiled once, not once a cell.
template <class T>
struct CellForm {
  int states, extras, own;
  Gates input, hidden, hidden2;
  bool gates, second, norm;
  void (*panel[4])(const Forward<T>&, int64_t j);        // of so many blocks of units, less one
  void (*row)(const Forward<T>&, int64_t m, int64_t j);  // of a single row, kSideBySide full panels
  void (*activate)(const Forward<T>&, int64_t m, int64_t rows, int64_t j, int64_t vectors, const Vec<T>* sums);
  void (*forward)(const Forward<T>&);
  void (*backward)(const Backward<T>&);
  void (*extra_gradient)(const Summed<T>&, T* extra);  // adds that of extra (extras, H)
};

template <class Cell, class T>
constexpr CellForm<T> cell_form() {
  CellForm<T> form{};
  form.states = Cell::states, form.extras = Cell::extras, form.own = Cell::own;
  form.input = Cell::input, form.hidden = Cell::hidden;
  form.gates = Cell::gates, form.second = Cell::second, form.norm = Cell::norm;
  form.backward = Cell::backward;
  if constexpr (Cell::extras > 0) form.extra_gradient = Cell::extra_gradient;
  if constexpr (Cell::norm) {
    form.forward = Cell::forward;
  } else {
    constexpr Gates in = Cell::input, hid = Cell::hidden;
    form.activate = activate_tile<Cell, T>;
    form.forward = cell_forward<T>;
    if constexpr (in.slots > 1) {
      form.panel[0] = forward_panel<in.first, in.count, hid.first, hid.count, T>;
      form.row = forward_tile<in.first, in.count, hid.first, hid.count, 1, kSideBySide, T>;
    } else {
      form.panel[0] = forward_panel<0, 1, 0, 1, T>, form.panel[1] = forward_panel<0, 2, 0, 2, T>;
      form.panel[2] = forward_panel<0, 3, 0, 3, T>, form.panel[3] = forward_panel<0, 4, 0, 4, T>;
      form.row = forward_tile<0, 4, 0, 4, 1, kSideBySide, T>;
    }
    if constexpr (Cell::second) form.hidden2 = Cell::hidden2, form.forward = Cell::forward;
  }
  return form;
}

template <class Cell, class T>
constexpr CellForm<T> kCellForm = cell_form<Cell, T>();

}  // namespace elman::ELMAN_ISA
