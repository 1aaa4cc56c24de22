// The layers that do arithmetic, each with its forward and its backward side by side: recurrent, dense, dropout, skip.
// (An embedding and the choice of the last step only copy rows: shard.h.)
#pragma once

#include "layers/packed.h"
#include "layers/tape.h"

namespace elman::ELMAN_ISA {

// ---- recurrent

template <class T>
void recurrent_forward(const Op& op, const OpWeights<T>& w, const T* theta, const Data& data, const ShardTape<T>& s,
                       const T* in, int64_t ld, OpTape<T>& o, bool keep) {
  for (int32_t k = 0; k < op.directions; k++) {
    DirectionTape<T>& d = o.dir[k];
    d.regular.training = data.draws, d.regular.key = data.key, d.regular.first = data.first, d.regular.rows = s.rows;
    for (int part = 0; part < (d.c0 ? 2 : 1); part++) {
      const T* learned = op.learned_state ? theta + op.direction[k].learned[part] : nullptr;
      gather_state(data, op.direction[k].state + part, learned, s, d, part == 0 ? d.h0 : d.c0);
    }
    dispatch_cell<T>(op.cell, [&](auto cell) {
      scan_forward<decltype(cell)>(s.steps, k == 1, d, w.cell[k], in, ld, op.in, keep, s.rest && !op.learned_state);
    });
  }
  if (op.directions == 1) return;
  for (int64_t m = 0; m < s.steps.total; m++) {
    T* to = o.out + m * o.ld;
    for (int32_t k = 0; k < 2; k++) {
      memcpy(to + k * op.hidden, o.dir[k].h + m * o.dir[k].ld, size_t(op.hidden) * sizeof(T));
    }
    for (int64_t j = op.out; j < o.ld; j++) to[j] = T(0);
  }
}

// Adds the weights' gradients; fills din (total, ld) with that of the layer's input, or adds to it; din may be null.
template <class T>
void recurrent_backward(const Op& op, const OpWeights<T>& w, const ShardTape<T>& s, const T* in, int64_t ld,
                        const OpTape<T>& o, const T* dout, const DirectionScratch<T>* b, int64_t truncate,
                        Shares<T> shares, T* din, Start start) {
  const int64_t total = s.steps.total, n = op.hidden;
  const bool learned = op.learned_state && s.rest;
  for (int32_t k = 0; k < op.directions; k++) {
    const DirectionTape<T>& d = o.dir[k];
    const T* arriving = dout;
    int64_t ldd = o.ld;
    if (op.directions == 2) {  // this direction's half, with zeros behind it
      for (int64_t m = 0; m < total; m++) {
        memcpy(b[k].dout + m * d.ld, dout + m * o.ld + k * n, size_t(n) * sizeof(T));
        for (int64_t j = n; j < d.units; j++) b[k].dout[m * d.ld + j] = T(0);
      }
      arriving = b[k].dout;
      ldd = d.ld;
    }
    const T* da = b[k].da;
    const T* const* read = d.regular.masks() ? d.read : d.h_prev;
    const Direction& at = op.direction[k];
    dispatch_cell<T>(op.cell, [&](auto cell) {
      using Cell = decltype(cell);
      for (int64_t done = 0; done < s.steps.steps; done += shares.block) {
        const int64_t left = s.steps.steps - done, count = left < shares.block ? left : shares.block;
        const int64_t lowest = k == 1 ? done : left - count, highest = lowest + count - 1;
        const int64_t begin = s.steps.offset[lowest], end = s.steps.offset[highest] + s.steps.count[highest];
        scan_backward<Cell>(s.steps, k == 1, d, w.cell[k], arriving, ldd, truncate, shares.step,
                            shares.dstate || learned, done, count, begin, b[k]);
        const int64_t first = begin > 0 ? begin : s.steps.count[0];  // step 0 saw a state of zero
        for (const Share<T>& share : shares) {
          const Pick rows = between(share.steps, begin, begin, end);
          const Pick moved =
              shares.rest && !op.learned_state && k == 0 ? between(share.steps, begin, first, end) : rows;
          T* g = share.gradient;
          weight_gradient(da, d.lda, Cell::input, n, Strided<T>{in, ld}, rows, op.in, g + at.weight);
          weight_gradient(b[k].dah, d.lda, Cell::hidden, n, Gathered<T>{read}, moved, n, g + at.weight_hh);
          if constexpr (Cell::second) {
            weight_gradient(da, d.lda, Cell::hidden2, n, Strided<T>{d.aux, d.ld}, rows, n, g + at.weight_hh);
          }
          if constexpr (Cell::norm) {
            Cell::extra_gradients(rows, n, b[k].back, d.lda, d.ld, g + at.bias, g + at.extra);
          } else {
            bias_gradient(da, d.lda, Cell::input, n, rows, g + at.bias);
            if constexpr (Cell::extras > 0) {
              Cell::extra_gradient(rows, n, da, d.lda, d.c_prev, d.made_c, b[k].back.own[0], d.ld, g + at.extra);
            }
          }
        }
        if (din) {
          gates_back(da, d.lda, end - begin, inner_gates<T>(n, Cell::input), w.cell[k].ih_back, op.in, din + begin * ld,
                     ld, start);
        }
      }
    });
    for (const Share<T>& share : shares) {
      if (!learned) break;
      bias_gradient(b[k].dh, d.units, kPlain, n, share.rows, share.gradient + at.learned[0]);
      if (b[k].dc) bias_gradient(b[k].dc, d.units, kPlain, n, share.rows, share.gradient + at.learned[1]);
    }
    start = Start::add;
  }
}

// ---- dense

// f(value) applied to the columns of all rows.
template <class T, class F>
ELMAN_INLINE void each_vector(int64_t rows, int64_t columns, int64_t ld, F f) {
  for (int64_t m = 0; m < rows; m++) {
    for (int64_t j = 0; j < padded<T>(columns); j += kWidth<T>) f(m * ld + j);
  }
}

template <class T>
void dense_forward(const Op& op, const OpWeights<T>& w, int64_t rows, const T* in, int64_t ld, OpTape<T>& o) {
  if (few_outputs<T>(op.out, op.in)) {
    dots(Strided<T>{in, ld}, rows, op.in, w.forward, op.out, o.out, o.ld, w.bias);
  } else {
    product(Strided<T>{in, ld}, rows, plain(op.in), w.forward, op.out, o.out, o.ld, w.bias, Start::bias);
  }
  const ActivationKind act = op.activation;
  if (act == ActivationKind::linear) return;
  each_vector<T>(rows, op.out, o.ld, [&](int64_t i) {
    const Vec<T> a = load(o.out + i), zero{};
    store(o.out + i, act == ActivationKind::tanh      ? tanh<T>(a)
                     : act == ActivationKind::sigmoid ? sigmoid<T>(a)
                     : a < zero                       ? zero
                                                      : a);
  });
}

template <class T>
void dense_backward(const Op& op, const OpWeights<T>& w, int64_t rows, const T* in, int64_t ld, const OpTape<T>& o,
                    T* dout, Shares<T> shares, T* din, Start start) {
  const ActivationKind act = op.activation;
  const Vec<T> one = splat(T(1)), zero{};
  if (act != ActivationKind::linear) {
    each_vector<T>(rows, op.out, o.ld, [&](int64_t i) {
      const Vec<T> y = load(o.out + i), d = load(dout + i);
      store(dout + i, act == ActivationKind::tanh      ? d * (one - y * y)
                      : act == ActivationKind::sigmoid ? d * (y * (one - y))
                      : y > zero                       ? d
                                                       : zero);
    });
  }
  for (const Share<T>& share : shares) {
    const Pick pick = share.of(o.last);
    weight_gradient(dout, o.ld, kPlain, op.out, Strided<T>{in, ld}, pick, op.in,
                    share.gradient + op.direction[0].weight);
    bias_gradient(dout, o.ld, kPlain, op.out, pick, share.gradient + op.direction[0].bias);
  }
  if (!din) return;
  product<true>(Strided<T>{dout, o.ld}, rows, plain(op.out), w.back, op.in, din, ld, (const T*)nullptr, start);
}

// ---- dropout

template <class T>
void dropout_forward(const Op& op, int32_t layer, const Data& data, const ShardTape<T>& s, const T* in, OpTape<T>& o) {
  const int64_t rows = output_rows(s.steps, o.last);
  if (!data.draws) {
    memcpy(o.out, in, size_t(rows * o.ld) * sizeof(T));
    return;
  }
  const T kept = T(1 / (1 - op.rate));
  const auto draw = [&](int64_t r, int64_t rows, int64_t step, T* mask) {
    const Draw d{data.key, place_of(layer, 0, Site::dropout), step, s.rows + r};
    draw_either(d, op.rate, T(0), kept, rows, op.out, o.bits, o.ld, mask);
  };
  if (op.variational) draw(0, s.steps.rows, 0, o.mask);
  each_row(s.steps, o.last, [&](int64_t m, int64_t r, int64_t t) {
    T* mask = o.mask + (op.variational ? r : m) * o.ld;
    if (!op.variational) draw(r, 1, o.last ? 0 : data.first + t, mask);
    for (int64_t j = 0; j < o.ld; j++) o.out[m * o.ld + j] = mask[j] * in[m * o.ld + j];
  });
}

// start: as for the other layers, Start::zero or Start::add.
template <class T>
void dropout_backward(const Op& op, const ShardTape<T>& s, const OpTape<T>& o, const T* dout, T* din, Start start) {
  if (!din) return;
  each_row(s.steps, o.last, [&](int64_t m, int64_t r, int64_t) {
    const T* mask = o.mask + (op.variational ? r : m) * o.ld;
    for (int64_t j = 0; j < o.ld; j++) {
      const T d = s.draws ? mask[j] * dout[m * o.ld + j] : dout[m * o.ld + j];
      din[m * o.ld + j] = start == Start::add ? din[m * o.ld + j] + d : d;
    }
  });
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
  product(SkipRows<T>{&s, o.last}, rows, plain(p.in), w.forward, op.out, o.out, o.ld, (const T*)nullptr, Start::add);
}

template <class T>
void skip_backward(const Program& p, const Op& op, const OpWeights<T>& w, const ShardTape<T>& s, const OpTape<T>& o,
                   const T* dout, Shares<T> shares, T* din, T* dx) {
  const int64_t rows = output_rows(s.steps, o.last);
  if (din && din != dx) {
    memcpy(din, dout, size_t(rows * o.ld) * sizeof(T));
  } else if (dx) {  // the first layer: its own input is the network's, where other skips may have added before
    for (int64_t i = 0; i < rows * o.ld; i++) dx[i] += dout[i];
  }
  for (const Share<T>& share : shares) {
    weight_gradient(dout, o.ld, kPlain, op.out, SkipRows<T>{&s, o.last}, share.of(o.last), p.in,
                    share.gradient + op.direction[0].weight);
  }
  for (int64_t m = 0; dx && m < rows; m++) {
    product<true>(Strided<T>{dout + m * o.ld, 0}, 1, plain(op.out), w.back, p.in,
                  dx + (o.last ? last_row(s.steps, m) : m) * s.ldx, s.ldx, (const T*)nullptr, Start::add);
  }
}

}  // namespace elman::ELMAN_ISA
