// The columns of several sources side by side: y_t = [a_t, b_t, ...]. One vector a row is repeated at every step of a
// sequence.
#pragma once

#include "shard/record.h"

namespace elman::ELMAN_ISA {

template <class T>
struct ConcatLayer : PlainLayer<T> {
  // f(packed row, that of the source) for every row of the output.
  template <class F>
  static void each_source_row(const OpTape<T>& o, const Rows<T>& source, F f) {
    const bool repeated = source.last && !o.last;
    each_row(*o.steps, o.last, [&](int64_t m, int64_t r, int64_t) { f(m, repeated ? o.steps->row[r] : m); });
  }

  static void forward(const ForwardPass<T>& f) {
    const OpTape<T>& o = f.o;
    for (int64_t k = 0, at = 0; k < f.op.n_reads; at += f.op.widths[k], k++) {
      const Rows<T>& from = f.in[k];
      each_source_row(o, from, [&](int64_t m, int64_t row) {
        memcpy(o.out + m * o.ld + at, from.at + row * from.ld, size_t(f.op.widths[k]) * sizeof(T));
      });
    }
    each_row(*o.steps, o.last, [&](int64_t m, int64_t, int64_t) {
      for (int64_t j = f.op.out; j < o.ld; j++) o.out[m * o.ld + j] = T(0);
    });
  }

  static void backward(const BackwardPass<T>& b) {
    const OpTape<T>& o = b.o;
    for (int64_t k = 0, at = 0; k < b.op.n_reads; at += b.op.widths[k], k++) {
      const Rows<T>& source = b.in[k];
      T* din = b.din[k].at;
      if (!din) continue;
      if (b.din[k].start == Start::zero) {
        memset(din, 0, size_t(output_rows(*source.steps, source.last) * source.ld) * sizeof(T));
      }
      each_source_row(o, source, [&](int64_t m, int64_t row) {
        const T* from = b.dout + m * o.ld + at;
        for (int64_t j = 0; j < b.op.widths[k]; j++) din[row * source.ld + j] += from[j];
      });
    }
  }
};

}  // namespace elman::ELMAN_ISA
