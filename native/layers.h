// The layers that do arithmetic, each with its forward and its backward side by side: recurrent, dense, skip. (An
// embedding and the choice of the last step only copy rows: shard.h.)
#pragma once

#include "packed.h"
#include "tape.h"

namespace elman::ELMAN_ISA {

// ---- recurrent

template <class T>
void recurrent_forward(const Op& op, const OpWeights<T>& w, const Data& data, const ShardTape<T>& s, const T* in,
                       int64_t ld, OpTape<T>& o) {
  for (int32_t k = 0; k < op.directions; k++) {
    const DirectionTape<T>& d = o.dir[k];
    gather_state(data, op.state[k], s, d, d.h0);
    if (d.c0) gather_state(data, op.state[k] + 1, s, d, d.c0);
    dispatch_cell<T>(op.variant, [&](auto cell) {
      using Cell = decltype(cell);
      gates_product<Cell::slots, Cell::input.slots.count, Cell::input.first>(
          Strided<T>{in, ld}, s.steps.total, op.in, w.cell[k].ih, d.units, d.a, d.lda, w.cell[k].bias, Start::bias);
      scan_forward<Cell>(s.steps, k == 1, d, w.cell[k]);
    });
  }
  if (op.directions == 1) return;
  for (int64_t m = 0; m < s.steps.total; m++) {
    T* to = o.out + m * o.ld;
    for (int32_t k = 0; k < 2; k++) {
      memcpy(to + k * op.hidden, o.dir[k].h + m * o.dir[k].units, size_t(op.hidden) * sizeof(T));
    }
    for (int64_t j = op.out; j < o.ld; j++) to[j] = T(0);
  }
}

// Adds the weights' gradients; fills din (total, padded in) with that of the layer's input, or adds to it; din may be
// null.
template <class T>
void recurrent_backward(const Op& op, const OpWeights<T>& w, const ShardTape<T>& s, const T* in, int64_t ld,
                        const OpTape<T>& o, const T* dout, const DirectionScratch<T>* b, int64_t truncate, T* gradient,
                        T* din, Start start) {
  const int64_t total = s.steps.total;
  for (int32_t k = 0; k < op.directions; k++) {
    const DirectionTape<T>& d = o.dir[k];
    const T* arriving = dout;
    int64_t ldd = o.ld;
    if (op.directions == 2) {  // this direction's half, with zeros behind it
      for (int64_t m = 0; m < total; m++) {
        memcpy(b[k].dout + m * d.units, dout + m * o.ld + k * d.hidden, size_t(d.hidden) * sizeof(T));
        for (int64_t j = d.hidden; j < d.units; j++) b[k].dout[m * d.units + j] = T(0);
      }
      arriving = b[k].dout;
      ldd = d.units;
    }
    T* const g = gradient;
    const int64_t* at = op.offset[k];
    dispatch_cell<T>(op.variant, [&](auto cell) {
      using Cell = decltype(cell);
      scan_backward<Cell>(s.steps, k == 1, d, w.cell[k], arriving, ldd, truncate, b[k]);
      const T* da = b[k].da;
      product_gradient<Cell>(Cell::input, s.steps, d, da, Strided<T>{in, ld}, op.in, g + at[0]);
      product_gradient<Cell>(Cell::hidden, s.steps, d, da, Gathered<T>{d.h_prev}, op.hidden, g + at[1]);
      if constexpr (Cell::second) {
        product_gradient<Cell>(Cell::hidden2, s.steps, d, da, Strided<T>{d.aux, d.units}, op.hidden, g + at[1]);
      }
      bias_gradient<Cell>(s.steps, d, da, g + at[2]);
      if constexpr (Cell::extras > 0) {
        Cell::extra_gradient(total, d.units, op.hidden, da, d.lda, d.c_prev, d.c, g + at[3]);
      }
      if (din) {
        gates_back<Cell::slots, Cell::input.slots.count, Cell::input.first>(
            da, d.lda, total, d.units, w.cell[k].ih_back, op.in, din, padded<T>(op.in), start);
      }
    });
    start = Start::add;
  }
}

// ---- dense

template <class T>
void dense_forward(const Op& op, const OpWeights<T>& w, int64_t rows, const T* in, int64_t ld, OpTape<T>& o) {
  product_dense(Strided<T>{in, ld}, rows, {1, op.in, 0, 0}, w.forward, op.out, o.out, o.ld, w.bias, Start::bias);
  const ActKind act = ActKind(op.variant);
  if (act == ActKind::linear) return;
  for (int64_t i = 0; i < rows * o.ld; i += kWidth<T>) {
    const Vec<T> a = load(o.out + i), zero{};
    store(o.out + i, act == ActKind::tanh ? tanh<T>(a) : act == ActKind::sigmoid ? sigmoid<T>(a) : a < zero ? zero : a);
  }
}

template <class T>
void dense_backward(const Op& op, const OpWeights<T>& w, int64_t rows, const T* in, int64_t ld, const OpTape<T>& o,
                    T* dout, T* gradient, T* din, Start start) {
  const ActKind act = ActKind(op.variant);
  const Vec<T> one = splat(T(1)), zero{};
  for (int64_t i = 0; act != ActKind::linear && i < rows * o.ld; i += kWidth<T>) {
    const Vec<T> y = load(o.out + i), d = load(dout + i);
    store(dout + i, act == ActKind::tanh      ? d * (one - y * y)
                    : act == ActKind::sigmoid ? d * (y * (one - y))
                    : y > zero                ? d
                                              : zero);
  }
  const Interleaved place{kWidth<T>, 0};
  weight_gradient(dout, o.ld, place, op.out, Strided<T>{in, ld}, rows, op.in, gradient + op.offset[0][0]);
  column_sum(dout, o.ld, place, op.out, rows, gradient + op.offset[0][1]);
  if (!din) return;
  product_dense(Strided<T>{dout, o.ld}, rows, {1, op.out, 0, 0}, w.back, op.in, din, padded<T>(op.in),
                (const T*)nullptr, start);
}

// ---- skip

// The input rows that a skip reads: all, or each sequence's last.
template <class T>
struct SkipRows {
  const ShardTape<T>* s;
  bool last;
  ELMAN_INLINE const T* operator[](int64_t m) const { return s->x + (last ? last_row(s->steps, m) : m) * s->ldx; }
};

template <class T>
void skip_forward(const Program& p, const Op& op, const OpWeights<T>& w, const ShardTape<T>& s, const T* in,
                  OpTape<T>& o) {
  const int64_t rows = output_rows(s.steps, o.last);
  memcpy(o.out, in, size_t(rows * o.ld) * sizeof(T));
  product_dense(SkipRows<T>{&s, o.last}, rows, {1, p.in, 0, 0}, w.forward, op.out, o.out, o.ld, (const T*)nullptr,
                Start::add);
}

template <class T>
void skip_backward(const Program& p, const Op& op, const OpWeights<T>& w, const ShardTape<T>& s, const OpTape<T>& o,
                   const T* dout, T* gradient, T* din, T* dx) {
  const int64_t rows = output_rows(s.steps, o.last);
  if (din && din != dx) {
    memcpy(din, dout, size_t(rows * o.ld) * sizeof(T));
  } else if (dx) {  // the first layer: its own input is the network's, where other skips may have added before
    for (int64_t i = 0; i < rows * o.ld; i++) dx[i] += dout[i];
  }
  weight_gradient(dout, o.ld, Interleaved{kWidth<T>, 0}, op.out, SkipRows<T>{&s, o.last}, rows, p.in,
                  gradient + op.offset[0][0]);
  for (int64_t m = 0; dx && m < rows; m++) {
    product_dense(Strided<T>{dout + m * o.ld, 0}, 1, {1, op.out, 0, 0}, w.back, p.in,
                  dx + (o.last ? last_row(s.steps, m) : m) * s.ldx, s.ldx, (const T*)nullptr, Start::add);
  }
}

}  // namespace elman::ELMAN_ISA
