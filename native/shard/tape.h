// The tape that a shard's way forward leaves for its way back, and the scratch that the way back works on; both lie in
// a block that the caller gives. Also the reading of inputs into a tape, and of outputs and states out of it.
#pragma once

#include "layers/registry.h"

namespace elman::ELMAN_ISA {

// The axis of time of a source; 0 for one row a sequence.
ELMAN_INLINE int32_t axis_of(const Program& p, int32_t source) {
  return source <= kInput ? p.inputs[kInput - source].axis : p.ops[source].axis;
}

ELMAN_INLINE Steps measured_steps(const int64_t* lengths, int64_t rows) {
  Steps s{};
  s.rows = rows;
  for (int64_t r = 0; r < rows; r++) {
    s.total += lengths[r];
    s.steps = lengths[r] > s.steps ? lengths[r] : s.steps;
  }
  return s;
}

ELMAN_INLINE void carve_steps(Carver& m, Steps& s) {
  s.lengths = m.take<int64_t>(s.rows);
  s.count = m.take<int64_t>(s.steps);
  s.offset = m.take<int64_t>(s.steps);
  s.sequence = m.take<int64_t>(s.rows);
  s.place = m.take<int64_t>(s.rows);
  s.row = m.take<int64_t>(s.rows);
}

// Orders the rows, longest first (stable), by counting.
ELMAN_INLINE void lay_steps(const int64_t* lengths, const Steps& s) {
  for (int64_t t = 0; t < s.steps; t++) s.count[t] = 0;
  for (int64_t r = 0; r < s.rows; r++) s.count[lengths[r] - 1]++;
  for (int64_t t = s.steps - 2; t >= 0; t--) s.count[t] += s.count[t + 1];
  int64_t* next = s.offset;  // for a moment: where the next row of each length goes
  for (int64_t t = 0; t < s.steps; t++) next[t] = t + 1 < s.steps ? s.count[t + 1] : 0;
  for (int64_t r = 0; r < s.rows; r++) {
    const int64_t at = next[lengths[r] - 1]++;
    s.place[r] = at, s.row[at] = r, s.lengths[at] = lengths[r];
  }
  for (int64_t t = 0, at = 0; t < s.steps; at += s.count[t], t++) s.offset[t] = at;
}

template <class T>
ShardTape<T>* carve_tape(Carver& m, const Program& p, Lengths lengths, int64_t rows, bool keep) {
  ShardTape<T>* tape = m.take<ShardTape<T>>(1);
  ShardTape<T> measured;
  ShardTape<T>& s = tape ? *tape : measured;
  s.keep = keep;
  s.axes = m.take<Steps>(p.n_axes);
  Steps held;  // of the axis `holds`, while memory is only measured
  int32_t holds = -1;
  const auto steps_of = [&](int32_t axis) -> const Steps& {
    if (s.axes) return s.axes[axis];
    if (holds != axis) held = measured_steps(lengths.first + axis * lengths.apart, rows), holds = axis;
    return held;
  };
  for (int32_t axis = 0; axis < p.n_axes; axis++) {
    Steps steps = measured_steps(lengths.first + axis * lengths.apart, rows);
    carve_steps(m, steps);
    if (s.axes) s.axes[axis] = steps;
  }
  s.inputs = m.take<Rows<T>>(p.n_inputs);
  for (int32_t i = 0; i < p.n_inputs; i++) {
    const Input& input = p.inputs[i];
    const bool last = input.kind == InputKind::vector, integers = input.kind == InputKind::integers;
    const Steps& steps = steps_of(input.axis);
    const int64_t ld = spaced<T>(padded<T>(input.size));
    T* at = integers ? nullptr : m.take<T>(output_rows(steps, last) * ld);
    int64_t* ids = integers ? m.take<int64_t>(steps.total) : nullptr;
    if (s.inputs) s.inputs[i] = {at, ld, last, &steps, ids};
  }
  s.ops = m.take<OpTape<T>>(p.n_ops);
  OpTape<T> op_measured;
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    OpTape<T>& o = s.ops ? s.ops[i] : op_measured;
    const Steps read = steps_of(axis_of(p, op.reads[op.n_reads - 1]));  // a copy: `held` is of one axis
    o.last = op.last != 0;
    o.steps = &steps_of(op.axis);
    o.ld = spaced<T>(padded<T>(op.out));
    form_of<T>(op.kind).carve_tape(m, op, i, read, keep, o);
  }
  return tape;
}

