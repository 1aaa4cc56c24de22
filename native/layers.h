// A shard: some rows taken through the whole network and back. Layers stand in order; each has its forward and its
// backward here. A tape holds what forward leaves for backward, a scratch what backward works on; both are carved from
// one block of the caller's.
#pragma once

#include "losses.h"
#include "scan.h"

namespace elman::ELMAN_ISA {

// ---- weights, packed for one call

template <class T>
struct OpWeights {
  CellWeights<T> cell[2];    // recurrent
  T *forward, *bias, *back;  // dense and skip
};

template <class Cell, class T>
void carve_cell(Carver& m, const Op& op, bool backward, CellWeights<T>& w) {
  const int64_t units = padded<T>(op.hidden), in = padded<T>(op.in), n = op.hidden;
  w = {};
  w.ih = m.take<T>(units * Cell::input.slots.count * op.in);
  w.bias = m.take<T>(units * Cell::input.slots.count);
  w.hh = m.take<T>(units * Cell::hidden.slots.count * n);
  if (Cell::extras) w.extra = m.take<T>(units * Cell::extras);
  if constexpr (Cell::second) w.hh2 = m.take<T>(units * Cell::hidden2.slots.count * n);
  if (!backward) return;
  w.ih_back = m.take<T>(units * Cell::input.slots.count * in);
  w.hh_back = m.take<T>(units * Cell::hidden.slots.count * units);
  if constexpr (Cell::second) w.hh2_back = m.take<T>(units * Cell::hidden2.slots.count * units);
}

template <class Cell, class T>
void pack_cell(const Op& op, const T* theta, const int64_t* offset, bool backward, const CellWeights<T>& w) {
  const T *ih = theta + offset[0], *hh = theta + offset[1], *bias = theta + offset[2], *extra = theta + offset[3];
  const int64_t n = op.hidden, units = padded<T>(n);
  if (Cell::slots == 1) {
    pack_transposed(w.ih, ih, n, op.in);
    pack_transposed(w.hh, hh, n, n);
  } else {
    pack_gates(w.ih, ih, n, op.in, Cell::input.slots);
    pack_gates(w.hh, hh, n, n, Cell::hidden.slots);
  }
  pack_gates(w.bias, bias, n, 1, Cell::input.slots);
  for (int64_t e = 0; e < Cell::extras; e++) {
    for (int64_t j = 0; j < units; j++) w.extra[e * units + j] = j < n ? extra[e * n + j] : T(0);
  }
  if constexpr (Cell::second) pack_gates(w.hh2, hh, n, n, Cell::hidden2.slots);
  if (!backward) return;
  pack_gates_back(w.ih_back, ih, n, op.in, Cell::input.slots);
  pack_gates_back(w.hh_back, hh, n, n, Cell::hidden.slots);
  if constexpr (Cell::second) pack_gates_back(w.hh2_back, hh, n, n, Cell::hidden2.slots);
}

template <class T>
OpWeights<T>* carve_weights(Carver& m, const Program& p, bool backward) {
  OpWeights<T>* all = m.take<OpWeights<T>>(p.n_ops);
  OpWeights<T> measured;
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    OpWeights<T>& w = all ? all[i] : measured;
    w = {};
    if (op.kind == Kind::recurrent) {
      for (int32_t d = 0; d < op.directions; d++) {
        dispatch_cell<T>(op.variant, [&](auto cell) { carve_cell<decltype(cell)>(m, op, backward, w.cell[d]); });
      }
    } else if (op.kind == Kind::dense || op.kind == Kind::skip) {
      const int64_t in = op.kind == Kind::skip ? p.in : op.in;
      w.forward = m.take<T>(padded<T>(op.out) * in);
      if (op.kind == Kind::dense) w.bias = m.take<T>(padded<T>(op.out));
      if (backward) w.back = m.take<T>(padded<T>(in) * op.out);
    }
  }
  return all;
}

