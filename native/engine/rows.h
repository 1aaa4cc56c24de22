// Gradients of tables of which an update reads few rows: lists of (row, values) from a shard to the update, added along
// the same tree as all else.
#pragma once

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "engine/block.h"
#include "kernels.h"

namespace elman {

// The gradient of one table: rows, rising, each once, and their values (count, width). Its memory only grows.
template <class T>
class RowSum {
 public:
  int64_t count() const { return count_; }
  int64_t row(int64_t i) const { return rows_[size_t(i)]; }
  T* values() { return values_.data(); }

  // Returns where a shard puts the gradients of at most `most` rows, in any order; `sum` then makes a sum of them.
  RowGradients<T> open(int64_t most, int64_t width) {
    if (int64_t(given_.size()) < most) given_.resize(size_t(most)), raw_.resize(size_t(most * width));
    return {0, given_.data(), raw_.data()};
  }

  // Adds up what belongs to the same row, in the order in which it was put there.
  void sum(int64_t given, int64_t width, const Table<T>& table) {
    order_.resize(size_t(given));
    for (int64_t i = 0; i < given; i++) order_[size_t(i)] = uint64_t(given_[size_t(i)]) << 32 | uint64_t(i);
    std::sort(order_.begin(), order_.end());
    reserve(given, width);
    count_ = 0;
    for (const uint64_t key : order_) {
      const int64_t row = int64_t(key >> 32);
      T* from = raw_.data() + int64_t(key & 0xffffffff) * width;
      if (count_ > 0 && rows_[size_t(count_ - 1)] == row) {
        table.add(values() + (count_ - 1) * width, from, width);
      } else {
        append(row, from, width);
      }
    }
  }

  // Takes the rows of a whole table (rows, width) that are not 0 in every entry.
  void gather(const T* from, int64_t rows, int64_t width) {
    count_ = 0;
    for (int64_t row = 0; row < rows; row++, from += width) {
      if (std::all_of(from, from + width, [](T v) { return v == T(0); })) continue;
      if (int64_t(rows_.size()) <= count_) reserve(2 * count_ + 1, width);
      append(row, from, width);
    }
  }

  // this += other.
  void add(const RowSum& other, int64_t width, const Table<T>& table) {
    std::swap(rows_, former_rows_);
    std::swap(values_, former_);
    const int64_t own = std::exchange(count_, 0);
    reserve(own + other.count_, width);
    for (int64_t i = 0, k = 0; i < own || k < other.count_;) {
      const bool left = k == other.count_ || (i < own && former_rows_[size_t(i)] <= other.row(k));
      const bool right = i == own || (k < other.count_ && other.row(k) <= former_rows_[size_t(i)]);
      const T* added = other.values_.data() + k * width;
      if (left) append(former_rows_[size_t(i)], former_.data() + i * width, width);
      if (left && right) table.add(values() + (count_ - 1) * width, added, width);
      if (!left) append(other.row(k), added, width);
      i += left, k += right;
    }
  }

  // Forgets the rows whose gradient is 0 in every entry.
  void drop_zeros(int64_t width) {
    const int64_t all = std::exchange(count_, 0);
    for (int64_t i = 0; i < all; i++) {
      T* own = values() + i * width;
      if (std::all_of(own, own + width, [](T v) { return v == T(0); })) continue;
      if (count_ < i) {
        std::copy(own, own + width, values() + count_ * width);
        rows_[size_t(count_)] = rows_[size_t(i)];
      }
      count_++;
    }
  }

 private:
  void reserve(int64_t rows, int64_t width) {
    if (int64_t(rows_.size()) < rows) rows_.resize(size_t(rows));
    if (int64_t(values_.size()) < rows * width) values_.resize(size_t(rows * width));
  }
  void append(int64_t row, const T* from, int64_t width) {
    rows_[size_t(count_)] = row;
    std::copy(from, from + width, values() + count_ * width);
    count_++;
  }

  int64_t count_ = 0;
  std::vector<int64_t> rows_, given_, former_rows_;
  std::vector<T> values_, raw_, former_;
  std::vector<uint64_t> order_;
};

// The gradient of theta, of a shard or of several: `dense` (p.dense,), and of each table behind it the rows that have
// one.
template <class T>
class GradientSum {
 public:
  explicit GradientSum(const Program& p) : tables(size_t(p.n_tables)), lists(size_t(p.n_tables)) {
    block_.reserve(size_t(p.dense) * sizeof(T));
  }

  T* dense() { return static_cast<T*>(block_.get()); }

  // Makes `lists` ready for a shard of these rows; with `zero` it may add to `dense` too.
  void open(const Program& p, Lengths lengths, int64_t rows, bool zero) {
    if (zero) std::memset(dense(), 0, size_t(p.dense) * sizeof(T));
    for (int32_t i = 0; i < p.n_tables; i++) {
      int64_t most = 0;
      for (const Op* op = p.ops; op < p.ops + p.n_ops; op++) {
        const int64_t* steps = lengths.first + op->axis * lengths.apart;
        if (op->sparse && op->table == i) most = std::accumulate(steps, steps + rows, most);
      }
      lists[size_t(i)] = tables[size_t(i)].open(most, p.tables[i].width);
    }
  }

  // Makes sums of the lists of one shard.
  void close(const Program& p, const Table<T>& table) {
    for (int32_t i = 0; i < p.n_tables; i++) {
      tables[size_t(i)].sum(lists[size_t(i)].count, p.tables[i].width, table);
    }
  }

  // this += other, of the rows of tables alone; `dense` is added piece by piece where there is much of it.
  void add_rows(const Program& p, GradientSum& other, const Table<T>& table) {
    for (int32_t i = 0; i < p.n_tables; i++) {
      tables[size_t(i)].add(other.tables[size_t(i)], p.tables[i].width, table);
    }
  }

  void add(const Program& p, GradientSum& other, const Table<T>& table) {
    table.add(dense(), other.dense(), p.dense);
    add_rows(p, other, table);
  }

  // Takes all of it from gradient (P,).
  void read(const Program& p, const T* gradient) {
    std::copy(gradient, gradient + p.dense, dense());
    for (int32_t i = 0; i < p.n_tables; i++) {
      const auto [offset, width] = p.tables[i];
      int64_t end = p.size;  // of the table: where the next begins
      for (int32_t k = 0; k < p.n_tables; k++) {
        if (p.tables[k].offset > offset) end = std::min(end, p.tables[k].offset);
      }
      tables[size_t(i)].gather(gradient + offset, (end - offset) / width, width);
    }
  }

  // Writes all of it into gradient (P,).
  void write(const Program& p, T* gradient) {
    std::copy(dense(), dense() + p.dense, gradient);
    std::fill(gradient + p.dense, gradient + p.size, T(0));
    for (int32_t i = 0; i < p.n_tables; i++) {
      const RowTable& place = p.tables[i];
      RowSum<T>& sum = tables[size_t(i)];
      for (int64_t k = 0; k < sum.count(); k++) {
        const T* from = sum.values() + k * place.width;
        std::copy(from, from + place.width, gradient + place.offset + sum.row(k) * place.width);
      }
    }
  }

  std::vector<RowSum<T>> tables;
  std::vector<RowGradients<T>> lists;

 private:
  Block block_;
};

}  // namespace elman
