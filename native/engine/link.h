// What follows from the sources of a network's operations: axes of time, who reads what, what the network gives.
#pragma once

#include <vector>

#include "program.h"

namespace elman {

// How many sources an operation needs, at least and at most.
struct Count {
  int32_t least, most;
};
inline Count sources(LayerKind kind) {
  if (kind == LayerKind::concat) return {2, kMostSources};
  if (kind == LayerKind::skip || kind == LayerKind::attention) return {2, 2};
  return {1, 1};
}

// Whether it reads other steps than its own: a part of the rows' time then says nothing.
inline bool reads_other_steps(const Op& op) {
  return op.directions == 2 || op.kind == LayerKind::attention || op.kind == LayerKind::shift ||
         op.kind == LayerKind::pool;
}

// Returns the tables of sparse embeddings, and tells these which is theirs.
inline std::vector<RowTable> link_tables(std::vector<Op>& ops) {
  std::vector<RowTable> tables;
  for (Op& op : ops) {
    if (!op.sparse) continue;
    const int64_t offset = op.direction[0].weight;
    op.table = 0;  // two may share one
    while (op.table < int32_t(tables.size()) && tables[size_t(op.table)].offset != offset) op.table++;
    if (op.table == int32_t(tables.size())) tables.push_back({offset, op.out});
  }
  return tables;
}

inline bool has_weights(LayerKind kind) {
  return kind != LayerKind::dropout && kind != LayerKind::last && kind != LayerKind::shift && kind != LayerKind::concat;
}

// Tells recurrent operations whether their matrices are theirs alone.
inline void find_shared_weights(std::vector<Op>& ops) {
  const auto users = [&](int64_t offset) {
    int count = 0;
    for (const Op& op : ops) {
      for (int32_t k = 0; has_weights(op.kind) && k < op.directions; k++) {
        count += op.direction[k].weight == offset;
        count += op.kind == LayerKind::recurrent && op.direction[k].weight_hh == offset;
      }
    }
    return count;
  };
  for (Op& op : ops) {
    for (int32_t k = 0; op.kind == LayerKind::recurrent && k < op.directions; k++) {
      Direction& at = op.direction[k];
      at.alone = users(at.weight) == 1 && users(at.weight_hh) == 1;
    }
  }
}

// Fills in what follows from what the operations read.
inline void link(std::vector<Op>& ops, std::vector<Input>& inputs, Program& p) {
  p.n_axes = 1;
  for (size_t i = 1; i < inputs.size(); i++) {
    const int32_t like = inputs[i].like;
    inputs[i].axis = inputs[i].kind == InputKind::vector ? 0 : like >= 0 ? inputs[size_t(like)].axis : p.n_axes++;
  }
  p.whole = inputs.size() > 1;
  std::vector<int> readers(ops.size());
  const auto read = [&](int32_t source) {
    if (source > kInput) readers[size_t(source)]++;
  };
  for (Op& op : ops) {
    const int32_t deciding = op.kind == LayerKind::concat ? op.n_reads : 1;  // so many sources say what it gives
    int32_t vectors = 0;
    op.last = 1, op.axis = 0;
    for (int32_t k = 0; k < op.n_reads; k++) {
      const int32_t source = op.reads[k];
      const bool other = source > kInput;
      const Input* input = other ? nullptr : &inputs[size_t(kInput - source)];
      const bool vector = other ? ops[size_t(source)].last : input->kind == InputKind::vector;
      op.widths[k] = other ? ops[size_t(source)].out : input->size;
      vectors += vector;
      if (!vector && k < deciding) op.last = 0, op.axis = other ? ops[size_t(source)].axis : input->axis;
      read(source);
    }
    if (op.kind == LayerKind::last || op.kind == LayerKind::pool) op.last = 1, op.axis = 0;
    p.whole = p.whole || reads_other_steps(op) || (vectors > 0 && !op.last);  // repeated at every step
    for (int32_t k = 0; k < op.directions; k++) {
      for (const Origin& origin : op.direction[k].origin) {
        if (origin.kind == OriginKind::vector) read(origin.source);
        p.whole = p.whole || origin.kind != OriginKind::none;
      }
    }
  }
  for (size_t i = 0; i + 1 < ops.size(); i++) {
    ops[i].shared_output = readers[i] != 1 || ops[i + 1].reads[0] != int32_t(i);
  }
  find_shared_weights(ops);
  if (ops.empty()) return;  // what is left of a network without its steps
  p.out = ops.back().out, p.axis = ops.back().axis, p.last = ops.back().last;
}

}  // namespace elman
