// The adaptive softmax (Grave et al. 2017): log probabilities of a head's classes and of K clusters of rare ones,
// u = log softmax(W x + b), and within cluster k of v_k = log softmax(Q_k P_k x); the rare class c of cluster k has
// u_{S+k} + v_kc. Where the program is `targeted`, an output is that of the step's target alone: the head is computed
// at every step, and a cluster at the steps whose target lies in it. Clusters are computed again on the way back, so
// that no memory grows with both steps and classes.
#pragma once

#include "math/softmax.h"
#include "shard/record.h"

namespace elman::ELMAN_ISA {

template <class T>
struct AdaptiveSoftmaxLayer : PlainLayer<T> {
  static constexpr int64_t kRows = 32;  // that a cluster takes at once

  struct Cluster {
    int64_t first, count, width, in, out;  // its classes, its features, and where P_k and Q_k lie in theta
  };

  static int64_t shortlist(const Op& op) { return op.tail_first[0]; }
  static int64_t head(const Op& op) { return shortlist(op) + op.tails; }
  static int64_t classes(const Op& op) { return op.tail_first[op.tails]; }

  // f(k, cluster) for every cluster.
  template <class F>
  static void each_tail(const Op& op, F f) {
    int64_t at = op.direction[0].extra;
    for (int32_t k = 0; k < op.tails; k++) {
      const int64_t count = op.tail_first[k + 1] - op.tail_first[k], width = op.tail_width[k];
      f(k, Cluster{op.tail_first[k], count, width, at, at + width * op.in});
      at += width * (op.in + count);
    }
  }

  // The cluster of a class; -1 for a frequent one.
  static int32_t tail_of(const Op& op, int64_t label) {
    int32_t k = -1;
    while (k + 1 < op.tails && label >= op.tail_first[k + 1]) k++;
    return k;
  }

  static void carve_weights(Carver& m, const Op& op, const Packing& packing, OpWeights<T>& w) {
    w.forward = m.take<T>(padded<T>(head(op)) * op.in);
    w.bias = m.take<T>(padded<T>(head(op)));
    if (packing.backward) w.back = m.take<T>(padded<T>(op.in) * head(op));
    each_tail(op, [&](int32_t k, const Cluster& tail) {
      w.tail[k].in = m.take<T>(padded<T>(tail.width) * op.in);
      w.tail[k].out = m.take<T>(padded<T>(tail.count) * tail.width);
      if (!packing.backward) return;
      w.tail[k].in_back = m.take<T>(padded<T>(op.in) * tail.width);
      w.tail[k].out_back = m.take<T>(padded<T>(tail.width) * tail.count);
    });
  }

  static void pack(const Op& op, const T* theta, const Packing& packing, OpWeights<T>& w) {
    const T* weight = theta + op.direction[0].weight;
    pack_transposed(w.forward, weight, head(op), op.in);
    pack_transposed(w.bias, theta + op.direction[0].bias, head(op), 1);
    if (packing.backward) pack_straight(w.back, weight, head(op), op.in);
    each_tail(op, [&](int32_t k, const Cluster& tail) {
      pack_transposed(w.tail[k].in, theta + tail.in, tail.width, op.in);
      pack_transposed(w.tail[k].out, theta + tail.out, tail.count, tail.width);
      if (!packing.backward) return;
      pack_straight(w.tail[k].in_back, theta + tail.in, tail.width, op.in);
      pack_straight(w.tail[k].out_back, theta + tail.out, tail.count, tail.width);
    });
  }

  static AdaptiveRoom<T> room(Carver& m, const Op& op, int64_t rows) {
    AdaptiveRoom<T> made{};
    made.ldw = spaced<T>(padded<T>(head(op)));
    each_tail(op, [&](int32_t, const Cluster& tail) {
      const int64_t wide = spaced<T>(padded<T>(tail.count)), narrow = spaced<T>(padded<T>(tail.width));
      made.ldw = wide > made.ldw ? wide : made.ldw;
      made.ldn = narrow > made.ldn ? narrow : made.ldn;
    });
    made.wide = m.take<T>(kRows * made.ldw);
    made.narrow = m.take<T>(kRows * made.ldn);
    made.list = m.take<int64_t>(rows);
    return made;
  }

  static void carve_tape(Carver& m, const Op& op, int32_t, const Steps&, bool, OpTape<T>& o) {
    const int64_t rows = output_rows(*o.steps, o.last);
    AdaptiveTape<T>& a = o.adaptive;
    a.ldh = spaced<T>(padded<T>(head(op)));
    a.head = m.take<T>(rows * a.ldh);
    a.label = m.take<int64_t>(op.targeted ? rows : 0);
    a.room = room(m, op, rows);
    o.out = m.take<T>(rows * o.ld);
  }

