// What decoding makes of a network's weights beforehand, and keeps from call to call until they change.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "decoding/split.h"
#include "engine/model.h"

namespace elman {

template <class T>
struct Prepared {
  std::vector<T> theta;                             // of which the rest was made
  Block fixed, steps;                               // both parts' weights, packed
  std::vector<Block> parts;                         // what these point to:
  std::vector<InputParts> fixed_parts, step_parts;  // of each operation
};

template <class T>
class Preparation {
 public:
  Preparation(const Model<T>& model, const Split& split) : split_(split), table_(model.table()) {
    // What is looked at: all but the tables of embeddings that are read where they are.
    const Program& whole = model.program();
    std::vector<char> read(size_t(whole.dense), 1);
    for (int32_t i = 0; i < whole.n_ops; i++) mark(whole.ops[i], LayerKind::embedding, read, 0);
    for (int32_t i = 0; i < whole.n_ops; i++) mark(whole.ops[i], LayerKind::dense, read, 1);  // one may share a table
    for (const Program* p : {&split.fixed, &split.steps}) {
      for (int32_t i = 0; i < p->n_ops; i++) {
        if (has_parts(*p, i)) mark(p->ops[p->ops[i].reads[0]], LayerKind::embedding, read, 1);
      }
    }
    for (int64_t at = 0; at < whole.dense; at++) {
      if (!read[size_t(at)]) continue;
      if (ranges_.empty() || ranges_.back().second != at) ranges_.push_back({at, at});
      ranges_.back().second = at + 1;
    }
  }

  // Makes all of it anew where the weights are others; comparing is cheaper than packing.
  void refresh(const T* theta, Prepared<T>& of) const {
    const bool known = !of.theta.empty() && std::all_of(ranges_.begin(), ranges_.end(), [&](const auto& range) {
      const auto [begin, end] = range;
      return std::memcmp(of.theta.data() + begin, theta + begin, size_t(end - begin) * sizeof(T)) == 0;
    });
    if (known) return;
    of.theta.resize(size_t(split_.fixed.dense));
    for (const auto& [begin, end] : ranges_) std::copy(theta + begin, theta + end, of.theta.data() + begin);
    of.parts.clear();
    make(split_.fixed, theta, of.fixed, of.parts, of.fixed_parts);
    make(split_.steps, theta, of.steps, of.parts, of.step_parts);
  }

 private:
  static constexpr int64_t kFewIds = 512;  // for each of which the inputs' part of a recurrence is made

  // Marks the matrix of an embedding or a dense layer.
  static void mark(const Op& op, LayerKind kind, std::vector<char>& read, char value) {
    if (op.kind != kind || op.sparse) return;
    const auto first = read.begin() + op.direction[0].weight;
    const int64_t rows = kind == LayerKind::embedding ? op.hidden : op.in;
    std::fill(first, first + rows * op.out, value);
  }

  // Whether an operation reads an embedding of so few ids.
  bool has_parts(const Program& p, int32_t op) const {
    const int32_t source = p.ops[op].reads[0];
    if (p.ops[op].kind != LayerKind::recurrent || source <= kInput || table_.part_size(p.ops[op]) == 0) return false;
    const Op& table = p.ops[source];
    return table.kind == LayerKind::embedding && !table.sparse && table.hidden <= kFewIds &&
           p.inputs[kInput - table.reads[0]].size <= table.hidden;
  }

  void make(const Program& p, const T* theta, Block& packed, std::vector<Block>& memory,
            std::vector<InputParts>& parts) const {
    const Packing packing{false, false, true, false};
    table_.pack(p, theta, packed.reserve(table_.packed_bytes(p, packing)), packing);
    parts.assign(size_t(p.n_ops), InputParts{});
    for (int32_t i = 0; i < p.n_ops; i++) {
      if (!has_parts(p, i)) continue;
      const Op& table = p.ops[p.ops[i].reads[0]];
      const size_t bytes = size_t((table.hidden + 1) * table_.part_size(p.ops[i])) * sizeof(T);
      parts[size_t(i)].input = kInput - table.reads[0];
      for (int32_t k = 0; k < p.ops[i].directions; k++) {
        memory.emplace_back();
        void* to = memory.back().reserve(bytes);
        table_.input_parts(p, i, k, theta, packed.get(), static_cast<T*>(to));
        parts[size_t(i)].at[k] = to;
      }
    }
  }

  const Split& split_;
  const Table<T>& table_;
  std::vector<std::pair<int64_t, int64_t>> ranges_;  // the parts of theta that are looked at
};

}  // namespace elman
