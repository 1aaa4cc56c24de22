// A dense layer at every step, or on one row a sequence: y = act(W x + b).
#pragma once

#include "shard/record.h"

namespace elman::ELMAN_ISA {

// f(value) applied to the columns of all rows.
template <class T, class F>
ELMAN_INLINE void each_vector(int64_t rows, int64_t columns, int64_t ld, F f) {
  for (int64_t m = 0; m < rows; m++) {
    for (int64_t j = 0; j < padded<T>(columns); j += kWidth<T>) f(m * ld + j);
  }
}

template <class T>
struct DenseLayer : PlainLayer<T> {
  static void carve_weights(Carver& m, const Op& op, const Packing& packing, OpWeights<T>& w) {
    w.forward = m.take<T>(few_outputs<T>(op.out, op.in) ? op.out * padded<T>(op.in) : padded<T>(op.out) * op.in);
    w.bias = m.take<T>(padded<T>(op.out));
    if (packing.backward) w.back = m.take<T>(padded<T>(op.in) * op.out);
  }

  static void pack(const Op& op, const T* theta, const Packing& packing, OpWeights<T>& w) {
    const T *weight = theta + op.direction[0].weight, *bias = theta + op.direction[0].bias;
    if (few_outputs<T>(op.out, op.in)) {
      pack_rows(w.forward, weight, op.out, op.in);
    } else {
      pack_transposed(w.forward, weight, op.out, op.in);
    }
    pack_transposed(w.bias, bias, op.out, 1);
    if (packing.backward) pack_straight(w.back, weight, op.out, op.in);
  }

  static void forward(const ForwardPass<T>& f) {
    const Op& op = f.op;
    const OpWeights<T>& w = f.w;
    OpTape<T>& o = f.o;
    const int64_t rows = output_rows(*o.steps, o.last), ld = f.in[0].ld;
    const T* in = f.in[0].at;
    if (few_outputs<T>(op.out, op.in)) {
      dots(strided<T>(in, ld), rows, op.in, w.forward, op.out, o.out, o.ld, w.bias);
    } else {
      product(strided<T>(in, ld), rows, plain(op.in), w.forward, op.out, o.out, o.ld, w.bias, Start::bias);
    }
    dispatch_activation(op.activation, [&](auto act) {
      each_vector<T>(rows, op.out, o.ld,
                     [&](int64_t i) { store(o.out + i, activation<decltype(act)::kind, T>(load(o.out + i))); });
    });
  }

  static void backward(const BackwardPass<T>& b) {
    const Op& op = b.op;
    const OpTape<T>& o = b.o;
    const int64_t rows = output_rows(*o.steps, o.last), ld = b.in[0].ld;
    const T* in = b.in[0].at;
    T *dout = b.dout, *din = b.din[0].at;
    dispatch_activation(op.activation, [&](auto act) {
      each_vector<T>(rows, op.out, o.ld, [&](int64_t i) {
        store(dout + i, derivative<decltype(act)::kind, T>(load(dout + i), load(o.out + i)));
      });
    });
    for (const Share<T>& share : b.shares) {
      const Pick pick = share.of(op);
      weight_gradient(dout, o.ld, kPlain, op.out, strided<T>(in, ld), pick, op.in,
                      share.gradient + op.direction[0].weight);
      bias_gradient(dout, o.ld, kPlain, op.out, pick, share.gradient + op.direction[0].bias);
    }
    if (!din) return;
    product<true>(strided<T>(dout, o.ld), rows, plain(op.out), b.w.back, op.in, din, ld, (const T*)nullptr,
                  b.din[0].start);
  }
};

}  // namespace elman::ELMAN_ISA