template <class T>
size_t tape_bytes(const Program& p, Lengths lengths, int64_t rows, bool keep) {
  Carver m{nullptr, 0};
  carve_tape<T>(m, p, lengths, rows, keep);
  return m.used;
}

template <class T>
Shard* lay_tape(const Program& p, Lengths lengths, int64_t rows, bool keep, void* memory) {
  Carver m{static_cast<char*>(memory), 0};
  ShardTape<T>* s = carve_tape<T>(m, p, lengths, rows, keep);
  for (int32_t axis = 0; axis < p.n_axes; axis++) lay_steps(lengths.first + axis * lengths.apart, s->axes[axis]);
  for (int32_t i = 0; i < p.n_ops; i++) {
    for (int32_t k = 0; p.ops[i].kind == LayerKind::recurrent && k < p.ops[i].directions; k++) {
      link_states(*s->ops[i].steps, k == 1, s->ops[i].dir[k]);
    }
  }
  return reinterpret_cast<Shard*>(s);
}

// Notes which sequences the rows are, and gathers their values.
template <class T>
void gather_inputs(const Program& p, const Data& data, const int64_t* rows, const ShardTape<T>& s) {
  for (int32_t i = 0; i < p.n_inputs; i++) {
    const Input& input = p.inputs[i];
    const Values& from = i == 0 ? data.x : data.others[i - 1];
    const Rows<T>& to = s.inputs[i];
    Steps& steps = s.axes[input.axis];
    if (!to.last) {
      for (int64_t r = 0; r < steps.rows; r++) steps.sequence[r] = rows[steps.row[r]];
      steps.width = from.steps;
    }
    each_row(steps, to.last, [&](int64_t m, int64_t r, int64_t t) {
      const int64_t at = (to.last ? rows[r] : steps.sequence[r]) * from.row + t * from.step;
      if (to.ids) {
        to.ids[m] = within(whole_at(from.at, from.whole, at), input.size);
        return;
      }
      const T* values = static_cast<const T*>(from.at) + at;
      T* own = to.at + m * to.ld;
      for (int64_t k = 0; k < input.size; k++) own[k] = values[k * from.col];
      for (int64_t k = input.size; k < to.ld; k++) own[k] = T(0);
    });
  }
}

// ---- reading results: row `index` of a contiguous (n, steps, width), or (n, width)

template <class T>
void read_rows(const Rows<T>& from, int64_t width, T* to) {
  const Steps& s = *from.steps;
  each_row(s, from.last, [&](int64_t m, int64_t r, int64_t t) {
    memcpy(to + (s.sequence[r] * (from.last ? 1 : s.width) + t) * width, from.at + m * from.ld,
           size_t(width) * sizeof(T));
  });
}

template <class T>
void read_output(const Shard* shard, const Program& p, T* y) {
  read_rows(rows_of(*opened<T>(shard), p.n_ops - 1), p.out, y);
}

template <class T>
void read_source(const Shard* shard, const Program& p, int32_t source, T* to) {
  const int64_t width = source > kInput ? p.ops[source].out : p.inputs[kInput - source].size;
  read_rows(rows_of(*opened<T>(shard), source), width, to);
}

