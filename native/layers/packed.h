// All weights of a network, packed for the products of one call: panels for the way forward and for the way back.
#pragma once

#include "layers/scan.h"

namespace elman::ELMAN_ISA {

template <class T>
struct OpWeights {
  CellWeights<T> cell[2];    // recurrent
  T *forward, *bias, *back;  // dense and skip
};

template <class Cell, class T>
void carve_cell(Carver& m, const Op& op, bool backward, bool dx, CellWeights<T>& w) {
  const int64_t n = op.hidden, units = padded<T>(n);
  w = {};
  w.ih = m.take<T>(units * Cell::input.count * op.in);
  w.bias = m.take<T>(units * Cell::input.count);
  w.hh = m.take<T>(units * Cell::hidden.count * n);
  if (Cell::extras) w.extra = m.take<T>(units * Cell::extras);
  if constexpr (Cell::second) w.hh2 = m.take<T>(units * Cell::hidden2.count * n);
  if (!backward) return;
  if (dx) w.ih_back = m.take<T>(n * Cell::input.count * padded<T>(op.in));
  w.hh_back = m.take<T>(n * Cell::hidden.count * units);
  if constexpr (Cell::second) w.hh2_back = m.take<T>(n * Cell::hidden2.count * units);
}

template <class Cell, class T>
void pack_cell(const Op& op, const T* theta, const Direction& at, bool backward, bool moves, const CellWeights<T>& w) {
  const T *ih = theta + at.weight, *hh = theta + at.weight_hh, *bias = theta + at.bias, *extra = theta + at.extra;
  const int64_t n = op.hidden, units = padded<T>(n);
  pack_gates(w.ih, ih, n, op.in, Cell::input);
  if (moves) pack_gates(w.hh, hh, n, n, Cell::hidden);
  pack_gates(w.bias, bias, n, 1, Cell::input);
  for (int64_t e = 0; e < Cell::extras; e++) {
    for (int64_t j = 0; j < units; j++) w.extra[e * units + j] = j < n ? extra[e * n + j] : T(0);
  }
  if constexpr (Cell::second) pack_gates(w.hh2, hh, n, n, Cell::hidden2);
  if (!backward) return;
  if (w.ih_back) pack_gates_back(w.ih_back, ih, n, op.in, Cell::input);
  if (moves) pack_gates_back(w.hh_back, hh, n, n, Cell::hidden);
  if constexpr (Cell::second) pack_gates_back(w.hh2_back, hh, n, n, Cell::hidden2);
}

template <class T>
OpWeights<T>* carve_weights(Carver& m, const Program& p, bool backward, bool dx) {
  OpWeights<T>* all = m.take<OpWeights<T>>(p.n_ops);
  OpWeights<T> measured;
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    OpWeights<T>& w = all ? all[i] : measured;
    w = {};
    if (op.kind == LayerKind::recurrent) {
      for (int32_t d = 0; d < op.directions; d++) {
        dispatch_cell<T>(op.cell,
                         [&](auto cell) { carve_cell<decltype(cell)>(m, op, backward, dx || i > 0, w.cell[d]); });
      }
    } else if (op.kind == LayerKind::dense || op.kind == LayerKind::skip) {
      const int64_t in = op.kind == LayerKind::skip ? p.in : op.in;
      const bool dots = op.kind == LayerKind::dense && few_outputs<T>(op.out, in);
      w.forward = m.take<T>(dots ? op.out * padded<T>(in) : padded<T>(op.out) * in);
      if (op.kind == LayerKind::dense) w.bias = m.take<T>(padded<T>(op.out));
      if (backward) w.back = m.take<T>(padded<T>(in) * op.out);
    }
  }
  return all;
}

template <class T>
size_t packed_bytes(const Program& p, bool backward, bool dx) {
  Carver m{nullptr, 0};
  carve_weights<T>(m, p, backward, dx);
  return m.used;
}

// moves: whether any state but a first one of zero meets its weights; what is never read is not packed.
template <class T>
void pack(const Program& p, const T* theta, void* packed, bool backward, bool dx, bool moves) {
  Carver m{static_cast<char*>(packed), 0};
  const OpWeights<T>* all = carve_weights<T>(m, p, backward, dx);
  for (int32_t i = 0; i < p.n_ops; i++) {
    const Op& op = p.ops[i];
    if (op.kind == LayerKind::recurrent) {
      for (int32_t d = 0; d < op.directions; d++) {
        dispatch_cell<T>(op.cell, [&](auto cell) {
          pack_cell<decltype(cell)>(op, theta, op.direction[d], backward, moves, all[i].cell[d]);
        });
      }
    } else if (op.kind == LayerKind::dense || op.kind == LayerKind::skip) {
      const int64_t in = op.kind == LayerKind::skip ? p.in : op.in;
      if (op.kind == LayerKind::dense && few_outputs<T>(op.out, in)) {
        pack_rows(all[i].forward, theta + op.direction[0].weight, op.out, in);
      } else {
        pack_transposed(all[i].forward, theta + op.direction[0].weight, op.out, in);
      }
      if (op.kind == LayerKind::dense) pack_transposed(all[i].bias, theta + op.direction[0].bias, op.out, 1);
      if (backward) pack_straight(all[i].back, theta + op.direction[0].weight, op.out, in);
    }
  }
}

}  // namespace elman::ELMAN_ISA
