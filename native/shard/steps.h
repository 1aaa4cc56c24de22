// One step of some rows, each a continuation of a row of the step before: what decoding runs on. Two tapes take turns,
// and states are read where the step before left them.
#pragma once

#include "layers/attention_step.h"
#include "shard/packed.h"
#include "shard/tape.h"

namespace elman::ELMAN_ISA {

template <class T>
ShardTape<T>* carve_steps_tape(Carver& m, const Program& p, Lengths ones, int64_t rows, int64_t longest) {
  ShardTape<T>* s = carve_tape<T>(m, p, ones, rows, false);
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    if (op.kind == LayerKind::attention) {
      const int64_t lds = spaced<T>(padded<T>(longest));
      T* share = m.take<T>(rows * lds);
      if (s) s->ops[i].attention.share = share, s->ops[i].attention.lds = lds;
    } else if (op.kind == LayerKind::recurrent) {  // few rows need room for their inputs' part, many have none
      T* a = m.take<T>(rows * spaced<T>(padded<T>(op.hidden) * form_of<T>(op.cell).input.slots));
      if (s && !s->ops[i].dir[0].a) s->ops[i].dir[0].a = a;
    }
  }
  return s;
}

template <class T>
size_t step_bytes(const Program& p, Lengths ones, int64_t rows, int64_t longest) {
  Carver m{nullptr, 0};
  carve_steps_tape<T>(m, p, ones, rows, longest);
  return m.used;
}

template <class T>
Shard* lay_step(const Program& p, Lengths ones, int64_t rows, int64_t longest, void* memory) {
  Carver m{static_cast<char*>(memory), 0};
  ShardTape<T>* s = carve_steps_tape<T>(m, p, ones, rows, longest);
  for (int32_t axis = 0; axis < p.n_axes; axis++) lay_steps(ones.first, s->axes[axis]);
  s->keep = s->rest = s->draws = false;
  return reinterpret_cast<Shard*>(s);
}

// Points to the state that each row continues: the one before it, or at the first step its sentence's initial one.
template <class T>
void enter_state(const Op& op, const T* theta, const DirectionTape<T>& d, const DirectionTape<T>* before, int part,
                 const StepRows<T>& rows) {
  const T** prev = part == 0 ? d.h_prev : d.c_prev;
  if (before) {
    const T* from = part == 0 ? before->h : before->c;
    for (int64_t r = 0; r < rows.count; r++) prev[r] = from + rows.parent[r] * d.ld;
    return;
  }
  T* own = part == 0 ? d.h0 : d.c0;
  const Direction& at = op.direction[0];
  const T *given = rows.state[at.state + part], *learned = op.learned_state ? theta + at.learned[part] : nullptr;
  for (int64_t r = 0; r < rows.count; r++) {
    const T* from = given ? given + rows.sentence[r] * d.hidden : learned;
    for (int64_t j = 0; j < d.units; j++) own[r * d.units + j] = from && j < d.hidden ? from[j] : T(0);
    prev[r] = own + r * d.units;
  }
}

template <class T>
void input_parts(const Program& p, int32_t i, int32_t direction, const T* theta, const void* packed, T* to) {
  const Op &op = p.ops[i], &table = p.ops[op.reads[0]];
  const CellWeights<T>& w = static_cast<const OpWeights<T>*>(packed)[i].cell[direction];
  const Left<T> vectors = strided(theta + table.direction[0].weight, table.out);
  const int64_t size = part_size<T>(op);
  fill_nan(to, size);
  gates_product<T>(vectors, table.hidden, op.in, w.ih, padded<T>(op.hidden), form_of<T>(op.cell).input, to + size, size,
                   w.bias, Start::bias);
}

// Takes a step; `before` is that of the step before, null at the first.
template <class T>
void step(Shard* shard, const Shard* before, const Program& p, const T* theta, const void* packed,
          const StepRows<T>& rows) {
  ShardTape<T>& s = *reinterpret_cast<ShardTape<T>*>(shard);
  const OpWeights<T>* weights = static_cast<const OpWeights<T>*>(packed);
  Steps& steps = s.axes[0];
  steps.rows = steps.total = steps.count[0] = rows.count;
  for (int64_t r = 0; r < rows.count; r++) s.inputs[0].ids[r] = rows.ids[r];
  for (int32_t k = 1; k < p.n_inputs; k++) {
    const Rows<T>& to = s.inputs[k];
    const int64_t size = p.inputs[k].size;
    for (int64_t r = 0; rows.vectors[k] && r < rows.count; r++) {
      memcpy(to.at + r * to.ld, rows.vectors[k] + rows.sentence[r] * size, size_t(size) * sizeof(T));
      for (int64_t j = size; j < to.ld; j++) to.at[r * to.ld + j] = T(0);
    }
  }
  const Data data{};  // nothing is drawn
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    Rows<T> in[kMostSources];
    for (int32_t k = 0; k < op.n_reads; k++) in[k] = rows_of(s, op.reads[k]);
    const ForwardPass<T> f{op, i, weights[i], theta, data, s, in, s.ops[i]};
    if (op.kind == LayerKind::attention) {
      AttentionStep<T>::forward(f, rows.sentence, rows.memories[i]);
    } else if (op.kind == LayerKind::recurrent) {
      DirectionTape<T>& d = s.ops[i].dir[0];
      if (before) d.back = opened<T>(before)->ops[i].dir[0].back;
      for (int part = 0; part < (d.c0 ? 2 : 1); part++) {
        enter_state(op, theta, d, before ? &opened<T>(before)->ops[i].dir[0] : nullptr, part, rows);
      }
      const T* made = static_cast<const T*>(rows.parts[i].at[0]);
      if (made) point_to_parts(made, s.inputs[0].ids, rows.count, d);
      scan_forward<T>(form_of<T>(op.cell), steps, false, d, f.w.cell[0], made ? nullptr : in[0].at, in[0].ld, op.in,
                      false, false, nullptr);
    } else {
      form_of<T>(op.kind).forward(f);
    }
  }
}

// The rows of the outputs, each *ld after the one before, with room to a whole vector.
template <class T>
T* step_output(const Shard* shard, const Program& p, int64_t* ld) {
  const OpTape<T>& o = opened<T>(shard)->ops[p.n_ops - 1];
  *ld = o.ld;
  return o.out;
}

// The rows of the shares of one attention operation.
template <class T>
const T* step_shares(const Shard* shard, int32_t op, int64_t* ld) {
  const AttentionTape<T>& a = opened<T>(shard)->ops[op].attention;
  *ld = a.lds;
  return a.share;
}

template <class T>
size_t memory_bytes(const Op& op, int64_t steps) {
  Carver m{nullptr, 0};
  AttentionStep<T>::carve(m, op, steps);
  return m.used;
}

// Packs the memory of each of the shard's rows for operation `op` of the program of steps; `source` is what the shard's
// own program calls it.
template <class T>
void pack_memories(const Shard* shard, int32_t source, const Program& steps, int32_t op, const void* packed,
                   void* const* to) {
  const Rows<T> memory = rows_of(*opened<T>(shard), source);
  const OpWeights<T>& w = static_cast<const OpWeights<T>*>(packed)[op];
  for (int64_t r = 0; r < memory.steps->rows; r++) {
    AttentionStep<T>::pack(steps.ops[op], w, memory, memory.steps->place[r], to[r]);
  }
}

}  // namespace elman::ELMAN_ISA
