// A recurrent layer: one scan for each direction, and its initial states.
#pragma once

#include "shard/record.h"

namespace elman::ELMAN_ISA {

template <class T>
void carve_cell(Carver& m, const Op& op, const Packing& packing, CellWeights<T>& w) {
  const CellForm<T>& cell = form_of<T>(op.cell);
  const int64_t n = op.hidden, units = padded<T>(n);
  w = {};
  w.ih = m.take<T>(units * cell.input.count * op.in);
  w.bias = m.take<T>(units * cell.input.count);
  w.hh = m.take<T>(units * cell.hidden.count * n);
  if (cell.extras) w.extra = m.take<T>(units * cell.extras);
  if (cell.second) w.hh2 = m.take<T>(units * cell.hidden2.count * n);
  if (!packing.backward) return;
  if (packing.dx) w.ih_back = m.take<T>(n * cell.input.count * padded<T>(op.in));
  if (!packing.one_row || !row_by_row<T>(cell.hidden, n)) w.hh_back = m.take<T>(n * cell.hidden.count * units);
  if (cell.second) w.hh2_back = m.take<T>(n * cell.hidden2.count * units);
}

template <class T>
void pack_cell(const Op& op, const T* theta, const Direction& at, const Packing& packing, CellWeights<T>& w) {
  const CellForm<T>& cell = form_of<T>(op.cell);
  const T *ih = theta + at.weight, *hh = theta + at.weight_hh, *bias = theta + at.bias, *extra = theta + at.extra;
  const int64_t n = op.hidden, units = padded<T>(n);
  pack_gates(w.ih, ih, n, op.in, cell.input);
  if (packing.moves) pack_gates(w.hh, hh, n, n, cell.hidden);
  pack_gates(w.bias, bias, n, 1, cell.input);
  for (int64_t e = 0; e < cell.extras; e++) {
    for (int64_t j = 0; j < units; j++) w.extra[e * units + j] = j < n ? extra[e * n + j] : T(0);
  }
  if (cell.second) pack_gates(w.hh2, hh, n, n, cell.hidden2);
  if (!packing.backward) return;
  w.hh_rows = hh;
  if (w.ih_back) pack_gates_back(w.ih_back, ih, n, op.in, cell.input);
  if (packing.moves && w.hh_back) pack_gates_back(w.hh_back, hh, n, n, cell.hidden);
  if (cell.second) pack_gates_back(w.hh2_back, hh, n, n, cell.hidden2);
}

// f(row r of the axis `to`, where its initial state comes from) for every row: a vector, or a final state.
template <class T, class F>
void each_origin(const Origin& origin, const ShardTape<T>& s, const Steps& to, F f) {
  if (origin.kind == OriginKind::vector) {
    const Rows<T> from = rows_of(s, origin.source);
    for (int64_t r = 0; r < to.rows; r++) f(r, to.row[r], from.at + to.row[r] * from.ld);
    return;
  }
  const OpTape<T>& o = s.ops[origin.source];
  const DirectionTape<T>& d = o.dir[origin.direction];
  const T* states = origin.part == 0 ? d.h : d.c;
  for (int64_t r = 0; r < to.rows; r++) {
    const int64_t own = o.steps->place[to.row[r]];
    f(r, own, states + (origin.direction == 1 ? own : last_row(*o.steps, own)) * d.ld);
  }
}

// Fills the initial states h0 or c0 of one direction: the caller's, those of an origin, learned ones, or zero.
template <class T>
void gather_state(const Data& data, const Op& op, int k, int part, const T* theta, const ShardTape<T>& s,
                  const Steps& steps, const DirectionTape<T>& d) {
  const Direction& at = op.direction[k];
  T* to = part == 0 ? d.h0 : d.c0;
  const auto fill = [&](int64_t r, const T* from) {
    for (int64_t j = 0; j < d.units; j++) to[r * d.units + j] = from && j < d.hidden ? from[j] : T(0);
  };
  if (!data.state && at.origin[part].kind != OriginKind::none) {
    return each_origin(at.origin[part], s, steps, [&](int64_t r, int64_t, const T* from) { fill(r, from); });
  }
  const T* given = data.state ? static_cast<const T*>(data.state[at.state + part]) : nullptr;
  const T* learned = op.learned_state ? theta + at.learned[part] : nullptr;
  for (int64_t r = 0; r < steps.rows; r++) {
    fill(r, given ? given + (data.own_state ? r : steps.sequence[r]) * d.hidden : learned);
  }
}

// Whether the state of these rows, where none is given, begins as zero.
ELMAN_INLINE bool begins_at_rest(const Op& op, int k) {
  const Origin(&origin)[2] = op.direction[k].origin;
  return !op.learned_state && origin[0].kind == OriginKind::none && origin[1].kind == OriginKind::none;
}

// Whether there can be `InputParts`, and how long a row of them is.
template <class T>
int64_t part_size(const Op& op) {
  const CellForm<T>& cell = form_of<T>(op.cell);
  return cell.norm ? 0 : spaced<T>(padded<T>(op.hidden) * cell.input.slots);
}

template <class T>
void point_to_parts(const T* made, const int64_t* ids, int64_t rows, const DirectionTape<T>& d) {
  for (int64_t m = 0; m < rows; m++) d.part[m] = made + (ids[m] + 1) * d.lda;
}

template <class T>
void recurrent_forward(const Op& op, const OpWeights<T>& w, const T* theta, const Data& data, const ShardTape<T>& s,
                       const T* in, int64_t ld, OpTape<T>& o, bool keep, const InputParts* parts = nullptr) {
  const Steps& steps = *o.steps;
  for (int32_t k = 0; k < op.directions; k++) {
    DirectionTape<T>& d = o.dir[k];
    d.regular.training = data.draws, d.regular.key = data.key, d.regular.first = data.first;
    d.regular.rows = steps.sequence;
    for (int part = 0; part < (d.c0 ? 2 : 1); part++) gather_state(data, op, k, part, theta, s, steps, d);
    const T* made = parts ? static_cast<const T*>(parts->at[k]) : nullptr;
    if (made) point_to_parts(made, s.inputs[parts->input].ids, steps.total, d);
    const bool rest = s.rest && begins_at_rest(op, k);
    scan_forward(form_of<T>(op.cell), steps, k == 1, d, w.cell[k], made ? nullptr : in, ld, op.in, keep, rest,
                 data.team);
  }
  if (op.directions == 1) return;
  for (int64_t m = 0; m < steps.total; m++) {
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
  const Steps& steps = *o.steps;
  const int64_t total = steps.total, n = op.hidden;
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
    const CellForm<T>& cell = form_of<T>(op.cell);
    const bool rest = begins_at_rest(op, k);
    for (int64_t done = 0; done < steps.steps; done += shares.block) {
      const int64_t left = steps.steps - done, count = left < shares.block ? left : shares.block;
      const int64_t lowest = k == 1 ? done : left - count, highest = lowest + count - 1;
      const int64_t begin = steps.offset[lowest], end = steps.offset[highest] + steps.count[highest];
      scan_backward(cell, steps, k == 1, d, w.cell[k], arriving, ldd, truncate, shares.step,
                    shares.dstate || (s.rest && !rest), done, count, begin, b[k]);
      const int64_t first = begin > 0 ? begin : steps.count[0];  // step 0 saw a state of zero
      for (const Share<T>& share : shares) {
        const Pick rows = between(share.of(op), begin, begin, end);
        const Pick moved = shares.rest && rest && k == 0 ? between(share.of(op), begin, first, end) : rows;
        T *g = share.gradient, *g_ih = g + at.weight, *g_hh = g + at.weight_hh;
        const Start sums = shares.begins(at) && done == 0 ? Start::zero : Start::add;
        weight_gradient(da, d.lda, cell.input, n, strided(in, ld), rows, op.in, g_ih, sums);
        weight_gradient(b[k].dah, d.lda, cell.hidden, n, gathered(read), moved, n, g_hh, sums);
        if (cell.second) {
          weight_gradient(da, d.lda, cell.hidden2, n, strided<T>(d.reset_h, d.ld), rows, n, g_hh, sums);
        }
        const Summed<T> summed{rows, n, da, d.lda, d.c_prev, d.made_c, b[k].sums, d.ld};
        bias_gradient(cell.norm ? summed.sums.bias : da, d.lda, cell.input, n, rows, g + at.bias);
        if (cell.extras > 0) cell.extra_gradient(summed, g + at.extra);
      }
      if (din) {
        gates_back(da, d.lda, end - begin, inner_gates<T>(n, cell.input), w.cell[k].ih_back, op.in, din + begin * ld,
                   ld, start);
      }
    }
    for (int part = 0; s.rest && op.learned_state && part < (b[k].dc ? 2 : 1); part++) {
      if (at.origin[part].kind != OriginKind::none) continue;  // what is learned gave way to it
      for (const Share<T>& share : shares) {
        bias_gradient(part == 0 ? b[k].dh : b[k].dc, d.units, kPlain, n, share.rows[op.axis],
                      share.gradient + at.learned[part]);
      }
    }
    start = Start::add;
  }
}

template <class T>
struct RecurrentLayer : PlainLayer<T> {
  static void carve_weights(Carver& m, const Op& op, const Packing& packing, OpWeights<T>& w) {
    for (int32_t k = 0; k < op.directions; k++) carve_cell(m, op, packing, w.cell[k]);
  }