template <class T>
size_t packed_bytes(const Program& p, bool backward) {
  Carver m{nullptr, 0};
  carve_weights<T>(m, p, backward);
  return m.used;
}

template <class T>
void pack(const Program& p, const T* theta, void* packed, bool backward) {
  Carver m{static_cast<char*>(packed), 0};
  const OpWeights<T>* all = carve_weights<T>(m, p, backward);
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    if (op.kind == Kind::recurrent) {
      for (int32_t d = 0; d < op.directions; d++) {
        dispatch_cell<T>(op.variant, [&](auto cell) {
          pack_cell<decltype(cell)>(op, theta, op.offset[d], backward, all[i].cell[d]);
        });
      }
    } else if (op.kind == Kind::dense || op.kind == Kind::skip) {
      const int64_t in = op.kind == Kind::skip ? p.in : op.in;
      pack_transposed(all[i].forward, theta + op.offset[0][0], op.out, in);
      if (op.kind == Kind::dense) pack_transposed(all[i].bias, theta + op.offset[0][1], op.out, 1);
      if (backward) pack_straight(all[i].back, theta + op.offset[0][0], op.out, in);
    }
  }
}

// ---- the tape

// Every operation's output: (rows, ld), rows one for each step of each sequence (`last` false) or one for each
// sequence.
template <class T>
struct OpTape {
  T* out;
  int64_t ld;
  bool last;
  DirectionTape<T> dir[2];
};

template <class T>
struct ShardTape {
  Steps steps;
  const int64_t* rows;  // which sequences of the data these are
  T* x;                 // (total, ldx), gathered; null for integers
  int64_t* ids;         // (total,), for an embedding
  int64_t ldx;
  OpTape<T>* ops;
};

template <class T>
ELMAN_INLINE const ShardTape<T>* opened(const Shard* s) {
  return reinterpret_cast<const ShardTape<T>*>(s);
}

ELMAN_INLINE int64_t output_rows(const Steps& s, bool last) { return last ? s.rows : s.total; }

// The packed row of sequence r's last valid step.
ELMAN_INLINE int64_t last_row(const Steps& s, int64_t r) { return s.offset[s.lengths[r] - 1] + r; }

// f(packed row, sequence r of the shard, step t) for every row of an output.
template <class F>
ELMAN_INLINE void each_row(const Steps& s, bool last, F f) {
  if (last) {
    for (int64_t r = 0; r < s.rows; r++) f(r, r, int64_t(0));
    return;
  }
  for (int64_t t = 0; t < s.steps; t++) {
    for (int64_t r = 0; r < s.count[t]; r++) f(s.offset[t] + r, r, t);
  }
}

template <class T>
ShardTape<T>* carve_tape(Carver& m, const Program& p, const int64_t* lengths, int64_t rows) {
  ShardTape<T>* tape = m.take<ShardTape<T>>(1);
  ShardTape<T> measured;
  ShardTape<T>& s = tape ? *tape : measured;
  s.steps.rows = rows;
  s.steps.steps = lengths[0];
  s.steps.total = 0;
  for (int64_t r = 0; r < rows; r++) s.steps.total += lengths[r];
  s.steps.lengths = m.take<int64_t>(rows);
  s.steps.count = m.take<int64_t>(s.steps.steps);
  s.steps.offset = m.take<int64_t>(s.steps.steps);
  s.rows = m.take<int64_t>(rows);
  s.ldx = padded<T>(p.in);
  s.x = p.integer ? nullptr : m.take<T>(s.steps.total * s.ldx);
  s.ids = p.integer ? m.take<int64_t>(s.steps.total) : nullptr;
  s.ops = m.take<OpTape<T>>(p.n_ops);
  bool last = false;
  OpTape<T> op_measured;
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    OpTape<T>& o = s.ops ? s.ops[i] : op_measured;
    last = last || op.kind == Kind::last;
    o.last = last;
    o.ld = padded<T>(op.out);
    if (op.kind == Kind::recurrent) {
      for (int32_t d = 0; d < op.directions; d++) {
        dispatch_cell<T>(op.variant,
                         [&](auto cell) { carve_direction<decltype(cell)>(m, s.steps, op.hidden, o.dir[d]); });
      }
    }
    // One direction's states are the output themselves.
    o.out =
        op.kind == Kind::recurrent && op.directions == 1 ? o.dir[0].h : m.take<T>(output_rows(s.steps, last) * o.ld);
  }
  return tape;
}

