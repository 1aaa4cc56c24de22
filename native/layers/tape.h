// The tape that a shard's way forward leaves for its way back, and the scratch that the way back works on; both lie in
// a block that the caller gives. Also the reading of inputs into a tape, and of outputs and states out of it.
#pragma once

#include "layers/registry.h"

namespace elman::ELMAN_ISA {

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
  OpTape<T> op_measured;
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    OpTape<T>& o = s.ops ? s.ops[i] : op_measured;
    o.last = op.last != 0;
    o.ld = spaced<T>(padded<T>(op.out));
    dispatch_layer<T>(op.kind, [&](auto layer) { decltype(layer)::carve_tape(m, op, i, s, o); });
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

template <class T>
ShardScratch<T>* carve_scratch(Carver& m, const Program& p, const ShardTape<T>& s, bool dx, int64_t shard_rows) {
  const int64_t shares = (s.steps.rows + shard_rows - 1) / shard_rows;
  ShardScratch<T>* scratch = m.take<ShardScratch<T>>(1);
  ShardScratch<T> measured_here;
  ShardScratch<T>& b = scratch ? *scratch : measured_here;
  b.dir = reinterpret_cast<DirectionScratch<T>(*)[2]>(m.take<DirectionScratch<T>>(2 * p.n_ops));
  DirectionScratch<T> measured[2];
  b.dout = m.take<T*>(p.n_ops);
  int64_t largest[2] = {0, 0};
  for (int32_t i = 0; i < p.n_ops; i++) {
    const OpTape<T>& o = s.ops[i];
    const int64_t size = output_rows(s.steps, o.last) * o.ld;
    if (p.ops[i].shared_output) {
      T* own = m.take<T>(size);
      if (b.dout) b.dout[i] = own;
    } else if (size > largest[i % 2]) {
      largest[i % 2] = size;
    }
    dispatch_layer<T>(p.ops[i].kind, [&](auto layer) {
      decltype(layer)::carve_scratch(m, p.ops[i], s, o, block_steps(shard_rows), b.dir ? b.dir[i] : measured);
    });
  }
  T* const turns[2] = {m.take<T>(largest[0]), m.take<T>(largest[1])};
  for (int32_t i = 0; b.dout && i < p.n_ops; i++) {
    if (!p.ops[i].shared_output) b.dout[i] = turns[i % 2];
  }
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