  static void pack(const Op& op, const T* theta, const Packing& packing, OpWeights<T>& w) {
    for (int32_t k = 0; k < op.directions; k++) pack_cell(op, theta, op.direction[k], packing, w.cell[k]);
  }

  // One direction's states are the output themselves.
  static void carve_tape(Carver& m, const Op& op, int32_t place, const Steps&, bool keep, OpTape<T>& o) {
    for (int32_t k = 0; k < op.directions; k++) {
      carve_direction(m, form_of<T>(op.cell), *o.steps, op.in, op.hidden, keep, regular(op, place, k), o.dir[k]);
    }
    o.out = op.directions == 1 ? o.dir[0].h : m.take<T>(output_rows(*o.steps, o.last) * o.ld);
  }

  static void carve_scratch(Carver& m, const Op& op, const OpTape<T>& o, int64_t block, OpScratch<T>& own) {
    for (int32_t k = 0; k < op.directions; k++) {
      carve_direction_scratch(m, form_of<T>(op.cell), *o.steps, o.dir[k], block, op.directions == 2, own.dir[k]);
    }
  }

  static void forward(const ForwardPass<T>& f) {
    const InputParts* parts = f.data.parts ? f.data.parts + f.place : nullptr;
    recurrent_forward(f.op, f.w, f.theta, f.data, f.s, f.in[0].at, f.in[0].ld, f.o, f.s.keep, parts);
  }

  static void backward(const BackwardPass<T>& b) {
    recurrent_backward(b.op, b.w, b.s, b.in[0].at, b.in[0].ld, b.o, b.dout, b.own.dir, b.truncate, b.shares,
                       b.din[0].at, b.din[0].start);
  }
};

}  // namespace elman::ELMAN_ISA
