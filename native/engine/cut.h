// How a batch becomes shards: its rows are ordered by length and cut. Also the normaliser of their loss, and windows of
// their time.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "engine/isa.h"
#include "losses/registry.h"

namespace elman {

// Row indices and their lengths, longest first (stable) along axis 0, cut into shards of `size` rows.
struct Cut {
  std::vector<int64_t> rows;
  std::vector<int64_t> lengths;  // (axes, rows)
  int64_t size = 1;

  void assign(const Program& p, const Data& data, const int64_t* given, int64_t n, int64_t shard_size) {
    rows.resize(size_t(n));
    lengths.resize(size_t(p.n_axes * n));
    size = std::min(shard_size, n);  // a shard alone is no larger than its rows
    if (given) {
      std::copy(given, given + n, rows.begin());
    } else {
      std::iota(rows.begin(), rows.end(), int64_t(0));
    }
    if (const int64_t* by = data.x.lengths) {
      std::stable_sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) { return by[a] > by[b]; });
    }
    for (int32_t i = 0; i < p.n_inputs; i++) {
      if (p.inputs[i].kind == InputKind::vector) continue;
      const Values& input = i == 0 ? data.x : data.others[i - 1];
      int64_t* own = lengths.data() + p.inputs[i].axis * n;
      for (int64_t r = 0; r < n; r++) own[r] = input.lengths ? input.lengths[rows[size_t(r)]] : input.steps;
    }
  }
  // Forgets all shards but `shards` of them from `first` on.
  void keep(int64_t first, int64_t shards) {
    const int64_t all = int64_t(rows.size()), at = begin(first), n = rows_of(first, shards);
    for (int64_t axis = 0, axes = int64_t(lengths.size()) / all; axis < axes; axis++) {
      std::copy_n(lengths.begin() + axis * all + at, n, lengths.begin() + axis * n);
    }
    lengths.resize(lengths.size() / size_t(all) * size_t(n));
    rows.assign(rows.begin() + at, rows.begin() + at + n);
  }
  // Of the rows from the given one on, (rows,) along each axis.
  Lengths lengths_at(int64_t row) const { return {lengths.data() + row, int64_t(rows.size())}; }
  int64_t count() const { return (int64_t(rows.size()) + size - 1) / size; }
  int64_t begin(int64_t shard) const { return shard * size; }
  // Rows of `shards` shards from `shard` on.
  int64_t rows_of(int64_t shard, int64_t shards = 1) const {
    return std::min(shards * size, int64_t(rows.size()) - shard * size);
  }
};

// The normaliser, by which the loss is divided: the sum of the weights over the valid steps of the cut's rows, times
// the number of terms at each step.
template <class T>
double normaliser(const Program& p, const Data& data, const Loss& loss, const Cut& cut) {
  const LossMeaning& means = meaning(loss);
  if (!means.mean) return 1.0;
  const bool by_row = p.last || means.ragged;
  double sum = 0;
  const int64_t* lengths = cut.lengths.data() + size_t(p.axis) * cut.rows.size();
  for (size_t i = 0; i < cut.rows.size(); i++) {
    const int64_t steps = by_row ? 1 : lengths[i];
    if (!data.weight) {
      sum += double(steps);
      continue;
    }
    const T* w = static_cast<const T*>(data.weight) + cut.rows[i] * data.weight_row;
    for (int64_t t = 0; t < steps; t++) sum += double(w[t * data.weight_step]);
  }
  if (means.classes || means.ragged) return sum;
  return sum * double(means.term_per_target ? p.out / outputs_per_target(loss) : p.out);
}

// How many of the rows, longest first, have more than `steps`.
inline int64_t longer_than(const int64_t* lengths, int64_t n, int64_t steps) {
  while (n > 0 && lengths[n - 1] <= steps) n--;
  return n;
}

// How many steps of some rows go through the network at a time where nothing is kept for a way back: what fits into the
// cache. Memory does not grow with time, and no bit changes.
template <class T>
int64_t segment_steps(const Table<T>& table, const Program& p, int64_t rows) {
  const std::vector<int64_t> once(size_t(p.n_axes * rows), 1);
  return std::max<int64_t>(
      16, int64_t(size_t(2 * chosen_kernels().caches->l2) / table.tape_bytes(p, {once.data(), rows}, rows, false)));
}

// The same data from step t on, of a network with x alone. `item` is the size in bytes of one number of the network's
// type.
inline Data later(const Program& p, Data data, const Loss& loss, size_t item, int64_t t) {
  const auto move = [t](const void*& start, int64_t step, size_t size) {
    if (start) start = static_cast<const char*>(start) + t * step * int64_t(size);
  };
  data.first += t;
  move(data.x.at, data.x.step, p.inputs[0].kind == InputKind::integers ? size_t(data.x.whole.bytes) : item);
  if (p.last) return data;
  move(data.y, data.y_step, meaning(loss).classes ? size_t(data.y_whole.bytes) : item);
  move(data.weight, data.weight_step, item);
  return data;
}

}  // namespace elman
