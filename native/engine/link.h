// What follows from the sources of a network's operations: axes of time, who reads what, what the network gives.
#pragma once

#include <vector>

#include "program.h"

namespace elman {

inline bool reads_two(LayerKind kind) { return kind == LayerKind::skip || kind == LayerKind::attention; }

// Whether it reads other steps than its own: a part of the rows' time then says nothing.
inline bool reads_other_steps(const Op& op) {
  return op.directions == 2 || op.kind == LayerKind::attention || op.kind == LayerKind::shift;
}

// Returns the tables of sparse embeddings, and tells these which is theirs.
inline std::vector<RowTable> link_tables(std::vector<Op>& ops) {
  std::vector<RowTable> tables;
  for (Op& op : ops) {
    if (!op.sparse) continue;
    op.table = int32_t(tables.size());
    tables.push_back({op.direction[0].weight, op.out, op.axis});
  }
  return tables;
}

// Fills in what follows from what the operations read.
inline void link(std::vector<Op>& ops, std::vector<Input>& inputs, Program& p) {
  p.n_axes = 1;
  for (size_t i = 1; i < inputs.size(); i++) {
    inputs[i].axis = inputs[i].kind == InputKind::vector ? 0 : p.n_axes++;
  }
  p.whole = inputs.size() > 1;
  std::vector<int> readers(ops.size());
  const auto read = [&](int32_t source) {
    if (source > kInput) readers[size_t(source)]++;
  };
  for (Op& op : ops) {
    const int32_t first = op.reads[0];
    const bool vector =
        first > kInput ? ops[size_t(first)].last : inputs[size_t(kInput - first)].kind == InputKind::vector;
    op.last = op.kind == LayerKind::last || vector;
    op.axis = op.last ? 0 : first > kInput ? ops[size_t(first)].axis : inputs[size_t(kInput - first)].axis;
    read(first);
    if (reads_two(op.kind)) read(op.reads[1]);
    p.whole = p.whole || reads_other_steps(op);
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
  p.out = ops.back().out, p.axis = ops.back().axis, p.last = ops.back().last;
}

}  // namespace elman
