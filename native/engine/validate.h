// The check that a network, as Python hands it over, fits its own parameters: every matrix lies within theta, and every
// layer reads as many features as the one before it gives. Kernels trust this; a wrong size would make them read and
// write outside of theta.
#pragma once

#include <stdexcept>
#include <vector>

#include "program.h"

namespace elman {

// How many parameters a cell has beside its products: blocks of H numbers in bias and gates, blocks of H numbers that
// lie together from `extra` on, states.
struct CellSizes {
  int64_t gates, extras, states;
};

inline CellSizes cell_sizes(CellKind kind) {
  switch (kind) {
    case CellKind::tanh:
    case CellKind::relu:
      return {1, 0, 1};
    case CellKind::lstm:
      return {4, 0, 2};
    case CellKind::lstm_peephole:
      return {4, 3, 2};
    case CellKind::gru_after:
      return {3, 1, 1};
    case CellKind::gru_before:
      return {3, 0, 1};
    case CellKind::leaky_tanh:
    case CellKind::leaky_relu:
      return {1, 1, 1};
    case CellKind::norm_tanh:
    case CellKind::norm_relu:
      return {1, 2, 1};
    case CellKind::norm_lstm:
      return {4, 10, 2};
    case CellKind::norm_gru:
      return {3, 7, 1};
  }
  throw std::invalid_argument("ops: unknown cell");
}

// Throws std::invalid_argument for a network that does not fit.
class Validator {
 public:
  Validator(const std::vector<Op>& ops, const std::vector<int64_t>& states, const Program& p) : states_(states), p_(p) {
    need(!ops.empty() && p.in >= 1 && p.in <= kMost && p.size >= 1, "ops: expected layers, inputs and parameters");
    need((ops[0].kind == LayerKind::embedding) == (p.integer != 0), "ops: expected integers before an embedding alone");
    for (size_t i = 0; i < ops.size(); i++) {
      const Op& op = ops[i];
      const Source read = source(int32_t(i), op.reads[0]);
      need(op.in == read.width && op.out >= 1 && op.out <= kMost, "ops: expected each as wide as what it reads");
      need((op.kind == LayerKind::embedding) == read.integers, "ops: expected an embedding alone to read integers");
      need(op.directions == 1 || (op.directions == 2 && op.kind == LayerKind::recurrent), "ops: one or two directions");
      need((op.kind != LayerKind::recurrent && op.kind != LayerKind::last) || !read.last,
           "ops: expected no recurrent layer behind the last step");
      if (op.kind == LayerKind::skip) {
        const Source second = source(int32_t(i), op.reads[1]);
        need(op.second == second.width && !second.integers && (read.last || !second.last),
             "ops: expected a skip to read a second source of its width");
      }
      check(op);
      outputs_.push_back({op.out, read.last || op.kind == LayerKind::last, false});
    }
    need(outputs_.back().width == p.out && outputs_.back().last == (p.last != 0),
         "ops: expected the outputs of the last layer");
  }

 private:
  static constexpr int64_t kMost = (int64_t(1) << 31) - 1;

  struct Source {
    int64_t width;
    bool last, integers;
  };

  // What operation `i` reads under this number.
  Source source(int32_t i, int32_t number) const {
    need(number >= kInput && number < i, "ops: expected each to read one before it");
    return number == kInput ? Source{p_.in, false, p_.integer != 0} : outputs_[size_t(number)];
  }

  static void need(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
  }

  // Needs a matrix, or `rows` numbers in a row, to lie within theta.
  void inside(int64_t offset, int64_t rows, int64_t columns = 1) const {
    need(rows >= 1 && columns >= 1 && rows <= p_.size / columns && offset >= 0 && offset <= p_.size - rows * columns,
         "ops: expected every parameter within theta");
  }

  void check(const Op& op) const {
    switch (op.kind) {
      case LayerKind::embedding:
        return inside(op.direction[0].weight, op.hidden, op.out);
      case LayerKind::recurrent:
        return check_recurrent(op);
      case LayerKind::dense:
        inside(op.direction[0].bias, op.out);
        return inside(op.direction[0].weight, op.out, op.in);
      case LayerKind::skip:
        need(op.out == op.in, "ops: a skip gives what it gets");
        return inside(op.direction[0].weight, op.out, op.second);
      case LayerKind::last:
      case LayerKind::dropout:
        return need(op.out == op.in, "ops: expected as many outputs as inputs");
    }
    throw std::invalid_argument("ops: unknown kind");
  }

  void check_recurrent(const Op& op) const {
    const CellSizes cell = cell_sizes(op.cell);
    const int64_t n = op.hidden;
    need(n >= 1 && n <= kMost && op.out == n * op.directions, "ops: expected an output for each unit and direction");
    for (int32_t k = 0; k < op.directions; k++) {
      const Direction& at = op.direction[k];
      inside(at.weight, cell.gates * n, op.in);
      inside(at.weight_hh, cell.gates * n, n);
      inside(at.bias, cell.gates * n);
      if (cell.extras) inside(at.extra, cell.extras * n);
      for (int64_t s = 0; s < cell.states; s++) {
        const int64_t slot = at.state + s;
        need(slot >= 0 && slot < int64_t(states_.size()) && states_[size_t(slot)] == n, "ops: expected its states");
        if (op.learned_state) inside(at.learned[s], n);
      }
    }
  }

  const std::vector<int64_t>& states_;
  const Program& p_;
  std::vector<Source> outputs_;  // of the operations checked so far
};

}  // namespace elman
