// A linear path from another source: z = y + W x. Where y is one row a sequence, a sequence x counts at its last step.
#pragma once

#include "shard/record.h"

namespace elman::ELMAN_ISA {

template <class T>
struct SkipLayer : PlainLayer<T> {
  // The rows of x that meet those of y.
  static Left<T> read(const Rows<T>& x, const OpTape<T>& o) { return {x.at, x.ld, x.last ? nullptr : o.met, nullptr}; }

  static void carve_weights(Carver& m, const Op& op, const Packing& packing, OpWeights<T>& w) {
    w.forward = m.take<T>(padded<T>(op.out) * op.second);
    if (packing.backward) w.back = m.take<T>(padded<T>(op.second) * op.out);
  }

  static void pack(const Op& op, const T* theta, const Packing& packing, OpWeights<T>& w) {
    pack_transposed(w.forward, theta + op.direction[0].weight, op.out, op.second);
    if (packing.backward) pack_straight(w.back, theta + op.direction[0].weight, op.out, op.second);
  }

  static void carve_tape(Carver& m, const Op& op, int32_t place, const Steps& second, bool keep, OpTape<T>& o) {
    PlainLayer<T>::carve_tape(m, op, place, second, keep, o);
    o.met = o.last ? m.take<int64_t>(o.steps->rows) : nullptr;
  }

  static void forward(const ForwardPass<T>& f) {
    OpTape<T>& o = f.o;
    const Rows<T>& x = f.in[1];
    const int64_t rows = output_rows(*o.steps, o.last);
    for (int64_t r = 0; o.last && !x.last && r < rows; r++) o.met[r] = last_of(*x.steps, r);
    memcpy(o.out, f.in[0].at, size_t(rows * o.ld) * sizeof(T));
    product(read(x, o), rows, plain(f.op.second), f.w.forward, f.op.out, o.out, o.ld, (const T*)nullptr, Start::add);
  }

  static void backward(const BackwardPass<T>& b) {
    const OpTape<T>& o = b.o;
    const int64_t rows = output_rows(*o.steps, o.last);
    T* dy = b.din[0].at;
    if (dy && b.din[0].start == Start::zero) {
      memcpy(dy, b.dout, size_t(rows * o.ld) * sizeof(T));
    } else if (dy) {
      for (int64_t i = 0; i < rows * o.ld; i++) dy[i] += b.dout[i];
    }
    const Rows<T>& x = b.in[1];
    for (const Share<T>& share : b.shares) {
      weight_gradient(b.dout, o.ld, kPlain, b.op.out, read(x, o), share.of(b.op), b.op.second,
                      share.gradient + b.op.direction[0].weight);
    }
    T* dx = b.din[1].at;  // always added to: others may read x too
    for (int64_t m = 0; dx && m < rows; m++) {
      product<true>(strided<T>(b.dout + m * o.ld, 0), 1, plain(b.op.out), b.w.back, b.op.second,
                    dx + (o.met && !x.last ? o.met[m] : m) * x.ld, x.ld, (const T*)nullptr, Start::add);
    }
  }
};

}  // namespace elman::ELMAN_ISA
