// Attention of a sequence of queries q over another sequence, the memory m: a score for each step t of the queries and
// s of the memory, a_t = softmax of them over the memory's valid steps, and y_t = [the sum over s of a_ts m_s, q_t].
//
// score_ts = m_s . u_t with the key u_t = W q_t ("general") or q_t itself ("dot"), Luong, Pham and Manning (2015); or
// v . tanh(u_t + k_s) with keys u_t = W q_t + b and k_s = U m_s ("additive"), Bahdanau, Cho and Bengio (2015). Each
// row's products are those of two matrices, the memory packed once for all of its queries; a sum's order depends on
// that row alone. Of the additive form keys are kept, and its T S `hidden` values of tanh are made again on the way
// back.
#pragma once

#include "math/softmax.h"
#include "shard/record.h"

namespace elman::ELMAN_ISA {

// One row of an axis of time, step by step; T may be const.
template <class T>
struct RowSteps {
  T* base;  // the row's first step
  const int64_t* offset;
  int64_t ld;
  ELMAN_INLINE T* operator[](int64_t t) const { return base + offset[t] * ld; }
};
// The same as the left operand of a product.
template <class T>
ELMAN_INLINE Left<T> left(const RowSteps<T>& s) {
  return listed<T>(s.base, s.ld, s.offset);
}
template <class T>
ELMAN_INLINE Left<T> left(const RowSteps<const T>& s) {
  return listed<T>(s.base, s.ld, s.offset);
}
template <class T>
ELMAN_INLINE RowSteps<T> steps_of_row(T* at, int64_t ld, const Steps& s, int64_t r) {
  return {at + r * ld, s.offset, ld};
}

// v . tanh(u + k); all three are readable to whole vectors, where v is zero.
template <class T>
ELMAN_INLINE T additive_score(const T* u, const T* k, const T* v, int64_t units) {
  Vec<T> sum{};
  for (int64_t j = 0; j < units; j += kWidth<T>) {
    sum = fma<T>(load(v + j), tanh<T>(load(u + j) + load(k + j)), sum);
  }
  return sum_lanes<T>(sum);
}

// From dscore (steps, lds) of one row's `steps` queries and `count` memory steps to the gradients of their keys and of
// v, which are written.
template <class T>
void additive_back(const RowSteps<const T>& u, int64_t steps, const RowSteps<const T>& k, int64_t count, const T* v,
                   int64_t units, const T* dscore, int64_t lds, const RowSteps<T>& du, const RowSteps<T>& dk, T* dv) {
  const Vec<T> one = splat(T(1));
  for (int64_t j = 0; j < units; j += kWidth<T>) {
    const Vec<T> weight = load(v + j);
    Vec<T> of_v{};
    for (int64_t i = 0; i < count; i++) store(dk[i] + j, Vec<T>{});
    for (int64_t t = 0; t < steps; t++) {
      const Vec<T> query = load(u[t] + j);
      Vec<T> of_u{};
      for (int64_t i = 0; i < count; i++) {
        const Vec<T> d = splat(dscore[t * lds + i]), h = tanh<T>(query + load(k[i] + j));
        const Vec<T> da = d * (weight * (one - h * h));
        of_v = fma<T>(d, h, of_v);
        of_u = of_u + da;
        store(dk[i] + j, load(dk[i] + j) + da);
      }
      store(du[t] + j, of_u);
    }
    store(dv + j, of_v);
  }
}

template <class T>
struct AttentionLayer : PlainLayer<T> {
  // How wide keys are.
  static int64_t keys(const Op& op) { return op.score == ScoreKind::additive ? op.hidden : op.second; }

  static void carve_weights(Carver& m, const Op& op, const Packing& packing, OpWeights<T>& w) {
    if (op.score == ScoreKind::dot) return;
    w.forward = m.take<T>(padded<T>(keys(op)) * op.in);
    if (packing.backward) w.back = m.take<T>(padded<T>(op.in) * keys(op));
    if (op.score == ScoreKind::general) return;
    w.bias = m.take<T>(padded<T>(op.hidden)), w.v = m.take<T>(padded<T>(op.hidden));
    w.memory = m.take<T>(padded<T>(op.hidden) * op.second);
    if (packing.backward) w.memory_back = m.take<T>(padded<T>(op.second) * op.hidden);
  }

  static void pack(const Op& op, const T* theta, const Packing& packing, OpWeights<T>& w) {
    if (op.score == ScoreKind::dot) return;
    const Direction& at = op.direction[0];
    pack_transposed(w.forward, theta + at.weight, keys(op), op.in);
    if (packing.backward) pack_straight(w.back, theta + at.weight, keys(op), op.in);
    if (op.score == ScoreKind::general) return;
    pack_transposed(w.bias, theta + at.bias, op.hidden, 1);
    pack_transposed(w.v, theta + at.extra, op.hidden, 1);
    pack_transposed(w.memory, theta + at.weight_hh, op.hidden, op.second);
    if (packing.backward) pack_straight(w.memory_back, theta + at.weight_hh, op.hidden, op.second);
  }

