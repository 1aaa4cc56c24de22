// One vector for each sequence, made of all of its steps x_t: their mean; the highest value of each feature, the first
// of several that are as high; or the mean with weights a_t, a softmax over the steps of the scores v . x_t (Felbo et
// al. 2017). Rows are taken step after step, so each row's sums run in the order of its own steps.
#pragma once

#include "shard/record.h"

namespace elman::ELMAN_ISA {

// The sum of a_j b_j. What stands behind n may be anything.
template <class T>
T dot(const T* a, const T* b, int64_t n) {
  Vec<T> sum{};
  int64_t j = 0;
  for (; j + kWidth<T> <= n; j += kWidth<T>) sum = fma<T>(load(a + j), load(b + j), sum);
  T all = sum_lanes<T>(sum);
  for (; j < n; j++) all = scalar_fma(a[j], b[j], all);
  return all;
}

// score (total,) becomes the softmax of each row's scores over its steps; most, sum (rows,) are room for it.
template <class T>
void softmax_over_steps(const Steps& s, T* score, T* most, T* sum) {
  const auto each = [&](auto f) {  // f(step, first row, its score, rows) for neighbouring rows, a vector at a time
    for (int64_t t = 0; t < s.steps; t++) {
      for (int64_t r = 0; r < s.count[t]; r += kWidth<T>) f(t, r, score + s.offset[t] + r, s.count[t] - r);
    }
  };
  each([&](int64_t t, int64_t r, const T* at, int64_t rows) {
    const Vec<T> v = load(at), highest = load(most + r);
    store_part(most + r, rows, t == 0 ? v : v > highest ? v : highest);
    if (t == 0) store(sum + r, Vec<T>{});
  });
  each([&](int64_t, int64_t r, T* at, int64_t rows) {
    const Vec<T> e = exp_negative<T>(load(at) - load(most + r));
    store_part(at, rows, e);
    store_part(sum + r, rows, load(sum + r) + e);
  });
  each([&](int64_t, int64_t r, T* at, int64_t rows) { store_part(at, rows, load(at) / load(sum + r)); });
}

template <class T>
struct PoolLayer : PlainLayer<T> {
  using Int = typename Lanes<T>::Int;

  static bool attends(const Op& op) { return op.pool == PoolKind::attention; }

  static void carve_weights(Carver& m, const Op& op, const Packing&, OpWeights<T>& w) {
    if (attends(op)) w.forward = m.take<T>(padded<T>(op.in));
  }

  static void pack(const Op& op, const T* theta, const Packing&, OpWeights<T>& w) {
    if (attends(op)) pack_rows(w.forward, theta + op.direction[0].weight, 1, op.in);
  }

  // Scores are read as whole vectors, from any place on.
  static void carve_tape(Carver& m, const Op& op, int32_t, const Steps& read, bool, OpTape<T>& o) {
    PoolTape<T>& p = o.pool;
    p = {};
    p.total = read.total + kWidth<T>;
    if (op.pool == PoolKind::max) p.step = m.take<Int>(read.rows * o.ld);
    if (attends(op)) p.share = m.take<T>(p.total);
    if (attends(op)) p.most = m.take<T>(padded<T>(read.rows)), p.sum = m.take<T>(padded<T>(read.rows));
    o.out = m.take<T>(read.rows * o.ld);
  }

  static void carve_scratch(Carver& m, const Op& op, const OpTape<T>& o, int64_t, OpScratch<T>& own) {
    if (attends(op)) own.pool = {m.take<T>(o.pool.total), m.take<T>(o.steps->rows)};
  }

  // f(columns) for every vector of them.
  template <class F>
  static ELMAN_INLINE void each_column(const Op& op, F f) {
    for (int64_t j = 0; j < padded<T>(op.out); j += kWidth<T>) f(j);
  }

  // What packed row m of the axis' row r counts in the mean.
  static T weight_of(const Op& op, const PoolTape<T>& p, const Steps& s, int64_t m, int64_t r) {
    return attends(op) ? p.share[m] : T(1) / T(s.lengths[r]);
  }