template <class T>
void read_state(const Shard* shard, const Program& p, bool own, T* const* state) {
  const ShardTape<T>& s = *opened<T>(shard);
  for (int32_t i = 0; i < p.n_ops; i++) {
    if (p.ops[i].kind != LayerKind::recurrent) continue;
    const Steps& steps = *s.ops[i].steps;
    for (int32_t k = 0; k < p.ops[i].directions; k++) {
      const DirectionTape<T>& d = s.ops[i].dir[k];
      const T* parts[2] = {d.h, d.c};
      for (int32_t part = 0; part < (d.c ? 2 : 1); part++) {
        for (int64_t r = 0; r < steps.rows; r++) {
          const int64_t m = k == 1 ? r : last_row(steps, r);
          memcpy(state[p.ops[i].direction[k].state + part] + (own ? r : steps.sequence[r]) * d.hidden,
                 parts[part] + m * d.ld, size_t(d.hidden) * sizeof(T));
        }
      }
    }
  }
}

// ---- the scratch

template <class T>
ShardScratch<T>* carve_scratch(Carver& m, const Program& p, const ShardTape<T>& s, bool dx, int64_t shard_rows) {
  const int64_t shares = (s.axes[0].rows + shard_rows - 1) / shard_rows;
  ShardScratch<T>* scratch = m.take<ShardScratch<T>>(1);
  ShardScratch<T> measured_here;
  ShardScratch<T>& b = scratch ? *scratch : measured_here;
  b.ops = m.take<OpScratch<T>>(p.n_ops);
  OpScratch<T> measured;
  b.dout = m.take<T*>(p.n_ops);
  int64_t largest[2] = {0, 0};
  for (int32_t i = 0; i < p.n_ops; i++) {
    const OpTape<T>& o = s.ops[i];
    const int64_t size = output_rows(*o.steps, o.last) * o.ld;
    if (p.ops[i].shared_output) {
      T* own = m.take<T>(size);
      if (b.dout) b.dout[i] = own;
    } else if (size > largest[i % 2]) {
      largest[i % 2] = size;
    }
    form_of<T>(p.ops[i].kind).carve_scratch(m, p.ops[i], o, block_steps(shard_rows), b.ops ? b.ops[i] : measured);
  }
  T* const turns[2] = {m.take<T>(largest[0]), m.take<T>(largest[1])};
  for (int32_t i = 0; b.dout && i < p.n_ops; i++) {
    if (!p.ops[i].shared_output) b.dout[i] = turns[i % 2];
  }
  b.dx = m.take<T*>(p.n_inputs);
  for (int32_t i = 0; i < p.n_inputs; i++) {
    const Rows<T>& input = s.inputs[i];
    T* own = dx && !input.ids ? m.take<T>(output_rows(*input.steps, input.last) * input.ld) : nullptr;
    if (b.dx) b.dx[i] = own;
  }
  b.shares = m.take<Share<T>>(shares);
  Share<T> share;
  for (int64_t k = 0; k < shares; k++) {
    Share<T>& own = b.shares ? b.shares[k] : share;
    own.steps = m.take<Pick>(p.n_axes), own.rows = m.take<Pick>(p.n_axes);
  }
  int64_t picked = 0;
  for (int32_t axis = 0; axis < p.n_axes; axis++) picked += s.axes[axis].total + s.axes[axis].rows;
  b.picked = m.take<int64_t>(picked);
  b.shard_rows = shard_rows;
  return scratch;
}

// Shares the rows out: `size` of the shard's rows to each share; along each axis in its order, step after step.
template <class T>
void share_out(const Program& p, const ShardTape<T>& tape, int64_t size, const ShardScratch<T>& b) {
  int64_t* next = b.picked;
  for (int32_t axis = 0; axis < p.n_axes; axis++) {
    const Steps& s = tape.axes[axis];
    for (int64_t k = 0; k * size < s.rows; k++) {
      const auto pick = [&](bool last) {
        const int64_t* first = next;
        each_row(s, last, [&](int64_t m, int64_t r, int64_t) {
          if (s.row[r] >= k * size && s.row[r] < (k + 1) * size) *next++ = m;
        });
        return Pick{first, next - first, 0};
      };
      b.shares[k].steps[axis] = pick(false);
      b.shares[k].rows[axis] = pick(true);
    }
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
  share_out(p, *opened<T>(shard), shard_rows, *b);
  return reinterpret_cast<Scratch*>(b);
}

}  // namespace elman::ELMAN_ISA