template <class T>
size_t tape_bytes(const Program& p, const int64_t* lengths, int64_t rows) {
  Carver m{nullptr, 0};
  carve_tape<T>(m, p, lengths, rows);
  return m.used;
}

// ---- forward

template <class T>
void gather_input(const Program& p, const Data& data, const ShardTape<T>& s) {
  each_row(s.steps, false, [&](int64_t m, int64_t r, int64_t t) {
    const int64_t at = s.rows[r] * data.x_row + t * data.x_step;
    if (p.integer) {
      s.ids[m] = static_cast<const int64_t*>(data.x)[at];
      return;
    }
    const T* from = static_cast<const T*>(data.x) + at;
    T* to = s.x + m * s.ldx;
    for (int64_t k = 0; k < p.in; k++) to[k] = from[k * data.x_col];
    for (int64_t k = p.in; k < s.ldx; k++) to[k] = T(0);
  });
}

template <class T>
void gather_state(const Data& data, int32_t slot, const ShardTape<T>& s, const DirectionTape<T>& d, T* to) {
  const T* from = data.state ? static_cast<const T*>(data.state[slot]) : nullptr;
  for (int64_t r = 0; r < s.steps.rows; r++) {
    for (int64_t j = 0; j < d.units; j++)
      to[r * d.units + j] = from && j < d.hidden ? from[s.rows[r] * d.hidden + j] : T(0);
  }
}

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
Shard* forward(const Program& p, const T* theta, const void* packed, const Data& data, const int64_t* rows, int64_t n,
               const int64_t* lengths, void* memory) {
  Carver m{static_cast<char*>(memory), 0}, w{static_cast<char*>(const_cast<void*>(packed)), 0};
  const OpWeights<T>* weights = w.take<OpWeights<T>>(p.n_ops);
  ShardTape<T>& s = *carve_tape<T>(m, p, lengths, n);
  memcpy(const_cast<int64_t*>(s.rows), rows, size_t(n) * sizeof(int64_t));
  memcpy(s.steps.lengths, lengths, size_t(n) * sizeof(int64_t));
  for (int64_t t = 0, alive = n, at = 0; t < s.steps.steps; at += alive, t++) {
    while (lengths[alive - 1] <= t) alive--;
    s.steps.count[t] = alive;
    s.steps.offset[t] = at;
  }
  gather_input(p, data, s);

  const T* in = s.x;
  int64_t ld = s.ldx;
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    OpTape<T>& o = s.ops[i];
    const int64_t count = output_rows(s.steps, o.last);
    switch (op.kind) {
      case Kind::embedding:
        for (int64_t k = 0; k < count; k++) {
          memcpy(o.out + k * o.ld, theta + op.offset[0][0] + s.ids[k] * op.out, size_t(op.out) * sizeof(T));
          for (int64_t j = op.out; j < o.ld; j++) o.out[k * o.ld + j] = T(0);
        }
        break;
      case Kind::recurrent:
        recurrent_forward(op, weights[i], data, s, in, ld, o);
        break;
      case Kind::dense:
        dense_forward(op, weights[i], count, in, ld, o);
        break;
      case Kind::last:
        for (int64_t r = 0; r < count; r++) {
          memcpy(o.out + r * o.ld, in + last_row(s.steps, r) * ld, size_t(o.ld) * sizeof(T));
        }
        break;
      case Kind::skip:
        memcpy(o.out, in, size_t(count * o.ld) * sizeof(T));
        each_row(s.steps, o.last, [&](int64_t k, int64_t r, int64_t) {
          const T* x = s.x + (o.last ? last_row(s.steps, r) : k) * s.ldx;
          product_dense(Strided<T>{x, 0}, 1, {1, p.in, 0, 0}, weights[i].forward, op.out, o.out + k * o.ld, o.ld,
                        (const T*)nullptr, Start::add);
        });
        break;
    }
    in = o.out;
    ld = o.ld;
  }
  return reinterpret_cast<Shard*>(&s);
}