  static void carve_scratch(Carver& m, const Op& op, const OpTape<T>& o, int64_t, OpScratch<T>& own) {
    AdaptiveScratch<T>& b = own.adaptive;
    b.room = room(m, op, output_rows(*o.steps, o.last));
    b.dnarrow = m.take<T>(kRows * b.room.ldn);
    b.ldx = spaced<T>(padded<T>(op.in));
    b.dx = m.take<T>(kRows * b.ldx);
    b.rows = m.take<int64_t>(kRows);
  }

  // v_k of `count` listed rows of x, at most kRows, into room.wide; P_k x into room.narrow.
  static void cluster(const Op& op, const TailWeights<T>& w, const Cluster& tail, const Left<T>& x, int64_t count,
                      const AdaptiveRoom<T>& room) {
    product(x, count, plain(op.in), w.in, tail.width, room.narrow, room.ldn, (const T*)nullptr, Start::zero);
    product(strided<T>(room.narrow, room.ldn), count, plain(tail.width), w.out, tail.count, room.wide, room.ldw,
            (const T*)nullptr, Start::zero);
    for (int64_t r = 0; r < count; r++) log_softmax(room.wide + r * room.ldw, tail.count);
  }

  // f(first, count) for blocks of `rows`.
  template <class F>
  static void each_block(int64_t rows, F f) {
    for (int64_t at = 0; at < rows; at += kRows) f(at, rows - at < kRows ? rows - at : kRows);
  }

  static void forward(const ForwardPass<T>& f) {
    const Op& op = f.op;
    OpTape<T>& o = f.o;
    const AdaptiveTape<T>& a = o.adaptive;
    const Rows<T>& in = f.in[0];
    const int64_t rows = output_rows(*o.steps, o.last), frequent = shortlist(op);
    product(strided<T>(in.at, in.ld), rows, plain(op.in), f.w.forward, head(op), a.head, a.ldh, f.w.bias, Start::bias);
    for (int64_t m = 0; m < rows; m++) log_softmax(a.head + m * a.ldh, head(op));
    if (op.targeted) {
      const Steps& steps = *o.steps;
      each_row(steps, o.last, [&](int64_t m, int64_t r, int64_t t) {
        const int64_t at = steps.sequence[r] * f.data.y_row + t * f.data.y_step;
        const int64_t label = within(whole_at(f.data.y, f.data.y_whole, at), classes(op));
        const int32_t k = tail_of(op, label);
        T* out = o.out + m * o.ld;
        for (int64_t j = 1; j < o.ld; j++) out[j] = T(0);
        out[0] = label < 0 ? T(__builtin_nan("")) : a.head[m * a.ldh + (k < 0 ? label : frequent + k)];
        a.label[m] = label;
      });
    } else {
      for (int64_t m = 0; m < rows; m++) {
        memcpy(o.out + m * o.ld, a.head + m * a.ldh, size_t(frequent) * sizeof(T));
        for (int64_t j = op.out; j < o.ld; j++) o.out[m * o.ld + j] = T(0);
      }
    }
    each_tail(op, [&](int32_t k, const Cluster& tail) {
      int64_t count = 0;
      for (int64_t m = 0; m < rows; m++) {
        if (!op.targeted || tail_of(op, a.label[m]) == k) a.room.list[count++] = m;
      }
      each_block(count, [&](int64_t first, int64_t block) {
        const int64_t* index = a.room.list + first;
        cluster(op, f.w.tail[k], tail, listed<T>(in.at, in.ld, index), block, a.room);
        for (int64_t r = 0; r < block; r++) {
          const T *v = a.room.wide + r * a.room.ldw, u = a.head[index[r] * a.ldh + frequent + k];
          T* out = o.out + index[r] * o.ld;
          if (op.targeted) {
            out[0] += v[a.label[index[r]] - tail.first];
            continue;
          }
          for (int64_t j = 0; j < tail.count; j++) out[tail.first + j] = u + v[j];
        }
      });
    });
  }

  static T sum(const T* d, int64_t count) {
    T total = 0;
    for (int64_t j = 0; j < count; j++) total += d[j];
    return total;
  }