  static AttentionRoom<T> room(Carver& m, const Op& op, int64_t steps, const AttentionTape<T>& a) {
    return {m.take<T>(padded<T>(a.longest) * op.second), m.take<T>(padded<T>(op.second) * a.longest),
            m.take<T>(steps * a.ldc)};
  }

  static void carve_tape(Carver& m, const Op& op, int32_t, const Steps& second, bool keep, OpTape<T>& o) {
    const Steps& s = *o.steps;
    AttentionTape<T>& a = o.attention;
    a.memory = second.total, a.longest = second.steps;
    a.ldk = spaced<T>(padded<T>(keys(op))), a.ldc = spaced<T>(padded<T>(op.second));
    a.lds = spaced<T>(padded<T>(a.longest));
    a.key = op.score == ScoreKind::dot ? nullptr : m.take<T>(s.total * a.ldk);
    a.memory_key = op.score == ScoreKind::additive ? m.take<T>(a.memory * a.ldk) : nullptr;
    a.share = m.take<T>((keep ? s.total : s.steps) * a.lds);
    a.room = room(m, op, s.steps, a);
    o.out = m.take<T>(s.total * o.ld);
  }

  static void carve_scratch(Carver& m, const Op& op, const OpTape<T>& o, int64_t, OpScratch<T>& own) {
    const Steps& s = *o.steps;
    const AttentionTape<T>& a = o.attention;
    AttentionScratch<T>& b = own.attention;
    const bool additive = op.score == ScoreKind::additive;
    b.room = room(m, op, s.steps, a);
    b.dkey = m.take<T>(s.total * a.ldk);
    b.dmemory_key = additive ? m.take<T>(a.memory * a.ldk) : nullptr;
    b.dv = additive ? m.take<T>(s.rows * a.ldk) : nullptr;
    b.dscore = m.take<T>(s.steps * a.lds);
    b.dmemory = m.take<T>(a.longest * op.second);
    b.steps = m.take<int64_t>(s.steps);
  }

  // f(row r of the query's axis, its steps, its memory's row, the memory's steps, row of the shares) for every row, its
  // memory packed.
  template <class F>
  static void each_memory(const Op& op, const Steps& s, const Rows<T>& memory, const AttentionRoom<T>& room, F f) {
    const Steps& other = *memory.steps;
    for (int64_t r = 0, begun = 0; r < s.rows; begun += s.lengths[r], r++) {
      const int64_t row = other.place[s.row[r]], count = other.lengths[row];
      const RowSteps<T> steps = steps_of_row(memory.at, memory.ld, other, row);
      pack_rows_transposed(room.lanes, left(steps), count, op.second);
      pack_rows_straight(room.rows, left(steps), count, op.second);
      f(r, s.lengths[r], row, count, begun);
    }
  }

  // The keys of one row's queries: those of the tape, or the queries themselves.
  static RowSteps<const T> keys_of(const Op& op, const AttentionTape<T>& a, const Rows<T>& query, const Steps& s,
                                   int64_t r) {
    return op.score == ScoreKind::dot ? steps_of_row<const T>(query.at, query.ld, s, r)
                                      : steps_of_row<const T>(a.key, a.ldk, s, r);
  }

  static void forward(const ForwardPass<T>& f) {
    const Op& op = f.op;
    const OpTape<T>& o = f.o;
    const AttentionTape<T>& a = o.attention;
    const Steps& s = *o.steps;
    const Rows<T>&query = f.in[0], &memory = f.in[1];
    const int64_t width = op.second, ldc = a.ldc, lds = a.lds;
    const T* none = nullptr;
    if (a.key) {
      product(strided<T>(query.at, query.ld), s.total, plain(op.in), f.w.forward, keys(op), a.key, a.ldk,
              a.memory_key ? f.w.bias : none, a.memory_key ? Start::bias : Start::zero);
    }
    if (a.memory_key) {
      product(strided<T>(memory.at, memory.ld), a.memory, plain(width), f.w.memory, op.hidden, a.memory_key, a.ldk,
              none, Start::zero);
    }
    each_memory(op, s, memory, a.room, [&](int64_t r, int64_t steps, int64_t row, int64_t count, int64_t begun) {
      T *share = a.share + (f.s.keep ? begun : 0) * lds, *context = a.room.made;
      const RowSteps<const T> key = keys_of(op, a, query, s, r);
      if (a.memory_key) {
        const RowSteps<const T> other = steps_of_row<const T>(a.memory_key, a.ldk, *memory.steps, row);
        for (int64_t t = 0; t < steps; t++) {
          for (int64_t i = 0; i < count; i++) share[t * lds + i] = additive_score(key[t], other[i], f.w.v, op.hidden);
        }
      } else {
        product(left(key), steps, plain(width), a.room.lanes, count, share, lds, none, Start::zero);
      }
      for (int64_t t = 0; t < steps; t++) softmax(share + t * lds, count);
      product(strided<T>(share, lds), steps, plain(count), a.room.rows, width, context, ldc, none, Start::zero);
      for (int64_t t = 0; t < steps; t++) {
        const int64_t m = s.offset[t] + r;
        T* to = o.out + m * o.ld;
        memcpy(to, context + t * ldc, size_t(width) * sizeof(T));
        memcpy(to + width, query.at + m * query.ld, size_t(op.in) * sizeof(T));
        for (int64_t j = op.out; j < o.ld; j++) to[j] = T(0);
      }
    });
  }