// ---- reading results: row `index` of a contiguous (n, steps, width), or (n, width)

template <class T>
void read_rows(const ShardTape<T>& s, bool last, const T* from, int64_t ld, int64_t width, T* to, int64_t steps) {
  each_row(s.steps, last, [&](int64_t m, int64_t r, int64_t t) {
    memcpy(to + (s.rows[r] * (last ? 1 : steps) + t) * width, from + m * ld, size_t(width) * sizeof(T));
  });
}

template <class T>
void read_output(const Shard* shard, const Program& p, T* y, int64_t steps) {
  const ShardTape<T>& s = *opened<T>(shard);
  const OpTape<T>& o = s.ops[p.n_ops - 1];
  read_rows(s, o.last, o.out, o.ld, p.out, y, steps);
}

template <class T>
void read_hidden(const Shard* shard, const Program& p, int32_t op, T* h, int64_t steps) {
  const ShardTape<T>& s = *opened<T>(shard);
  read_rows(s, false, s.ops[op].out, s.ops[op].ld, p.ops[op].out, h, steps);
}

template <class T>
void read_state(const Shard* shard, const Program& p, T* const* state) {
  const ShardTape<T>& s = *opened<T>(shard);
  for (int32_t i = 0; i < p.n_ops; i++) {
    if (p.ops[i].kind != Kind::recurrent) continue;
    for (int32_t k = 0; k < p.ops[i].directions; k++) {
      const DirectionTape<T>& d = s.ops[i].dir[k];
      const T* parts[2] = {d.h, d.c};
      for (int32_t part = 0; part < (d.c ? 2 : 1); part++) {
        for (int64_t r = 0; r < s.steps.rows; r++) {
          const int64_t m = k == 1 ? r : last_row(s.steps, r);
          memcpy(state[p.ops[i].state[k] + part] + s.rows[r] * d.hidden, parts[part] + m * d.units,
                 size_t(d.hidden) * sizeof(T));
        }
      }
    }
  }
}

// ---- backward

template <class T>
struct ShardScratch {
  T** dout;                       // for each operation, shaped like its output
  DirectionScratch<T> (*dir)[2];  // for each operation
  T* dx;                          // (total, ldx), or null
};

template <class T>
ShardScratch<T> carve_scratch(Carver& m, const Program& p, const ShardTape<T>& s, bool dx) {
  ShardScratch<T> b;
  b.dout = m.take<T*>(p.n_ops);
  b.dir = reinterpret_cast<DirectionScratch<T>(*)[2]>(m.take<DirectionScratch<T>>(2 * p.n_ops));
  DirectionScratch<T> measured;
  for (int32_t i = 0; i < p.n_ops; i++) {
    const OpTape<T>& o = s.ops[i];
    T* dout = m.take<T>(output_rows(s.steps, o.last) * o.ld);
    if (b.dout) b.dout[i] = dout;
    if (p.ops[i].kind != Kind::recurrent) continue;
    for (int32_t k = 0; k < p.ops[i].directions; k++) {
      DirectionScratch<T>& d = b.dir ? b.dir[i][k] : measured;
      dispatch_cell<T>(p.ops[i].variant, [&](auto cell) {
        carve_direction_scratch<decltype(cell)>(m, s.steps, o.dir[k], p.ops[i].directions == 2, d);
      });
    }
  }
  b.dx = dx ? m.take<T>(s.steps.total * s.ldx) : nullptr;
  return b;
}

