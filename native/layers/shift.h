// Each step gives the step before it, the first one zeros: y_t = x_{t-1}, y_1 = 0.
#pragma once

#include "shard/record.h"

namespace elman::ELMAN_ISA {

template <class T>
struct ShiftLayer : PlainLayer<T> {
  // The packed row one step before row r of step t.
  static int64_t before(const Steps& s, int64_t r, int64_t t) { return s.offset[t - 1] + r; }

  static void forward(const ForwardPass<T>& f) {
    const Steps& s = *f.o.steps;
    const int64_t ld = f.o.ld;
    each_row(s, false, [&](int64_t m, int64_t r, int64_t t) {
      if (t == 0) {
        memset(f.o.out + m * ld, 0, size_t(ld) * sizeof(T));
      } else {
        memcpy(f.o.out + m * ld, f.in[0].at + before(s, r, t) * ld, size_t(ld) * sizeof(T));
      }
    });
  }

  static void backward(const BackwardPass<T>& b) {
    const Steps& s = *b.o.steps;
    const int64_t ld = b.o.ld;
    T* din = b.din[0].at;
    const bool fresh = b.din[0].start == Start::zero;
    if (!din) return;
    if (fresh) memset(din, 0, size_t(s.total * ld) * sizeof(T));  // a row's last step went nowhere
    each_row(s, false, [&](int64_t m, int64_t r, int64_t t) {
      if (t == 0) return;
      T* to = din + before(s, r, t) * ld;
      const T* from = b.dout + m * ld;
      for (int64_t j = 0; j < ld; j++) to[j] = fresh ? from[j] : to[j] + from[j];
    });
  }
};

}  // namespace elman::ELMAN_ISA
