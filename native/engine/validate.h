// The check that a network, as Python hands it over, fits its own parameters: every matrix lies within theta, every
// layer reads as many features as its sources give, along the same axis of time, and initial states come from where
// there are some of their size. Kernels trust this; a wrong size would make them read and write outside of theta.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "engine/link.h"

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
    case CellKind::sigmoid:
    case CellKind::softplus:
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
    case CellKind::leaky_sigmoid:
    case CellKind::leaky_softplus:
      return {1, 1, 1};
    case CellKind::norm_tanh:
    case CellKind::norm_relu:
    case CellKind::norm_sigmoid:
    case CellKind::norm_softplus:
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
  Validator(const std::vector<Op>& ops, const std::vector<Input>& inputs, const std::vector<int64_t>& states,
            int64_t size)
      : ops_(ops), inputs_(inputs), states_(states), size_(size), dense_(size) {
    need(!ops.empty() && !inputs.empty() && size >= 1, "ops: expected layers, inputs and parameters");
    need(inputs[0].kind != InputKind::vector, "inputs: expected a sequence first");
    for (const Op& op : ops) {
      if (!op.sparse) continue;
      need(op.kind == LayerKind::embedding, "ops: expected an embedding alone to be sparse");
      dense_ = std::min(dense_, op.direction[0].weight);
      for (const Op& other : ops) {
        const bool same = other.sparse && other.direction[0].weight == op.direction[0].weight;
        need(!same || other.out == op.out, "ops: expected a table to have one width");
      }
    }
    for (const Input& input : inputs) {
      need(input.size >= 1 && input.size <= kMost, "inputs: expected sizes of at least 1");
      need(input.kind == InputKind::sequence || input.kind == InputKind::integers || input.kind == InputKind::vector,
           "inputs: unknown kind");
      const int64_t place = &input - inputs.data();
      need(input.like == -1 || (input.like >= 0 && input.like < place && input.kind != InputKind::vector &&
                                inputs[size_t(input.like)].kind != InputKind::vector),
           "inputs: expected the steps of a sequence before it");
    }
    for (size_t i = 0; i < ops.size(); i++) {
      const Op& op = ops[i];
      const Count count = sources(op.kind);
      need(op.n_reads >= count.least && op.n_reads <= count.most,
           "ops: expected each to read as much as its kind does");
      const Source read = source(int32_t(i), op.reads[0]);
      need(op.in == read.width && op.out >= 1 && op.out <= kMost, "ops: expected each as wide as what it reads");
      need((op.kind == LayerKind::embedding) == read.integers, "ops: expected an embedding alone to read integers");
      need(op.directions == 1 || (op.directions == 2 && op.kind == LayerKind::recurrent), "ops: one or two directions");
      const bool steps = op.kind == LayerKind::recurrent || op.kind == LayerKind::last ||
                         op.kind == LayerKind::attention || op.kind == LayerKind::shift || op.kind == LayerKind::pool;
      need(!steps || !read.last, "ops: expected no layer that reads steps behind the last one");
      const Source second = source(int32_t(i), op.reads[op.n_reads - 1]);
      if (count.most == 2) {
        need(op.second == second.width && !second.integers, "ops: expected a second source of its width");
      }
      if (op.kind == LayerKind::skip) {
        need(read.last || (!second.last && read.axis == second.axis), "ops: expected a skip between the same steps");
      }
      if (op.kind == LayerKind::attention) need(!second.last, "ops: expected a sequence as memory");
      check(op);
      check_origins(int32_t(i));
      const bool last = read.last || op.kind == LayerKind::last || op.kind == LayerKind::pool;
      const Source joined = op.kind == LayerKind::concat ? join(int32_t(i)) : Source{op.out, read.axis, last, false};
      outputs_.push_back({op.out, joined.last ? 0 : joined.axis, joined.last, false});
    }
  }

 private:
  static constexpr int64_t kMost = (int64_t(1) << 31) - 1;

  struct Source {
    int64_t width;
    int32_t axis;
    bool last, integers;
  };

  // What operation `i` reads under this number.
  Source source(int32_t i, int32_t number) const {
    need(number < i && int64_t(number) > int64_t(kInput) - int64_t(inputs_.size()),
         "ops: expected each to read an input or one before it");
    if (number > kInput) return outputs_[size_t(number)];
    const size_t place = size_t(kInput - number);
    const Input& input = inputs_[place];
    return {input.size, axis(place), input.kind == InputKind::vector, input.kind == InputKind::integers};
  }

  // The input whose steps this one has.
  int32_t axis(size_t place) const {
    while (inputs_[place].like >= 0) place = size_t(inputs_[place].like);
    return int32_t(place);
  }

  // What concat gives: the columns of all that it reads, along the one axis of time among them, if any.
  Source join(int32_t i) const {
    Source all{0, 0, true, false};
    for (int32_t k = 0; k < ops_[size_t(i)].n_reads; k++) {
      const Source one = source(i, ops_[size_t(i)].reads[k]);
      need(!one.integers && (one.last || all.last || one.axis == all.axis), "ops: expected numbers of the same steps");
      all = {all.width + one.width, one.last ? all.axis : one.axis, all.last && one.last, false};
    }
    need(ops_[size_t(i)].out == all.width, "ops: expected as many outputs as concat reads");
    return all;
  }

  static void need(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
  }

  // Needs a matrix, or `rows` numbers in a row, to lie within theta, and before its tables.
  void inside(int64_t offset, int64_t rows, int64_t columns = 1) const { within(offset, rows, columns, dense_); }

  void within(int64_t offset, int64_t rows, int64_t columns, int64_t size) const {
    need(rows >= 1 && columns >= 1 && rows <= size / columns && offset >= 0 && offset <= size - rows * columns,
         "ops: expected every parameter within theta");
  }

  void check(const Op& op) const {
    switch (op.kind) {
      case LayerKind::embedding:
        if (op.sparse) return within(op.direction[0].weight, op.hidden, op.out, size_);
        return inside(op.direction[0].weight, op.hidden, op.out);
      case LayerKind::recurrent:
        return check_recurrent(op);
      case LayerKind::dense:
        inside(op.direction[0].bias, op.out);
        return inside(op.direction[0].weight, op.out, op.in);
      case LayerKind::skip:
        need(op.out == op.in, "ops: a skip gives what it gets");
        return inside(op.direction[0].weight, op.out, op.second);
      case LayerKind::attention:
        need(op.out == op.in + op.second, "ops: expected attention to give the context and the query");
        return check_score(op);
      case LayerKind::pool:
        if (op.pool == PoolKind::attention) inside(op.direction[0].weight, op.in);
        return need(op.out == op.in, "ops: expected as many outputs as inputs");
      case LayerKind::concat:
        return;
      case LayerKind::adaptive_softmax:
        return check_tails(op);
      case LayerKind::last:
      case LayerKind::dropout:
      case LayerKind::shift:
        return need(op.out == op.in, "ops: expected as many outputs as inputs");
    }
    throw std::invalid_argument("ops: unknown kind");
  }

  void check_score(const Op& op) const {
    const Direction& at = op.direction[0];
    switch (op.score) {
      case ScoreKind::general:
        return inside(at.weight, op.second, op.in);
      case ScoreKind::dot:
        return need(op.in == op.second, "ops: expected queries as wide as their memory");
      case ScoreKind::additive:
        need(op.hidden >= 1 && op.hidden <= kMost, "ops: expected hidden units of attention");
        inside(at.weight, op.hidden, op.in);
        inside(at.weight_hh, op.hidden, op.second);
        inside(at.bias, op.hidden);
        return inside(at.extra, op.hidden);
    }
    throw std::invalid_argument("ops: unknown score");
  }

  void check_tails(const Op& op) const {
    need(&op == &ops_.back(), "ops: expected an adaptive softmax at the end");
    need(op.tails >= 1 && op.tails <= kTails && op.tail_first[0] >= 1 && op.tail_first[op.tails] == op.out,
         "ops: expected clusters of the classes");
    const int64_t head = op.tail_first[0] + op.tails;
    inside(op.direction[0].weight, head, op.in);
    inside(op.direction[0].bias, head);
    int64_t at = op.direction[0].extra;
    for (int32_t k = 0; k < op.tails; k++) {
      const int64_t count = op.tail_first[k + 1] - op.tail_first[k], width = op.tail_width[k];
      need(count >= 1 && width >= 1 && width <= kMost, "ops: expected classes and features of a cluster");
      inside(at, width, op.in + count);
      at += width * (op.in + count);
    }
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

  void check_origins(int32_t i) const {
    const Op& op = ops_[size_t(i)];
    for (int32_t k = 0; k < op.directions; k++) {
      for (int64_t s = 0; s < 2; s++) {
        const Origin& from = op.direction[k].origin[s];
        if (from.kind == OriginKind::none) continue;
        need(op.kind == LayerKind::recurrent && s < cell_sizes(op.cell).states, "origin: expected one of a state");
        if (from.kind == OriginKind::vector) {
          const Source vector = source(i, from.source);
          need(vector.last && !vector.integers && vector.width == op.hidden, "origin: expected a vector of its size");
          continue;
        }
        need(from.kind == OriginKind::state && from.source >= 0 && from.source < i, "origin: expected one before it");
        const Op& other = ops_[size_t(from.source)];
        need(other.kind == LayerKind::recurrent && other.hidden == op.hidden && from.direction >= 0 &&
                 from.direction < other.directions && from.part >= 0 && from.part < cell_sizes(other.cell).states,
             "origin: expected a state of its size");
      }
    }
  }

  const std::vector<Op>& ops_;
  const std::vector<Input>& inputs_;
  const std::vector<int64_t>& states_;
  const int64_t size_;
  int64_t dense_;                // parameters before the tables of sparse embeddings
  std::vector<Source> outputs_;  // of the operations checked so far
};

}  // namespace elman