  // room.wide <- the gradient by W x + b of listed rows.
  static void head_back(const BackwardPass<T>& b, const int64_t* index, int64_t count, const AdaptiveRoom<T>& room) {
    const Op& op = b.op;
    const OpTape<T>& o = b.o;
    const int64_t frequent = shortlist(op);
    for (int64_t r = 0; r < count; r++) {
      T* d = room.wide + r * room.ldw;
      const T* dout = b.dout + index[r] * o.ld;
      memcpy(d, o.adaptive.head + index[r] * o.adaptive.ldh, size_t(padded<T>(head(op))) * sizeof(T));
      if (op.targeted) {
        const int64_t label = o.adaptive.label[index[r]];
        const int32_t k = tail_of(op, label);
        log_softmax_back(d, head(op), (const T*)nullptr, dout[0]);
        if (label < 0) {
          fill_nan(d, head(op));
        } else {
          d[k < 0 ? label : frequent + k] += dout[0];
        }
        continue;
      }
      T cluster_sums[kTails], total = sum(dout, frequent);
      for (int32_t k = 0; k < op.tails; k++) {
        cluster_sums[k] = sum(dout + op.tail_first[k], op.tail_first[k + 1] - op.tail_first[k]);
        total += cluster_sums[k];
      }
      log_softmax_back(d, head(op), (const T*)nullptr, total);
      for (int64_t j = 0; j < frequent; j++) d[j] += dout[j];
      for (int32_t k = 0; k < op.tails; k++) d[frequent + k] += cluster_sums[k];
    }
  }

  // room.wide, v_k of listed rows, <- the gradient by Q_k P_k x.
  static void tail_back(const BackwardPass<T>& b, const Cluster& tail, const int64_t* index, int64_t count,
                        const AdaptiveRoom<T>& room) {
    for (int64_t r = 0; r < count; r++) {
      T* d = room.wide + r * room.ldw;
      const T* dout = b.dout + index[r] * b.o.ld;
      if (b.op.targeted) {
        log_softmax_back(d, tail.count, (const T*)nullptr, dout[0]);
        d[b.o.adaptive.label[index[r]] - tail.first] += dout[0];
      } else {
        log_softmax_back(d, tail.count, dout + tail.first, sum(dout + tail.first, tail.count));
      }
    }
  }

  // din of listed rows <- or += A W, for the gradients A of `inner` products with x.
  static void into_x(const BackwardPass<T>& b, const T* a, int64_t lda, int64_t inner, const T* packed,
                     const int64_t* index, int64_t count, bool fresh) {
    const AdaptiveScratch<T>& own = b.own.adaptive;
    T* din = b.din[0].at;
    if (!din) return;
    product<true>(strided<T>(a, lda), count, plain(inner), packed, b.op.in, own.dx, own.ldx, (const T*)nullptr,
                  Start::zero);
    for (int64_t r = 0; r < count; r++) {
      T* to = din + index[r] * b.in[0].ld;
      const T* from = own.dx + r * own.ldx;
      for (int64_t j = 0; j < padded<T>(b.op.in); j++) to[j] = fresh ? from[j] : to[j] + from[j];
    }
  }

  static void backward(const BackwardPass<T>& b) {
    const Op& op = b.op;
    const AdaptiveScratch<T>& own = b.own.adaptive;
    const AdaptiveRoom<T>& room = own.room;
    const Rows<T>& in = b.in[0];
    for (int64_t r = 0; r < kRows; r++) own.rows[r] = r;
    for (const Share<T>& share : b.shares) {
      const Pick all = share.of(op);
      const Direction& at = op.direction[0];
      each_block(all.count, [&](int64_t first, int64_t count) {
        const int64_t* index = all.index + first;
        const Pick block{own.rows, count, 0};
        head_back(b, index, count, room);
        weight_gradient(room.wide, room.ldw, kPlain, head(op), listed<T>(in.at, in.ld, index), block, op.in,
                        share.gradient + at.weight);
        bias_gradient(room.wide, room.ldw, kPlain, head(op), block, share.gradient + at.bias);
        into_x(b, room.wide, room.ldw, head(op), b.w.back, index, count, b.din[0].start == Start::zero);
      });
      each_tail(op, [&](int32_t k, const Cluster& tail) {
        int64_t found = 0;
        for (int64_t i = 0; i < all.count; i++) {
          const int64_t m = all.index[i];
          if (!op.targeted || tail_of(op, b.o.adaptive.label[m]) == k) room.list[found++] = m;
        }
        each_block(found, [&](int64_t first, int64_t count) {
          const int64_t* index = room.list + first;
          const Pick block{own.rows, count, 0};
          const Left<T> x = listed<T>(in.at, in.ld, index);
          cluster(op, b.w.tail[k], tail, x, count, room);
          tail_back(b, tail, index, count, room);
          weight_gradient(room.wide, room.ldw, kPlain, tail.count, strided<T>(room.narrow, room.ldn), block, tail.width,
                          share.gradient + tail.out);
          product<true>(strided<T>(room.wide, room.ldw), count, plain(tail.count), b.w.tail[k].out_back, tail.width,
                        own.dnarrow, room.ldn, (const T*)nullptr, Start::zero);
          weight_gradient(own.dnarrow, room.ldn, kPlain, tail.width, x, block, op.in, share.gradient + tail.in);
          into_x(b, own.dnarrow, room.ldn, tail.width, b.w.tail[k].in_back, index, count, false);
        });
      });
    }
  }
};

}  // namespace elman::ELMAN_ISA