  static void forward(const ForwardPass<T>& f) {
    const Op& op = f.op;
    const OpTape<T>& o = f.o;
    const Rows<T>& x = f.in[0];
    const Steps& s = *x.steps;
    if (attends(op)) {
      for (int64_t m = 0; m < s.total; m++) o.pool.share[m] = dot(x.at + m * x.ld, f.w.forward, op.in);
      softmax_over_steps(s, o.pool.share, o.pool.most, o.pool.sum);
    }
    each_row(s, false, [&](int64_t m, int64_t r, int64_t t) {
      const T* from = x.at + m * x.ld;
      T* to = o.out + s.row[r] * o.ld;
      if (op.pool == PoolKind::max) return keep_highest(op, from, to, o.pool.step + s.row[r] * o.ld, t);
      const Vec<T> weight = splat(weight_of(op, o.pool, s, m, r));
      each_column(op, [&](int64_t j) {
        store(to + j, t == 0 ? weight * load(from + j) : fma<T>(weight, load(from + j), load(to + j)));
      });
    });
  }

  // NaN stays NaN.
  static void keep_highest(const Op& op, const T* from, T* to, Int* step, int64_t t) {
    each_column(op, [&](int64_t j) {
      const Vec<T> value = load(from + j), highest = load(to + j);
      IVec<T> first = {};
      memcpy(&first, step + j, sizeof first);
      const IVec<T> higher = (value > highest) | (value != value);
      const Vec<T> now = t == 0 ? value : higher ? value : highest;
      first = t == 0 ? IVec<T>{} : higher ? IVec<T>{} + Int(t) : first;
      store(to + j, now);
      memcpy(step + j, &first, sizeof first);
    });
  }

  static void backward(const BackwardPass<T>& b) {
    const Op& op = b.op;
    const OpTape<T>& o = b.o;
    const Rows<T>& x = b.in[0];
    const Steps& s = *x.steps;
    const PoolScratch<T>& own = b.own.pool;
    if (attends(op)) {
      score_gradient(b, s);
      for (const Share<T>& share : b.shares) {
        weight_gradient(own.score, 1, kPlain, 1, strided<T>(x.at, x.ld), share.steps[x.steps - b.s.axes], op.in,
                        share.gradient + op.direction[0].weight);
      }
    }
    T* din = b.din[0].at;
    const bool fresh = b.din[0].start == Start::zero;
    each_row(s, false, [&](int64_t m, int64_t r, int64_t t) {
      if (!din) return;
      const T* from = b.dout + s.row[r] * o.ld;
      T* to = din + m * x.ld;
      const Vec<T> weight = splat(weight_of(op, o.pool, s, m, r));
      each_column(op, [&](int64_t j) {
        Vec<T> d = load(from + j);
        if (op.pool == PoolKind::max) {
          IVec<T> first;
          memcpy(&first, o.pool.step + s.row[r] * o.ld + j, sizeof first);
          d = first == IVec<T>{} + Int(t) ? d : Vec<T>{};
        } else {
          d = d * weight;
        }
        if (attends(op)) d = fma<T>(splat(own.score[m]), load(b.w.forward + j), d);
        store(to + j, fresh ? d : load(to + j) + d);
      });
    });
  }

  // The gradient of every packed row's score: a_t (da_t - the sum of a_s da_s), da_t = dy . x_t.
  static void score_gradient(const BackwardPass<T>& b, const Steps& s) {
    const T* share = b.o.pool.share;
    T *score = b.own.pool.score, *mean = b.own.pool.mean;
    each_row(s, false, [&](int64_t m, int64_t r, int64_t t) {
      score[m] = dot(b.in[0].at + m * b.in[0].ld, b.dout + s.row[r] * b.o.ld, b.op.out);
      mean[r] = scalar_fma(share[m], score[m], t == 0 ? T(0) : mean[r]);
    });
    each_row(s, false, [&](int64_t m, int64_t r, int64_t) { score[m] = share[m] * (score[m] - mean[r]); });
  }
};

}  // namespace elman::ELMAN_ISA
