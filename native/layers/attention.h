// Attention, the "general" form of Luong, Pham and Manning (2015), of a sequence of queries q over another sequence,
// the memory m: score_ts = m_s . (W q_t), a_t = softmax of them over the memory's valid steps, and y_t = [the sum over
// s of a_ts m_s, q_t]. Each row's products are those of two matrices, the memory packed once for all of its queries; a
// sum's order depends on that row alone.
#pragma once

#include "math/softmax.h"
#include "shard/record.h"

namespace elman::ELMAN_ISA {

// One row of an axis of time, step by step.
template <class T>
struct RowSteps {
  const T* base;  // the row's first step
  const int64_t* offset;
  int64_t ld;
  ELMAN_INLINE const T* operator[](int64_t t) const { return base + offset[t] * ld; }
};
template <class T>
ELMAN_INLINE RowSteps<T> steps_of_row(const T* at, int64_t ld, const Steps& s, int64_t r) {
  return {at + r * ld, s.offset, ld};
}

template <class T>
struct AttentionLayer : PlainLayer<T> {
  static void carve_weights(Carver& m, const Op& op, bool backward, bool, OpWeights<T>& w) {
    w.forward = m.take<T>(padded<T>(op.second) * op.in);
    if (backward) w.back = m.take<T>(padded<T>(op.in) * op.second);
  }

  static void pack(const Op& op, const T* theta, bool backward, bool, const OpWeights<T>& w) {
    const T* weight = theta + op.direction[0].weight;
    pack_transposed(w.forward, weight, op.second, op.in);
    if (backward) pack_straight(w.back, weight, op.second, op.in);
  }

  static AttentionRoom<T> room(Carver& m, const Op& op, int64_t steps, const AttentionTape<T>& a) {
    return {m.take<T>(padded<T>(a.longest) * op.second), m.take<T>(padded<T>(op.second) * a.longest),
            m.take<T>(steps * a.ldk)};
  }

  static void carve_tape(Carver& m, const Op& op, int32_t, const Steps& second, bool keep, OpTape<T>& o) {
    const Steps& s = *o.steps;
    AttentionTape<T>& a = o.attention;
    a.longest = second.steps;
    a.ldk = spaced<T>(padded<T>(op.second)), a.lds = spaced<T>(padded<T>(a.longest));
    a.key = m.take<T>(s.total * a.ldk);
    a.share = m.take<T>((keep ? s.total : s.steps) * a.lds);
    a.room = room(m, op, s.steps, a);
    o.out = m.take<T>(s.total * o.ld);
  }

  static void carve_scratch(Carver& m, const Op& op, const OpTape<T>& o, int64_t, OpScratch<T>& own) {
    const Steps& s = *o.steps;
    AttentionScratch<T>& b = own.attention;
    b.room = room(m, op, s.steps, o.attention);
    b.dkey = m.take<T>(s.total * o.attention.ldk);
    b.dscore = m.take<T>(s.steps * o.attention.lds);
    b.dmemory = m.take<T>(o.attention.longest * op.second);
    b.steps = m.take<int64_t>(s.steps);
  }

  // f(row r of the query's axis, its steps, its memory, the memory's steps, row of the shares) for every row, its
  // memory packed.
  template <class F>
  static void each_memory(const Op& op, const Steps& s, const Rows<T>& memory, const AttentionRoom<T>& room, F f) {
    const Steps& other = *memory.steps;
    for (int64_t r = 0, begun = 0; r < s.rows; begun += s.lengths[r], r++) {
      const int64_t row = other.place[s.row[r]], count = other.lengths[row];
      const RowSteps<T> steps = steps_of_row<T>(memory.at, memory.ld, other, row);
      pack_rows_transposed(room.lanes, steps, count, op.second);
      pack_rows_straight(room.rows, steps, count, op.second);
      f(r, s.lengths[r], row, count, begun);
    }
  }