  static void backward(const BackwardPass<T>& b) {
    const Op& op = b.op;
    const OpTape<T>& o = b.o;
    const AttentionTape<T>& a = o.attention;
    const AttentionScratch<T>& own = b.own.attention;
    const Steps& s = *o.steps;
    const Rows<T>&query = b.in[0], &memory = b.in[1];
    const int64_t width = op.second, ldk = a.ldk, ldc = a.ldc, lds = a.lds;
    const T* none = nullptr;
    T *dquery = b.din[0].at, *dmemory = b.din[1].at;  // the second is always added to: others may read it too
    for (int64_t t = 0; t < s.steps; t++) own.steps[t] = t;
    each_memory(op, s, memory, own.room, [&](int64_t r, int64_t steps, int64_t row, int64_t count, int64_t begun) {
      const T* share = a.share + begun * lds;
      const RowSteps<const T> dcontext = steps_of_row<const T>(b.dout, o.ld, s, r), key = keys_of(op, a, query, s, r);
      const RowSteps<T> dkey = steps_of_row(own.dkey, ldk, s, r);
      product(left(dcontext), steps, plain(width), own.room.lanes, count, own.dscore, lds, none, Start::zero);
      for (int64_t t = 0; t < steps; t++) softmax_back(share + t * lds, own.dscore + t * lds, count);
      if (a.memory_key) {
        additive_back(key, steps, steps_of_row<const T>(a.memory_key, ldk, *memory.steps, row), count, b.w.v, op.hidden,
                      own.dscore, lds, dkey, steps_of_row(own.dmemory_key, ldk, *memory.steps, row), own.dv + r * ldk);
      } else {
        product(strided<T>(own.dscore, lds), steps, plain(count), own.room.rows, width, own.room.made, ldc, none,
                Start::zero);
        for (int64_t t = 0; t < steps; t++) {
          memcpy(dkey[t], own.room.made + t * ldc, size_t(padded<T>(width)) * sizeof(T));
        }
      }
      if (!dmemory) return;
      const Pick all{own.steps, steps, 0};
      memset(own.dmemory, 0, size_t(count * width) * sizeof(T));
      weight_gradient(share, lds, kPlain, count, left(dcontext), all, width, own.dmemory);
      if (!a.memory_key) weight_gradient<T>(own.dscore, lds, kPlain, count, left(key), all, width, own.dmemory);
      for (int64_t t = 0; t < count; t++) {
        T* to = dmemory + (memory.steps->offset[t] + row) * memory.ld;
        for (int64_t j = 0; j < width; j++) to[j] += own.dmemory[t * width + j];
      }
    });
    if (a.key) of_parameters(b);
    if (a.memory_key && dmemory) {
      product<true>(strided<T>(own.dmemory_key, ldk), a.memory, plain(op.hidden), b.w.memory_back, width, dmemory,
                    memory.ld, none, Start::add);
    }
    if (!dquery) return;
    const bool fresh = b.din[0].start == Start::zero;
    if (a.key) {
      product<true>(strided<T>(own.dkey, ldk), s.total, plain(keys(op)), b.w.back, op.in, dquery, query.ld, none,
                    b.din[0].start);
    }
    for (int64_t m = 0; m < s.total; m++) {
      T* to = dquery + m * query.ld;
      const T *from = b.dout + m * o.ld + width, *dkey = own.dkey + m * ldk;
      for (int64_t j = 0; !a.key && j < op.in; j++) to[j] = fresh ? dkey[j] : to[j] + dkey[j];
      for (int64_t j = 0; j < op.in; j++) to[j] += from[j];
    }
  }

  // The gradients of W, and of U, b and v.
  static void of_parameters(const BackwardPass<T>& b) {
    const Op& op = b.op;
    const Direction& at = op.direction[0];
    const AttentionScratch<T>& own = b.own.attention;
    const Rows<T>&query = b.in[0], &memory = b.in[1];
    const int64_t ldk = b.o.attention.ldk;
    for (const Share<T>& share : b.shares) {
      const Pick queries = share.of(op);
      weight_gradient(own.dkey, ldk, kPlain, keys(op), strided<T>(query.at, query.ld), queries, op.in,
                      share.gradient + at.weight);
      if (op.score == ScoreKind::general) continue;
      const int64_t axis = memory.steps - b.s.axes;
      weight_gradient(own.dmemory_key, ldk, kPlain, op.hidden, strided<T>(memory.at, memory.ld), share.steps[axis],
                      op.second, share.gradient + at.weight_hh);
      bias_gradient(own.dkey, ldk, kPlain, op.hidden, queries, share.gradient + at.bias);
      bias_gradient(own.dv, ldk, kPlain, op.hidden, share.rows[op.axis], share.gradient + at.extra);
    }
  }
};

}  // namespace elman::ELMAN_ISA