// The scratch's size depends on the rows' lengths as the tape's does: both are measured on the same carving.
template <class T>
size_t scratch_bytes(const Program& p, const int64_t* lengths, int64_t rows, bool dx, void* tape_sketch) {
  Carver sketch{static_cast<char*>(tape_sketch), 0}, m{nullptr, 0};
  carve_scratch<T>(m, p, *carve_tape<T>(sketch, p, lengths, rows), dx);
  return m.used;
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

// The input rows that a skip reads: all, or each sequence's last.
template <class T>
struct SkipRows {
  const ShardTape<T>* s;
  bool last;
  ELMAN_INLINE const T* operator[](int64_t m) const { return s->x + (last ? last_row(s->steps, m) : m) * s->ldx; }
};

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

// Through all layers, from b.dout of the last one; b.dir holds the gradient of the final states.
template <class T>
void walk_back(const Program& p, const OpWeights<T>* w, const ShardTape<T>& s, const ShardScratch<T>& b,
               const void* const* dhidden, int64_t steps, int64_t truncate, T* gradient) {
  int32_t recurrent = 0;
  for (int32_t i = 0; i < p.n_ops; i++) recurrent += p.ops[i].kind == Kind::recurrent;
  if (b.dx) memset(b.dx, 0, size_t(s.steps.total * s.ldx) * sizeof(T));
  for (int32_t i = p.n_ops - 1; i >= 0; i--) {
    const Op& op = p.ops[i];
    const OpTape<T>& o = s.ops[i];
    const int64_t rows = output_rows(s.steps, o.last);
    const T* in = i > 0 ? s.ops[i - 1].out : s.x;
    const int64_t ld = i > 0 ? s.ops[i - 1].ld : s.ldx;
    T *dout = b.dout[i], *din = i > 0 ? b.dout[i - 1] : b.dx;
    const Start start = i > 0 ? Start::zero : Start::add;  // skips add to dx too
    switch (op.kind) {
      case Kind::embedding:
        for (int64_t m = 0; m < rows; m++) {
          T* row = gradient + op.offset[0][0] + s.ids[m] * op.out;
          for (int64_t j = 0; j < op.out; j++) row[j] += dout[m * o.ld + j];
        }
        break;
      case Kind::recurrent: {
        recurrent--;
        const T* extra = dhidden ? static_cast<const T*>(dhidden[recurrent]) : nullptr;
        if (extra) {
          each_row(s.steps, false, [&](int64_t m, int64_t r, int64_t t) {
            const T* from = extra + (s.rows[r] * steps + t) * op.out;
            for (int64_t j = 0; j < op.out; j++) dout[m * o.ld + j] += from[j];
          });
        }
        recurrent_backward(op, w[i], s, in, ld, o, dout, b.dir[i], truncate, gradient, din, start);
        break;
      }
      case Kind::dense:
        dense_backward(op, w[i], rows, in, ld, o, dout, gradient, din, start);
        break;
      case Kind::last:
        memset(din, 0, size_t(s.steps.total * ld) * sizeof(T));
        for (int64_t r = 0; r < rows; r++) {
          memcpy(din + last_row(s.steps, r) * ld, dout + r * o.ld, size_t(o.ld) * sizeof(T));
        }
        break;
      case Kind::skip:
        skip_backward(p, op, w[i], s, o, dout, gradient, din, b.dx);
        break;
    }
  }
}

// f(gradient buffer (rows, units), state slot, direction) for every state of every layer.
template <class T, class F>
void each_state(const Program& p, const ShardTape<T>& s, const ShardScratch<T>& b, F f) {
  for (int32_t i = 0; i < p.n_ops; i++) {
    if (p.ops[i].kind != Kind::recurrent) continue;
    for (int32_t k = 0; k < p.ops[i].directions; k++) {
      f(b.dir[i][k].dh, p.ops[i].state[k], s.ops[i].dir[k]);
      if (b.dir[i][k].dc) f(b.dir[i][k].dc, p.ops[i].state[k] + 1, s.ops[i].dir[k]);
    }
  }
}

template <class T>
double loss_backward(const Shard* shard, const Program& p, const void* packed, const Data& data, const Loss& loss,
                     double normaliser, int64_t truncate, void* scratch, T* gradient) {
  const ShardTape<T>& s = *opened<T>(shard);
  const OpTape<T>& o = s.ops[p.n_ops - 1];
  Carver m{static_cast<char*>(scratch), 0}, w{static_cast<char*>(const_cast<void*>(packed)), 0};
  ShardScratch<T> b{};
  if (gradient) b = carve_scratch<T>(m, p, s, false);
  double sum = 0;
  each_row(s.steps, o.last, [&](int64_t k, int64_t r, int64_t t) {
    const int64_t row = s.rows[r], at = row * data.y_row + t * data.y_step;
    const bool classes = loss.kind == LossKind::cross_entropy;
    const T* y = classes ? nullptr : static_cast<const T*>(data.y) + at;
    const int64_t* label = classes ? static_cast<const int64_t*>(data.y) + at : nullptr;
    const double weight =
        data.weight ? double(static_cast<const T*>(data.weight)[row * data.weight_row + t * data.weight_step]) : 1.0;
    const double scale = normaliser > 0 ? weight / normaliser : 0.0;
    T* d = gradient ? b.dout[p.n_ops - 1] + k * o.ld : nullptr;
    sum += loss_row(loss, o.out + k * o.ld, p.out, y, data.y_col, label, scale, d);
    for (int64_t j = p.out; d && j < o.ld; j++) d[j] = T(0);
  });
  if (!gradient) return sum;
  each_state(p, s, b, [&](T* d, int32_t, const DirectionTape<T>& tape) {
    memset(d, 0, size_t(s.steps.rows * tape.units) * sizeof(T));
  });
  walk_back(p, w.take<OpWeights<T>>(p.n_ops), s, b, nullptr, 0, truncate, gradient);
  return sum;
}

template <class T>
void backward(const Shard* shard, const Program& p, const void* packed, const Upstream& up, int64_t steps,
              int64_t truncate, void* scratch, T* gradient, T* dx, T* const* dstate) {
  const ShardTape<T>& s = *opened<T>(shard);
  const OpTape<T>& o = s.ops[p.n_ops - 1];
  Carver m{static_cast<char*>(scratch), 0}, w{static_cast<char*>(const_cast<void*>(packed)), 0};
  const ShardScratch<T> b = carve_scratch<T>(m, p, s, dx != nullptr);
  T* dout = b.dout[p.n_ops - 1];
  memset(dout, 0, size_t(output_rows(s.steps, o.last) * o.ld) * sizeof(T));
  if (up.dy) {
    each_row(s.steps, o.last, [&](int64_t k, int64_t r, int64_t t) {
      const T* from = static_cast<const T*>(up.dy) + (s.rows[r] * (o.last ? 1 : steps) + t) * p.out;
      memcpy(dout + k * o.ld, from, size_t(p.out) * sizeof(T));
    });
  }
  each_state(p, s, b, [&](T* d, int32_t slot, const DirectionTape<T>& tape) {
    const T* from = up.dstate ? static_cast<const T*>(up.dstate[slot]) : nullptr;
    for (int64_t r = 0; r < s.steps.rows; r++) {
      for (int64_t j = 0; j < tape.units; j++) {
        d[r * tape.units + j] = from && j < tape.hidden ? from[s.rows[r] * tape.hidden + j] : T(0);
      }
    }
  });
  walk_back(p, w.take<OpWeights<T>>(p.n_ops), s, b, up.dhidden, steps, truncate, gradient);
  if (dx) read_rows(s, false, b.dx, s.ldx, p.in, dx, steps);
  each_state(p, s, b, [&](T* d, int32_t slot, const DirectionTape<T>& tape) {
    for (int64_t r = 0; r < s.steps.rows; r++) {
      memcpy(dstate[slot] + s.rows[r] * tape.hidden, d + r * tape.units, size_t(tape.hidden) * sizeof(T));
    }
  });
}

}  // namespace elman::ELMAN_ISA