  static void forward(const ForwardPass<T>& f) {
    const Op& op = f.op;
    const OpTape<T>& o = f.o;
    const AttentionTape<T>& a = o.attention;
    const Steps& s = *o.steps;
    const int64_t width = op.second, ldk = a.ldk, lds = a.lds;
    product(Strided<T>{f.in[0].at, f.in[0].ld}, s.total, plain(op.in), f.w.forward, width, a.key, ldk,
            (const T*)nullptr, Start::zero);
    each_memory(op, s, f.in[1], a.room, [&](int64_t r, int64_t steps, int64_t, int64_t count, int64_t begun) {
      T *share = a.share + (f.s.keep ? begun : 0) * lds, *context = a.room.made;
      product(steps_of_row<T>(a.key, ldk, s, r), steps, plain(width), a.room.lanes, count, share, lds,
              (const T*)nullptr, Start::zero);
      for (int64_t t = 0; t < steps; t++) softmax(share + t * lds, count);
      product(Strided<T>{share, lds}, steps, plain(count), a.room.rows, width, context, ldk, (const T*)nullptr,
              Start::zero);
      for (int64_t t = 0; t < steps; t++) {
        const int64_t m = s.offset[t] + r;
        T* to = o.out + m * o.ld;
        memcpy(to, context + t * ldk, size_t(width) * sizeof(T));
        memcpy(to + width, f.in[0].at + m * f.in[0].ld, size_t(op.in) * sizeof(T));
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
    const int64_t width = op.second, ldk = a.ldk, lds = a.lds;
    T *dquery = b.din[0].at, *dmemory = b.din[1].at;  // the second is always added to: others may read it too
    for (int64_t t = 0; t < s.steps; t++) own.steps[t] = t;
    each_memory(op, s, memory, own.room, [&](int64_t r, int64_t steps, int64_t row, int64_t count, int64_t begun) {
      const T* share = a.share + begun * lds;
      const RowSteps<T> dcontext = steps_of_row<T>(b.dout, o.ld, s, r), key = steps_of_row<T>(a.key, ldk, s, r);
      product(dcontext, steps, plain(width), own.room.lanes, count, own.dscore, lds, (const T*)nullptr, Start::zero);
      for (int64_t t = 0; t < steps; t++) softmax_back(share + t * lds, own.dscore + t * lds, count);
      product(Strided<T>{own.dscore, lds}, steps, plain(count), own.room.rows, width, own.room.made, ldk,
              (const T*)nullptr, Start::zero);
      for (int64_t t = 0; t < steps; t++) {
        memcpy(own.dkey + (s.offset[t] + r) * ldk, own.room.made + t * ldk, size_t(padded<T>(width)) * sizeof(T));
      }
      if (!dmemory) return;
      const Pick all{own.steps, steps, 0};
      memset(own.dmemory, 0, size_t(count * width) * sizeof(T));
      weight_gradient(share, lds, kPlain, count, dcontext, all, width, own.dmemory);
      weight_gradient(own.dscore, lds, kPlain, count, key, all, width, own.dmemory);
      for (int64_t t = 0; t < count; t++) {
        T* to = dmemory + (memory.steps->offset[t] + row) * memory.ld;
        for (int64_t j = 0; j < width; j++) to[j] += own.dmemory[t * width + j];
      }
    });
    for (const Share<T>& share : b.shares) {
      weight_gradient(own.dkey, ldk, kPlain, width, Strided<T>{query.at, query.ld}, share.of(op), op.in,
                      share.gradient + op.direction[0].weight);
    }
    if (!dquery) return;
    product<true>(Strided<T>{own.dkey, ldk}, s.total, plain(width), b.w.back, op.in, dquery, query.ld,
                  (const T*)nullptr, b.din[0].start);
    for (int64_t m = 0; m < s.total; m++) {
      const T* from = b.dout + m * o.ld + width;
      for (int64_t j = 0; j < op.in; j++) dquery[m * query.ld + j] += from[j];
    }
  }
};

}  // namespace elman::ELMAN_ISA
