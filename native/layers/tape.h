// What a shard's way forward leaves for its way back, and the scratch that the way back works on. Both are carved from
// one block of the caller's. And what is read into and out of a tape: inputs, outputs, hidden states, final states.
#pragma once

#include "layers/ids.h"
#include "layers/scan.h"

namespace elman::ELMAN_ISA {

// Every operation's output: (rows, ld), rows one for each step of each sequence (`last` false) or one for each
// sequence.
template <class T>
struct OpTape {
  T* out;
  int64_t ld;
  bool last;
  DirectionTape<T> dir[2];
  T* mask;         // of dropout: (rows, ld) as out's, or one row a sequence where all steps share it
  uint32_t* bits;  // room for one row's draws
};

template <class T>
struct ShardTape {
  Steps steps;
  int64_t* rows;  // which sequences of the data these are
  T* x;           // (total, ldx), gathered; null for integers
  int64_t* ids;   // (total,), for an embedding
  int64_t ldx;
  OpTape<T>* ops;
  bool keep;   // gates, for the way back
  bool rest;   // no state was given
  bool draws;  // what dropout, zoneout and noise drew is part of it
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
ShardTape<T>* carve_tape(Carver& m, const Program& p, const int64_t* lengths, int64_t rows, bool keep) {
  ShardTape<T>* tape = m.take<ShardTape<T>>(1);
  ShardTape<T> measured;
  ShardTape<T>& s = tape ? *tape : measured;
  s.keep = keep;
  s.steps.rows = rows;
  s.steps.steps = lengths[0];
  s.steps.total = 0;
  for (int64_t r = 0; r < rows; r++) s.steps.total += lengths[r];
  s.steps.lengths = m.take<int64_t>(rows);
  s.steps.count = m.take<int64_t>(s.steps.steps);
  s.steps.offset = m.take<int64_t>(s.steps.steps);
  s.rows = m.take<int64_t>(rows);
  s.ldx = spaced<T>(padded<T>(p.in));
  s.x = p.integer ? nullptr : m.take<T>(s.steps.total * s.ldx);
  s.ids = p.integer ? m.take<int64_t>(s.steps.total) : nullptr;
  s.ops = m.take<OpTape<T>>(p.n_ops);
  bool last = false;
  OpTape<T> op_measured;
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    OpTape<T>& o = s.ops ? s.ops[i] : op_measured;
    last = last || op.kind == LayerKind::last;
    o.last = last;
    o.ld = spaced<T>(padded<T>(op.out));
    if (op.kind == LayerKind::recurrent) {
      for (int32_t d = 0; d < op.directions; d++) {
        dispatch_cell<T>(op.cell, [&](auto cell) {
          carve_direction<decltype(cell)>(m, s.steps, op.in, op.hidden, keep, regular(op, i, d), o.dir[d]);
        });
      }
    }
    // One direction's states are the output themselves.
    o.out = op.kind == LayerKind::recurrent && op.directions == 1 ? o.dir[0].h
                                                                  : m.take<T>(output_rows(s.steps, last) * o.ld);
    if (op.kind == LayerKind::dropout) {
      o.mask = m.take<T>((op.variational ? s.steps.rows : output_rows(s.steps, last)) * o.ld);
      o.bits = m.take<uint32_t>(room_for_bits(o.ld));
    }
  }
  return tape;
}

template <class T>
size_t tape_bytes(const Program& p, const int64_t* lengths, int64_t rows, bool keep) {
  Carver m{nullptr, 0};
  carve_tape<T>(m, p, lengths, rows, keep);
  return m.used;
}

template <class T>
Shard* lay_tape(const Program& p, const int64_t* lengths, int64_t rows, bool keep, void* memory) {
  Carver m{static_cast<char*>(memory), 0};
  ShardTape<T>* s = carve_tape<T>(m, p, lengths, rows, keep);
  memcpy(s->steps.lengths, lengths, size_t(rows) * sizeof(int64_t));
  for (int64_t t = 0, alive = rows, at = 0; t < s->steps.steps; at += alive, t++) {
    while (lengths[alive - 1] <= t) alive--;
    s->steps.count[t] = alive;
    s->steps.offset[t] = at;
  }
  for (int32_t i = 0; i < p.n_ops; i++) {
    for (int32_t k = 0; p.ops[i].kind == LayerKind::recurrent && k < p.ops[i].directions; k++) {
      link_states(s->steps, k == 1, s->ops[i].dir[k]);
    }
  }
  return reinterpret_cast<Shard*>(s);
}

template <class T>
void gather_input(const Program& p, const Data& data, const ShardTape<T>& s) {
  each_row(s.steps, false, [&](int64_t m, int64_t r, int64_t t) {
    const int64_t at = s.rows[r] * data.x_row + t * data.x_step;
    if (p.integer) {
      s.ids[m] = within(static_cast<const int64_t*>(data.x) + at, p.ops[0].hidden);
      return;
    }
    const T* from = static_cast<const T*>(data.x) + at;
    T* to = s.x + m * s.ldx;
    for (int64_t k = 0; k < p.in; k++) to[k] = from[k * data.x_col];
    for (int64_t k = p.in; k < s.ldx; k++) to[k] = T(0);
  });
}

template <class T>
void gather_state(const Data& data, int32_t slot, const T* learned, const ShardTape<T>& s, const DirectionTape<T>& d,
                  T* to) {
  const T* given = data.state ? static_cast<const T*>(data.state[slot]) : nullptr;
  for (int64_t r = 0; r < s.steps.rows; r++) {
    const T* from = given ? given + (data.own_state ? r : s.rows[r]) * d.hidden : learned;
    for (int64_t j = 0; j < d.units; j++) to[r * d.units + j] = from && j < d.hidden ? from[j] : T(0);
  }
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
void read_state(const Shard* shard, const Program& p, bool own, T* const* state) {
  const ShardTape<T>& s = *opened<T>(shard);
  for (int32_t i = 0; i < p.n_ops; i++) {
    if (p.ops[i].kind != LayerKind::recurrent) continue;
    for (int32_t k = 0; k < p.ops[i].directions; k++) {
      const DirectionTape<T>& d = s.ops[i].dir[k];
      const T* parts[2] = {d.h, d.c};
      for (int32_t part = 0; part < (d.c ? 2 : 1); part++) {
        for (int64_t r = 0; r < s.steps.rows; r++) {
          const int64_t m = k == 1 ? r : last_row(s.steps, r);
          memcpy(state[p.ops[i].direction[k].state + part] + (own ? r : s.rows[r]) * d.hidden, parts[part] + m * d.ld,
                 size_t(d.hidden) * sizeof(T));
        }
      }
    }
  }
}

// ---- the scratch

// One shard's part of the rows that go through the network together: its packed rows, its sequences, its gradient.
template <class T>
struct Share {
  Pick steps, rows;
  T* gradient;
  ELMAN_INLINE Pick of(bool last) const { return last ? rows : steps; }
};

// What the shards share: their rows go back through time in blocks of so many steps, each followed by its sums of outer
// products, which still find it in the cache. A function of the network and the batch alone, for it is part of the
// bits.
template <class T>
struct Shares {
  const Share<T>* first;
  int64_t count, block, step;  // step: at which these rows begin, in their whole time
  bool dstate;                 // whether the gradient of the initial state is wanted
  bool rest;                   // whether that state was zero, unasked
  ELMAN_INLINE const Share<T>* begin() const { return first; }
  ELMAN_INLINE const Share<T>* end() const { return first + count; }
};

constexpr int64_t kBlockRows = 256;
ELMAN_INLINE int64_t block_steps(int64_t shard_rows) { return shard_rows < kBlockRows ? kBlockRows / shard_rows : 1; }

// The picked rows in [begin, end), for an A that begins with `base`. Picked rows are in order.
ELMAN_INLINE Pick between(Pick all, int64_t base, int64_t begin, int64_t end) {
  const auto before = [&](int64_t bound) {
    int64_t low = 0, high = all.count;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (all.index[middle] < bound) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  };
  const int64_t from = before(begin);
  return {all.index + from, before(end) - from, base};
}

template <class T>
struct ShardScratch {
  T* dout[2];                     // gradients of an operation's output, by turns
  DirectionScratch<T> (*dir)[2];  // for each operation
  T* dx;                          // (total, ldx), or null
  Share<T>* shares;
  int64_t *steps, *rows;  // what the shares pick from: (total,), (rows,)
  int64_t shard_rows;
};

template <class T>
ShardScratch<T>* carve_scratch(Carver& m, const Program& p, const ShardTape<T>& s, bool dx, int64_t shard_rows) {
  const int64_t shares = (s.steps.rows + shard_rows - 1) / shard_rows;
  ShardScratch<T>* scratch = m.take<ShardScratch<T>>(1);
  ShardScratch<T> measured_here;
  ShardScratch<T>& b = scratch ? *scratch : measured_here;
  b.dir = reinterpret_cast<DirectionScratch<T>(*)[2]>(m.take<DirectionScratch<T>>(2 * p.n_ops));
  DirectionScratch<T> measured;
  int64_t largest[2] = {0, 0};
  for (int32_t i = 0; i < p.n_ops; i++) {
    const OpTape<T>& o = s.ops[i];
    const int64_t size = output_rows(s.steps, o.last) * o.ld;
    if (size > largest[i % 2]) largest[i % 2] = size;
    if (p.ops[i].kind != LayerKind::recurrent) continue;
    for (int32_t k = 0; k < p.ops[i].directions; k++) {
      DirectionScratch<T>& d = b.dir ? b.dir[i][k] : measured;
      dispatch_cell<T>(p.ops[i].cell, [&](auto cell) {
        carve_direction_scratch<decltype(cell)>(m, s.steps, o.dir[k], block_steps(shard_rows), p.ops[i].directions == 2,
                                                d);
      });
    }
  }
  for (int k = 0; k < 2; k++) b.dout[k] = m.take<T>(largest[k]);
  b.dx = dx ? m.take<T>(s.steps.total * s.ldx) : nullptr;
  b.shares = m.take<Share<T>>(shares);
  b.steps = m.take<int64_t>(s.steps.total);
  b.rows = m.take<int64_t>(s.steps.rows);
  b.shard_rows = shard_rows;
  return scratch;
}

// Shares the rows out: `size` of them to each shard, in their order, step after step.
template <class T>
void share_out(const Steps& s, int64_t size, const ShardScratch<T>& b) {
  int64_t *step = b.steps, *row = b.rows;
  for (int64_t k = 0; k * size < s.rows; k++) {
    const int64_t begin = k * size, end = begin + size < s.rows ? begin + size : s.rows;
    Share<T>& share = b.shares[k];
    share.steps = {step, 0, 0};
    for (int64_t t = 0; t < s.steps && s.count[t] > begin; t++) {
      const int64_t last = s.count[t] < end ? s.count[t] : end;
      for (int64_t r = begin; r < last; r++) *step++ = s.offset[t] + r;
    }
    share.steps.count = step - share.steps.index;
    share.rows = {row, end - begin, 0};
    for (int64_t r = begin; r < end; r++) *row++ = r;
  }
}

template <class T>
size_t scratch_bytes(const Shard* shard, const Program& p, int64_t shard_rows, bool dx) {
  Carver m{nullptr, 0};
  carve_scratch<T>(m, p, *opened<T>(shard), dx, shard_rows);
  return m.used;
}

template <class T>
Scratch* lay_scratch(const Shard* shard, const Program& p, int64_t shard_rows, bool dx, void* memory) {
  Carver m{static_cast<char*>(memory), 0};
  ShardScratch<T>* b = carve_scratch<T>(m, p, *opened<T>(shard), dx, shard_rows);
  share_out(opened<T>(shard)->steps, shard_rows, *b);
  return reinterpret_cast<Scratch*>(b);
}

}  // namespace elman::ELMAN_ISA
