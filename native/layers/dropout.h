// Dropout in training: y = m x, each entry of m 0 with the probability `rate`, else 1 / (1 - rate); y = x in
// prediction.
#pragma once

#include "shard/record.h"

namespace elman::ELMAN_ISA {

template <class T>
struct DropoutLayer : PlainLayer<T> {
  static void carve_tape(Carver& m, const Op& op, int32_t, const Steps&, bool, OpTape<T>& o) {
    const int64_t rows = output_rows(*o.steps, o.last);
    o.out = m.take<T>(rows * o.ld);
    o.mask = m.take<T>((op.variational ? o.steps->rows : rows) * o.ld);
    o.bits = m.take<uint32_t>(room_for_bits(o.ld));
  }

  static void forward(const ForwardPass<T>& f) {
    const Op& op = f.op;
    const Data& data = f.data;
    const T* in = f.in[0].at;
    OpTape<T>& o = f.o;
    const Steps& s = *o.steps;
    const int64_t rows = output_rows(s, o.last);
    if (!data.draws) {
      memcpy(o.out, in, size_t(rows * o.ld) * sizeof(T));
      return;
    }
    const T kept = T(1 / (1 - op.rate));
    const auto draw = [&](int64_t r, int64_t rows, int64_t step, T* mask) {
      const Draw d{data.key, place_of(f.place, 0, Site::dropout), step, s.sequence + r};
      draw_either(d, op.rate, T(0), kept, rows, op.out, o.bits, o.ld, mask);
    };
    if (op.variational) draw(0, s.rows, 0, o.mask);
    each_row(s, o.last, [&](int64_t m, int64_t r, int64_t t) {
      T* mask = o.mask + (op.variational ? r : m) * o.ld;
      if (!op.variational) draw(r, 1, o.last ? 0 : data.first + t, mask);
      for (int64_t j = 0; j < o.ld; j++) o.out[m * o.ld + j] = mask[j] * in[m * o.ld + j];
    });
  }

  static void backward(const BackwardPass<T>& b) {
    const Op& op = b.op;
    const OpTape<T>& o = b.o;
    const T* dout = b.dout;
    T* din = b.din[0].at;
    const Start start = b.din[0].start;
    if (!din) return;
    each_row(*o.steps, o.last, [&](int64_t m, int64_t r, int64_t) {
      const T* mask = o.mask + (op.variational ? r : m) * o.ld;
      for (int64_t j = 0; j < o.ld; j++) {
        const T d = b.s.draws ? mask[j] * dout[m * o.ld + j] : dout[m * o.ld + j];
        din[m * o.ld + j] = start == Start::add ? din[m * o.ld + j] + d : d;
      }
    });
  }
};

}  // namespace elman::ELMAN_ISA
